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

struct RandomInteger {
  Shape shape;
  DType dtype = DType::i64;
  std::int64_t lo = 0, hi = 1;
  RandomStream stream;
  static constexpr auto signature = sig("random_integer() -> y");
  static constexpr auto doc = "independent whole numbers, each from lo to hi - 1 equally likely";
  static constexpr Types types = Types::any;
  Metas infer(Inputs) const {
    check(hi > lo, "range ", lo, " to ", hi, " is empty; expected lo < hi");
    return {{shape, dtype}};
  }
  static std::vector<Case<RandomInteger>> domain() { return {{{{3, 4}, DType::i64, -3, 9, {7, 1}}, {}}}; }
};

struct Dropout {
  double p = 0.5;  ///< the part of the elements that becomes 0
  RandomStream stream;
  static constexpr auto signature = sig("dropout(x) -> y");
  static constexpr auto doc =
      "each element with probability p 0, else x / (1 - p); element i (row-major) is kept where "
      "word i mod 4 of Philox(stream, i / 4) is at least p * 2^32";
  static constexpr Types types = Types::floating;
  Metas infer(Inputs in) const {
    check(p >= 0 && p <= 1, "p is ", p, "; expected a probability from 0 to 1");
    return {in[0]};
  }
  /// Words below this drop their element.
  std::uint64_t threshold() const { return static_cast<std::uint64_t>(p * 0x1p32 + 0.5); }
  double scale() const { return p < 1 ? 1 / (1 - p) : 0; }
  template <class T> T vjp(const Saved<T>&, T g) const { return dropout(g, p, stream); }
  static std::vector<Case<Dropout>> domain() {
    return {{{0.3, {7, 1}}, {{{4, 5}}}},
            {{0, {7, 1}}, {{{3}}}},
            {{1, {7, 1}}, {{{3}}}},
            {{0.5, {7, 2}}, {{{}}}},
            {{}, {{{0, 2}}}}};
  }
};

using RandomOps = OpList<RandomUniform, RandomNormal, RandomInteger, Dropout>;

}  // namespace weft::op

namespace weft {
/// Puts this family into the operator table.
void register_random_ops();
}  // namespace weft
