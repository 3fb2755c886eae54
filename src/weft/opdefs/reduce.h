// Operators that combine elements along axes.
#pragma once

#include <weft/opdefs/define.h>

namespace weft::op {

/// Shape of a reduction of `in` along `axes` (all where empty).
Shape reduced_shape(const Shape& in, const Dims& axes, bool keepdim);
/// Axes of a reduction for `Axes`: `code` along reduced axes.
Axes reduction_axes(Inputs in, const Dims& axes, bool keepdim, int code);

struct Sum {
  Dims axes;  ///< empty: all
  bool keepdim = false;
  static constexpr auto signature = sig("sum(x) -> y");
  static constexpr auto doc = "the sum along axes (all where none is named); bool and small integers sum in i64";
  static constexpr Types types = Types::numeric;
  Metas infer(Inputs in) const;
  Axes axes_of(Inputs in) const { return reduction_axes(in, axes, keepdim, Axes::sum); }
  template <class T> T vjp(const Saved<T>& s, T g) const {
    const Shape& from = s.in_meta(0).shape;
    return broadcast_to(reshape(g, reduced_shape(from, axes, true)), from);
  }
  static std::vector<Case<Sum>> domain() {
    return {{{}, {{{2, 3}}}}, {{Dims{1}, true}, {{{2, 3, 4}}}}, {{Dims{0, -1}}, {{{2, 3, 4}}}}, {{Dims{1}}, {{{2, 0}}}}};
  }
};

using Reductions = OpList<Sum>;

}  // namespace weft::op

namespace weft {
/// Puts this family into the operator table.
void register_reduce_ops();
}  // namespace weft
