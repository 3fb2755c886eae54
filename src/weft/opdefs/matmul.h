// Matrix products.
#pragma once

#include <weft/opdefs/define.h>

namespace weft::op {

struct MatMul {
  bool transpose_a = false, transpose_b = false;  ///< read the last two axes swapped
  static constexpr auto signature = sig("matmul(a, b) -> y");
  static constexpr auto doc = "y[..., i, j] = sum over k of a[..., i, k] * b[..., k, j]; leading axes broadcast";
  static constexpr Types types = Types::numeric;
  Metas infer(Inputs in) const;
  Axes axes_of(Inputs in) const;
  std::int64_t macs(Inputs in, std::span<const Meta> out) const;
  template <class T> Grads<T> vjp(const Saved<T>& s, T g) const {
    const auto product = [](T a, bool ta, T b, bool tb) { return matmul(a, b, ta, tb); };
    T da, db;
    if (s.needs(0))
      da = transpose_a ? product(s.in(1), transpose_b, g, true) : product(g, false, s.in(1), !transpose_b);
    if (s.needs(1) && !transpose_a && s.in(1).rank() == 2 && s.in(0).rank() > 2) {
      // One matrix for all of a: its gradient is one product of tall matrices, not a sum of one for each.
      std::int64_t rows = 1;
      for (int i = 0; i + 1 < g.rank(); ++i) rows *= g.size(i);
      const T tall = reshape(s.in(0), {rows, s.in(0).size(-1)}), tall_g = reshape(g, {rows, g.size(-1)});
      db = transpose_b ? product(tall_g, true, tall, false) : product(tall, true, tall_g, false);
    } else if (s.needs(1))
      db = transpose_b ? product(g, true, s.in(0), transpose_a) : product(s.in(0), !transpose_a, g, false);
    return {da, db};  // leading axes that were broadcast are summed by the engine
  }
  static constexpr Saves saves = saves_inputs(0, 1);
  static std::vector<Case<MatMul>> domain() {
    return {{{}, {{{3, 4}}, {{4, 2}}}},
            {{true, false}, {{{4, 3}}, {{4, 2}}}},
            {{false, true}, {{{2, 3, 4}}, {{5, 4}}}},
            {{true, true}, {{{4, 3}}, {{2, 5, 4}}}},
            {{}, {{{2, 1, 3, 4}}, {{3, 4, 2}}}},
            {{}, {{{2, 3, 4, 5}}, {{5, 3}}}},
            {{}, {{{0, 3, 4}}, {{4, 2}}}},
            {{false, true}, {{{16, 17}}, {{18, 17}}}, 2},
            {{}, {{{3, 0}}, {{0, 2}}}}};
  }
};

using Products = OpList<MatMul>;

}  // namespace weft::op

namespace weft {
/// Puts this family into the operator table.
void register_matmul_ops();
}  // namespace weft
