#include <algorithm>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <thread>

#include <weft/data/batch_maker.h>
#include <weft/data/datasets.h>
#include <weft/data/loader.h>

namespace weft::data {

std::vector<std::int64_t> permutation(std::int64_t n, std::uint64_t seed, std::int64_t epoch) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) order[static_cast<std::size_t>(i)] = i;
  const RandomStream stream{mixed_seed(seed, "shuffle", epoch), 0};
  for (std::int64_t i = n - 1; i > 0; --i)
    std::swap(order[static_cast<std::size_t>(i)],
              order[static_cast<std::size_t>(
                  stream.below(static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(i) + 1))]);
  return order;
}

Sampler weighted_sampler(std::vector<double> weights, std::int64_t count) {
  check(!weights.empty() && count > 0, "weighted_sampler: received ", weights.size(), " weights and count ", count,
        "; expected at least one");
  double sum = 0;
  for (double& w : weights) {
    check(w >= 0, "weighted_sampler: received weight ", w, "; expected weights from 0");
    w = sum += w;
  }
  check(sum > 0, "weighted_sampler: all weights are 0");
  return [cumulated = std::move(weights), count](std::uint64_t seed, std::int64_t epoch) {
    const RandomStream stream{mixed_seed(seed, "weighted", epoch), 0};
    std::vector<std::int64_t> order(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) {
      const double v = stream.uniform(static_cast<std::uint64_t>(i)) * cumulated.back();
      const auto at = std::upper_bound(cumulated.begin(), cumulated.end(), v) - cumulated.begin();
      order[static_cast<std::size_t>(i)] = std::min<std::int64_t>(at, static_cast<std::int64_t>(cumulated.size()) - 1);
    }
    return order;
  };
}

Augmentations normalization(std::string_view name, const Dataset& dataset) {
  if (name == "none") return {};
  if (name == "half") return {Normalize{{0.5}, {0.5}}};
  if (name == "standard") {
    ChannelStatistics s = channel_statistics(dataset);
    for (double& v : s.stddev)
      if (v == 0) v = 1;  // a constant channel
    return {Normalize{s.mean, s.stddev}};
  }
  fail("normalization '", name, "' is not known", suggestion(name, {"none", "half", "standard"}),
       "; known are none (0..1), half (-1..1), standard (mean 0, deviation 1)");
}

struct Loader::Impl {
  Dataset dataset;
  LoaderOptions options;
  LoaderState state;
  bool fresh = true;  ///< the next pass starts at `state`, not at the epoch after it
  std::int64_t pass_number = 0;

  std::int64_t examples() const {
    if (!options.sampler) return dataset.size();
    return static_cast<std::int64_t>(options.sampler(state.seed, state.epoch).size());
  }
  std::int64_t batches(std::int64_t n) const {
    return options.drop_last ? n / options.batch_size : (n + options.batch_size - 1) / options.batch_size;
  }
};

Loader::Loader(Dataset dataset, LoaderOptions options) {
  check(options.batch_size >= 1, "Loader: received batch_size ", options.batch_size, "; expected a number from 1");
  check(options.workers >= 0 && options.workers <= 256, "Loader: received workers ", options.workers,
        "; expected 0 to 256");
  check(options.prefetch >= 1, "Loader: received prefetch ", options.prefetch, "; expected a number from 1");
  check(!options.sampler || !options.shuffle, "Loader: both a sampler and shuffle; a sampler sets the order itself");
  if (dataset.is_stream())
    check(!options.shuffle && !options.sampler,
          "Loader: a stream cannot be shuffled; use data::shuffle_buffer(stream, n)");
  else
    check(dataset.size() > 0, "Loader: received an empty data set; expected at least one example. Look at what filter, ",
          "take, subset or the like left of it");
  impl_ = std::make_shared<Impl>();
  impl_->dataset = std::move(dataset);
  impl_->options = std::move(options);
  const LoaderOptions& o = impl_->options;
  const RandomStream draw = o.seed ? RandomStream{} : (o.generator ? *o.generator : default_generator()).next();
  impl_->state.seed = o.seed ? *o.seed : draw.bits(0);
}

std::int64_t Loader::size() const { return impl_->batches(impl_->examples()); }
const Dataset& Loader::dataset() const { return impl_->dataset; }
const LoaderOptions& Loader::options() const { return impl_->options; }
LoaderState Loader::state() const { return impl_->state; }
void Loader::set_state(const LoaderState& state) {
  check(state.epoch >= 0 && state.position >= 0, "Loader: received a state of epoch ", state.epoch, ", position ",
        state.position, "; expected numbers from 0");
  if (!impl_->dataset.is_stream() && !impl_->options.sampler)
    check(state.position <= impl_->dataset.size(), "Loader: received a state at example ", state.position,
          " of a data set of ", impl_->dataset.size(), "; it belongs to another data set");
  impl_->state = state;
  impl_->fresh = true;
}

/// One epoch being read. Batch k is always made of the same examples; workers take the numbers in turn.
class Loader::Pass {
 public:
  explicit Pass(std::shared_ptr<Impl> impl)
      : impl_(std::move(impl)),
        number_(++impl_->pass_number),
        state_(impl_->state),
        maker_(impl_->dataset, impl_->options, state_.seed),
        device_(impl_->options.device.value_or(default_device())) {
    const LoaderOptions& o = impl_->options;
    if (impl_->dataset.is_stream()) {
      stream_ = impl_->dataset.start();
      for (std::int64_t i = 0; i < state_.position && stream_; ++i)
        if (!stream_()) stream_ = nullptr;
    } else if (o.sampler) {
      order_ = o.sampler(state_.seed, state_.epoch);
      for (std::int64_t i : order_)
        check(i >= 0 && i < impl_->dataset.size(), "Loader: the sampler names example ", i, " of ",
              impl_->dataset.size());
    } else if (o.shuffle) {
      order_ = permutation(impl_->dataset.size(), state_.seed, state_.epoch);
    } else {
      order_.resize(static_cast<std::size_t>(impl_->dataset.size()));
      for (std::size_t i = 0; i < order_.size(); ++i) order_[i] = static_cast<std::int64_t>(i);
    }
    for (int i = 0; i < o.workers; ++i) workers_.emplace_back([this] { work(); });
  }
  ~Pass() {
    {
      std::scoped_lock lock(mutex_);
      stop_ = true;
    }
    room_.notify_all();
    for (auto& w : workers_) w.join();
  }

  /// The next batch, or none at the end; keeps the Loader's position.
  std::optional<Batch> next() {
    std::optional<Batch> batch = workers_.empty() ? make_here() : wait_for(consumed_);
    ++consumed_;
    if (impl_->pass_number != number_) return batch;  // a later pass has taken the Loader's position over
    if (batch) {
      impl_->state = {state_.seed, state_.epoch, state_.position + handed_out_};
    } else {
      impl_->state = {state_.seed, state_.epoch + 1, 0};
      impl_->fresh = true;
    }
    return batch;
  }

 private:
  /// What a batch is to be made of.
  struct Job {
    std::int64_t number = 0, first = 0, count = 0;
    std::vector<Sample> samples;  // of a stream
  };
  struct Result {
    std::optional<Batch> batch;  // empty: the epoch is over
    std::int64_t count = 0;
    std::exception_ptr error;
  };

  /// Takes the next batch's examples; several threads must not be here at once.
  Job claim() {
    const std::int64_t size = impl_->options.batch_size, first = state_.position + taken_;
    Job job{claimed_++, first, 0, {}};
    if (impl_->dataset.is_stream()) {
      while (stream_ && static_cast<std::int64_t>(job.samples.size()) < size) {
        auto sample = stream_();
        if (sample) job.samples.push_back(*std::move(sample));
        else stream_ = nullptr;
      }
      job.count = static_cast<std::int64_t>(job.samples.size());
    } else {
      job.count = std::clamp<std::int64_t>(static_cast<std::int64_t>(order_.size()) - first, 0, size);
    }
    if (impl_->options.drop_last && job.count < size) job.count = 0;
    taken_ += job.count;
    return job;
  }
  std::optional<Batch> make(Job job, BatchMaker::Scratch& scratch, bool parallel) {
    if (job.count == 0) return std::nullopt;
    Batch b = impl_->dataset.is_stream() ? maker_.make(std::move(job.samples), job.first, state_.epoch, scratch)
                                         : maker_.make(std::span(order_).subspan(static_cast<std::size_t>(job.first),
                                                                                 static_cast<std::size_t>(job.count)),
                                                       state_.epoch, scratch, parallel);
    return device_ == cpu ? std::move(b) : b.to(device_);
  }

  std::optional<Batch> make_here() {
    Job job = claim();
    const std::int64_t count = job.count;
    auto batch = make(std::move(job), scratch_, true);
    handed_out_ += count;
    return batch;
  }

  void work() {
    const std::int64_t ahead = static_cast<std::int64_t>(impl_->options.workers) * impl_->options.prefetch;
    DeviceScope scope(device_);
    BatchMaker::Scratch scratch;
    for (;;) {
      Job job;
      Result result;
      {
        std::unique_lock lock(mutex_);
        room_.wait(lock, [&] { return stop_ || claimed_ < wanted_ + ahead; });
        if (stop_) return;
        try {
          job = claim();
        } catch (...) {
          result.error = std::current_exception();
          job.number = claimed_ - 1;
        }
      }
      const std::int64_t number = job.number;
      result.count = job.count;
      if (!result.error) try {
          result.batch = make(std::move(job), scratch, false);
        } catch (...) {
          result.error = std::current_exception();
        }
      const bool last = !result.batch;
      {
        std::scoped_lock lock(mutex_);
        ready_.emplace(number, std::move(result));
        stop_ = stop_ || last;
      }
      arrived_.notify_one();
      if (last) room_.notify_all();
    }
  }
  std::optional<Batch> wait_for(std::int64_t number) {
    Result result;
    {
      std::unique_lock lock(mutex_);
      wanted_ = number + 1;
      room_.notify_all();
      arrived_.wait(lock, [&] { return ready_.count(number) > 0; });
      auto at = ready_.find(number);
      result = std::move(at->second);
      ready_.erase(at);
    }
    if (result.error) std::rethrow_exception(result.error);
    handed_out_ += result.count;
    return std::move(result.batch);
  }

  std::shared_ptr<Impl> impl_;
  std::int64_t number_;
  LoaderState state_;  ///< where this pass started
  BatchMaker maker_;
  Device device_;
  std::vector<std::int64_t> order_;
  std::function<std::optional<Sample>()> stream_;
  BatchMaker::Scratch scratch_;
  std::int64_t taken_ = 0, claimed_ = 0, consumed_ = 0, handed_out_ = 0;

  std::mutex mutex_;
  std::condition_variable room_, arrived_;
  std::map<std::int64_t, Result> ready_;
  std::int64_t wanted_ = 0;
  bool stop_ = false;
  std::vector<std::thread> workers_;  // last: they use the rest
};

Loader::Iterator Loader::begin() {
  if (!impl_->fresh) impl_->state = {impl_->state.seed, impl_->state.epoch + 1, 0};
  impl_->fresh = false;
  Iterator it(std::make_shared<Pass>(impl_));
  ++it;
  return it;
}

Loader::Iterator::Iterator(std::shared_ptr<Pass> pass) : pass_(std::move(pass)) {}

Loader::Iterator& Loader::Iterator::operator++() {
  const auto pass = std::exchange(pass_, nullptr);  // an error ends the pass
  if (!pass) return *this;
  batch_ = {};
  if (auto batch = pass->next()) {
    batch_ = *std::move(batch);
    pass_ = pass;
  }
  return *this;
}

}  // namespace weft::data
