// Normalization layers.
#pragma once

#include <weft/nn/regularizers.h>

namespace weft::nn {

/// Options of BatchNorm, in PyTorch's order, with PyTorch's numbers.
struct BatchNormOptions {
  std::int64_t features = 0;  ///< channels; 0: found at the first batch
  double eps = 1e-5;  ///< added to the variance
  double momentum = 0.1;  ///< weight of the new batch in the running statistics (Keras's momentum is 1 - this)
  bool affine = true;  ///< trained weight and bias (Keras: scale, center)
  bool track_running_stats = true;  ///< false: evaluation uses the batch's statistics too
};

/// Brings each channel (axis 1) of [N, C, …] to mean 0 and variance 1 over all other axes, then times weight plus bias.
/// Training uses the batch's biased variance and moves running_mean and running_var (unbiased variance, as PyTorch;
/// biased for one value a channel); evaluation uses those. (Keras: BatchNormalization.)
class BatchNorm : public Module<BatchNorm> {
 public:
  /// With PyTorch's numbers; 0: the channels are found at the first batch.
  BatchNorm(std::int64_t features = 0);
  /// From its options; throws Error for those that fit no layer.
  BatchNorm(BatchNormOptions options);
  /// Keras's numbers: momentum 0.99 in its meaning, eps 1e-3.
  static BatchNorm keras(std::int64_t features = 0);
  Tensor forward(const Tensor& x) const;
  Parameter weight;          ///< trained
  Parameter bias;            ///< trained; undefined where the options leave it out
  Buffer running_mean;       ///< of the batches trained on, [C]
  Buffer running_var;        ///< the unbiased one, [C]
  Mode mode;                 ///< training or evaluation
  BatchNormOptions options;  ///< as given

 private:
  void resolve(const Tensor& x) const;

 public:
  using fields = Fields<&BatchNorm::weight, &BatchNorm::bias, &BatchNorm::running_mean, &BatchNorm::running_var, &BatchNorm::mode>;
};
/// For [N, C] and [N, C, L]; for images; for volumes: one class.
using BatchNorm1d = BatchNorm;
using BatchNorm2d = BatchNorm;  ///< images [N, C, H, W]
using BatchNorm3d = BatchNorm;  ///< volumes

/// Options of LayerNorm, in PyTorch's order.
struct LayerNormOptions {
  Shape normalized_shape = {};  ///< sizes of the last axes; left out: the last axis, found at the first batch
  double eps = 1e-5;            ///< (Keras: 1e-3)
  bool affine = true;           ///< trained weight and bias (PyTorch: elementwise_affine)
  bool bias = true;             ///< a trained bias too
};
/// Brings the last axes of each sample to mean 0 and variance 1, then times weight plus bias.
class LayerNorm : public Module<LayerNorm> {
 public:
  /// Over the last axis, found at the first batch.
  LayerNorm() : LayerNorm(LayerNormOptions{}) {}
  /// Over the last axis, of that size.
  LayerNorm(std::int64_t size);
  /// From its options; throws Error for those that fit no layer.
  LayerNorm(LayerNormOptions options);
  /// Keras's numbers: eps 1e-3.
  static LayerNorm keras(const Shape& normalized_shape = {});
  Tensor forward(const Tensor& x) const;
  Parameter weight;          ///< trained
  Parameter bias;            ///< trained; undefined where the options leave it out
  LayerNormOptions options;  ///< as given
  using fields = Fields<&LayerNorm::weight, &LayerNorm::bias>;
};

/// Options of GroupNorm, in PyTorch's order.
struct GroupNormOptions {
  std::int64_t groups = 32;   ///< groups of channels
  std::int64_t channels = 0;  ///< 0: found at the first batch
  double eps = 1e-5;          ///< (Keras: 1e-3)
  bool affine = true;         ///< trained weight and bias
};
/// Brings each group of channels of each sample to mean 0 and variance 1, then times weight [C] plus bias [C].
class GroupNorm : public Module<GroupNorm> {
 public:
  /// From its options; throws Error for those that fit no layer.
  GroupNorm(GroupNormOptions options);
  Tensor forward(const Tensor& x) const;
  Parameter weight;          ///< trained
  Parameter bias;            ///< trained; undefined where the options leave it out
  GroupNormOptions options;  ///< as given
  using fields = Fields<&GroupNorm::weight, &GroupNorm::bias>;
};

/// Options of InstanceNorm2d.
struct InstanceNormOptions {
  std::int64_t features = 0;  ///< channels; 0: found at the first batch
  double eps = 1e-5;          ///< added to the variance
  bool affine = false;        ///< trained weight and bias
};
/// Brings each channel of each sample to mean 0 and variance 1 (no running statistics, PyTorch's default).
class InstanceNorm2d : public Module<InstanceNorm2d> {
 public:
  /// From its options; throws Error for those that fit no layer.
  InstanceNorm2d(InstanceNormOptions options = {});
  Tensor forward(const Tensor& x) const;
  Parameter weight;             ///< trained
  Parameter bias;               ///< trained; undefined where the options leave it out
  InstanceNormOptions options;  ///< as given
  using fields = Fields<&InstanceNorm2d::weight, &InstanceNorm2d::bias>;
};

/// Options of RMSNorm, in PyTorch's order.
struct RMSNormOptions {
  Shape normalized_shape = {};     ///< sizes of the last axes; left out: the last axis, found at the first batch
  std::optional<double> eps = {};  ///< unset: the machine epsilon of the dtype
  bool affine = true;              ///< a trained weight
};
/// x / sqrt(mean(x^2) + eps) over the last axes, times weight.
/// Zhang and Sennrich, "Root mean square layer normalization", 2019.
class RMSNorm : public Module<RMSNorm> {
 public:
  /// Over the last axis, found at the first batch.
  RMSNorm() : RMSNorm(RMSNormOptions{}) {}
  /// Over the last axis, of that size.
  RMSNorm(std::int64_t size);
  /// From its options; throws Error for those that fit no layer.
  RMSNorm(RMSNormOptions options);
  Tensor forward(const Tensor& x) const;
  Parameter weight;        ///< trained
  RMSNormOptions options;  ///< as given
  using fields = Fields<&RMSNorm::weight>;
};

/// Keras's names.
using BatchNormalization = BatchNorm;
using LayerNormalization = LayerNorm;  ///< Keras's name

}  // namespace weft::nn
