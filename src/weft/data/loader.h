// Loader: batches of a data set, shuffled, augmented and normalised, by any number of threads in the same order.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <weft/base/device.h>
#include <weft/data/augment.h>
#include <weft/data/dataset.h>
#include <weft/tensor/state.h>

namespace weft::data {

/// Where a Loader is. Everything random follows from it, so setting it continues exactly, also within an epoch.
struct LoaderState {
  std::uint64_t seed = 0;  ///< all random numbers follow from it
  std::int64_t epoch = 0;     ///< epochs completed before
  std::int64_t position = 0;  ///< examples of this epoch that were handed out
  friend bool operator==(const LoaderState&, const LoaderState&) = default;
};

/// The order of examples in an epoch, for a Loader's `sampler`: positions in the data set, repeats allowed.
using Sampler = std::function<std::vector<std::int64_t>(std::uint64_t seed, std::int64_t epoch)>;

/// How a Loader reads. The defaults are those of PyTorch's DataLoader.
struct LoaderOptions {
  std::int64_t batch_size = 1;  ///< examples a batch
  bool shuffle = false;                    ///< a new order every epoch, a pure function of seed and epoch
  bool drop_last = false;                  ///< leave a last, smaller batch out
  int workers = 0;                         ///< threads that prepare batches ahead; 0: prepared when asked for
  int prefetch = 2;                        ///< batches ready or in work for each worker
  std::optional<std::uint64_t> seed = {};  ///< unset: drawn from `generator`
  Generator* generator = nullptr;          ///< null: default_generator(), which manual_seed() sets
  std::optional<Device> device = {};       ///< where batches go; unset: the automatic device (see DeviceScope)
  Augmentations transform =
      {};                ///< for 8-bit images, which become f32 in 0..1 (or normalised, with Normalize in the list)
  Sampler sampler = {};  ///< instead of shuffle
  std::function<Batch(std::vector<Sample>)> collate = {};  ///< instead of stacking
};

/// Reads a data set in batches: `for (auto [x, y] : data::Loader{train, {.batch_size = 64, .shuffle = true}})`.
/// Each pass is an epoch. Augmentation of example i in epoch e is a pure function of (seed, e, i). An error in a
/// worker (a damaged image) is thrown where its batch would have come. Copies share one position; use it from one
/// thread at a time.
class Loader {
 public:
  /// Throws Error for an empty data set or options that cannot be.
  Loader(Dataset dataset, LoaderOptions options = {});

  /// Batches of an epoch; throws Error for a stream.
  std::int64_t size() const;
  const Dataset& dataset() const;  ///< what it reads
  const LoaderOptions& options() const;  ///< how it reads

  /// Seed, epoch, and the examples handed out so far (those of the batch in hand included). After the last batch:
  /// the next epoch at its beginning.
  LoaderState state() const;
  /// The next pass goes on from here.
  void set_state(const LoaderState& state);

  class Iterator;
  /// The end of every pass.
  struct Sentinel {};
  /// Starts a pass: where set_state() says, else at the beginning of the next epoch.
  Iterator begin();
  Sentinel end() const { return {}; }  ///< for range-based for

 private:
  struct Impl;
  class Pass;
  std::shared_ptr<Impl> impl_;
};

/// One pass over a Loader; it can be read once.
class Loader::Iterator {
 public:
  /// The batch in hand; `auto [x, y] = *it` takes it over.
  Batch&& operator*() { return std::move(batch_); }
  /// Fetches the next batch.
  Iterator& operator++();
  friend bool operator==(const Iterator& it, Sentinel) { return !it.pass_; }

 private:
  friend class Loader;
  explicit Iterator(std::shared_ptr<Pass> pass);
  std::shared_ptr<Pass> pass_;
  Batch batch_;
};

/// Draws `count` examples with replacement, each in proportion to its weight (PyTorch's WeightedRandomSampler).
Sampler weighted_sampler(std::vector<double> weights, std::int64_t count);

/// The permutation of 0..n-1 that a shuffling Loader uses in an epoch.
std::vector<std::int64_t> permutation(std::int64_t n, std::uint64_t seed, std::int64_t epoch);

/// Normalization by name: "none" (0..1, so nothing), "standard" (the data set's channel means and deviations),
/// "half" (-1..1). Throws Error with a suggestion.
Augmentations normalization(std::string_view name, const Dataset& dataset);

}  // namespace weft::data
