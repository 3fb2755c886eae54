// Operations of neural networks: convolution, pooling, normalisation, softmax, resizing. Images are [N, C, H, W]
// (1-d: [N, C, L]; 3-d: [N, C, D, H, W]); a missing bias or weight is Tensor() or std::nullopt.
#pragma once

#include <weft/tensor/state.h>

namespace weft {

/// A size of each spatial axis: one number stands for all of them (`.stride = 2`), or one each (`.stride = {2, 1}`).
class PerAxis {
 public:
  PerAxis(int all = 1) : values_{all} {}  ///< for all axes
  PerAxis(std::int64_t all) : values_{all} {}  ///< for all axes
  PerAxis(std::initializer_list<std::int64_t> each) : values_(each) {}  ///< one an axis
  PerAxis(const Dims& each) : values_(each) {}  ///< one an axis
  /// The values for `axes` spatial axes; throws Error naming `what` unless there are 1 or `axes` of them.
  Dims expand(int axes, const char* what) const;
  /// As given: one value or one an axis.
  const Dims& values() const { return values_; }
  friend bool operator==(const PerAxis&, const PerAxis&) = default;

 private:
  Dims values_;
};

/// Zeros (for max pooling: nothing) around an image: a number, one an axis, or "same" / "valid".
/// "same" is TensorFlow's rule: ceil(size / stride) outputs, an odd zero goes to the end. "valid" is none.
class Padding {
 public:
  Padding(int all = 0) : before_{all}, after_{all} {}  ///< at both ends of all axes
  Padding(std::int64_t all) : before_{all}, after_{all} {}  ///< at both ends of all axes
  Padding(std::initializer_list<std::int64_t> each) : before_(each), after_(each) {}  ///< one an axis, at both ends
  Padding(const Dims& each) : before_(each), after_(each) {}  ///< one an axis, at both ends
  /// "same" or "valid"; throws Error for another word.
  Padding(const char* rule);
  Padding(const std::string& rule) : Padding(rule.c_str()) {}  ///< the same
  /// Different amounts before and after each axis.
  static Padding asymmetric(const Dims& before, const Dims& after);

  /// What to add before and after every spatial axis of sizes `in`; throws Error where the numbers do not fit.
  struct Amounts {
    Dims before, /**< in front of each axis */ after;  ///< behind each axis
  };
  Amounts resolve(const Dims& in, const Dims& kernel, const Dims& stride, const Dims& dilation) const;  ///< see Amounts
  bool is_same() const { return same_; }  ///< true for "same"
  friend bool operator==(const Padding&, const Padding&) = default;

 private:
  Dims before_, after_;
  bool same_ = false;
};

/// How a convolution walks (PyTorch's defaults).
struct ConvOptions {
  PerAxis stride = 1;  ///< step of the window
  Padding padding = 0;  ///< zeros around x
  PerAxis dilation = 1;  ///< distance of the kernel's elements
  std::int64_t groups = 1;  ///< channels are cut into so many independent convolutions; = C: depthwise
};

/// y = x convolved (cross-correlated) with weight [O, C / groups, k…], plus bias [O]. Throws Error naming the sizes that differ.
Tensor conv1d(Operand x, Operand weight, Operand bias = std::nullopt, const ConvOptions& options = {});
Tensor conv2d(Operand x, Operand weight, Operand bias = std::nullopt, const ConvOptions& options = {});
Tensor conv3d(Operand x, Operand weight, Operand bias = std::nullopt, const ConvOptions& options = {});
/// How a transposed convolution walks.
struct ConvTransposeOptions {
  PerAxis stride = 1;  ///< elements of the result between two of x
  Padding padding = 0;          ///< cropped from both ends of the result; "same": size * stride outputs
  PerAxis output_padding = 0;   ///< added to the end of the result
  std::int64_t groups = 1;  ///< as in ConvOptions
  PerAxis dilation = 1;  ///< distance of the kernel's elements
};

/// The transpose of convolution (Keras: Conv2DTranspose): weight [C, O / groups, k…], bias [O];
/// (size - 1) * stride - 2 * padding + dilation * (k - 1) + output_padding + 1 outputs along an axis.
Tensor conv_transpose1d(Operand x, Operand weight, Operand bias = std::nullopt, const ConvTransposeOptions& options = {});
Tensor conv_transpose2d(Operand x, Operand weight, Operand bias = std::nullopt, const ConvTransposeOptions& options = {});
Tensor conv_transpose3d(Operand x, Operand weight, Operand bias = std::nullopt, const ConvTransposeOptions& options = {});
/// How a window of max pooling walks.
struct MaxPoolOptions {
  std::optional<PerAxis> stride = {};  ///< unset: the kernel
  Padding padding = 0;                 ///< never wins the maximum
  PerAxis dilation = 1;  ///< distance of the window's elements
  bool ceil_mode = false;              ///< a last window may hang over the end
};
/// The largest element of each window; NaN wins.
Tensor max_pool1d(Operand x, const PerAxis& kernel, const MaxPoolOptions& options = {});
Tensor max_pool2d(Operand x, const PerAxis& kernel, const MaxPoolOptions& options = {});
Tensor max_pool3d(Operand x, const PerAxis& kernel, const MaxPoolOptions& options = {});
/// How a window of average pooling walks.
struct AvgPoolOptions {
  std::optional<PerAxis> stride = {};  ///< unset: the kernel
  Padding padding = 0;  ///< zeros around x
  bool ceil_mode = false;  ///< a last window may hang over the end
  bool count_include_pad = true;       ///< false: the mean over real elements only (TensorFlow)
};
/// The mean of each window.
Tensor avg_pool1d(Operand x, const PerAxis& kernel, const AvgPoolOptions& options = {});
Tensor avg_pool2d(Operand x, const PerAxis& kernel, const AvgPoolOptions& options = {});
Tensor avg_pool3d(Operand x, const PerAxis& kernel, const AvgPoolOptions& options = {});

/// Means over cells that cut each spatial axis into `size` parts, cell i from floor(i * in / size) to
/// ceil((i + 1) * in / size).
Tensor adaptive_avg_pool1d(Operand x, const PerAxis& size);
Tensor adaptive_avg_pool2d(Operand x, const PerAxis& size);
/// Mean or maximum over all spatial axes: [N, C, …] to [N, C], or to [N, C, 1…] with keepdim.
Tensor global_avg_pool(Operand x, bool keepdim = false);
Tensor global_max_pool(Operand x, bool keepdim = false);

/// Result of batch normalisation in training; var is the biased variance. The layer updates its running statistics.
struct BatchNormResult {
  Tensor y, /**< the normalised x */ mean, /**< [C], over the batch */ var;  ///< [C], over the batch, biased
};
/// Each channel (axis 1) of x brought to mean 0 and variance 1 over all other axes, then times weight [C] plus bias [C].
BatchNormResult batch_norm_train(Operand x, Operand weight = std::nullopt, Operand bias = std::nullopt, double eps = 1e-5);
/// The same with given statistics [C] (evaluation).
Tensor batch_norm(Operand x, Operand mean, Operand var, Operand weight = std::nullopt, Operand bias = std::nullopt,
                  double eps = 1e-5);
/// Normalises over the last axes, whose sizes are `normalized_shape`; weight and bias have that shape.
Tensor layer_norm(Operand x, const Shape& normalized_shape, Operand weight = std::nullopt, Operand bias = std::nullopt,
                  double eps = 1e-5);
/// Normalises each of `groups` groups of channels of each sample; weight and bias are [C].
Tensor group_norm(Operand x, std::int64_t groups, Operand weight = std::nullopt, Operand bias = std::nullopt,
                  double eps = 1e-5);
/// Normalises each channel of each sample; weight and bias are [C].
Tensor instance_norm(Operand x, Operand weight = std::nullopt, Operand bias = std::nullopt, double eps = 1e-5);
/// x / sqrt(mean(x^2) + eps) over the last axes, times weight; no mean is taken away. eps unset: that of the dtype.
Tensor rms_norm(Operand x, const Shape& normalized_shape, Operand weight = std::nullopt, std::optional<double> eps = {});

/// e^x / sum(e^x) along an axis, without overflow.
Tensor softmax(Operand x, int axis = -1);
/// ln softmax(x), accurate for small probabilities.
Tensor log_softmax(Operand x, int axis = -1);
/// Weights, ignored labels and smoothing of softmax_cross_entropy.
struct CrossEntropyOptions {
  Tensor weight = {};                 ///< a weight of each class [C]; undefined: 1
  std::int64_t ignore_index = -100;   ///< samples of this label have loss 0
  double label_smoothing = 0;         ///< this share of the target is spread over all classes
};
/// -ln softmax(logits)[label] of every sample, not reduced: logits [N, C, …], integer labels [N, …], result [N, …];
/// a label outside [0, C) that is not ignore_index throws Error. The losses reduce it.
Tensor softmax_cross_entropy(Operand logits, Operand labels, const CrossEntropyOptions& options = {});

/// Rows of weight [V, D] by index: indices […] gives […, D]. An index outside [0, V) throws Error.
/// (PyTorch: F.embedding; Keras: Embedding.) `padding_index`: a row that receives no gradient.
Tensor embedding(Operand indices, Operand weight, std::optional<std::int64_t> padding_index = {});
/// To which size, and how, interpolate brings its input.
struct InterpolateOptions {
  std::optional<PerAxis> size = {};   ///< sizes of the result; or
  std::vector<double> scale = {};     ///< factors (one for all axes, or one each)
  std::string mode = "nearest";       ///< "nearest" or "linear" ("bilinear"): linear in every spatial axis
  bool align_corners = false;         ///< linear: the corner pixels keep their values
};
/// x [N, C, spatial…] resized (Keras: UpSampling, Resizing).
Tensor interpolate(Operand x, const InterpolateOptions& options);
/// [N, C * r * r, H, W] to [N, C, H * r, W * r].
Tensor pixel_shuffle(Operand x, std::int64_t factor);
/// Its inverse.
Tensor pixel_unshuffle(Operand x, std::int64_t factor);

}  // namespace weft
