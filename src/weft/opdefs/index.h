// Operators that read and write elements at positions given by integer tensors.
#pragma once

#include <weft/opdefs/define.h>

namespace weft::op {

/// Position `p` of an axis of `n` elements; negative ones count from the end, or are an error. Throws Error.
std::int64_t position_in(std::int64_t p, std::int64_t n, bool from_end = true);

struct Take {
  std::int64_t axis = 0;
  bool from_end = true;  ///< negative positions count from the end; else they are an error
  static constexpr auto signature = sig("take(x:any, index:int) -> y");
  static constexpr auto doc = "slices of x along an axis at the positions of index, whose axes replace that axis; "
                              "negative positions count from the end, or are an error without from_end";
  static constexpr Types types = Types::any;
  Metas infer(Inputs in) const;
  Axes axes_of(Inputs in) const;
  template <class T> Grads<T> vjp(const Saved<T>& s, T g) const {
    const Shape& from = s.in_meta(0).shape;
    return {segment_sum(g, s.in(1), from[normalize_axis(axis, from.rank())], static_cast<int>(axis))};
  }
  static constexpr Saves saves = saves_inputs(1);
  static std::vector<Case<Take>> domain() {
    return {{{0}, {{{4, 3}}, {{5}, 0, 4, {}}}},
            {{-1}, {{{2, 4}}, {{2, 2}, 0, 0, {3, -1, 0, 3}}}},
            {{0, false}, {{{5, 2}}, {{3}, 0, 5, {}}}},
            {{1}, {{{2, 3, 2}}, {{}, 0, 3, {}}}},
            {{0}, {{{3, 2}}, {{0}, 0, 1, {}}}}};
  }
};

struct SegmentSum {
  std::int64_t axis = 0, count = 0;  ///< `count` segments
  static constexpr auto signature = sig("segment_sum(x, index:int) -> y");
  static constexpr auto doc =
      "slices of x along the axes of index (from `axis` on) added into the `count` segments that "
      "index names; the gradient of take";
  static constexpr Types types = Types::numeric;
  Metas infer(Inputs in) const;
  template <class T> Grads<T> vjp(const Saved<T>& s, T g) const { return {take(g, s.in(1), static_cast<int>(axis))}; }
  static constexpr Saves saves = saves_inputs(1);
  static std::vector<Case<SegmentSum>> domain() {
    return {{{0, 4}, {{{5, 3}}, {{5}, 0, 4, {}}}},
            {{-1, 4}, {{{2, 2, 2}}, {{2, 2}, 0, 0, {3, -1, 0, 3}}}},
            {{1, 3}, {{{2, 2}}, {{}, 0, 3, {}}}},
            {{1, 3}, {{{6, 5}}, {{5}, 0, 0, {0, 2, 2, 1, -1}}}},
            {{0, 3}, {{{0, 2}}, {{0}, 0, 1, {}}}}};
  }
};

struct SegmentMax {
  std::int64_t count = 0;  ///< segments
  bool smallest = false;   ///< the minimum
  static constexpr auto signature = sig("segment_max(x, index:int) -> y");
  static constexpr auto doc =
      "the largest (or smallest) of the slices of x along axis 0 in each of `count` segments that "
      "index names; an empty segment gets the dtype's lowest (highest) number";
  static constexpr Types types = Types::numeric;
  Metas infer(Inputs in) const;
  template <class T> Grads<T> vjp(const Saved<T>& s, T g) const {
    const T winners = cast(s.in(0) == take(s.out(0), s.in(1), 0), g.dtype());
    const T ties = maximum(segment_sum(winners, s.in(1), count, 0), 1);
    return {winners * take(g / ties, s.in(1), 0)};
  }
  static constexpr Saves saves = saves_inputs(0, 1) | saves_outputs(0);
  static std::vector<Case<SegmentMax>> domain() {
    return {{{3}, {{{5, 2}}, {{5}, 0, 0, {0, 1, 0, 2, 1}}}},
            {{2, true}, {{{4}}, {{4}, 0, 0, {1, 0, 1, 0}}}},
            {{0}, {{{0, 2}}, {{0}, 0, 1, {}}}}};
  }
};

struct Gather {
  std::int64_t axis = 0;
  static constexpr auto signature = sig("gather(x:any, index:int) -> y");
  static constexpr auto doc = "y[i, j, k] = x[i, index[i, j, k], k] for axis 1: a position for each element";
  static constexpr Types types = Types::any;
  Metas infer(Inputs in) const;
  template <class T> Grads<T> vjp(const Saved<T>& s, T g) const {
    return {scatter_add(new_full(g, s.in_meta(0).shape, 0), s.in(1), g, static_cast<int>(axis))};
  }
  static constexpr Saves saves = saves_inputs(1);
  static std::vector<Case<Gather>> domain() {
    return {{{1}, {{{2, 4}}, {{2, 3}, 0, 4, {}}}},
            {{0}, {{{3, 4}}, {{2, 2}, 0, 0, {2, -1, 0, 2}}}},
            {{-1}, {{{2, 3}}, {{2, 0}, 0, 1, {}}}}};
  }
};

struct ScatterAdd {
  std::int64_t axis = 0;
  static constexpr auto signature = sig("scatter_add(x, index:int, src) -> y");
  static constexpr auto doc = "x with src[i, j, k] added at [i, index[i, j, k], k] for axis 1";
  static constexpr Types types = Types::numeric;
  Metas infer(Inputs in) const;
  template <class T> Grads<T> vjp(const Saved<T>& s, T g) const {
    return {s.needs(0) ? g : T(), T(), s.needs(2) ? gather(g, s.in(1), static_cast<int>(axis)) : T()};
  }
  static constexpr Saves saves = saves_inputs(1);
  static std::vector<Case<ScatterAdd>> domain() {
    return {{{1}, {{{2, 4}}, {{2, 3}, 0, 4, {}}, {{2, 3}}}},
            {{0}, {{{3, 4}}, {{2, 2}, 0, 0, {2, -1, 0, 2}}, {{2, 2}}}},
            {{-1}, {{{2, 3}}, {{2, 0}, 0, 1, {}}, {{2, 0}}}}};
  }
};

struct Scatter {
  std::int64_t axis = 0;
  static constexpr auto signature = sig("scatter(x, index:int, src) -> y");
  static constexpr auto doc =
      "x with src[i, j, k] written to [i, index[i, j, k], k] for axis 1; of equal positions the "
      "last is written, and gradients expect none";
  static constexpr Types types = Types::numeric;
  Metas infer(Inputs in) const;
  template <class T> Grads<T> vjp(const Saved<T>& s, T g) const {
    return {s.needs(0) ? scatter(g, s.in(1), new_full(g, s.in_meta(2).shape, 0), static_cast<int>(axis)) : T(), T(),
            s.needs(2) ? gather(g, s.in(1), static_cast<int>(axis)) : T()};
  }
  static constexpr Saves saves = saves_inputs(1);
  static std::vector<Case<Scatter>> domain() {
    return {{{1}, {{{2, 4}}, {{2, 3}, 0, 0, {0, 2, 3, 3, 1, 0}}, {{2, 3}}}},
            {{0}, {{{3, 4}}, {{2, 2}, 0, 0, {2, -3, 0, 2}}, {{2, 2}}}},
            {{-1}, {{{2, 3}}, {{2, 0}, 0, 1, {}}, {{2, 0}}}}};
  }
};

struct NonZero {
  std::int64_t count = 0;  ///< how many elements are not zero (count_nonzero)
  static constexpr auto signature = sig("nonzero(x:any) -> index");
  static constexpr auto doc = "positions of the elements that are not zero, row-major: i64 [count, rank]";
  static constexpr Types types = Types::any;
  Metas infer(Inputs in) const { return {{Shape{count, in[0].shape.rank()}, DType::i64}}; }
  static std::vector<Case<NonZero>> domain() {
    return {{{3}, {{{2, 3}, 0, 0, {0, 1, 2, 0, 0, 1}}}}, {{0}, {{{0, 2}}}}, {{1}, {{{}, 0, 0, {1}}}}};
  }
};

using Indexing = OpList<Take, SegmentSum, SegmentMax, Gather, ScatterAdd, Scatter, NonZero>;

}  // namespace weft::op

namespace weft {
/// Puts the index and sort families into the operator table.
void register_index_ops();
}  // namespace weft
