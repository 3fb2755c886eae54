// Layers that prepare data: part of the model, so that what is trained and what is deployed see the same numbers.
#pragma once

#include <weft/nn/module.h>

namespace weft::nn {

/// Options of Rescaling.
struct RescalingOptions {
  double scale = 1;   ///< factor
  double offset = 0;  ///< added after it
};
/// x * scale + offset, in floating point: `nn::Rescaling{1.0 / 255}`.
class Rescaling : public Module<Rescaling> {
 public:
  /// With that factor.
  explicit Rescaling(double scale) : options{scale, 0} {}
  /// From its options; throws Error for those that fit no layer.
  explicit Rescaling(RescalingOptions options) : options(options) {}
  Tensor forward(const Tensor& x) const { return x * options.scale + options.offset; }
  RescalingOptions options;  ///< as given
  using fields = Fields<>;
};

/// Options of Resizing.
struct ResizingOptions {
  std::int64_t height = 0;                 ///< of the result
  std::int64_t width = 0;                  ///< of the result
  std::string interpolation = "bilinear";  ///< or "nearest"
};
/// Images [N, C, H, W] of any size to height x width, without antialiasing (as Keras).
class Resizing : public Module<Resizing> {
 public:
  /// From its options; throws Error for those that fit no layer.
  explicit Resizing(ResizingOptions options);
  Tensor forward(const Tensor& x) const;
  ResizingOptions options;  ///< as given
  using fields = Fields<>;
};

/// Options of Normalization.
struct NormalizationOptions {
  int axis = 1;  ///< the axis of features or channels; each gets its own mean and variance
};
/// (x - mean) / sqrt(variance) with the statistics of a data set: call adapt() on data, or give them.
class Normalization : public Module<Normalization> {
 public:
  /// From its options; throws Error for those that fit no layer.
  explicit Normalization(NormalizationOptions options = {}) : mean(Buffer::deferred()), variance(Buffer::deferred()), options(options) {}
  /// With known statistics, one number a feature.
  Normalization(const std::vector<float>& mean, const std::vector<float>& variance, NormalizationOptions options = {});
  /// Computes mean and (biased) variance of each feature over all other axes, in double.
  void adapt(const Tensor& data);
  /// The same over batches, merged as Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm", 1979.
  void adapt(const std::vector<Tensor>& batches);
  /// Throws Error before adapt().
  Tensor forward(const Tensor& x) const;
  Buffer mean;                   ///< of each feature
  Buffer variance;               ///< of each feature
  NormalizationOptions options;  ///< as given
  using fields = Fields<&Normalization::mean, &Normalization::variance>;
};

}  // namespace weft::nn
