// Random numbers: element i of a result is a pure function of the stream and i.
#pragma once

#include <weft/opdefs/define.h>

namespace weft::op {

struct RandomUniform {
  Shape shape;
  DType dtype = DType::f32;
  double lo = 0, hi = 1;
  RandomStream stream;
  static constexpr auto signature = sig("random_uniform() -> y");
  static constexpr auto doc = "independent uniform numbers in [lo, hi)";
  static constexpr Types types = Types::any;
  Metas infer(Inputs) const { return {{shape, dtype}}; }
  static std::vector<Case<RandomUniform>> domain() { return {{{{3, 4}, DType::f32, -1, 2, {7, 1}}, {}}}; }
};

struct RandomNormal {
  Shape shape;
  DType dtype = DType::f32;
  double mean = 0, stddev = 1;
  RandomStream stream;
  static constexpr auto signature = sig("random_normal() -> y");
  static constexpr auto doc = "independent normal numbers";
  static constexpr Types types = Types::any;
  Metas infer(Inputs) const { return {{shape, dtype}}; }
  static std::vector<Case<RandomNormal>> domain() { return {{{{3, 4}, DType::f32, 1, 2, {7, 1}}, {}}}; }
};

using RandomOps = OpList<RandomUniform, RandomNormal>;

}  // namespace weft::op

namespace weft {
/// Puts this family into the operator table.
void register_random_ops();
}  // namespace weft
