// Convolution, pooling and their padding.
#include <weft/ops/nn.h>

#include <weft/opdefs/conv.h>
#include <weft/opdefs/pool.h>
#include <weft/ops/composite.h>
#include <weft/ops/nn_detail.h>
#include <weft/ops/ops.h>
#include <weft/tensor/tape.h>

namespace weft {

Dims PerAxis::expand(int axes, const char* what) const {
  if (values_.size() == 1) return Dims::filled(axes, values_[0]);
  check(values_.size() == axes, what, ": received ", values_, "; expected 1 or ", axes, " numbers");
  return values_;
}

Padding::Padding(const char* rule) : before_{0}, after_{0} {
  const std::string word = rule;
  check(word == "same" || word == "valid", "padding: received '", word, "'; expected a number, \"same\" or \"valid\"",
        suggestion(word, {"same", "valid"}));
  same_ = word == "same";
}

Padding Padding::asymmetric(const Dims& before, const Dims& after) {
  check(before.size() == after.size(), "padding: ", before.size(), " numbers before and ", after.size(), " after");
  Padding p;
  p.before_ = before;
  p.after_ = after;
  return p;
}

Padding::Amounts Padding::resolve(const Dims& in, const Dims& kernel, const Dims& stride, const Dims& dilation) const {
  const int axes = in.size();
  if (!same_) return {PerAxis(before_).expand(axes, "padding"), PerAxis(after_).expand(axes, "padding")};
  Amounts a;
  for (int i = 0; i < axes; ++i) {
    const std::int64_t out = (in[i] + stride[i] - 1) / stride[i];
    const std::int64_t total = std::max<std::int64_t>(0, (out - 1) * stride[i] + dilation[i] * (kernel[i] - 1) + 1 - in[i]);
    a.before.push_back(total / 2);
    a.after.push_back(total - total / 2);
  }
  return a;
}

namespace detail {
Tensor resample_axis(const Tensor& x, int axis, const std::vector<double>& matrix, std::int64_t out) {
  const Device device = x.device().type == DeviceType::meta ? cpu : x.device();
  const DType dtype = is_floating(x.dtype()) ? x.dtype() : DType::f32;
  const Tensor m = tensor_of(matrix, {out, x.size(axis)}, {.dtype = dtype, .device = device});
  const int last = x.rank() - 1;
  if (axis == last) return matmul(x, m, false, true);
  if (axis == last - 1) return matmul(m, x);
  return transpose(matmul(transpose(x, axis, last), m, false, true), axis, last);
}
}  // namespace detail

namespace {

/// The shape of an image argument, checked for `axes` spatial axes.
const Shape& image_shape(const char* name, Operand x, int axes) {
  detail::check_at(x.where(), x.kind() == Operand::Kind::tensor && x.present(), name, ": x is not a tensor");
  const Shape& s = x.tensor().shape();
  detail::check_at(x.where(), s.rank() == axes + 2, name, ": x has shape ", s, "; expected rank ", axes + 2,
                   axes == 1   ? ": [N, C, L]"
                   : axes == 2 ? ": [N, C, H, W]"
                               : ": [N, C, D, H, W]",
                   s.rank() == axes + 1 ? "; a single sample needs .unsqueeze(0)" : "");
  return s;
}

Tensor convolve(const char* name, int axes, Operand x, Operand weight, Operand bias, const ConvOptions& o) {
  const Shape& in = image_shape(name, x, axes);
  const Shape& w = image_shape(name, weight, axes);
  op::Conv conv;
  conv.stride = o.stride.expand(axes, "stride");
  conv.dilation = o.dilation.expand(axes, "dilation");
  const auto padding = o.padding.resolve(op::conv_detail::spatial(in), op::conv_detail::spatial(w), conv.stride, conv.dilation);
  conv.pad_before = padding.before;
  conv.pad_after = padding.after;
  conv.groups = o.groups;
  return apply(conv, x, weight, bias);
}

Tensor convolve_transposed(const char* name, int axes, Operand x, Operand weight, Operand bias,
                           const ConvTransposeOptions& o) {
  const Shape& in = image_shape(name, x, axes);
  const Shape& w = image_shape(name, weight, axes);
  check(in[1] == w[0], name, ": x ", in, " has ", in[1], " channels; weight ", w, " expects ", w[0]);
  op::ConvInputGrad conv;
  conv.stride = o.stride.expand(axes, "stride");
  conv.dilation = o.dilation.expand(axes, "dilation");
  conv.groups = o.groups;
  const Dims extra = o.output_padding.expand(axes, "output_padding");
  Padding::Amounts padding;
  if (o.padding.is_same()) {  // the padding of the convolution that this one transposes
    Dims full;
    for (int i = 0; i < axes; ++i) full.push_back(in[i + 2] * conv.stride[i]);
    padding = o.padding.resolve(full, op::conv_detail::spatial(w), conv.stride, conv.dilation);
  } else {
    padding = o.padding.resolve(op::conv_detail::spatial(in), op::conv_detail::spatial(w), conv.stride, conv.dilation);
  }
  conv.pad_before = padding.before;
  conv.pad_after = padding.after;
  for (int i = 0; i < axes; ++i) {
    check(extra[i] >= 0 && (extra[i] < conv.stride[i] || extra[i] < conv.dilation[i]), name, ": output_padding ", extra[i],
          "; expected less than the stride ", conv.stride[i], " or the dilation ", conv.dilation[i]);
    const std::int64_t natural = (in[i + 2] - 1) * conv.stride[i] - padding.before[i] - padding.after[i] +
                                 conv.dilation[i] * (w[i + 2] - 1) + 1;
    const std::int64_t size = o.padding.is_same() ? in[i + 2] * conv.stride[i] : natural + extra[i];
    check(size >= 1, name, ": padding ", padding.before[i], " crops the whole result");
    conv.size.push_back(size);
  }
  Tensor y = apply(conv, x, weight);
  if (!bias.present()) return y;
  Shape per_channel(Dims::filled(axes + 2, 1));
  per_channel[1] = y.size(1);
  check(bias.kind() != Operand::Kind::tensor || bias.tensor().shape() == Shape{y.size(1)}, name, ": bias ",
        bias.kind() == Operand::Kind::tensor ? to_string(bias.tensor().shape()) : "", "; expected [", y.size(1), "]");
  return y + reshape(bias, per_channel);
}

/// Padding after an axis that makes the last windows of ceil_mode fit: a window may start inside the image or the
/// padding before it, never beyond. `extra` receives what was added.
void round_up(const Dims& in, const Dims& kernel, const Dims& stride, const Dims& dilation, const Dims& before,
              Dims& after, Dims& extra) {
  for (int i = 0; i < in.size(); ++i) {
    const std::int64_t reach = dilation[i] * (kernel[i] - 1) + 1, room = in[i] + before[i] + after[i] - reach;
    if (room < 0) continue;
    std::int64_t out = (room + stride[i] - 1) / stride[i] + 1;
    if ((out - 1) * stride[i] >= in[i] + before[i]) --out;
    extra[i] = std::max<std::int64_t>(0, (out - 1) * stride[i] + reach - in[i] - before[i] - after[i]);
    after[i] += extra[i];
  }
}

Tensor max_pool(const char* name, int axes, Operand x, const PerAxis& kernel, const MaxPoolOptions& o) {
  const Dims in = op::pool_detail::spatial(image_shape(name, x, axes));
  op::MaxPool pool;
  pool.kernel = kernel.expand(axes, "kernel");
  pool.stride = o.stride ? o.stride->expand(axes, "stride") : pool.kernel;
  pool.dilation = o.dilation.expand(axes, "dilation");
  const auto padding = o.padding.resolve(in, pool.kernel, pool.stride, pool.dilation);
  pool.pad_before = padding.before;
  pool.pad_after = padding.after;
  Dims extra = Dims::filled(axes, 0);
  if (o.ceil_mode) round_up(in, pool.kernel, pool.stride, pool.dilation, pool.pad_before, pool.pad_after, extra);
  return apply_all(pool, x)[0];
}

Tensor avg_pool(const char* name, int axes, Operand x, const PerAxis& kernel, const AvgPoolOptions& o) {
  const Dims in = op::pool_detail::spatial(image_shape(name, x, axes));
  op::AvgPool pool;
  pool.kernel = kernel.expand(axes, "kernel");
  pool.stride = o.stride ? o.stride->expand(axes, "stride") : pool.kernel;
  pool.count_include_pad = o.count_include_pad;
  const Dims ones = Dims::filled(axes, 1);
  const auto padding = o.padding.resolve(in, pool.kernel, pool.stride, ones);
  pool.pad_before = padding.before;
  pool.pad_after = padding.after;
  pool.overhang = Dims::filled(axes, 0);
  if (o.ceil_mode) round_up(in, pool.kernel, pool.stride, ones, pool.pad_before, pool.pad_after, pool.overhang);
  return apply(pool, x);
}

/// The matrix [out, in] of means over the cells of an adaptive pooling.
std::vector<double> cells(std::int64_t in, std::int64_t out) {
  std::vector<double> m(static_cast<std::size_t>(in * out));
  for (std::int64_t i = 0; i < out; ++i) {
    const std::int64_t from = i * in / out, to = ((i + 1) * in + out - 1) / out;
    for (std::int64_t j = from; j < to; ++j) m[static_cast<std::size_t>(i * in + j)] = 1 / static_cast<double>(to - from);
  }
  return m;
}

Tensor adaptive_avg_pool(const char* name, int axes, Operand x, const PerAxis& size) {
  const Shape in = image_shape(name, x, axes);
  const Dims out = size.expand(axes, "size");
  bool even = true;
  Dims kernel;
  for (int i = 0; i < axes; ++i) {
    check(out[i] >= 1, name, ": size ", out, "; expected 1 or more");
    check(in[i + 2] >= 1, name, ": x ", in, " has no pixels");
    even &= in[i + 2] % out[i] == 0;
    kernel.push_back(in[i + 2] / out[i]);
  }
  if (even) return avg_pool(name, axes, x, kernel, {});
  Tensor y = x.tensor();
  for (int i = 0; i < axes; ++i) y = detail::resample_axis(y, i + 2, cells(in[i + 2], out[i]), out[i]);
  return y;
}

Dims spatial_axes(const char* name, const Shape& s) {
  check(s.rank() >= 3, name, ": x has shape ", s, "; expected [N, C, spatial…]");
  Dims axes;
  for (int i = 2; i < s.rank(); ++i) axes.push_back(i);
  return axes;
}

}  // namespace

Tensor conv1d(Operand x, Operand w, Operand b, const ConvOptions& o) { return convolve("conv1d", 1, x, w, b, o); }
Tensor conv2d(Operand x, Operand w, Operand b, const ConvOptions& o) { return convolve("conv2d", 2, x, w, b, o); }
Tensor conv3d(Operand x, Operand w, Operand b, const ConvOptions& o) { return convolve("conv3d", 3, x, w, b, o); }

Tensor conv_transpose1d(Operand x, Operand w, Operand b, const ConvTransposeOptions& o) {
  return convolve_transposed("conv_transpose1d", 1, x, w, b, o);
}
Tensor conv_transpose2d(Operand x, Operand w, Operand b, const ConvTransposeOptions& o) {
  return convolve_transposed("conv_transpose2d", 2, x, w, b, o);
}
Tensor conv_transpose3d(Operand x, Operand w, Operand b, const ConvTransposeOptions& o) {
  return convolve_transposed("conv_transpose3d", 3, x, w, b, o);
}

Tensor max_pool1d(Operand x, const PerAxis& k, const MaxPoolOptions& o) { return max_pool("max_pool1d", 1, x, k, o); }
Tensor max_pool2d(Operand x, const PerAxis& k, const MaxPoolOptions& o) { return max_pool("max_pool2d", 2, x, k, o); }
Tensor max_pool3d(Operand x, const PerAxis& k, const MaxPoolOptions& o) { return max_pool("max_pool3d", 3, x, k, o); }
Tensor avg_pool1d(Operand x, const PerAxis& k, const AvgPoolOptions& o) { return avg_pool("avg_pool1d", 1, x, k, o); }
Tensor avg_pool2d(Operand x, const PerAxis& k, const AvgPoolOptions& o) { return avg_pool("avg_pool2d", 2, x, k, o); }
Tensor avg_pool3d(Operand x, const PerAxis& k, const AvgPoolOptions& o) { return avg_pool("avg_pool3d", 3, x, k, o); }
Tensor adaptive_avg_pool1d(Operand x, const PerAxis& size) { return adaptive_avg_pool("adaptive_avg_pool1d", 1, x, size); }
Tensor adaptive_avg_pool2d(Operand x, const PerAxis& size) { return adaptive_avg_pool("adaptive_avg_pool2d", 2, x, size); }

Tensor global_avg_pool(Operand x, bool keepdim) {
  return mean(x, spatial_axes("global_avg_pool", x.tensor().shape()), keepdim);
}
Tensor global_max_pool(Operand x, bool keepdim) {
  const Shape& s = x.tensor().shape();
  const Dims axes = spatial_axes("global_max_pool", s);
  Tensor y = max_pool("global_max_pool", axes.size(), x, op::pool_detail::spatial(s), {});
  return keepdim ? y : y.reshape(s[0] > 0 ? Shape{-1, s[1]} : Shape{s[0], s[1]});
}

void register_nn_gradients() {
  add_vjps(op::Convolutions{});
  add_vjps(op::Pools{});
}

}  // namespace weft
