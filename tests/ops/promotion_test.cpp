// The dtype of results, weak numbers, conversion, placement.
#include "support/values.h"

namespace weft::testing {
namespace {

Tensor of(DType t) { return tensor({1, 2}, {.dtype = t}); }

TEST(Promotion, OfTwoTensorsFollowsTheTable) {
  for (int a = 0; a < dtype_count; ++a)
    for (int b = 0; b < dtype_count; ++b) {
      const DType x = static_cast<DType>(a), y = static_cast<DType>(b), both = promote(x, y);
      EXPECT_EQ((of(x) + of(y)).dtype(), both);
      EXPECT_EQ((of(x) / of(y)).dtype(), is_floating(both) ? both : f32);
      EXPECT_EQ((of(x) < of(y)).dtype(), boolean);
    }
}

TEST(Promotion, NumbersAreWeak) {
  EXPECT_EQ((of(f16) * 2.0).dtype(), f16);
  EXPECT_EQ((of(bf16) + 1).dtype(), bf16);
  EXPECT_EQ((2.0 - of(f64)).dtype(), f64);
  EXPECT_EQ((of(u8) + 1).dtype(), u8);
  EXPECT_EQ((of(i32) * 2.5).dtype(), f32);
  EXPECT_EQ((of(boolean) + 1).dtype(), i64);
  EXPECT_EQ((of(boolean) + true).dtype(), boolean);
  expect_values(of(i32) * 2.5, {2}, {2.5, 5});
}

TEST(Promotion, FormulasComputeInFloatingPoint) {
  EXPECT_EQ(exp(of(i64)).dtype(), f32);
  EXPECT_EQ(sqrt(of(f16)).dtype(), f16);
  EXPECT_EQ(where(of(i32), of(u8), of(i64)).dtype(), i64);
  expect_error([] { bitwise_and(of(f32), of(i32)); }, "integers");
}

TEST(Conversion, Truncates) {
  expect_values(tensor({1.9, -1.9, 0.0}).to(i32), {3}, {1, -1, 0});
  expect_values(tensor({0.5, 0.0, -3.0}).to(boolean), {3}, {1, 0, 1});
  expect_values(tensor({300, 255}).to(u8), {2}, {44, 255});
  EXPECT_EQ(tensor({1.0 / 3}).to(bf16).to(f32).item(), 0.333984375);
  EXPECT_EQ(tensor({1.0 / 3}).to(f16).to(f32).item(), 0.333251953125);
}

TEST(Placement, MixedDevicesAreAnError) {
  const Tensor a = ones({2}, {.device = cpu}), b = ones({2}, {.device = ref()});
  expect_error([&] { a + b; }, "add: a on cpu, b on ref:0; move one with .to(device)");
  expect_values(a.to(ref()) + b, {2}, {2, 2});
}

TEST(Operands, NumbersWhereTensorsAreNeeded) {
  expect_error([] { transpose(3.0); }, "expected a tensor");
  expect_error([] { Tensor() + 1; }, "undefined");
}

}  // namespace
}  // namespace weft::testing
