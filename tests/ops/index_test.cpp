// take, gather, scatter, segments, order and search: figures from PyTorch 2.
#include <cmath>

#include "support/values.h"

namespace weft::testing {
namespace {

TEST(Index, TakesAndGathers) {
  const Tensor x = tensor({{1.0, 2.0, 3.0}, {4.0, 5.0, 6.0}});
  expect_values(take(x, tensor({2, 0, -1}), 1), {2, 3}, {3, 1, 3, 6, 4, 6});
  expect_values(take(x, tensor({{1, 0}})), {1, 2, 3}, {4, 5, 6, 1, 2, 3});
  expect_values(gather(x, tensor({{0, 0}, {2, 1}}), 1), {2, 2}, {1, 1, 6, 5});
  expect_values(take_along_axis(x, tensor({{1}}), 1), {2, 1}, {2, 5});
  expect_error([&] { take(x, tensor({2})); }, "index 2 is out of range");
  expect_error([&] { take(x, tensor({1.5})); }, ".to(i64)");
}

TEST(Index, Scatters) {
  const Tensor x = zeros({2, 3});
  expect_values(scatter(x, tensor({{0, 2}, {1, 0}}), tensor({{1.0, 2.0}, {3.0, 4.0}}), 1), {2, 3}, {1, 0, 2, 4, 3, 0});
  expect_values(scatter(x, tensor({{1}, {1}}), 7, 1), {2, 3}, {0, 7, 0, 0, 7, 0});
  expect_values(scatter_add(x, tensor({{0, 0, 1}}), tensor({{1.0, 2.0, 3.0}}), 1), {2, 3}, {3, 3, 0, 0, 0, 0});
}

TEST(Index, Segments) {
  const Tensor x = tensor({{1.0, 2.0}, {3.0, 4.0}, {5.0, 0.0}}), ids = tensor({0, 2, 0});
  expect_values(segment_sum(x, ids, 3), {3, 2}, {6, 2, 0, 0, 3, 4});
  expect_values(segment_mean(x, ids, 3), {3, 2}, {3, 1, 0, 0, 3, 4});
  const Tensor many = segment_mean(full({5000}, 300, {.dtype = f16}), zeros({5000}, {.dtype = i64}), 1);
  EXPECT_EQ(many.dtype(), f16);
  expect_values(many, {1}, {300});  // neither the sum nor the count is an f16
  expect_values(segment_max(x, ids, 3), {3, 2}, {5, 2, -HUGE_VAL, -HUGE_VAL, 3, 4});
  expect_values(segment_min(x.to(i32), ids, 2 + 1).at({0}), {2}, {1, 0});
}

TEST(Index, SelectsByMask) {
  const Tensor x = tensor({{1, 2}, {3, 4}});
  expect_values(masked_select(x, x > 1), {3}, {2, 3, 4});
  expect_values(masked_fill(x, x > 2, 0), {2, 2}, {1, 2, 0, 0});
  expect_values(nonzero(tensor({{0, 3}, {5, 0}})), {2, 2}, {0, 1, 1, 0});
  EXPECT_EQ(nonzero(tensor(4)).shape(), (Shape{1, 0}));
}

TEST(Sort, IsStableAndPutsNanLast) {
  const Tensor x = tensor({{3.0, 1.0, 2.0}, {0.0, 5.0, 5.0}});
  const SortResult down = sort(x, 1, true);
  expect_values(down.values, {2, 3}, {3, 2, 1, 5, 5, 0});
  expect_values(down.index, {2, 3}, {0, 2, 1, 1, 2, 0});
  const SortResult top = topk(x, 2);
  expect_values(top.values, {2, 2}, {3, 2, 5, 5});
  expect_values(top.index, {2, 2}, {0, 2, 1, 2});
  expect_values(topk(x, 1, 0, false).values, {1, 3}, {0, 1, 2});
  expect_values(sort(tensor({std::nan(""), 1.0, -HUGE_VAL})).values, {3}, {-HUGE_VAL, 1, std::nan("")});
  expect_values(sort(tensor({std::nan(""), 1.0}), 0, true).values, {2}, {std::nan(""), 1});
  expect_error([&] { topk(x, 4); }, "k is 4");
}

TEST(Sort, Searches) {
  const Tensor sorted = tensor({1.0, 3.0, 3.0, 5.0}), x = tensor({0.0, 3.0, 4.0, 9.0});
  expect_values(searchsorted(sorted, x), {4}, {0, 1, 3, 4});
  expect_values(searchsorted(sorted, x, true), {4}, {0, 3, 3, 4});
}

TEST(Sort, FindsDifferentElements) {
  const UniqueResult u = unique(tensor({3, 1, 3, 2, 1}));
  expect_values(u.values, {3}, {1, 2, 3});
  expect_values(u.inverse, {5}, {2, 0, 2, 1, 0});
  expect_values(u.counts, {3}, {2, 1, 2});
  EXPECT_EQ(unique(zeros({0, 2})).values.shape(), (Shape{0}));
  expect_values(bincount(tensor({1, 3, 1})), {4}, {0, 2, 0, 1});
  expect_values(bincount(tensor({1, 0}), tensor({0.5, 2.0}), 3), {3}, {2, 0.5, 0});
  expect_error([&] { bincount(tensor({-1})); }, "negative");
}

}  // namespace
}  // namespace weft::testing
