// Products against loops.
#include "support/values.h"

namespace weft::testing {
namespace {

Tensor numbers(const Shape& shape, std::uint64_t seed) {
  Generator g(seed);
  return uniform(shape, -1, 1, {.dtype = f64}, &g);
}
/// Element of a tensor of rank n by its index.
double at(const Tensor& t, std::initializer_list<std::int64_t> index) {
  std::int64_t offset = 0;
  int axis = 0;
  for (auto i : index) offset = offset * t.size(axis++) + i;
  return t.contiguous().data<double>()[offset];
}

TEST(Linalg, ContractsByLoops) {
  const Tensor a = numbers({2, 3, 4}, 1), b = numbers({2, 4, 5}, 2), y = einsum("bij,bjk->bki", {a, b});
  ASSERT_EQ(y.shape(), (Shape{2, 5, 3}));
  for (int n = 0; n < 2; ++n)
    for (int k = 0; k < 5; ++k)
      for (int i = 0; i < 3; ++i) {
        double want = 0;
        for (int j = 0; j < 4; ++j) want += at(a, {n, i, j}) * at(b, {n, j, k});
        EXPECT_NEAR(at(y, {n, k, i}), want, 1e-12);
        EXPECT_NEAR(at(bmm(a, b), {n, i, k}), want, 1e-12);
      }
}

TEST(Linalg, EinsumTakesThreeOperands) {
  const Tensor a = numbers({2, 3}, 1), b = numbers({3, 4}, 2), c = numbers({4, 2}, 3);
  double trace = 0;
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 3; ++j)
      for (int k = 0; k < 4; ++k) trace += at(a, {i, j}) * at(b, {j, k}) * at(c, {k, i});
  EXPECT_NEAR(einsum("ij,jk,ki->", {a, b, c}).item(), trace, 1e-12);
  EXPECT_NEAR(einsum("ij, jk, ki", {a, b, c}).item(), trace, 1e-12);
}

TEST(Linalg, EinsumDiagonalsSumsAndDots) {
  const Tensor m = tensor({{1, 2}, {3, 4}});
  expect_values(einsum("ii->i", {m}), {2}, {1, 4});
  expect_values(einsum("ii", {m}), {}, {5});
  expect_values(einsum("ij->j", {m}), {2}, {4, 6});
  expect_values(einsum("ji", {m}), {2, 2}, {1, 3, 2, 4});
  expect_values(einsum("i,j->ij", {tensor({1, 2}), tensor({3, 4, 5})}), {2, 3}, {3, 4, 5, 6, 8, 10});
  expect_values(einsum("i,i->i", {tensor({1, 2}), tensor({3, 4})}), {2}, {3, 8});
  const Tensor x = numbers({2, 1, 3, 4}, 4), y = numbers({5, 4, 2}, 5);
  const Tensor z = einsum("...ij,...jk->...ik", {x, y});
  ASSERT_EQ(z.shape(), (Shape{2, 5, 3, 2}));
  const Tensor want = matmul(x, y);
  EXPECT_LT(max(abs(z - want)).item(), 1e-12);
}

TEST(Linalg, EinsumSaysWhatIsWrong) {
  const Tensor a = zeros({2, 3});
  expect_error([&] { einsum("ij,jk", {a}); }, "names 2 operands; received 1");
  expect_error([&] { einsum("ijk", {a}); }, "names 3 axes; the operand has 2");
  expect_error([&] { einsum("ij,jk", {a, a}); }, "sizes 3 and 2 for 'j'");
  expect_error([&] { einsum("ij->ik", {a}); }, "'k'");
  expect_error([&] { einsum("ij->ii", {a}); }, "twice");
  expect_error([&] { einsum("i?", {a}); }, "'?'");
}

TEST(Linalg, TensordotPairsAxes) {
  const Tensor a = numbers({2, 3, 4}, 1), b = numbers({4, 2, 5}, 2), y = tensordot(a, b, {0, 2}, {1, 0});
  ASSERT_EQ(y.shape(), (Shape{3, 5}));
  for (int j = 0; j < 3; ++j)
    for (int l = 0; l < 5; ++l) {
      double want = 0;
      for (int i = 0; i < 2; ++i)
        for (int k = 0; k < 4; ++k) want += at(a, {i, j, k}) * at(b, {k, i, l});
      EXPECT_NEAR(at(y, {j, l}), want, 1e-12);
    }
  EXPECT_EQ(tensordot(a, b, 1).shape(), (Shape{2, 3, 2, 5}));
  EXPECT_EQ(tensordot(a, a, 0).rank(), 6);
  expect_error([&] { tensordot(a, b, Dims{0}, Dims{0}); }, "differ in size");
}

TEST(Linalg, VectorsMultiply) {
  const Tensor m = tensor({{1, 2, 3}, {4, 5, 6}}), v = tensor({1, 0, 2}), u = tensor({1, 2});
  expect_values(matmul(m, v), {2}, {7, 16});
  expect_values(matmul(u, m), {3}, {9, 12, 15});
  expect_values(matmul(v, v), {}, {5});
  expect_values(dot(v, v), {}, {5});
  expect_values(outer(u, v), {2, 3}, {1, 0, 2, 2, 0, 4});
  expect_error([&] { dot(u, v); }, "one length");
  expect_error([&] { matmul(m, m); }, "inner sizes 3 and 2");
}

}  // namespace
}  // namespace weft::testing
