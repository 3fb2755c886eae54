// Operators that take, replace, join or surround parts of tensors.
#pragma once

#include <limits>

#include <weft/opdefs/define.h>

namespace weft::op {

/// "To the end" in the direction of a positive step, and of a negative one.
inline constexpr std::int64_t slice_end = std::numeric_limits<std::int64_t>::max();
inline constexpr std::int64_t slice_begin = std::numeric_limits<std::int64_t>::min();

/// start:stop:step of an axis of n elements as in Python: negative positions count from the end, all are clamped.
struct SliceRange {
  std::int64_t start = 0, size = 0, step = 1;
  static SliceRange of(std::int64_t start, std::int64_t stop, std::int64_t step, std::int64_t n);
};
/// The part of a view that start:stop:step along `axes` selects; throws Error for lists of different length.
TensorView slice_view(const TensorView& in, const Dims& axes, const Dims& start, const Dims& stop, const Dims& step);

struct Slice {
  Dims axes, start, stop, step;  ///< of equal length; axes not named are taken whole
  static constexpr auto signature = sig("slice(x:any) -> y");
  static constexpr auto doc = "x[start:stop:step] along the axes named, as in Python; steps may be negative; a view";
  static constexpr Types types = Types::any;
  Metas infer(Inputs in) const;
  std::optional<TensorView> view(const TensorView& in) const { return slice_view(in, axes, start, stop, step); }
  Axes axes_of(Inputs in) const;
  template <class T> T vjp(const Saved<T>& s, T g) const {
    return slice_update(new_full(g, s.in_meta(0).shape, 0), g, axes, start, stop, step);
  }
  static std::vector<Case<Slice>> domain() {
    return {{{Dims{1}, Dims{1}, Dims{4}, Dims{2}}, {{{2, 5}}}},
            {{Dims{0, -1}, Dims{slice_end, -1}, Dims{slice_begin, slice_begin}, Dims{-1, -2}}, {{{3, 2, 4}}}},
            {{Dims{0}, Dims{2}, Dims{2}, Dims{1}}, {{{3, 2}}}},
            {{Dims{0}, Dims{0}, Dims{9}, Dims{1}}, {{{0, 2}}}},
            {{}, {{{}}}}};
  }
};

struct Select {
  std::int64_t axis = 0, index = 0;  ///< a negative index counts from the end
  static constexpr auto signature = sig("select(x:any) -> y");
  static constexpr auto doc = "element `index` of an axis, which goes away; a view";
  static constexpr Types types = Types::any;
  Metas infer(Inputs in) const;
  std::optional<TensorView> view(const TensorView& in) const;
  template <class T> T vjp(const Saved<T>& s, T g) const {
    const std::int64_t stop = index == -1 ? slice_end : index + 1;
    return slice_update(new_full(g, s.in_meta(0).shape, 0),
                        unsqueeze(g, normalize_axis(axis, s.in_meta(0).shape.rank())), {axis}, {index}, {stop}, {1});
  }
  static std::vector<Case<Select>> domain() {
    return {{{0, 1}, {{{2, 3}}}}, {{-1, -1}, {{{2, 3}}}}, {{0, -2}, {{{3}}}}, {{1, 0}, {{{0, 3}}}}};
  }
};

struct SliceUpdate {
  Dims axes, start, stop, step;
  static constexpr auto signature = sig("slice_update(x, value) -> y");
  static constexpr auto doc = "x with x[start:stop:step] along the axes named replaced by value, of that part's shape";
  static constexpr Types types = Types::numeric;
  Metas infer(Inputs in) const;
  template <class T> Grads<T> vjp(const Saved<T>& s, T g) const {
    return {s.needs(0) ? slice_update(g, new_full(g, s.in_meta(1).shape, 0), axes, start, stop, step) : T(),
            s.needs(1) ? slice(g, axes, start, stop, step) : T()};
  }
  static std::vector<Case<SliceUpdate>> domain() {
    return {{{Dims{1}, Dims{1}, Dims{4}, Dims{2}}, {{{2, 5}}, {{2, 2}}}},
            {{Dims{0}, Dims{slice_end}, Dims{slice_begin}, Dims{-1}}, {{{3, 2}}, {{3, 2}}}},
            {{Dims{0}, Dims{1}, Dims{1}, Dims{1}}, {{{3, 2}}, {{0, 2}}}},
            {{}, {{{}}, {{}}}}};
  }
};

struct Concat {
  std::int64_t axis = 0;
  static constexpr auto signature = sig("concat(xs...) -> y");
  static constexpr auto doc = "the inputs one after another along an axis; other sizes must agree";
  static constexpr Types types = Types::numeric;
  Metas infer(Inputs in) const;
  Axes axes_of(Inputs in) const;
  template <class T> Grads<T> vjp(const Saved<T>& s, T g) const {
    Grads<T> grads(static_cast<std::size_t>(s.inputs()));
    std::int64_t at = 0;
    for (int i = 0; i < s.inputs(); ++i) {
      const Shape& shape = s.in_meta(i).shape;
      const std::int64_t n = shape[normalize_axis(axis, shape.rank())];
      if (s.needs(i)) grads[static_cast<std::size_t>(i)] = slice(g, Dims{axis}, Dims{at}, Dims{at + n}, Dims{1});
      at += n;
    }
    return grads;
  }
  static std::vector<Case<Concat>> domain() {
    return {{{0}, {{{2, 3}}, {{1, 3}}, {{3, 3}}}},
            {{-1}, {{{2, 1}}, {{2, 0}}}},
            {{1}, {{{0, 2}}, {{0, 3}}}},
            {{0}, {{{2}}}}};
  }
};

struct Pad {
  Dims low, high;  ///< elements added before and after each axis
  double value = 0;
  static constexpr auto signature = sig("pad(x) -> y");
  static constexpr auto doc = "x surrounded by a constant: low[i] elements before axis i and high[i] after it";
  static constexpr Types types = Types::numeric;
  Metas infer(Inputs in) const;
  Axes axes_of(Inputs in) const;
  template <class T> T vjp(const Saved<T>&, T g) const {
    Dims axes, start, stop, step;
    for (int i = 0; i < low.size(); ++i) {
      if (low[i] == 0 && high[i] == 0) continue;
      axes.push_back(i);
      start.push_back(low[i]);
      stop.push_back(high[i] == 0 ? slice_end : -high[i]);
      step.push_back(1);
    }
    return slice(g, axes, start, stop, step);
  }
  static std::vector<Case<Pad>> domain() {
    return {{{Dims{1, 0}, Dims{2, 0}, 0.5}, {{{2, 3}}}},
            {{Dims{0, 1, 2}, Dims{0, 0, 1}}, {{{1, 2, 3}}}},
            {{Dims{1}, Dims{1}, 3}, {{{0}}}},
            {{}, {{{}}}}};
  }
};

using Slicing = OpList<Slice, Select, SliceUpdate, Concat, Pad>;

}  // namespace weft::op

namespace weft {
/// Puts this family into the operator table.
void register_slicing_ops();
}  // namespace weft
