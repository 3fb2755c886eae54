// Slicing, joining, padding, indexing with assignment, grids. Figures: NumPy 2 (np.pad, np.roll, np.diag, indexing).
#include "support/values.h"

namespace weft::testing {
namespace {

TEST(Slicing, FollowsPython) {
  const Tensor x = arange(10);
  expect_values(slice(x, 0, 2, 7, 2), {3}, {2, 4, 6});
  expect_values(slice(x, 0, -3), {3}, {7, 8, 9});
  expect_values(slice(x, 0, 5, 100), {5}, {5, 6, 7, 8, 9});
  expect_values(slice(x, 0, 7, 2), {0}, {});
  expect_values(slice(x, 0, slice_end, slice_begin, -3), {4}, {9, 6, 3, 0});
  expect_values(slice(x, 0, 5, 1, -2), {2}, {5, 3});
  expect_error([&] { slice(x, 0, 0, 5, 0); }, "step");
  expect_error([&] { slice(x, 1, 0); }, "axis");
}

TEST(Slicing, Joins) {
  const Tensor a = tensor({{1, 2}}), b = tensor({{3, 4}, {5, 6}});
  expect_values(concat({a, b}), {3, 2}, {1, 2, 3, 4, 5, 6});
  expect_values(stack({a, a}, 1), {1, 2, 2}, {1, 2, 1, 2});
  expect_values(stack({a, a}, -1), {1, 2, 2}, {1, 1, 2, 2});
  EXPECT_EQ(concat({a, tensor({{0.5, 0.5}})}).dtype(), f32);
  expect_error([&] { concat({a, b}, 1); }, "[1, 2]");
  expect_error([&] { concat({}); }, "at least one");
  expect_error([&] { stack({a, b}); }, "equal shapes");
}

TEST(Slicing, Splits) {
  const Tensor x = arange(7);
  const auto parts = split(x, 3);
  ASSERT_EQ(parts.size(), 3u);
  expect_values(parts[2], {1}, {6});
  EXPECT_EQ(chunk(x, 2).size(), 2u);
  expect_values(chunk(x, 2)[1], {3}, {4, 5, 6});
  expect_values(split(x, std::vector<std::int64_t>{1, 6})[1], {6}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(unbind(arange(6).reshape({2, 3}), 1).size(), 3u);
  expect_error([&] { split(x, std::vector<std::int64_t>{1, 2}); }, "add up to 3");
}

TEST(Slicing, PadsAsNumPy) {
  const Tensor x = arange(4);
  expect_values(pad(x, {1}, {2}, 9), {7}, {9, 0, 1, 2, 3, 9, 9});
  expect_values(pad(x, {2}, {3}, 0, PadMode::reflect), {9}, {2, 1, 0, 1, 2, 3, 2, 1, 0});
  expect_values(pad(x, {2}, {3}, 0, PadMode::wrap), {9}, {2, 3, 0, 1, 2, 3, 0, 1, 2});
  expect_values(pad(x, {2}, {3}, 0, PadMode::edge), {9}, {0, 0, 0, 1, 2, 3, 3, 3, 3});
  expect_values(pad(ones({2, 1}), {1}, {0}), {2, 2}, {0, 1, 0, 1});
  expect_error([&] { pad(x, {4}, {0}, 0, PadMode::reflect); }, "fewer");
  expect_error([&] { pad(x, {-1}, {0}); }, "slice");
}

TEST(Slicing, Repeats) {
  const Tensor x = tensor({{1, 2}});
  expect_values(tile(x, {2, 2}), {2, 4}, {1, 2, 1, 2, 1, 2, 1, 2});
  expect_values(repeat(tensor({1, 2}), {2, 1, 2}), {2, 1, 4}, {1, 2, 1, 2, 1, 2, 1, 2});
  expect_values(repeat_interleave(x, 2, 1), {1, 4}, {1, 1, 2, 2});
  expect_values(flip(tensor({{1, 2}, {3, 4}}), {1}), {2, 2}, {2, 1, 4, 3});
  expect_values(roll(arange(6).reshape({2, 3}), {1, 2}, {0, 1}), {2, 3}, {4, 5, 3, 1, 2, 0});
  expect_values(shift(tensor({1, 2, 3}), 1, 0), {3}, {0, 1, 2});
  expect_values(shift(tensor({1, 2, 3}), -5, 0, 7), {3}, {7, 7, 7});
}

TEST(Slicing, MovesAxes) {
  const Tensor x = zeros({2, 3, 4, 5});
  EXPECT_EQ(moveaxis(x, {0}, {-1}).shape(), (Shape{3, 4, 5, 2}));
  EXPECT_EQ(moveaxis(x, {0, 1}, {-1, -2}).shape(), (Shape{4, 5, 3, 2}));
  EXPECT_EQ(expand_dims(x, 0).shape(), (Shape{1, 2, 3, 4, 5}));
  EXPECT_EQ(squeeze(ones({1, 2, 1}), {-1}).shape(), (Shape{1, 2}));
}

TEST(Indexing, ReadsAsNumPy) {
  Tensor x = arange(24).reshape({2, 3, 4});
  expect_values(x.at({Slice{.step = -1}, 1, Slice{.step = -2}}), {2, 2}, {19, 17, 7, 5});
  expect_values(x.at({rest_of_axes, -1}), {2, 3}, {3, 7, 11, 15, 19, 23});
  expect_values(x.at({1, tensor({2, 0})}), {2, 4}, {20, 21, 22, 23, 12, 13, 14, 15});
  EXPECT_EQ(x.at({new_axis, Slice{0, 1}}).shape(), (Shape{1, 1, 3, 4}));
  EXPECT_EQ(x[1][2][3].item(), 23);
  EXPECT_EQ(x[-1].sum().item(), 210);
  expect_values(x.at({x > 20}), {3}, {21, 22, 23});
  expect_values(x.at({tensor({false, true}).to(boolean), 0, 0}), {1}, {12});
  expect_error([&] { x[2]; }, "index 2");
  expect_error([&] { x.at({0, 0, 0, 0}); }, "4 indices");
}

TEST(Indexing, SeveralTensorsBroadcastTogether) {
  const Tensor x = arange(24).reshape({2, 3, 4});
  expect_values(x.at({tensor({0, 1}), tensor({1, 2})}), {2, 4}, {4, 5, 6, 7, 20, 21, 22, 23});
  expect_values(x.at({all_of_axis, tensor({{0}, {-1}}), tensor({1, 2})}), {2, 2, 2}, {1, 2, 9, 10, 13, 14, 21, 22});
  expect_values(x.at({tensor({true, false}), tensor({0, 2})}), {2, 4}, {0, 1, 2, 3, 8, 9, 10, 11});
  expect_values(x.at({rest_of_axes, tensor({0, 2}), 3}), {2, 2}, {3, 11, 15, 23});
  expect_error([&] { x.at({tensor({0, 2}), tensor({0, 1})}); }, "index 2 is out of range");
  expect_error([&] { x.at({tensor({0}), all_of_axis, tensor({0})}); }, "side by side");
  expect_error([&] { x.at({tensor({0, 1}), tensor({0, 1, 2})}); }, "do not broadcast");
}

TEST(Indexing, AssignsThroughTensors) {
  Tensor x = zeros({2, 3});
  x.at({tensor({0, 1}), tensor({2, 0})}) = tensor({5.0, 6.0});
  expect_values(x, {2, 3}, {0, 0, 5, 6, 0, 0});
  x.at({tensor({0, 1}), tensor({2, 0})}) += 1;
  expect_values(x, {2, 3}, {0, 0, 6, 7, 0, 0});
  Tensor y = arange(6).reshape({2, 3});
  y.at({y > 2}) = tensor({30, 40, 50});
  expect_values(y, {2, 3}, {0, 1, 2, 30, 40, 50});
  y.at({tensor({false, true})}) = tensor({7, 8, 9});
  expect_values(y, {2, 3}, {0, 1, 2, 7, 8, 9});
  y.at({all_of_axis, tensor({true, false, true})}) = tensor({{1, 2}, {3, 4}});
  expect_values(y, {2, 3}, {1, 1, 2, 3, 8, 4});
  expect_error([&] { y.at({y > 3}) = tensor({1, 2, 3}); }, "the value is [3]; the part to replace is [2]");
}

TEST(Indexing, AssignmentRebindsOneVariable) {
  Tensor x = zeros({2, 3}), y = x;
  x[0] = 5;
  x[1][2] = 7.0;
  x[1][0] += 2;
  expect_values(x, {2, 3}, {5, 5, 5, 2, 0, 7});
  expect_values(y, {2, 3}, {0, 0, 0, 0, 0, 0});
  x.at({all_of_axis, Slice{0, 2}}) = tensor({1.0, 2.0});
  expect_values(x, {2, 3}, {1, 2, 5, 1, 2, 7});
  x.at({x > 4.0}) = -1;
  expect_values(x, {2, 3}, {1, 2, -1, 1, 2, -1});
  x.at({all_of_axis, tensor({2, 0})}) = tensor({{10.0, 20.0}, {30.0, 40.0}});
  expect_values(x, {2, 3}, {20, 2, 10, 40, 2, 30});
  x[0] = x[1];
  expect_values(x, {2, 3}, {40, 2, 30, 40, 2, 30});
  expect_error([&] { x[0] = ones({4}); }, "[4]");
}

TEST(Indexing, AVariableMadeFromAnElementIsItsOwn) {
  Tensor x = ones({2});
  auto first = x[0];
  first = tensor(9.0);
  expect_values(x, {2}, {1, 1});
  expect_values(first, {}, {9});
}

TEST(Grids, MatchNumPy) {
  expect_values(eye(2, 3), {2, 3}, {1, 0, 0, 0, 1, 0});
  expect_values(linspace(0, 1, 5), {5}, {0, 0.25, 0.5, 0.75, 1});
  EXPECT_EQ(linspace(0, 0.7, 8, {.dtype = f64}).to_vector<double>().back(), 0.7);
  const Tensor m = arange(9).reshape({3, 3});
  expect_values(triu(m, 1), {3, 3}, {0, 1, 2, 0, 0, 5, 0, 0, 0});
  expect_values(tril(m, -1), {3, 3}, {0, 0, 0, 3, 0, 0, 6, 7, 0});
  expect_values(diag(tensor({1, 2, 3}), -1), {4, 4}, {0, 0, 0, 0, 1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 3, 0});
  expect_values(diag(arange(12).reshape({3, 4}), 1), {3}, {1, 6, 11});
  expect_values(diag(arange(12).reshape({3, 4}), -1), {2}, {4, 9});
  const auto grid = meshgrid({tensor({1, 2}), tensor({3, 4, 5})});
  expect_values(grid[0], {2, 3}, {1, 1, 1, 2, 2, 2});
  expect_values(grid[1], {2, 3}, {3, 4, 5, 3, 4, 5});
  EXPECT_EQ(meshgrid({tensor({1, 2}), tensor({3, 4, 5})}, "xy")[0].shape(), (Shape{3, 2}));
  expect_values(one_hot(tensor({2, 0}), 3), {2, 3}, {0, 0, 1, 1, 0, 0});
}

TEST(Blobs, KeepTheirOwnerAlive) {
  auto owner = std::make_shared<std::vector<float>>(std::vector<float>{1, 2, 3, 4});
  std::weak_ptr<std::vector<float>> watch = owner;
  Tensor view;
  {
    Tensor t = from_blob(owner->data(), {2, 2}, f32, owner);
    EXPECT_EQ(t.data<float>(), owner->data()) << "nothing is copied";
    view = slice(t, 0, 1);
  }
  owner.reset();
  EXPECT_FALSE(watch.expired());
  expect_values(view, {1, 2}, {3, 4});
  view = Tensor();
  EXPECT_TRUE(watch.expired());
}

}  // namespace
}  // namespace weft::testing
