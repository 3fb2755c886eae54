// Layers that add noise while training and do nothing in evaluation.
#pragma once

#include <weft/nn/module.h>

namespace weft::nn {

/// Each element becomes 0 with probability p, the others x / (1 - p).
/// Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014.
class Dropout : public Module<Dropout> {
 public:
  /// Throws Error unless p is from 0 to 1.
  explicit Dropout(double p = 0.5);
  Tensor forward(const Tensor& x) const;
  double p;   ///< as given
  Mode mode;  ///< training or evaluation
  using fields = Fields<&Dropout::mode>;
};

/// Whole channels of [N, C, …] become 0 with probability p (PyTorch: Dropout1d, 2d, 3d; Keras: SpatialDropout).
class SpatialDropout : public Module<SpatialDropout> {
 public:
  /// Throws Error unless p is from 0 to 1.
  explicit SpatialDropout(double p = 0.5);
  Tensor forward(const Tensor& x) const;
  double p;   ///< as given
  Mode mode;  ///< training or evaluation
  using fields = Fields<&SpatialDropout::mode>;
};
using SpatialDropout1d = SpatialDropout;  ///< [N, C, L]
using SpatialDropout2d = SpatialDropout;  ///< [N, C, H, W]
using SpatialDropout3d = SpatialDropout;  ///< [N, C, D, H, W]
using Dropout2d = SpatialDropout;         ///< PyTorch's name

/// x plus normal noise of the given standard deviation.
class GaussianNoise : public Module<GaussianNoise> {
 public:
  /// Throws Error for a negative number.
  explicit GaussianNoise(double stddev);
  Tensor forward(const Tensor& x) const;
  double stddev;  ///< as given
  Mode mode;      ///< training or evaluation
  using fields = Fields<&GaussianNoise::mode>;
};

}  // namespace weft::nn
