// Pooling over 1 to 3 spatial axes: x [N, C, in…].
#pragma once

#include <weft/opdefs/define.h>

namespace weft::op {

/// The geometry of a pooling: x [N, C, in…], y [N, C, out…].
struct PoolShape {
  int axes = 0;
  std::int64_t planes = 0;  ///< N * C
  Dims in, out, kernel, stride, pad_before, dilation;
  std::int64_t window() const { return Shape(kernel).numel(); }
  /// Position along an axis of element k of window p; outside [0, in) it is padding.
  std::int64_t at(int axis, std::int64_t p, std::int64_t k) const {
    return p * stride[axis] + k * dilation[axis] - pad_before[axis];
  }
};

/// y is the largest element of each window (NaN wins), index its place in the window, row-major.
struct MaxPool {
  Dims kernel, stride, pad_before, pad_after, dilation;  ///< empty: stride is the kernel, dilation 1, no padding
  static constexpr auto signature = sig("max_pool(x) -> y, index");
  static constexpr auto doc = "the largest element of each window, and its place in the window";
  static constexpr Types types = Types::any;
  PoolShape geometry(const Shape& x) const;
  Metas infer(Inputs in) const;
  Axes axes_of(Inputs in) const;
  template <class T> T vjp(const Saved<T>& s, T g) const;
  static constexpr Saves saves = saves_outputs(1);
  static std::vector<Case<MaxPool>> domain();
};

/// The gradient of max_pool: each element of g goes to the place that `index` names; places named twice add up.
struct MaxPoolGrad {
  Dims kernel, stride, pad_before, pad_after, dilation;
  Dims size;  ///< spatial sizes of the result
  static constexpr auto signature = sig("max_pool_grad(g, index:any) -> dx");
  static constexpr auto doc = "the gradient of max_pool: elements of g added at the places that index names";
  static constexpr Types types = Types::numeric;
  PoolShape geometry(const Shape& g) const;
  Metas infer(Inputs in) const;
  Axes axes_of(Inputs in) const;
  template <class T> Grads<T> vjp(const Saved<T>& s, T h) const;
  static constexpr Saves saves = saves_inputs(1);
  static std::vector<Case<MaxPoolGrad>> domain();
};

/// The elements of x at the places that a max_pool of another array chose.
struct MaxPoolTake {
  Dims kernel, stride, pad_before, pad_after, dilation;
  static constexpr auto signature = sig("max_pool_take(x, index:any) -> y");
  static constexpr auto doc = "the elements of x at the places that index (of a max_pool) names";
  static constexpr Types types = Types::numeric;
  PoolShape geometry(const Shape& x) const;
  Metas infer(Inputs in) const;
  Axes axes_of(Inputs in) const;
  template <class T> Grads<T> vjp(const Saved<T>& s, T g) const;
  static constexpr Saves saves = saves_inputs(1);
  static std::vector<Case<MaxPoolTake>> domain();
};

/// The mean of each window.
struct AvgPool {
  Dims kernel, stride, pad_before, pad_after;
  Dims overhang;  ///< the part of pad_after that is never counted (a last window that hangs over the end)
  bool count_include_pad = true;
  static constexpr auto signature = sig("avg_pool(x) -> y");
  static constexpr auto doc = "the mean of each window; padding counts as zeros or, without count_include_pad, not at all";
  static constexpr Types types = Types::floating;
  PoolShape geometry(const Shape& x) const;
  /// What the sum of window `p` (an index of out) is divided by.
  std::int64_t divisor(const PoolShape& s, const Dims& p) const;
  Metas infer(Inputs in) const;
  Axes axes_of(Inputs in) const;
  template <class T> T vjp(const Saved<T>& s, T g) const;
  static std::vector<Case<AvgPool>> domain();
};

/// The gradient of avg_pool.
struct AvgPoolGrad {
  Dims kernel, stride, pad_before, pad_after, overhang;
  bool count_include_pad = true;
  Dims size;  ///< spatial sizes of the result
  static constexpr auto signature = sig("avg_pool_grad(g) -> dx");
  static constexpr auto doc = "the gradient of avg_pool: each element of g shared evenly over its window";
  static constexpr Types types = Types::floating;
  AvgPool forward() const { return {kernel, stride, pad_before, pad_after, overhang, count_include_pad}; }
  PoolShape geometry(const Shape& g) const;
  Metas infer(Inputs in) const;
  Axes axes_of(Inputs in) const;
  template <class T> T vjp(const Saved<T>&, T h) const { return apply(forward(), h); }
  static std::vector<Case<AvgPoolGrad>> domain();
};

namespace pool_detail {
inline Dims spatial(const Shape& s) { return Dims(std::span<const std::int64_t>(s.begin() + 2, s.end())); }
}

template <class T> T MaxPool::vjp(const Saved<T>& s, T g) const {
  return apply(MaxPoolGrad{kernel, stride, pad_before, pad_after, dilation, pool_detail::spatial(s.in_meta(0).shape)}, g,
               s.out(1));
}
template <class T> Grads<T> MaxPoolGrad::vjp(const Saved<T>& s, T h) const {
  return {apply(MaxPoolTake{kernel, stride, pad_before, pad_after, dilation}, h, s.in(1)), T()};
}
template <class T> Grads<T> MaxPoolTake::vjp(const Saved<T>& s, T g) const {
  return {apply(MaxPoolGrad{kernel, stride, pad_before, pad_after, dilation, pool_detail::spatial(s.in_meta(0).shape)},
                g, s.in(1)),
          T()};
}
template <class T> T AvgPool::vjp(const Saved<T>& s, T g) const {
  return apply(AvgPoolGrad{kernel, stride, pad_before, pad_after, overhang, count_include_pad,
                           pool_detail::spatial(s.in_meta(0).shape)},
               g);
}

using Pools = OpList<MaxPool, MaxPoolGrad, MaxPoolTake, AvgPool, AvgPoolGrad>;

}  // namespace weft::op

namespace weft {
/// Puts this family into the operator table.
void register_pool_ops();
}  // namespace weft
