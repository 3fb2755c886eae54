// Data sets made of others.
#include <algorithm>
#include <numeric>

#include <weft/base/random.h>
#include <weft/data/dataset.h>

namespace weft::data {

namespace {

using Next = std::function<std::optional<Sample>()>;

struct Stream final : detail::DatasetModel {
  std::function<Next()> begin;
  std::vector<std::string> names;
  Stream(std::function<Next()> f, std::vector<std::string> n) : begin(std::move(f)), names(std::move(n)) {}
  std::int64_t size() const override { return -1; }
  Sample get(std::int64_t) const override { fail("Dataset: a stream has no get(i); read it with a Loader"); }
  std::vector<std::string> class_names() const override { return names; }
  Next start() const override { return begin(); }
};
Dataset stream_of(std::function<Next()> begin, std::vector<std::string> names = {}) {
  return Dataset(std::make_shared<Stream>(std::move(begin), std::move(names)));
}

struct Subset final : detail::DatasetModel {
  Dataset from;
  std::vector<std::int64_t> indices;
  Subset(Dataset d, std::vector<std::int64_t> i) : from(std::move(d)), indices(std::move(i)) {}
  std::int64_t size() const override { return static_cast<std::int64_t>(indices.size()); }
  std::int64_t at(std::int64_t i) const {
    check(i >= 0 && i < size(), "Dataset: example ", i, " of ", size());
    return indices[static_cast<std::size_t>(i)];
  }
  Sample get(std::int64_t i) const override { return from.get(at(i)); }
  bool image(std::int64_t i, ImageView& view, Image& scratch) const override {
    return from.image(at(i), view, scratch);
  }
  bool gather(std::span<const std::int64_t> wanted, Batch& batch) const override {
    std::vector<std::int64_t> mapped(wanted.size());
    for (std::size_t k = 0; k < wanted.size(); ++k) mapped[k] = at(wanted[k]);
    return from.gather(mapped, batch);
  }
  std::vector<std::string> class_names() const override { return from.class_names(); }
};

struct Concatenated final : detail::DatasetModel {
  std::vector<Dataset> parts;
  std::vector<std::int64_t> ends;
  bool all_images = true;
  explicit Concatenated(std::vector<Dataset> d) : parts(std::move(d)) {
    std::int64_t n = 0;
    ImageView v;
    Image scratch;
    for (const Dataset& p : parts) {
      ends.push_back(n += p.size());
      all_images = all_images && p.size() > 0 && p.image(0, v, scratch);
    }
  }
  std::int64_t size() const override { return ends.back(); }
  std::size_t part(std::int64_t& i) const {
    check(i >= 0 && i < size(), "Dataset: example ", i, " of ", size());
    const auto k = static_cast<std::size_t>(std::upper_bound(ends.begin(), ends.end(), i) - ends.begin());
    if (k) i -= ends[k - 1];
    return k;
  }
  Sample get(std::int64_t i) const override {
    const std::size_t k = part(i);
    return parts[k].get(i);
  }
  bool image(std::int64_t i, ImageView& view, Image& scratch) const override {
    if (!all_images) return false;
    const std::size_t k = part(i);
    return parts[k].image(i, view, scratch);
  }
  std::vector<std::string> class_names() const override { return parts[0].class_names(); }
};

struct Mapped final : detail::DatasetModel {
  Dataset from;
  std::function<Sample(Sample)> f;
  Mapped(Dataset d, std::function<Sample(Sample)> g) : from(std::move(d)), f(std::move(g)) {}
  std::int64_t size() const override { return from.size(); }
  Sample get(std::int64_t i) const override { return f(from.get(i)); }
  std::vector<std::string> class_names() const override { return from.class_names(); }
};

std::vector<std::int64_t> range(std::int64_t begin, std::int64_t end, std::int64_t step = 1) {
  std::vector<std::int64_t> v;
  for (std::int64_t i = begin; i < end; i += step) v.push_back(i);
  return v;
}

}  // namespace

Dataset detail::make_stream(std::function<Next()> start) { return stream_of(std::move(start)); }

Dataset subset(const Dataset& dataset, std::vector<std::int64_t> indices) {
  const std::int64_t n = dataset.size();
  for (std::int64_t i : indices) check(i >= 0 && i < n, "subset: example ", i, " of ", n);
  return Dataset(std::make_shared<Subset>(dataset, std::move(indices)));
}

Dataset take(const Dataset& dataset, std::int64_t n) {
  check(n >= 0, "take: received ", n, "; expected a number from 0");
  if (!dataset.is_stream()) return subset(dataset, range(0, std::min(n, dataset.size())));
  return stream_of(
      [dataset, n]() -> Next {
        return [next = dataset.start(), left = n]() mutable -> std::optional<Sample> {
          if (left-- <= 0) return std::nullopt;
          return next();
        };
      },
      dataset.class_names());
}

Dataset skip(const Dataset& dataset, std::int64_t n) {
  check(n >= 0, "skip: received ", n, "; expected a number from 0");
  if (!dataset.is_stream()) return subset(dataset, range(std::min(n, dataset.size()), dataset.size()));
  return stream_of(
      [dataset, n]() -> Next {
        return [next = dataset.start(), left = n]() mutable -> std::optional<Sample> {
          for (; left > 0; --left)
            if (!next()) return std::nullopt;
          return next();
        };
      },
      dataset.class_names());
}

Dataset repeat(const Dataset& dataset, std::int64_t n) {
  check(n >= 1, "repeat: received ", n, "; expected a number from 1");
  if (!dataset.is_stream()) {
    std::vector<std::int64_t> indices(static_cast<std::size_t>(n * dataset.size()));
    for (std::size_t i = 0; i < indices.size(); ++i) indices[i] = static_cast<std::int64_t>(i) % dataset.size();
    return subset(dataset, std::move(indices));
  }
  return stream_of(
      [dataset, n]() -> Next {
        return [dataset, next = dataset.start(), left = n - 1]() mutable -> std::optional<Sample> {
          for (;; --left) {
            if (auto sample = next()) return sample;
            if (left <= 0) return std::nullopt;
            next = dataset.start();
          }
        };
      },
      dataset.class_names());
}

Dataset shard(const Dataset& dataset, std::int64_t index, std::int64_t count) {
  check(count >= 1 && index >= 0 && index < count, "shard: received part ", index, " of ", count,
        "; expected 0 to count - 1");
  return subset(dataset, range(index, dataset.size(), count));
}

Dataset concatenate(std::vector<Dataset> datasets) {
  check(!datasets.empty(), "concatenate: no data set");
  return Dataset(std::make_shared<Concatenated>(std::move(datasets)));
}

Dataset map(const Dataset& dataset, std::function<Sample(Sample)> f) {
  if (!dataset.is_stream()) return Dataset(std::make_shared<Mapped>(dataset, std::move(f)));
  return stream_of(
      [dataset, f = std::move(f)]() -> Next {
        return [next = dataset.start(), f]() -> std::optional<Sample> {
          auto sample = next();
          if (sample) return f(*std::move(sample));
          return std::nullopt;
        };
      },
      dataset.class_names());
}

Dataset filter(const Dataset& dataset, const std::function<bool(const Sample&)>& keep) {
  if (!dataset.is_stream()) {
    std::vector<std::int64_t> kept;
    for (std::int64_t i = 0; i < dataset.size(); ++i)
      if (keep(dataset.get(i))) kept.push_back(i);
    return subset(dataset, std::move(kept));
  }
  return stream_of(
      [dataset, keep]() -> Next {
        return [next = dataset.start(), keep]() -> std::optional<Sample> {
          for (;;) {
            auto sample = next();
            if (!sample || keep(*sample)) return sample;
          }
        };
      },
      dataset.class_names());
}

Dataset shuffle_buffer(const Dataset& dataset, std::int64_t buffer, std::uint64_t seed) {
  check(buffer >= 1, "shuffle_buffer: received a buffer of ", buffer, "; expected a number from 1");
  check(dataset.is_stream(), "shuffle_buffer: the data set is no stream; let the Loader shuffle it");
  return stream_of(
      [dataset, buffer, seed]() -> Next {
        return [next = dataset.start(), buffer, stream = RandomStream{seed, 0}, drawn = std::uint64_t{0},
                held = std::vector<Sample>(), ended = false]() mutable -> std::optional<Sample> {
          while (!ended && static_cast<std::int64_t>(held.size()) < buffer) {
            if (auto sample = next()) held.push_back(*std::move(sample));
            else ended = true;
          }
          if (held.empty()) return std::nullopt;
          std::swap(held[stream.below(drawn++, held.size())], held.back());
          Sample out = std::move(held.back());
          held.pop_back();
          return out;
        };
      },
      dataset.class_names());
}

Split split(const Dataset& dataset, double fraction) {
  check(fraction > 0 && fraction < 1, "split: received fraction ", fraction, "; expected between 0 and 1");
  check(!dataset.is_stream(), "split: received a stream, whose length is not known, so it has no last ", fraction,
        "; take(stream, n) and skip(stream, n) divide it, and fit takes .validation_data");
  const std::int64_t n = dataset.size(), first = static_cast<std::int64_t>(static_cast<double>(n) * (1 - fraction));
  check(first > 0 && first < n, "split: ", n, " examples are too few to split off ", fraction);
  return {take(dataset, first), skip(dataset, first)};
}

}  // namespace weft::data
