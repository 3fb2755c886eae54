#include <weft/nn/conv.h>

#include <weft/nn/layer.h>

namespace weft::nn {

namespace {

/// Throws unless x is a batch of images with `axes` spatial axes.
void check_image(const char* name, int axes, const Tensor& x) {
  check(x.defined(), name, ": received an undefined tensor");
  check(x.rank() == axes + 2, name, ": received x of shape ", x.shape(), "; expected ",
        axes == 1 ? "[N, C, L]" : axes == 2 ? "[N, C, H, W]" : "[N, C, D, H, W]",
        x.rank() == axes + 1 ? "; a single sample needs .unsqueeze(0)" : "");
}

void check_channels(const char* name, const Tensor& x, std::int64_t expected, const Shape& weight) {
  check(x.size(1) == expected, name, ": received x of shape ", x.shape(), " with ", x.size(1),
        " channels; expected ", expected, " (weight ", weight, ")");
}

void check_sizes(const char* name, std::int64_t in, std::int64_t out, std::int64_t groups) {
  check(out >= 1 && in >= 0, name, ": in = ", in, ", out = ", out,
        "; expected .out of 1 or more, and .in likewise or left out");
  check(groups >= 1 && in % groups == 0 && out % groups == 0, name, ": groups = ", groups, " does not divide in = ", in,
        " and out = ", out);
}

Shape with_kernel(Shape shape, const PerAxis& kernel, int axes) {
  for (std::int64_t k : kernel.expand(axes, "kernel")) {
    check(k >= 1, "kernel of size ", k, "; expected 1 or more");
    shape.push_back(k);
  }
  return shape;
}

}  // namespace

namespace detail {

Conv::Conv(const char* name, int axes, ConvLayerOptions o) : options(std::move(o)), name_(name), axes_(axes) {
  check_sizes(name, options.in, options.out, options.groups);
  with_kernel({}, options.kernel, axes);  // checks them now, also where `in` waits
  const auto shape = options.in ? std::optional(weight_shape(options.in)) : std::nullopt;
  weight = make_parameter(shape, init::kernel_or_default(options.kernel_init), options.kernel_regularizer,
                          options.kernel_constraint);
  if (options.bias) bias = make_parameter(Shape{options.out}, init::bias_or_default(options.bias_init), options.bias_regularizer);
  if (shape) init::set_fans(bias, init::fans_of(*shape));
}

Shape Conv::weight_shape(std::int64_t in) const {
  return with_kernel({options.out, in / options.groups}, options.kernel, axes_);
}

Tensor Conv::apply(const Tensor& x) const {
  check_image(name_, axes_, x);
  if (!weight.ready()) {
    check(x.size(1) >= 1 && x.size(1) % options.groups == 0, name_, ": received x of shape ", x.shape(),
          " with ", x.size(1), " channels; expected a multiple of groups = ", options.groups);
    weight.resolve(weight_shape(x.size(1)));
    init::set_fans(bias, init::fans_of(weight.shape()));
  }
  const Shape& w = weight.shape();
  check_channels(name_, x, w[1] * options.groups, w);
  ConvOptions conv{options.stride, options.padding, options.dilation, options.groups};
  Tensor in = x;
  if (options.padding_mode != PadMode::constant) {
    const Dims sizes(std::span<const std::int64_t>(x.shape().begin() + 2, x.shape().end()));
    const auto amounts = options.padding.resolve(sizes, options.kernel.expand(axes_, "kernel"),
                                                 options.stride.expand(axes_, "stride"),
                                                 options.dilation.expand(axes_, "dilation"));
    in = pad(x, amounts.before, amounts.after, 0, options.padding_mode);
    conv.padding = 0;
  }
  const Operand b = bias ? Operand(bias) : Operand(std::nullopt);
  Tensor y = axes_ == 1   ? conv1d(in, weight, b, conv)
             : axes_ == 2 ? conv2d(in, weight, b, conv)
                          : conv3d(in, weight, b, conv);
  return options.activation(y);
}

ConvTranspose::ConvTranspose(const char* name, int axes, ConvTransposeLayerOptions o)
    : options(std::move(o)), name_(name), axes_(axes) {
  check_sizes(name, options.in, options.out, options.groups);
  with_kernel({}, options.kernel, axes);
  const auto shape = options.in ? std::optional(weight_shape(options.in)) : std::nullopt;
  weight = make_parameter(shape, init::kernel_or_default(options.kernel_init), options.kernel_regularizer,
                          options.kernel_constraint);
  if (options.bias) bias = make_parameter(Shape{options.out}, init::bias_or_default(options.bias_init), options.bias_regularizer);
  if (shape) init::set_fans(bias, init::fans_of(*shape));
}

Shape ConvTranspose::weight_shape(std::int64_t in) const {
  return with_kernel({in, options.out / options.groups}, options.kernel, axes_);
}

Tensor ConvTranspose::apply(const Tensor& x) const {
  check_image(name_, axes_, x);
  if (!weight.ready()) {
    check(x.size(1) >= 1 && x.size(1) % options.groups == 0, name_, ": received x of shape ", x.shape(),
          " with ", x.size(1), " channels; expected a multiple of groups = ", options.groups);
    weight.resolve(weight_shape(x.size(1)));
    init::set_fans(bias, init::fans_of(weight.shape()));
  }
  check_channels(name_, x, weight.shape()[0], weight.shape());
  const ConvTransposeOptions conv{options.stride, options.padding, options.output_padding, options.groups, options.dilation};
  const Operand b = bias ? Operand(bias) : Operand(std::nullopt);
  Tensor y = axes_ == 1   ? conv_transpose1d(x, weight, b, conv)
             : axes_ == 2 ? conv_transpose2d(x, weight, b, conv)
                          : conv_transpose3d(x, weight, b, conv);
  return options.activation(y);
}

}  // namespace detail

DepthwiseConv2d::DepthwiseConv2d(DepthwiseConvOptions o) : options(std::move(o)) {
  check(options.in >= 0 && options.multiplier >= 1, "depthwise_conv2d: in = ", options.in, ", multiplier = ",
        options.multiplier, "; expected .multiplier of 1 or more, and .in likewise or left out");
  weight = detail::make_parameter({}, init::kernel_or_default(options.kernel_init), options.kernel_regularizer);
  if (options.bias) bias = detail::make_parameter({}, init::bias_or_default(options.bias_init), options.bias_regularizer);
  if (options.in) resolve(options.in);
}

void DepthwiseConv2d::resolve(std::int64_t in) const {
  const Shape shape = with_kernel({in * options.multiplier, 1}, options.kernel, 2);
  const double field = static_cast<double>(shape[2] * shape[3]);
  const init::Fans fans{static_cast<double>(in) * field, static_cast<double>(options.multiplier) * field};
  weight.resolve(shape);
  init::set_fans(weight, fans);
  if (!bias.defined()) return;
  bias.resolve({in * options.multiplier});
  init::set_fans(bias, fans);
}

Tensor DepthwiseConv2d::forward(const Tensor& x) const {
  check_image("depthwise_conv2d", 2, x);
  if (!weight.ready()) resolve(x.size(1));
  const std::int64_t in = weight.shape()[0] / options.multiplier;
  check_channels("depthwise_conv2d", x, in, weight.shape());
  if (bias) bias.resolve({weight.shape()[0]});
  Tensor y = conv2d(x, weight, bias ? Operand(bias) : Operand(std::nullopt),
                    {options.stride, options.padding, options.dilation, in});
  return options.activation(y);
}

namespace {
DepthwiseConvOptions depthwise_of(const SeparableConvOptions& o) {
  DepthwiseConvOptions d;
  d.in = o.in;
  d.kernel = o.kernel;
  d.stride = o.stride;
  d.padding = o.padding;
  d.dilation = o.dilation;
  d.multiplier = o.multiplier;
  d.bias = false;
  d.kernel_init = o.depthwise_init;
  return d;
}
ConvLayerOptions pointwise_of(const SeparableConvOptions& o) {
  ConvLayerOptions p;
  p.in = o.in * o.multiplier;
  p.out = o.out;
  p.kernel = 1;
  p.bias = o.bias;
  p.kernel_init = o.pointwise_init;
  p.bias_init = o.bias_init;
  p.activation = o.activation;
  return p;
}
}  // namespace

SeparableConv2d::SeparableConv2d(SeparableConvOptions o) : depthwise(depthwise_of(o)), pointwise(pointwise_of(o)) {}

Tensor SeparableConv2d::forward(const Tensor& x) const { return pointwise(depthwise(x)); }

}  // namespace weft::nn
