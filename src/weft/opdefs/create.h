// Operators that make tensors.
#pragma once

#include <weft/opdefs/define.h>

namespace weft::op {

struct Full {
  Shape shape;
  double value = 0;
  DType dtype = DType::f32;
  static constexpr auto signature = sig("full() -> y");
  static constexpr auto doc = "every element is `value`";
  static constexpr Types types = Types::any;
  Metas infer(Inputs) const { return {{shape, dtype}}; }
  static std::vector<Case<Full>> domain() { return {{{{2, 3}, 1.5, DType::f32}, {}}, {{{0}, 1, DType::i64}, {}}}; }
};

struct Arange {
  double start = 0, step = 1;
  std::int64_t count = 0;
  DType dtype = DType::i64;
  static constexpr auto signature = sig("arange() -> y");
  static constexpr auto doc = "y[i] = start + i * step";
  static constexpr Types types = Types::any;
  Metas infer(Inputs) const { return {{Shape{count}, dtype}}; }
  static std::vector<Case<Arange>> domain() { return {{{1, 2, 4, DType::i64}, {}}, {{0, 0.25, 5, DType::f32}, {}}}; }
};

using CreateOps = OpList<Full, Arange>;

}  // namespace weft::op

namespace weft {
/// Puts this family into the operator table.
void register_create_ops();
}  // namespace weft
