// Convolution of 1 to 3 spatial axes and its two gradients. The three are linear in each input and each other's
// gradients, so derivatives of every order stay among them. Transposed convolution is conv_input_grad.
#pragma once

#include <weft/opdefs/define.h>

namespace weft::op {

/// The geometry that the three operators share: x [N, C, in…], w [O, C / groups, kernel…], y [N, O, out…].
struct ConvShape {
  int axes = 0;  ///< spatial
  std::int64_t batch = 0, in_channels = 0, out_channels = 0, groups = 1;
  Dims in, kernel, out, stride, pad_before, pad_after, dilation;

  std::int64_t in_per_group() const { return in_channels / groups; }
  std::int64_t out_per_group() const { return out_channels / groups; }
  Shape x() const { return join(batch, in_channels, in); }
  Shape w() const { return join(out_channels, in_per_group(), kernel); }
  Shape y() const { return join(batch, out_channels, out); }
  /// Multiply-adds of any of the three.
  std::int64_t macs() const;
  static Shape join(std::int64_t a, std::int64_t b, const Dims& rest);
};

/// y[n, o, p] = sum over c and k of x[n, c, p * stride + k * dilation - pad] * w[o, c, k], plus bias[o].
struct Conv {
  Dims stride, pad_before, pad_after, dilation;  ///< one number a spatial axis; empty: stride and dilation 1, no padding
  std::int64_t groups = 1;
  static constexpr auto signature = sig("conv(x, weight, bias?) -> y");
  static constexpr auto doc = "convolution (cross-correlation) over 1 to 3 spatial axes";
  static constexpr Types types = Types::floating;
  /// Checks the inputs; throws Error naming what differs.
  ConvShape geometry(const Shape& x, const Shape& w) const;
  Metas infer(Inputs in) const;
  Axes axes_of(Inputs in) const;
  std::int64_t macs(Inputs in, std::span<const Meta>) const { return geometry(in[0].shape, in[1].shape).macs(); }
  template <class T> Grads<T> vjp(const Saved<T>& s, T g) const;
  static constexpr Saves saves = saves_inputs(0, 1);
  static std::vector<Case<Conv>> domain();
};

/// The gradient of conv for its input; with x for g, a transposed convolution.
struct ConvInputGrad {
  Dims stride, pad_before, pad_after, dilation;
  std::int64_t groups = 1;
  Dims size;  ///< spatial sizes of the result
  static constexpr auto signature = sig("conv_input_grad(g, weight) -> dx");
  static constexpr auto doc = "the gradient of conv for its input: a transposed convolution of g with weight";
  static constexpr Types types = Types::floating;
  ConvShape geometry(const Shape& g, const Shape& w) const;
  Metas infer(Inputs in) const;
  Axes axes_of(Inputs in) const;
  std::int64_t macs(Inputs in, std::span<const Meta>) const { return geometry(in[0].shape, in[1].shape).macs(); }
  template <class T> Grads<T> vjp(const Saved<T>& s, T g) const;
  static constexpr Saves saves = saves_inputs(0, 1);
  static std::vector<Case<ConvInputGrad>> domain();
};

/// The gradient of conv for its weight.
struct ConvWeightGrad {
  Dims stride, pad_before, pad_after, dilation;
  std::int64_t groups = 1;
  Dims kernel;  ///< spatial sizes of the result
  static constexpr auto signature = sig("conv_weight_grad(x, g) -> dw");
  static constexpr auto doc = "the gradient of conv for its weight";
  static constexpr Types types = Types::floating;
  ConvShape geometry(const Shape& x, const Shape& g) const;
  Metas infer(Inputs in) const;
  Axes axes_of(Inputs in) const;
  std::int64_t macs(Inputs in, std::span<const Meta>) const { return geometry(in[0].shape, in[1].shape).macs(); }
  template <class T> Grads<T> vjp(const Saved<T>& s, T g) const;
  static constexpr Saves saves = saves_inputs(0, 1);
  static std::vector<Case<ConvWeightGrad>> domain();
};

namespace conv_detail {
/// The spatial sizes of an image or weight: its shape without the first two axes.
inline Dims spatial(const Shape& s) { return Dims(std::span<const std::int64_t>(s.begin() + 2, s.end())); }
/// Operator To with the geometry of `from`.
template <class To, class From> To conv_like(const From& from) {
  To to;
  to.stride = from.stride;
  to.pad_before = from.pad_before;
  to.pad_after = from.pad_after;
  to.dilation = from.dilation;
  to.groups = from.groups;
  return to;
}
template <class From> ConvInputGrad conv_input_grad(const From& from, const Shape& x) {
  auto op = conv_like<ConvInputGrad>(from);
  op.size = spatial(x);
  return op;
}
template <class From> ConvWeightGrad conv_weight_grad(const From& from, const Shape& w) {
  auto op = conv_like<ConvWeightGrad>(from);
  op.kernel = spatial(w);
  return op;
}
}  // namespace conv_detail

template <class T> Grads<T> Conv::vjp(const Saved<T>& s, T g) const {
  T dx, dw, db;
  if (s.needs(0)) dx = apply(conv_detail::conv_input_grad(*this, s.in_meta(0).shape), g, s.in(1));
  if (s.needs(1)) dw = apply(conv_detail::conv_weight_grad(*this, s.in_meta(1).shape), s.in(0), g);
  if (s.inputs() < 3) return {dx, dw};
  if (s.needs(2)) {
    Dims all_but_channels{0};
    for (int i = 2; i < s.in_meta(0).shape.rank(); ++i) all_but_channels.push_back(i);
    db = sum(g, all_but_channels);
  }
  return {dx, dw, db};
}

template <class T> Grads<T> ConvInputGrad::vjp(const Saved<T>& s, T h) const {
  T dg, dw;
  if (s.needs(0)) dg = apply(conv_detail::conv_like<Conv>(*this), h, s.in(1));
  if (s.needs(1)) dw = apply(conv_detail::conv_weight_grad(*this, s.in_meta(1).shape), h, s.in(0));
  return {dg, dw};
}

template <class T> Grads<T> ConvWeightGrad::vjp(const Saved<T>& s, T h) const {
  T dx, dg;
  if (s.needs(0)) dx = apply(conv_detail::conv_input_grad(*this, s.in_meta(0).shape), s.in(1), h);
  if (s.needs(1)) dg = apply(conv_detail::conv_like<Conv>(*this), s.in(0), h);
  return {dx, dg};
}

using Convolutions = OpList<Conv, ConvInputGrad, ConvWeightGrad>;

}  // namespace weft::op

namespace weft {
/// Puts this family into the operator table.
void register_conv_ops();
}  // namespace weft
