// From positions in a data set to a batch. For this folder's .cpp files.
#pragma once

#include <span>

#include <weft/data/loader.h>

namespace weft::data {

/// Makes batches; one object serves several threads, each with its own Scratch.
class BatchMaker {
 public:
  /// Memory that a thread uses again for each example.
  struct Scratch {
    Image decoded, image, spare;
  };
  BatchMaker(const Dataset& dataset, const LoaderOptions& options, std::uint64_t seed);
  /// The examples `indices` in epoch `epoch`, on the host. `parallel`: with the threads of parallel_for.
  Batch make(std::span<const std::int64_t> indices, std::int64_t epoch, Scratch& scratch, bool parallel) const;
  /// From examples that a stream gave; `first` is the position of the first.
  Batch make(std::vector<Sample> samples, std::int64_t first, std::int64_t epoch, Scratch& scratch) const;

 private:
  void write_image(const ImageView& view, float* out, const ImageView& expected) const;
  /// `stored`: the first example's pixels, as they were read.
  Batch images(std::span<const std::int64_t> indices, const ImageView& stored, std::int64_t epoch, Scratch& scratch,
               bool parallel) const;
  ImageView augmented_view(const ImageView& view, std::int64_t index, std::int64_t epoch, Scratch& scratch) const;
  void transform_sample(Sample& s, std::int64_t index, std::int64_t epoch, Scratch& scratch) const;
  const float* table(int channel) const;

  const Dataset& dataset_;
  const LoaderOptions& options_;
  std::uint64_t seed_;
  bool changes_ = false;       ///< there is more to do than to normalise
  std::vector<float> tables_;  ///< pixel value to float: 256 numbers for each channel, or for all
  int table_channels_ = 1;
};

/// One 64-bit seed for a purpose within a Loader's seed.
std::uint64_t mixed_seed(std::uint64_t seed, std::string_view purpose, std::int64_t epoch);

}  // namespace weft::data
