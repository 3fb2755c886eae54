// Normalisation. BatchNorm has its own operators (statistics over the batch); layer, group, instance and RMS norms are
// `standardize` over the last axes, then an affine map.
#pragma once

#include <algorithm>

#include <weft/opdefs/define.h>

namespace weft::op {

/// Each channel (axis 1) to mean 0 and variance 1, times weight plus bias; var is the biased variance.
struct BatchNorm {
  double eps = 1e-5;
  static constexpr auto signature = sig("batch_norm(x, weight?, bias?) -> y, mean, var");
  static constexpr auto doc = "each channel of x brought to mean 0 and variance 1 over all other axes, times weight plus bias";
  static constexpr Types types = Types::floating;
  Metas infer(Inputs in) const;
  Axes axes_of(Inputs in) const;
  template <class T> Grads<T> vjp(const Saved<T>& s, std::span<const T> g) const;
  static constexpr Saves saves = saves_inputs(0, 1) | saves_outputs(1, 2);
  static std::vector<Case<BatchNorm>> domain() {
    return {{{}, {{{4, 3, 2, 2}}, {{3}, 0.5, 1.5}, {{3}}}, 4},
            {{1e-3}, {{{5, 2}}, {{2}, 0.5, 1.5}}, 4},
            {{}, {{{3, 2, 4}}}, 4},
            {{}, {{{5, 48, 11, 4}}, {{48}, 0.5, 1.5}, {{48}}}, 4},
            {{}, {{{0, 2, 3}}, {{2}}, {{2}}}}};
  }
};

/// The gradient of batch_norm's y for x, weight and bias, with mean and var as that made them.
struct BatchNormGrad {
  double eps = 1e-5;
  static constexpr auto signature = sig("batch_norm_grad(x, g, mean, var, weight?) -> dx, dweight, dbias");
  static constexpr auto doc = "the gradient of batch_norm: dx, dweight = sum(g * xhat), dbias = sum(g)";
  static constexpr Types types = Types::floating;
  Metas infer(Inputs in) const;
  Axes axes_of(Inputs in) const;
  template <class T> Grads<T> vjp(const Saved<T>& s, std::span<const T> h) const;
  static constexpr Saves saves = saves_inputs(0, 1, 2, 3, 4);
  static std::vector<Case<BatchNormGrad>> domain() {
    return {{{}, {{{4, 3, 2, 2}}, {{4, 3, 2, 2}}, {{3}}, {{3}, 0.5, 2}, {{3}, 0.5, 1.5}}, 4},
            {{}, {{{5, 2}}, {{5, 2}}, {{2}}, {{2}, 0.5, 2}}, 4},
            {{}, {{{3, 48, 9, 7}}, {{3, 48, 9, 7}}, {{48}}, {{48}, 0.5, 2}, {{48}, 0.5, 1.5}}, 4}};
  }
};

/// relu(batch_norm(x)) in one operator: compiled steps put it in their place. No gradient rule.
struct BatchNormRelu {
  double eps = 1e-5;
  static constexpr auto signature = sig("batch_norm_relu(x, weight?, bias?) -> y, mean, var");
  static constexpr auto doc = "relu of batch_norm; mean and var as batch_norm gives them";
  static constexpr Types types = Types::floating;
  Metas infer(Inputs in) const { return BatchNorm{eps}.infer(in); }
  Axes axes_of(Inputs in) const { return BatchNorm{eps}.axes_of(in); }
  static std::vector<Case<BatchNormRelu>> domain() {
    std::vector<Case<BatchNormRelu>> cases;
    for (const auto& c : BatchNorm::domain()) cases.push_back({{c.op.eps}, c.inputs, c.tolerance});
    return cases;
  }
};

/// batch_norm_grad of relu_grad(y, g), where y is that of batch_norm_relu: found anew from x.
struct BatchNormReluGrad {
  double eps = 1e-5;
  static constexpr auto signature = sig("batch_norm_relu_grad(x, g, mean, var, weight?, bias?) -> dx, dweight, dbias");
  static constexpr auto doc = "the gradient of batch_norm_relu: batch_norm_grad of g where y > 0";
  static constexpr Types types = Types::floating;
  Metas infer(Inputs in) const { return BatchNormGrad{eps}.infer(in); }
  Axes axes_of(Inputs in) const { return BatchNormGrad{eps}.axes_of(in); }
  static std::vector<Case<BatchNormReluGrad>> domain() {
    std::vector<Case<BatchNormReluGrad>> cases;
    for (const auto& c : BatchNormGrad::domain()) {
      cases.push_back({{c.op.eps}, c.inputs, c.tolerance});
      if (c.inputs.size() < 5) continue;
      cases.push_back(cases.back());
      cases.back().inputs.push_back({c.inputs[4].shape});
    }
    return cases;
  }
};

/// Rows (the last `axes` axes) to mean 0 (where `center`) and mean square 1; rstd is the factor of each row.
struct Standardize {
  std::int64_t axes = 1;  ///< how many last axes make a row
  bool center = true;
  double eps = 1e-5;
  static constexpr auto signature = sig("standardize(x) -> y, rstd");
  static constexpr auto doc = "y = (x - mean) * rstd over the last axes, rstd = 1 / sqrt(var + eps); without center no mean is taken away";
  static constexpr Types types = Types::floating;
  Metas infer(Inputs in) const;
  Axes axes_of(Inputs in) const;
  template <class T> Grads<T> vjp(const Saved<T>& s, std::span<const T> g) const;
  static constexpr Saves saves = saves_outputs(0, 1);
  static std::vector<Case<Standardize>> domain() {
    return {{{}, {{{3, 6}}}, 4},       {{2, true, 1e-3}, {{{2, 3, 4}}}, 4}, {{1, false}, {{{2, 2, 5}}}, 4},
            {{1, true}, {{{0, 4}}}},   {{1, true, 1e-2}, {{{33}}}, 4}};
  }
};

/// The gradient of standardize for x, from its outputs: rstd * (g - mean(g) - y * mean(g * y)).
struct StandardizeGrad {
  std::int64_t axes = 1;
  bool center = true;
  static constexpr auto signature = sig("standardize_grad(y, rstd, g) -> dx");
  static constexpr auto doc = "the gradient of standardize: rstd * (g - mean(g) - y * mean(g * y)); without center no mean(g)";
  static constexpr Types types = Types::floating;
  Metas infer(Inputs in) const;
  Axes axes_of(Inputs in) const;
  template <class T> Grads<T> vjp(const Saved<T>& s, T h) const;
  static constexpr Saves saves = saves_inputs(0, 1, 2);
  static std::vector<Case<StandardizeGrad>> domain() {
    return {{{}, {{{3, 6}}, {{3}, 0.5, 2}, {{3, 6}}}, 4}, {{2, false}, {{{2, 3, 2}}, {{2}, 0.5, 2}, {{2, 3, 2}}}, 4}};
  }
};

namespace norm_detail {
/// All axes but the channels'.
Dims batch_axes(int rank);
/// [1, C, 1…]: a number a channel, to meet an array of `rank` axes.
inline Shape per_channel(const Shape& x) {
  Shape s(Dims::filled(x.rank(), 1));
  s[1] = x[1];
  return s;
}
/// The shape of x with the last `axes` axes 1.
Shape per_row(const Shape& x, std::int64_t axes);
Dims last_axes(int rank, std::int64_t axes);
/// The divisor of a mean: 1 for an empty batch, whose sums are 0.
inline double elements_a_channel(const Shape& x) {
  double n = static_cast<double>(x[0]);
  for (int i = 2; i < x.rank(); ++i) n *= static_cast<double>(x[i]);
  return std::max(n, 1.0);
}
}  // namespace norm_detail

template <class T> Grads<T> BatchNorm::vjp(const Saved<T>& s, std::span<const T> g) const {
  const Shape& shape = s.in_meta(0).shape;
  const Shape channel = norm_detail::per_channel(shape);
  const double n = norm_detail::elements_a_channel(shape);
  Grads<T> d(3);
  if (g[0].defined()) {
    auto all = s.inputs() > 1 ? apply_all(BatchNormGrad{eps}, s.in(0), g[0], s.out(1), s.out(2), s.in(1))
                              : apply_all(BatchNormGrad{eps}, s.in(0), g[0], s.out(1), s.out(2));
    for (int i = 0; i < 3; ++i) d[static_cast<std::size_t>(i)] = all[static_cast<std::size_t>(i)];
  }
  const auto add_to_x = [&](T more) { d[0] = d[0].defined() ? d[0] + more : more; };
  if (g[1].defined()) add_to_x(broadcast_to(reshape(g[1] / n, channel), shape));
  if (g[2].defined()) add_to_x((s.in(0) - reshape(s.out(1), channel)) * reshape(g[2] * (2 / n), channel));
  return d;
}

// With u = hx * w * r, L = sum(hx * dx) + sum(hw * dw) + sum(hb * db)
//   = sum(u * g) - U * G / n - V * S / n + hw * S + hb * G, where U = sum(u), G = sum(g), V = sum(u * xhat), S = sum(g * xhat);
// the rule is its derivative, with mean and var as inputs of their own.
template <class T> Grads<T> BatchNormGrad::vjp(const Saved<T>& s, std::span<const T> h) const {
  const Shape& shape = s.in_meta(0).shape;
  const Shape channel = norm_detail::per_channel(shape);
  const Dims axes = norm_detail::batch_axes(shape.rank());
  const double n = norm_detail::elements_a_channel(shape);
  const auto total = [&](const T& v) { return sum(v, axes, true); };
  const T g = s.in(1), r = rsqrt(reshape(s.in(3), channel) + eps), xc = s.in(0) - reshape(s.in(2), channel), xhat = xc * r;
  const T w = s.inputs() > 4 ? reshape(s.in(4), channel) : T();
  const T G = total(g), S = total(g * xhat), q = g - G / n - xhat * (S / n);
  T dg, dxhat, dr, dw;
  const auto add = [](T& to, T more) { to = to.defined() ? to + more : more; };
  if (h[0].defined()) {
    const T hr = h[0] * r, u = w.defined() ? hr * w : hr;
    const T U = total(u), V = total(u * xhat);
    add(dg, u - U / n - xhat * (V / n));
    add(dxhat, -(u * (S / n)) - g * (V / n));
    if (w.defined()) dw = total(hr * q);
    add(dr, total((w.defined() ? h[0] * w : h[0]) * q));
  }
  if (h[1].defined()) {
    const T hw = reshape(h[1], channel);
    add(dg, xhat * hw);
    add(dxhat, g * hw);
  }
  if (h[2].defined()) add(dg, broadcast_to(reshape(h[2], channel), shape));
  Grads<T> d(5);
  d[1] = dg;
  const Shape flat = s.in_meta(2).shape;
  if (dxhat.defined()) {
    d[0] = dxhat * r;
    d[2] = reshape(-(total(dxhat) * r), flat);
    add(dr, total(dxhat * xc));
  }
  if (dr.defined()) d[3] = reshape(dr * r * r * r * -0.5, flat);
  if (dw.defined()) d[4] = reshape(dw, flat);
  return d;
}

template <class T> Grads<T> Standardize::vjp(const Saved<T>& s, std::span<const T> g) const {
  const Shape& shape = s.in_meta(0).shape;
  T dx;
  if (g[0].defined()) dx = apply(StandardizeGrad{axes, center}, s.out(0), s.out(1), g[0]);
  if (g[1].defined()) {  // d rstd / dx = -rstd^2 * y / n
    double n = 1;
    for (auto a : norm_detail::last_axes(shape.rank(), axes)) n *= static_cast<double>(shape[static_cast<int>(a)]);
    const T scale = reshape(g[1] * s.out(1) * s.out(1) * (-1 / n), norm_detail::per_row(shape, axes));
    const T more = s.out(0) * scale;
    dx = dx.defined() ? dx + more : more;
  }
  return {dx};
}

template <class T> Grads<T> StandardizeGrad::vjp(const Saved<T>& s, T h) const {
  const Shape& shape = s.in_meta(0).shape;
  const Dims last = norm_detail::last_axes(shape.rank(), axes);
  const auto average = [&](const T& v) { return mean(v, last, true); };
  const T y = s.in(0), g = s.in(2), r = reshape(s.in(1), norm_detail::per_row(shape, axes));
  const T u = h * r, gy = average(g * y), uy = average(u * y);
  T dg = u - y * uy, q = g - y * gy;
  if (center) {
    dg = dg - average(u);
    q = q - average(g);
  }
  return {-(u * gy) - g * uy, reshape(sum(h * q, last), s.in_meta(1).shape), dg};
}

using Norms = OpList<BatchNorm, BatchNormGrad, Standardize, StandardizeGrad>;
using NormBlocks = OpList<BatchNormRelu, BatchNormReluGrad>;

}  // namespace weft::op

namespace weft {
/// Puts this family into the operator table.
void register_norm_ops();
}  // namespace weft
