// Operators that combine elements along axes.
#pragma once

#include <weft/opdefs/define.h>
#include <weft/opdefs/shape_ops.h>

namespace weft::op {

/// Shape of a reduction of `in` along `axes` (all where empty).
Shape reduced_shape(const Shape& in, const Dims& axes, bool keepdim);
/// Axes of a reduction for `Axes`: `code` along reduced axes.
Axes reduction_axes(Inputs in, const Dims& axes, bool keepdim, int code);
/// A permutation that keeps the other axes in order and puts the reduced ones last.
Permute reduced_last(int rank, const Dims& axes);

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
    return {{{}, {{{2, 3}}}},
            {{Dims{1}, true}, {{{2, 3, 4}}}},
            {{Dims{0, -1}}, {{{2, 3, 4}}}},
            {{Dims{1}}, {{{2, 0}}}},
            {{}, {{{}}}}};
  }
};

struct Prod {
  Dims axes;  ///< empty: all
  bool keepdim = false;
  static constexpr auto signature = sig("prod(x) -> y");
  static constexpr auto doc = "the product along axes (all where none is named); bool and integers multiply in i64";
  static constexpr Types types = Types::numeric;
  Metas infer(Inputs in) const;
  Axes axes_of(Inputs in) const { return reduction_axes(in, axes, keepdim, Axes::mixed); }
  /// The product of all other elements, as products before and after: right where elements are zero, too.
  template <class T> T vjp(const Saved<T>& s, T g) const {
    const Shape& from = s.in_meta(0).shape;
    const Permute order = reduced_last(from.rank(), axes);
    const T moved = permute(s.in(0), order.axes);
    const std::int64_t kept = reduced_shape(from, axes, false).numel();
    const T rows = reshape(moved, Shape{kept, kept ? from.numel() / kept : 0});
    const T others = cumprod(rows, -1, false, true) * cumprod(rows, -1, true, true);
    return broadcast_to(reshape(g, reduced_shape(from, axes, true)), from) *
           permute(reshape(others, moved.shape()), order.inverse());
  }
  static constexpr Saves saves = saves_inputs(0);
  static std::vector<Case<Prod>> domain() {
    return {{{}, {{{2, 3}}}},
            {{Dims{1}, true}, {{{2, 3, 2}}}},
            {{Dims{0, -1}}, {{{2, 2, 3}}}},
            {{Dims{1}}, {{{2, 3}, 0, 0, {1, 0, 2, 0, 3, 0}}}},
            {{Dims{1}}, {{{2, 0}}}},
            {{}, {{{}}}}};
  }
};

struct Amax {
  Dims axes;  ///< empty: all
  bool keepdim = false;
  static constexpr auto signature = sig("amax(x) -> y");
  static constexpr auto doc =
      "the largest along axes (all where none is named); NaN where any is; ties share the gradient";
  static constexpr Types types = Types::numeric;
  Metas infer(Inputs in) const;
  Axes axes_of(Inputs in) const { return reduction_axes(in, axes, keepdim, Axes::max); }
  template <class T> T vjp(const Saved<T>& s, T g) const {
    const Shape kept = reduced_shape(s.in_meta(0).shape, axes, true);
    const T winners = cast(s.in(0) == reshape(s.out(0), kept), g.dtype());
    return winners * (reshape(g, kept) / sum(winners, axes, true));
  }
  static constexpr Saves saves = saves_inputs(0) | saves_outputs(0);
  static std::vector<Case<Amax>> domain() {
    return {{{}, {{{2, 3}}}},
            {{Dims{1}, true}, {{{2, 3, 4}}}},
            {{Dims{0, -1}}, {{{2, 3, 4}}}},
            {{Dims{1}}, {{{0, 3}}}},
            {{}, {{{}}}}};
  }
};

struct Amin {
  Dims axes;  ///< empty: all
  bool keepdim = false;
  static constexpr auto signature = sig("amin(x) -> y");
  static constexpr auto doc =
      "the smallest along axes (all where none is named); NaN where any is; ties share the gradient";
  static constexpr Types types = Types::numeric;
  Metas infer(Inputs in) const;
  Axes axes_of(Inputs in) const { return reduction_axes(in, axes, keepdim, Axes::mixed); }
  template <class T> T vjp(const Saved<T>& s, T g) const {
    const Shape kept = reduced_shape(s.in_meta(0).shape, axes, true);
    const T winners = cast(s.in(0) == reshape(s.out(0), kept), g.dtype());
    return winners * (reshape(g, kept) / sum(winners, axes, true));
  }
  static constexpr Saves saves = saves_inputs(0) | saves_outputs(0);
  static std::vector<Case<Amin>> domain() {
    return {{{}, {{{2, 3}}}},
            {{Dims{1}, true}, {{{2, 3, 4}}}},
            {{Dims{0, -1}}, {{{2, 3, 4}}}},
            {{Dims{1}}, {{{0, 3}}}},
            {{}, {{{}}}}};
  }
};

struct ArgMax {
  Dims axes;  ///< one axis, or empty: the index into the flattened tensor
  bool keepdim = false;
  static constexpr auto signature = sig("argmax(x) -> index");
  static constexpr auto doc =
      "the index (i64) of the largest along one axis, the first of equals; NaN counts as largest";
  static constexpr Types types = Types::numeric;
  Metas infer(Inputs in) const;
  Axes axes_of(Inputs in) const { return reduction_axes(in, axes, keepdim, Axes::mixed); }
  static std::vector<Case<ArgMax>> domain() {
    return {{{}, {{{2, 3}}}}, {{Dims{1}, true}, {{{2, 3, 4}}}}, {{Dims{-1}}, {{{0, 3}}}}, {{}, {{{}}}}};
  }
};

struct ArgMin {
  Dims axes;  ///< one axis, or empty: the index into the flattened tensor
  bool keepdim = false;
  static constexpr auto signature = sig("argmin(x) -> index");
  static constexpr auto doc =
      "the index (i64) of the smallest along one axis, the first of equals; NaN counts as smallest";
  static constexpr Types types = Types::numeric;
  Metas infer(Inputs in) const;
  Axes axes_of(Inputs in) const { return reduction_axes(in, axes, keepdim, Axes::mixed); }
  static std::vector<Case<ArgMin>> domain() {
    return {{{}, {{{2, 3}}}}, {{Dims{1}, true}, {{{2, 3, 4}}}}, {{Dims{-1}}, {{{0, 3}}}}, {{}, {{{}}}}};
  }
};

using Reductions = OpList<Sum, Prod, Amax, Amin, ArgMax, ArgMin>;

}  // namespace weft::op

namespace weft {
/// Puts this family into the operator table.
void register_reduce_ops();
}  // namespace weft
