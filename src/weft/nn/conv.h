// Convolutions. Images are [N, C, H, W] (1-d: [N, C, L]; 3-d: [N, C, D, H, W]).
#pragma once

#include <weft/nn/linear.h>

namespace weft::nn {

/// Options of Conv1d, Conv2d and Conv3d, in PyTorch's order.
struct ConvLayerOptions {
  std::int64_t in = 0;                       ///< channels of x; 0: found at the first batch
  std::int64_t out = 0;                      ///< channels of y (Keras: filters)
  PerAxis kernel = 3;                        ///< one size, or one an axis
  PerAxis stride = 1;                        ///< step from window to window
  Padding padding = 0;                       ///< a number, one an axis, "same" or "valid"
  PerAxis dilation = 1;                      ///< distance between the elements of a window
  std::int64_t groups = 1;                   ///< independent convolutions of in / groups channels each
  bool bias = true;                          ///< add a trained number a channel
  PadMode padding_mode = PadMode::constant;  ///< what padding consists of: zeros, or edge, reflect, wrap
  Initializer kernel_init = {};              ///< unset: Glorot uniform (see init::Scope)
  Initializer bias_init = {};                ///< unset: zeros
  Regularizer kernel_regularizer = {};       ///< a penalty on the weight
  Regularizer bias_regularizer = {};         ///< a penalty on the bias
  Constraint kernel_constraint = {};         ///< what the weight is held to
  Activation activation = {};                ///< applied to the result
};

namespace detail {

/// What the convolutions of 1 to 3 spatial axes share.
class Conv {
 public:
  Conv(const char* name, int axes, ConvLayerOptions options);
  Parameter weight;          ///< trained
  Parameter bias;            ///< trained; undefined where the options leave it out
  ConvLayerOptions options;  ///< as given

 protected:
  Tensor apply(const Tensor& x) const;

 private:
  Shape weight_shape(std::int64_t in) const;
  const char* name_;
  int axes_;
};

}  // namespace detail

/// Convolution over [N, C, L]; weight [out, in / groups, k] (Keras: Conv1D).
class Conv1d : public Module<Conv1d>, public detail::Conv {
 public:
  /// From its options; throws Error for those that fit no layer.
  explicit Conv1d(ConvLayerOptions options) : Conv("conv1d", 1, std::move(options)) {}
  Tensor forward(const Tensor& x) const { return apply(x); }
  using fields = Fields<&Conv1d::weight, &Conv1d::bias>;
};
/// Convolution over [N, C, H, W]; weight [out, in / groups, kh, kw] (Keras: Conv2D).
class Conv2d : public Module<Conv2d>, public detail::Conv {
 public:
  /// From its options; throws Error for those that fit no layer.
  explicit Conv2d(ConvLayerOptions options) : Conv("conv2d", 2, std::move(options)) {}
  Tensor forward(const Tensor& x) const { return apply(x); }
  using fields = Fields<&Conv2d::weight, &Conv2d::bias>;
};
/// Convolution over [N, C, D, H, W]; weight [out, in / groups, kd, kh, kw] (Keras: Conv3D).
class Conv3d : public Module<Conv3d>, public detail::Conv {
 public:
  /// From its options; throws Error for those that fit no layer.
  explicit Conv3d(ConvLayerOptions options) : Conv("conv3d", 3, std::move(options)) {}
  Tensor forward(const Tensor& x) const { return apply(x); }
  using fields = Fields<&Conv3d::weight, &Conv3d::bias>;
};

/// Options of the transposed convolutions, in PyTorch's order.
struct ConvTransposeLayerOptions {
  std::int64_t in = 0;                  ///< channels of x; 0: found at the first batch
  std::int64_t out = 0;                 ///< channels of y
  PerAxis kernel = 3;                   ///< one size, or one an axis
  PerAxis stride = 1;                   ///< step from window to window
  Padding padding = 0;                  ///< cropped from the result; "same": size * stride outputs
  PerAxis output_padding = 0;           ///< added at the end of the result
  std::int64_t groups = 1;              ///< independent convolutions of in / groups channels each
  bool bias = true;                     ///< add a trained number a channel
  PerAxis dilation = 1;                 ///< distance between the elements of a window
  Initializer kernel_init = {};         ///< unset: Glorot uniform (see init::Scope)
  Initializer bias_init = {};           ///< unset: zeros
  Regularizer kernel_regularizer = {};  ///< a penalty on the weight
  Regularizer bias_regularizer = {};    ///< a penalty on the bias
  Constraint kernel_constraint = {};    ///< what the weight is held to
  Activation activation = {};           ///< applied to the result
};

namespace detail {

class ConvTranspose {
 public:
  ConvTranspose(const char* name, int axes, ConvTransposeLayerOptions options);
  Parameter weight;                   ///< trained
  Parameter bias;                     ///< trained; undefined where the options leave it out
  ConvTransposeLayerOptions options;  ///< as given

 protected:
  Tensor apply(const Tensor& x) const;

 private:
  Shape weight_shape(std::int64_t in) const;
  const char* name_;
  int axes_;
};

}  // namespace detail

/// Transposed convolution over [N, C, L]; weight [in, out / groups, k] (Keras: Conv1DTranspose).
class ConvTranspose1d : public Module<ConvTranspose1d>, public detail::ConvTranspose {
 public:
  /// From its options; throws Error for those that fit no layer.
  explicit ConvTranspose1d(ConvTransposeLayerOptions options) : ConvTranspose("conv_transpose1d", 1, std::move(options)) {}
  Tensor forward(const Tensor& x) const { return apply(x); }
  using fields = Fields<&ConvTranspose1d::weight, &ConvTranspose1d::bias>;
};
/// Transposed convolution over [N, C, H, W]; weight [in, out / groups, kh, kw] (Keras: Conv2DTranspose).
class ConvTranspose2d : public Module<ConvTranspose2d>, public detail::ConvTranspose {
 public:
  /// From its options; throws Error for those that fit no layer.
  explicit ConvTranspose2d(ConvTransposeLayerOptions options) : ConvTranspose("conv_transpose2d", 2, std::move(options)) {}
  Tensor forward(const Tensor& x) const { return apply(x); }
  using fields = Fields<&ConvTranspose2d::weight, &ConvTranspose2d::bias>;
};
/// Transposed convolution over [N, C, D, H, W] (Keras: Conv3DTranspose).
class ConvTranspose3d : public Module<ConvTranspose3d>, public detail::ConvTranspose {
 public:
  /// From its options; throws Error for those that fit no layer.
  explicit ConvTranspose3d(ConvTransposeLayerOptions options) : ConvTranspose("conv_transpose3d", 3, std::move(options)) {}
  Tensor forward(const Tensor& x) const { return apply(x); }
  using fields = Fields<&ConvTranspose3d::weight, &ConvTranspose3d::bias>;
};

/// Options of DepthwiseConv2d.
struct DepthwiseConvOptions {
  std::int64_t in = 0;                  ///< channels of x; 0: found at the first batch
  PerAxis kernel = 3;                   ///< one size, or one an axis
  PerAxis stride = 1;                   ///< step from window to window
  Padding padding = 0;                  ///< a number, one an axis, "same" or "valid"
  PerAxis dilation = 1;                 ///< distance between the elements of a window
  std::int64_t multiplier = 1;          ///< channels of y for each of x (Keras: depth_multiplier)
  bool bias = true;                     ///< add a trained number a channel
  Initializer kernel_init = {};         ///< unset: Glorot uniform (see init::Scope)
  Initializer bias_init = {};           ///< unset: zeros
  Regularizer kernel_regularizer = {};  ///< a penalty on the weight
  Regularizer bias_regularizer = {};    ///< a penalty on the bias
  Activation activation = {};           ///< applied to the result
};

/// A convolution of each channel by itself; weight [in * multiplier, 1, kh, kw] (PyTorch: Conv2d with groups = in).
/// Initializers take Keras's fans: channels * kh * kw in, multiplier * kh * kw out.
class DepthwiseConv2d : public Module<DepthwiseConv2d> {
 public:
  /// From its options; throws Error for those that fit no layer.
  explicit DepthwiseConv2d(DepthwiseConvOptions options);
  Tensor forward(const Tensor& x) const;
  Parameter weight;              ///< trained
  Parameter bias;                ///< trained; undefined where the options leave it out
  DepthwiseConvOptions options;  ///< as given

 private:
  void resolve(std::int64_t in) const;

 public:
  using fields = Fields<&DepthwiseConv2d::weight, &DepthwiseConv2d::bias>;
};

/// Options of the separable convolutions.
struct SeparableConvOptions {
  std::int64_t in = 0;              ///< channels of x; 0: found at the first batch
  std::int64_t out = 0;             ///< channels of y
  PerAxis kernel = 3;               ///< one size, or one an axis
  PerAxis stride = 1;               ///< step from window to window
  Padding padding = 0;              ///< a number, one an axis, "same" or "valid"
  PerAxis dilation = 1;             ///< distance between the elements of a window
  std::int64_t multiplier = 1;      ///< channels between the two steps for each of x
  bool bias = true;                 ///< add a trained number a channel
  Initializer depthwise_init = {};  ///< unset: Glorot uniform (see init::Scope)
  Initializer pointwise_init = {};  ///< unset: Glorot uniform (see init::Scope)
  Initializer bias_init = {};       ///< unset: zeros
  Activation activation = {};       ///< applied to the result
};

/// A depthwise convolution, then one of 1 x 1 that mixes the channels (Keras: SeparableConv2D); the bias is the second's.
class SeparableConv2d : public Module<SeparableConv2d> {
 public:
  /// From its options; throws Error for those that fit no layer.
  explicit SeparableConv2d(SeparableConvOptions options);
  Tensor forward(const Tensor& x) const;
  DepthwiseConv2d depthwise;  ///< first
  Conv2d pointwise;           ///< then
  using fields = Fields<&SeparableConv2d::depthwise, &SeparableConv2d::pointwise>;
};

/// Keras's names.
using Conv1D = Conv1d;
using Conv2D = Conv2d;
using Conv3D = Conv3d;
using Conv2DTranspose = ConvTranspose2d;

}  // namespace weft::nn
