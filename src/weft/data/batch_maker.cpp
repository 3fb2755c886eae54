#include <algorithm>
#include <cstring>
#include <numeric>

#include <weft/base/thread_pool.h>
#include <weft/data/batch_maker.h>
#include <weft/tensor/tensor_impl.h>

namespace weft::data {

std::uint64_t mixed_seed(std::uint64_t seed, std::string_view purpose, std::int64_t epoch) {
  return RandomStream{seed, hash_name(purpose)}.bits(static_cast<std::uint64_t>(epoch));
}

BatchMaker::BatchMaker(const Dataset& dataset, const LoaderOptions& options, std::uint64_t seed)
    : dataset_(dataset), options_(options), seed_(seed) {
  const Normalize* normalize = nullptr;
  for (const Augmentation& a : options.transform) {
    if (!a.normalize()) changes_ = true;
    check(!a.normalize() || !normalize, "Loader: Normalize stands twice in the transform; expected once");
    if (a.normalize()) normalize = a.normalize();
  }
  if (normalize) table_channels_ = static_cast<int>(std::max(normalize->mean.size(), normalize->stddev.size()));
  tables_.resize(static_cast<std::size_t>(table_channels_) * 256);
  for (int c = 0; c < table_channels_; ++c) {
    const auto of = [&](const std::vector<double>& v) {
      check(v.size() == 1 || static_cast<int>(v.size()) == table_channels_, "Normalize: ", v.size(), " numbers beside ",
            table_channels_, "; expected one for each channel in mean and stddev");
      return v[v.size() == 1 ? 0 : static_cast<std::size_t>(c)];
    };
    for (int v = 0; v < 256; ++v)
      tables_[static_cast<std::size_t>(c * 256 + v)] =
          normalize ? static_cast<float>((v / 255.0 - of(normalize->mean)) / of(normalize->stddev))
                    : static_cast<float>(v) / 255.0f;
  }
}

namespace {
/// f(), whose errors say which example they are about: its place in the data set and in the batch.
template <class F> decltype(auto) about_example(std::int64_t index, std::int64_t place, const F& f) {
  try {
    return f();
  } catch (Error& e) {
    e.in(cat("Loader: example ", index, " (number ", place, " of its batch)"));
    throw;
  }
}
}  // namespace

const float* BatchMaker::table(int channel) const {
  return tables_.data() + (table_channels_ == 1 ? 0 : static_cast<std::size_t>(channel) * 256);
}

ImageView BatchMaker::augmented_view(const ImageView& view, std::int64_t index, std::int64_t epoch, Scratch& s) const {
  if (view.pixels != s.image.pixels.data()) {
    s.image.resize(view.channels, view.height, view.width);
    std::memcpy(s.image.pixels.data(), view.pixels, s.image.pixels.size());
  }
  Draws draws(RandomStream{mixed_seed(seed_, "augment", epoch), static_cast<std::uint64_t>(index)});
  for (const Augmentation& a : options_.transform) a.apply(s.image, s.spare, draws);
  return {s.image.pixels.data(), s.image.channels, s.image.height, s.image.width, view.label};
}

void BatchMaker::write_image(const ImageView& v, float* out, const ImageView& expected) const {
  check(v.channels == expected.channels && v.height == expected.height && v.width == expected.width, "the image is ",
        v.channels, "x", v.height, "x", v.width, ", the first of its batch ", expected.channels, "x", expected.height,
        "x", expected.width,
        "; bring them to one size with data::Resize or data::RandomResizedCrop in the transform");
  const std::int64_t plane = static_cast<std::int64_t>(v.height) * v.width;
  for (int c = 0; c < v.channels; ++c) {
    const float* t = table(c);
    const std::uint8_t* from = v.pixels + c * plane;
    float* to = out + c * plane;
    for (std::int64_t i = 0; i < plane; ++i) to[i] = t[from[i]];
  }
}

Batch BatchMaker::images(std::span<const std::int64_t> indices, const ImageView& stored, std::int64_t epoch,
                         Scratch& scratch, bool parallel) const {
  const auto index = [&](std::int64_t k) { return indices[static_cast<std::size_t>(k)]; };
  const auto augmented = [&](const ImageView& v, std::int64_t k, Scratch& s) {
    return changes_ ? augmented_view(v, index(k), epoch, s) : v;
  };
  const auto n = static_cast<std::int64_t>(indices.size());
  const ImageView first = about_example(index(0), 0, [&] { return augmented(stored, 0, scratch); });
  check(table_channels_ == 1 || table_channels_ == first.channels, "Normalize: numbers for ", table_channels_,
        " channels; the images have ", first.channels);
  const std::int64_t each = static_cast<std::int64_t>(first.channels) * first.height * first.width;
  Tensor x = allocate_tensor({Shape{n, first.channels, first.height, first.width}, DType::f32}, cpu);
  Tensor y = allocate_tensor({Shape{n}, DType::i64}, cpu);
  float* pixels = view_of(x).as<float>();
  std::int64_t* labels = view_of(y).as<std::int64_t>();
  const auto write = [&](std::int64_t k, const ImageView& v) {
    write_image(v, pixels + k * each, first);
    check(v.labelled == first.labelled, "the image has ", v.labelled ? "a" : "no",
          " label, unlike the first of its batch");
    labels[k] = v.label;
  };
  write(0, first);
  const auto piece = [&](std::int64_t begin, std::int64_t end, Scratch& s) {
    for (std::int64_t k = begin + 1; k <= end; ++k)
      about_example(index(k), k, [&] {
        ImageView v;
        dataset_.image(index(k), v, s.decoded);
        write(k, augmented(v, k, s));
      });
  };
  // Small batches are not worth waking threads for.
  if (!parallel || n * each < (std::int64_t{1} << 14)) {
    piece(0, n - 1, scratch);
  } else {
    parallel_for(n - 1, std::max<std::int64_t>(1, (std::int64_t{1} << 13) / each),
                 [&](std::int64_t begin, std::int64_t end) {
                   thread_local Scratch own;
                   piece(begin, end, own);
                 });
  }
  if (!first.labelled) return {{x}, {}};
  return {{x}, {y}};
}

void BatchMaker::transform_sample(Sample& s, std::int64_t index, std::int64_t epoch, Scratch& scratch) const {
  if (options_.transform.empty()) return;
  check(!s.inputs.empty() && s.inputs[0].dtype() == DType::u8 && s.inputs[0].rank() == 3, "the input is ",
        s.inputs.empty() ? "missing" : to_string(s.inputs[0].meta()),
        "; the transform expects 8-bit images: u8[channels, height, width], or a data::Image alone or with a whole "
        "number; use data::map for other examples");
  const Shape& shape = s.inputs[0].shape();
  scratch.image.resize(static_cast<int>(shape[0]), static_cast<int>(shape[1]), static_cast<int>(shape[2]));
  s.inputs[0].copy_to(scratch.image.pixels.data(), DType::u8);
  const ImageView view{scratch.image.pixels.data(), scratch.image.channels, scratch.image.height, scratch.image.width,
                       0};
  const ImageView v = augmented_view(view, index, epoch, scratch);
  check(table_channels_ == 1 || table_channels_ == v.channels, "Normalize: numbers for ", table_channels_,
        " channels; the images have ", v.channels);
  Tensor x = allocate_tensor({Shape{v.channels, v.height, v.width}, DType::f32}, cpu);
  write_image(v, view_of(x).as<float>(), v);
  s.inputs[0] = x;
}

Batch BatchMaker::make(std::vector<Sample> samples, std::int64_t first, std::int64_t epoch, Scratch& scratch) const {
  std::vector<std::int64_t> indices(samples.size());
  std::iota(indices.begin(), indices.end(), first);
  for (std::size_t k = 0; k < samples.size(); ++k)
    about_example(indices[k], static_cast<std::int64_t>(k),
                  [&] { transform_sample(samples[k], indices[k], epoch, scratch); });
  return options_.collate ? options_.collate(std::move(samples)) : collate(samples, indices);
}

Batch BatchMaker::make(std::span<const std::int64_t> indices, std::int64_t epoch, Scratch& scratch,
                       bool parallel) const {
  if (!options_.collate) {
    ImageView first;
    if (about_example(indices[0], 0, [&] { return dataset_.image(indices[0], first, scratch.decoded); }))
      return images(indices, first, epoch, scratch, parallel);
    Batch batch;
    if (options_.transform.empty() && dataset_.gather(indices, batch)) return batch;
  }
  std::vector<Sample> samples;
  samples.reserve(indices.size());
  for (std::int64_t i : indices)
    about_example(i, static_cast<std::int64_t>(samples.size()), [&] {
      Sample s = dataset_.get(i);
      transform_sample(s, i, epoch, scratch);
      samples.push_back(std::move(s));
    });
  return options_.collate ? options_.collate(std::move(samples)) : collate(samples, indices);
}

}  // namespace weft::data
