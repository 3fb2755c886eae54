// Sizes, numbers and devices that no tensor can have, and what operations do at the edges of their arguments. Figures
// from PyTorch 2 and NumPy.
#include <cmath>

#include "support/values.h"

namespace weft::testing {
namespace {

const double nan = std::nan(""), inf = HUGE_VAL;
constexpr std::int64_t huge = std::int64_t{1} << 40;

TEST(Sizes, NegativeOnesAreAnError) {
  expect_error([] { zeros({-1}); }, "negative size -1 in shape [-1]");
  expect_error([] { empty({2, -3}); }, "negative size -3");
  expect_error([] { eye(-1); }, "negative size -1");
  expect_error([] { rand({-2}); }, "negative size -2");
  expect_error([] { from_blob(&huge, {-1}, i64); }, "negative size -1");
  expect_error([] { broadcast_to(tensor(1.0), {-4}); }, "negative size -4");
}

TEST(Sizes, OverflowingOnesAreAnError) {
  expect_error([] { full({huge, huge}, 0); }, "more bytes than 64 bits");
  expect_error([] { empty({huge, huge}); }, "more bytes than 64 bits");
  expect_error([] { broadcast_to(tensor(1.0), {huge, huge >> 10}); }, "more bytes than 64 bits");
  expect_error([] { reshape(zeros({0}), {huge, huge}); }, "than 64 bits can count");
  expect_error([] { pad(zeros({2}), {std::int64_t{1} << 62}, {std::int64_t{1} << 62}); }, "pad", "2^60");
  EXPECT_EQ(zeros({huge, 0, huge}).numel(), 0);
}

TEST(Sizes, RangesWithoutAnEndAreAnError) {
  expect_error([] { arange(0, inf, 1); }, "arange", "finite bounds");
  expect_error([] { arange(0, nan, 1); }, "arange", "finite bounds");
  expect_values(arange(0, -inf, 1), {0}, {});
}

TEST(Devices, ThatAreNotHereAreRefused) {
  expect_error([] { zeros({1}, {.device = Device{DeviceType::cpu, 3}}); }, "no device cpu:3 here");
  expect_error([] { zeros({1}).to(parse_device("ref:1")); }, "no device ref:1 here");
  expect_error([] { tensor({1}, {.device = Device{DeviceType::cpu, 1}}); }, "no device cpu:1 here");
}

TEST(Literals, KeepTheirNumbers) {
  EXPECT_EQ(tensor(0.1, {.dtype = f64}).item(), 0.1);
  EXPECT_EQ(tensor({0.1, 0.2}, {.dtype = f64})[1].item(), 0.2);
  EXPECT_EQ(tensor({{0.1}}, {.dtype = f64}).item(), 0.1);
  EXPECT_EQ(tensor(0.1).dtype(), f32);
  EXPECT_EQ(tensor({1, 2}).dtype(), i64);
  EXPECT_EQ(tensor({true, false}).dtype(), boolean);
  EXPECT_EQ(tensor(true).dtype(), boolean);
  EXPECT_EQ(tensor({{true}}).dtype(), boolean);
  expect_values(tensor({5, 6, 7}).at({tensor({true, false, true})}), {2}, {5, 7});
}

TEST(Literals, WholeNumbersAreExact) {
  constexpr std::int64_t odd = (std::int64_t{1} << 53) + 1;
  EXPECT_EQ(tensor(odd).item<std::int64_t>(), odd);
  EXPECT_EQ((tensor(1) * odd).item<std::int64_t>(), odd);
  EXPECT_EQ(full({}, odd, {.dtype = i64}).item<std::int64_t>(), odd);
  EXPECT_EQ(full_like(tensor(0), -odd).item<std::int64_t>(), -odd);
  EXPECT_EQ(tensor(-1.75).item<int>(), -1);
}

TEST(Edges, PowersOfWholeNumbersAreWhole) {
  EXPECT_EQ(tensor({3, 4}).pow(2).dtype(), i64);
  EXPECT_EQ(tensor({3, 4}).pow(2.0).dtype(), f32);
  expect_values(tensor({3, 4}).pow(2), {2}, {9, 16});
}

TEST(Edges, ShiftsBeyondTheWidthLeaveTheSign) {
  const Tensor places = tensor({1, 31, 32, 63, 64, -1});
  expect_values(left_shift(tensor(1), places).at({Slice{2, 6}}), {4}, {4294967296.0, -9223372036854775808.0, 0, 0});
  expect_values(right_shift(tensor(-8), places), {6}, {-4, -1, -1, -1, -1, -1});
  expect_values(right_shift(tensor(8), places), {6}, {4, 0, 0, 0, 0, 0});
  expect_values(left_shift(tensor(3).to(i32), places.to(i32)), {6}, {6, -2147483648.0, 0, 0, 0, 0});
  expect_values(right_shift(tensor(200).to(u8), tensor({3, 8}).to(u8)), {2}, {25, 0});
}

TEST(Edges, ScalarsHaveAnAxis) {
  const Tensor x = tensor(3.0);
  expect_values(softmax(x, 0), {}, {1});
  expect_values(log_softmax(x, -1), {}, {0});
  expect_values(cumsum(x, 0), {}, {3});
  expect_values(cumprod(x, -1), {}, {3});
  expect_values(sort(x).values, {}, {3});
  expect_values(sort(x).index, {}, {0});
  expect_values(topk(x, 1).values, {}, {3});
  expect_values(take(x, tensor({0, 0})), {2}, {3, 3});
  expect_error([&] { softmax(x, 1); }, "received a scalar");
  expect_error([&] { topk(x, 2); }, "k is 2");
}

TEST(Edges, RollWithoutAxesGoesThroughAllElements) {
  expect_values(roll(tensor({{1, 2}, {3, 4}}), {1}), {2, 2}, {4, 1, 2, 3});
  expect_error([] { roll(zeros({2, 2}), {1, 1}); }, "equal length");
}

TEST(Edges, EinsumBroadcastsAxesOfSizeOne) {
  expect_values(einsum("ij,ij->i", {tensor({{1.0, 2.0}, {3.0, 4.0}}), tensor({{10.0, 20.0}})}), {2}, {50, 110});
  expect_error([] { einsum("ii", {zeros({1, 3})}); }, "einsum", "names one axis twice, of sizes 1 and 3");
  expect_error([] { einsum("i,i", {zeros({2}), zeros({3})}); }, "sizes 2 and 3 for 'i'");
}

TEST(Edges, RandomNumbersCheckTheirRange) {
  expect_error([] { uniform({2}, 3, 1); }, "uniform: limits 3 and 1");
  expect_error([] { normal({2}, 0, -1); }, "normal: stddev is -1");
  expect_error([] { bernoulli(tensor({0.5, 2.0})); }, "bernoulli", "outside 0 to 1");
  expect_error([] { randint(0, 300, {2}, {.dtype = u8}); }, "randint: 0 to 300 for u8", "0 to 255");
  expect_error([] { randint(-1, 2, {2}, {.dtype = u8}); }, "0 to 255");
  EXPECT_EQ(randint(255, 256, {}, {.dtype = u8}).item<int>(), 255);
}

TEST(Edges, CopiesAndEmptyTensors) {
  const Tensor x = tensor({{1.0, 2.0}, {3.0, 4.0}}), row = x[0], own = clone(row);
  expect_values(own, {2}, {1, 2});
  EXPECT_NE(own.data<float>(), row.data<float>());
  EXPECT_EQ(empty_like(x.to(f16)).dtype(), f16);
  EXPECT_EQ(empty_like(x).shape(), x.shape());
}

TEST(Edges, EmbeddingTakesNoNegativeIndex) {
  expect_error([] { embedding(tensor({0, -1}), zeros({4, 2})); }, "index -1 is negative; expected 0 to 3");
  expect_error([] { embedding(tensor({4}), zeros({4, 2})); }, "index 4 is out of range");
}

TEST(Errors, NameTheCallersLineAndNoneOfWeft) {
  const Tensor x = zeros({2, 3});
  const auto here = "sizes_test.cpp:" + std::to_string(__LINE__ + 1);
  expect_error([&] { x.reshape({4}); }, "reshape", here);
  expect_error([&] { x.at({5}); }, "index 5", ".cpp:" + std::to_string(__LINE__));
  expect_error([&] { Tensor y = x; y.at({0}) = zeros({4}); }, "index_update", ".cpp:" + std::to_string(__LINE__));
  expect_error([&] { x.transpose(0, 5); }, "transpose: axis 5", ".cpp:" + std::to_string(__LINE__));
  expect_error([&] { x.squeeze({0}); }, "squeeze: axis 0", ".cpp:" + std::to_string(__LINE__));
  expect_error([&] { quantile(x, 2); }, "quantile: q is 2", ".cpp:" + std::to_string(__LINE__));
  expect_error([&] { max_pool2d(x, 2); }, "max_pool", ".cpp:" + std::to_string(__LINE__));
  try {
    median(tensor({{1.0}}), {3});
  } catch (const Error& e) {
    EXPECT_EQ(std::string(e.what()).find("reduce.cpp"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace weft::testing
