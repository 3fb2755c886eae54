// Operators that order elements or search ordered ones.
#pragma once

#include <weft/opdefs/define.h>
#include <weft/opdefs/scan.h>

namespace weft::op {

struct Sort {
  std::int64_t axis = -1;
  bool descending = false;
  static constexpr auto signature = sig("sort(x) -> values, index");
  static constexpr auto doc =
      "the elements along an axis in order, and where each came from (i64); equal elements keep "
      "their order; NaN sorts as the largest";
  static constexpr Types types = Types::numeric;
  Metas infer(Inputs in) const;
  Axes axes_of(Inputs in) const { return scan_axes(in, axis); }
  template <class T> T vjp(const Saved<T>& s, T g) const {
    return scatter(new_full(g, s.in_meta(0).shape, 0), s.out(1), g, static_cast<int>(axis));
  }
  static constexpr Saves saves = saves_outputs(1);
  static std::vector<Case<Sort>> domain() {
    return {{{-1}, {{{2, 5}}}}, {{0, true}, {{{4, 3}}}}, {{0}, {{{5}, 0, 0, {3, 1, -2, 0, 2}}}}, {{1}, {{{2, 0}}}}};
  }
};

struct SearchSorted {
  bool right = false;  ///< after equal elements instead of before them
  static constexpr auto signature = sig("searchsorted(sorted, x) -> index");
  static constexpr auto doc = "for each x the place (i64) in the ascending vector `sorted` where it keeps the order";
  static constexpr Types types = Types::numeric;
  Metas infer(Inputs in) const;
  static std::vector<Case<SearchSorted>> domain() {
    return {{{}, {{{4}, 0, 0, {-1, 0, 0, 1}}, {{2, 3}}}},
            {{true}, {{{4}, 0, 0, {-1, 0, 0, 1}}, {{3}, 0, 0, {-2, 0, 1}}}},
            {{}, {{{0}}, {{}}}}};
  }
};

using Sorting = OpList<Sort, SearchSorted>;

}  // namespace weft::op
