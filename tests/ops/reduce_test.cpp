// Reductions and scans against figures from PyTorch 2 (torch.Tensor methods of the same names) and NumPy.
#include <cmath>

#include "support/values.h"

namespace weft::testing {
namespace {

const double nan = std::nan(""), inf = HUGE_VAL;

TEST(Reduce, SumsIntegersIn64Bits) {
  EXPECT_EQ(sum(tensor({200, 100}, {.dtype = u8})).item<std::int64_t>(), 300);
  EXPECT_EQ(sum(tensor({true, true, false}, {.dtype = boolean})).dtype(), i64);
  EXPECT_EQ(prod(tensor({100, 100}, {.dtype = u8})).item<std::int64_t>(), 10000);
  EXPECT_EQ(mean(tensor({1, 2})).dtype(), f32);
}

TEST(Reduce, MatchesTorch) {
  const Tensor x = tensor({1.0, 2.0, 4.0, 8.0});
  EXPECT_NEAR(var(x).item(), 9.583333015441895, 1e-6);
  EXPECT_NEAR(weft::std(x).item(), 3.095695972442627, 1e-6);
  EXPECT_NEAR(var(x, {}, 0).item(), 7.1875, 1e-6);
  EXPECT_NEAR(logsumexp(x).item(), 8.02147388458252, 1e-6);
  EXPECT_NEAR(norm(x).item(), 9.219544410705566, 1e-6);
  EXPECT_NEAR(norm(x, 1).item(), 15, 1e-6);
  EXPECT_NEAR(norm(x, 3).item(), 8.363447189331055, 1e-5);
  EXPECT_EQ(norm(-x, inf).item(), 8);
  EXPECT_EQ(norm(tensor({0.0, 3.0, -1.0}), 0).item(), 2);
}

TEST(Reduce, NarrowNumbersGoThroughF32) {
  for (DType t : {f16, bf16}) {
    const Tensor big = full({300}, 300, {.dtype = t}), many = ones({70000}, {.dtype = t});
    EXPECT_EQ(mean(big).dtype(), t);
    EXPECT_EQ(mean(big).item(), 300);
    EXPECT_EQ(nanmean(big).item(), 300);
    EXPECT_EQ(mean(many).item(), 1);
    EXPECT_EQ(var(many).item(), 0);
    EXPECT_EQ(weft::std(many).item(), 0);
    EXPECT_NEAR(norm(big).item(), 5196.15, t == f16 ? 2 : 16);
    EXPECT_NEAR(norm(many).item(), 264.575, t == f16 ? 0.1 : 1);
    EXPECT_NEAR(logsumexp(zeros({70000}, {.dtype = t})).item(), 11.156, t == f16 ? 0.005 : 0.04);
  }
  EXPECT_EQ(mean(full({257}, 3, {.dtype = bf16})).item(), 3);
}

TEST(Reduce, NormsOfNegativeOrder) {
  const Tensor x = tensor({1.0, -2.0, 4.0});
  EXPECT_NEAR(norm(x, -1).item(), 0.5714285714285714, 1e-6);
  EXPECT_EQ(norm(x, -inf).item(), 1);
  expect_error([&] { norm(x, nan); }, "norm: p is NaN");
}

TEST(Reduce, AxesAndKeepdim) {
  const Tensor x = arange(24).reshape({2, 3, 4});
  expect_values(sum(x, {0, -1}), {3}, {60, 92, 124});
  expect_values(max(x, {1}, true), {2, 1, 4}, {8, 9, 10, 11, 20, 21, 22, 23});
  expect_values(min(x, {0, 1}), {4}, {0, 1, 2, 3});
  expect_values(argmax(x), {}, {23});
  expect_values(argmax(tensor({{1, 5, 5}, {7, 0, 7}}), 1), {2}, {1, 0});
  expect_values(argmin(tensor({{1, 5, 1}, {7, 0, 0}}), -1, true), {2, 1}, {0, 1});
  EXPECT_THROW(sum(x, {3}), Error);
  EXPECT_THROW(sum(x, {0, 0}), Error);
}

TEST(Reduce, MediansAndQuantilesAsNumpys) {
  const Tensor x = tensor({{3.0, 1.0, 4.0, 1.0}, {5.0, 9.0, 2.0, 6.0}, {5.0, 3.0, 5.0, 8.0}});
  expect_values(median(x), {}, {4.5});
  expect_values(median(x, {0}), {4}, {5, 3, 4, 6});
  expect_values(median(x, {1}, true), {3, 1}, {2, 5.5, 5});
  expect_values(quantile(x, 0.25), {}, {2.75});
  expect_values(quantile(x, 0.9, {-1}), {3}, {3.7, 8.1, 7.1});
  expect_values(quantile(x.reshape({3, 2, 2}), 0.3, {0, 2}), {2}, {3, 3});
  expect_values(quantile(x, 0), {}, {1});
  expect_values(quantile(x, 1), {}, {9});
  expect_values(median(tensor({1, 4})), {}, {2.5});
  expect_values(median(tensor({{1.0, nan}, {2.0, 3.0}}), {1}), {2}, {nan, 2.5});
  expect_error([&] { quantile(x, 1.5); }, "q is 1.5", "0 to 1");
  expect_error([&] { median(zeros({2, 0})); }, "no elements");
}

TEST(Reduce, OfNothing) {
  const Tensor none = zeros({2, 0});
  expect_values(sum(none, {1}), {2}, {0, 0});
  expect_values(prod(none, {1}), {2}, {1, 1});
  expect_values(any(none, {1}), {2}, {0, 0});
  expect_values(all(none, {1}), {2}, {1, 1});
  expect_values(mean(none, {1}), {2}, {nan, nan});
  expect_values(logsumexp(none, {1}), {2}, {-inf, -inf});
  expect_values(max(none, {0}), {0}, {});
  expect_error([&] { max(none, {1}); }, "has no elements");
  expect_error([&] { argmax(none); }, "has no elements");
}

TEST(Reduce, NansAndInfinities) {
  const Tensor x = tensor({{1.0, nan}, {nan, nan}, {3.0, 4.0}});
  expect_values(max(x, {1}), {3}, {nan, nan, 4});
  expect_values(min(x, {1}), {3}, {nan, nan, 3});
  expect_values(argmax(x, 1), {3}, {1, 0, 1});
  expect_values(nansum(x, {1}), {3}, {1, 0, 7});
  expect_values(nanmean(x, {1}), {3}, {1, nan, 3.5});
  expect_values(nanmax(x, {1}), {3}, {1, nan, 4});
  expect_values(nanmin(x), {}, {1});
  expect_values(nanprod(x, {1}), {3}, {1, 1, 12});
  expect_values(nanvar(x, {1}), {3}, {nan, nan, 0.5});
  expect_values(nanvar(x, {1}, 0), {3}, {0, nan, 0.25});
  expect_values(nanstd(x), {}, {1.5275252316519468});
  expect_values(logsumexp(tensor({{-inf, -inf}, {1000.0, 1000.0}}), {1}), {2}, {-inf, 1000 + std::log(2.0)});
}

TEST(Reduce, LogicAndCounts) {
  const Tensor x = tensor({{0, 3}, {0, 0}, {1, 2}});
  expect_values(any(x, {1}), {3}, {1, 0, 1});
  expect_values(all(x, {1}), {3}, {0, 0, 1});
  expect_values(count_nonzero(x), {}, {3});
  EXPECT_EQ(any(x).dtype(), boolean);
}

TEST(Scan, ForwardsAndBackwards) {
  const Tensor x = tensor({1.0, 2.0, 3.0, 4.0});
  expect_values(cumsum(x, 0), {4}, {1, 3, 6, 10});
  expect_values(cumsum(x, 0, true), {4}, {10, 9, 7, 4});
  expect_values(cumsum(x, 0, false, true), {4}, {0, 1, 3, 6});
  expect_values(cumprod(x, 0), {4}, {1, 2, 6, 24});
  expect_values(cumprod(x, 0, true, true), {4}, {24, 12, 4, 1});
  expect_values(linear_scan(tensor({9.0, 2.0, 3.0}), tensor({1.0, 1.0, 1.0}), 0), {3}, {1, 3, 10});
  expect_values(cumsum(tensor({{1, 2}, {3, 4}}), 0), {2, 2}, {1, 2, 4, 6});
}

}  // namespace
}  // namespace weft::testing
