// Operators that run along an axis and keep every partial result.
#pragma once

#include <weft/opdefs/define.h>

namespace weft::op {

/// Parallel along all axes but `axis`.
Axes scan_axes(Inputs in, std::int64_t axis);

struct CumSum {
  std::int64_t axis = -1;
  bool reverse = false;    ///< from the end
  bool exclusive = false;  ///< without the element itself
  static constexpr auto signature = sig("cumsum(x) -> y");
  static constexpr auto doc = "y[i] = x[0] + … + x[i] along an axis; bool and integers sum in i64";
  static constexpr Types types = Types::numeric;
  Metas infer(Inputs in) const;
  Axes axes_of(Inputs in) const { return scan_axes(in, axis); }
  template <class T> T vjp(const Saved<T>&, T g) const {
    return cumsum(g, static_cast<int>(axis), !reverse, exclusive);
  }
  static std::vector<Case<CumSum>> domain() {
    return {{{-1}, {{{2, 5}}}},
            {{0, true}, {{{4, 3}}}},
            {{1, false, true}, {{{2, 4, 3}}}},
            {{0, true, true}, {{{4}}}},
            {{0}, {{{0, 3}}}}};
  }
};

struct CumProd {
  std::int64_t axis = -1;
  bool reverse = false;    ///< from the end
  bool exclusive = false;  ///< without the element itself
  static constexpr auto signature = sig("cumprod(x) -> y");
  static constexpr auto doc = "y[i] = x[0] * … * x[i] along an axis; bool and integers multiply in i64";
  static constexpr Types types = Types::numeric;
  Metas infer(Inputs in) const;
  Axes axes_of(Inputs in) const { return scan_axes(in, axis); }
  /// dx[i] = (product before i) * s[i] with s[i] = g[i] + x[i + 1] * s[i + 1]: no division, so zeros are no matter.
  template <class T> T vjp(const Saved<T>& s, T g) const {
    const int a = static_cast<int>(axis), next = reverse ? 1 : -1;
    const T x = s.in(0);
    const T tail = linear_scan(shift(x, next, a), exclusive ? shift(g, next, a) : g, a, !reverse);
    return cumprod(x, a, reverse, true) * tail;
  }
  static constexpr Saves saves = saves_inputs(0);
  static std::vector<Case<CumProd>> domain() {
    return {{{-1}, {{{2, 4}}}},
            {{0, true}, {{{4, 2}}}},
            {{1, false, true}, {{{2, 3, 2}}}},
            {{0, true, true}, {{{4}, 0, 0, {1, 0, 3, 0}}}},
            {{0}, {{{0, 3}}}}};
  }
};

struct LinearScan {
  std::int64_t axis = -1;
  bool reverse = false;  ///< from the end
  static constexpr auto signature = sig("linear_scan(a, b) -> y");
  static constexpr auto doc = "y[i] = a[i] * y[i - 1] + b[i] along an axis, y[-1] = 0: a first-order recurrence";
  static constexpr Types types = Types::numeric;
  Metas infer(Inputs in) const;
  Axes axes_of(Inputs in) const { return scan_axes(in, axis); }
  template <class T> Grads<T> vjp(const Saved<T>& s, T g) const {
    const int a = static_cast<int>(axis), next = reverse ? 1 : -1;
    const T db = linear_scan(shift(s.in(0), next, a), g, a, !reverse);
    return {s.needs(0) ? db * shift(s.out(0), -next, a) : T(), db};
  }
  static constexpr Saves saves = saves_inputs(0) | saves_outputs(0);
  static std::vector<Case<LinearScan>> domain() {
    return {{{-1}, {{{2, 4}}, {{2, 4}}}}, {{0, true}, {{{4, 2}}, {{4, 2}}}}, {{0}, {{{0, 3}}, {{0, 3}}}}};
  }
};

using Scans = OpList<CumSum, CumProd, LinearScan>;

}  // namespace weft::op
