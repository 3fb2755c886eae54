#include <gtest/gtest.h>

#include <weft/autograd/gradients.h>
#include <weft/ops/ops.h>
#include <weft/tensor/observer.h>

#include "support/errors.h"

namespace weft {
namespace {

TEST(Gradients, OfASquareIsTwice) {
  Tensor x = tensor({1.0, 2.0, 3.0}).requires_grad(true);
  (x * x).sum().backward();
  EXPECT_EQ(x.grad().to_vector<float>(), (std::vector<float>{2, 4, 6}));
}

TEST(Gradients, NestToHigherOrders) {
  auto cube = [](const Tensor& x) { return (x * x * x).sum(); };
  auto second = grad([=](const Tensor& x) { return grad(cube)(x).sum(); });
  EXPECT_EQ(second(tensor({2.0})).to_vector<float>(), (std::vector<float>{12}));
}

TEST(Gradients, ReachAClosedOverVariable) {
  Tensor w = tensor({3.0}).requires_grad(true);
  Tensor g = grad([&](const Tensor& x) { return (w * x * x).sum(); })(tensor({2.0}));
  EXPECT_EQ(grad(g.sum(), {w})[0].to_vector<float>(), (std::vector<float>{4}));
}

TEST(Gradients, UndoBroadcasting) {
  Tensor a = ones({2, 3}).requires_grad(true), b = ones({3}).requires_grad(true);
  auto g = grad((a * b).sum(), {a, b});
  EXPECT_EQ(g[1].to_vector<float>(), (std::vector<float>{2, 2, 2}));
  EXPECT_EQ(g[0].shape(), (Shape{2, 3}));
}

TEST(Gradients, OfAMatrixProductMatchLoops) {
  Tensor a = randn({2, 3}).requires_grad(true), b = randn({3, 4}).requires_grad(true);
  auto g = grad(matmul(a, b).sum(), {a, b});
  Tensor expected = b.detach().sum({1});
  for (int i = 0; i < 2; ++i)
    for (int k = 0; k < 3; ++k)
      EXPECT_NEAR(g[0].to_vector<float>()[i * 3 + k], expected.to_vector<float>()[k], 1e-6);
}

TEST(Gradients, OfPowersAtZeroAreFinite) {
  Tensor x = tensor({0.0, 2.0}).requires_grad(true), p = tensor({0.0, 3.0}).requires_grad(true);
  const auto g = grad(pow(x, p).sum(), {x, p});
  EXPECT_EQ(g[0].to_vector<float>(), (std::vector<float>{0, 12}));
  EXPECT_EQ(g[1].to_vector<float>()[0], 0);
  EXPECT_EQ(grad(pow(x, 0.0).sum(), {x})[0].to_vector<float>(), (std::vector<float>{0, 0}));
}

TEST(Gradients, OfMeansInNarrowNumbersDoNotVanish) {
  for (DType t : {f16, bf16}) {
    Tensor x = ones({70000}, {.dtype = t}).requires_grad(true);
    EXPECT_NEAR(grad(mean(x), {x})[0][0].item(), 1.43e-5, 1e-7);
  }
}

TEST(Gradients, FlowThroughSeveralIndexTensors) {
  const Tensor x = ones({2, 2}).requires_grad(true);
  x.at({tensor({0, 0}), tensor({1, 1})}).sum().backward();
  EXPECT_EQ(x.grad().to_vector<float>(), (std::vector<float>{0, 2, 0, 0}));
}

TEST(Gradients, OfOnesOwnMustFitTheInputs) {
  Tensor x = ones({2, 3}).requires_grad(true);
  const auto run = [&](std::vector<Tensor> gradients) {
    custom_gradient({x}, [](const std::vector<Tensor>& in) { return in[0] * 2; },
                    [=](const auto&, const Tensor&, const Tensor&) { return gradients; })
        .sum()
        .backward();
  };
  testing::expect_error([&] { run({ones({3})}); },
                        "custom_gradient: backward returned f32[3] for input 0; expected the shape of f32[2, 3]");
  testing::expect_error([&] { run({}); }, "backward returned 0 gradients; expected 1");
  run({Tensor()});
  run({full({2, 3}, 7)});
  EXPECT_EQ(x.grad().to_vector<float>(), std::vector<float>(6, 7));
}

TEST(Gradients, AnAnomalyNamesTheOperatorAndTheForwardLine) {
  DetectAnomaly on;
  Tensor x = tensor({0.0, 1.0}).requires_grad(true);
  Tensor y = sqrt(x);
  const std::string line = "gradients_test.cpp:" + std::to_string(__LINE__ - 1);
  testing::expect_error([&] { y.sum().backward(); }, "gradient of sqrt: ", "detect_anomaly", line);
}

TEST(Gradients, LongTapesDoNotOverflowTheStack) {
  Tensor x = tensor({1.0}).requires_grad(true), y = x;
  for (int i = 0; i < 200000; ++i) y = y + 0.0;
  EXPECT_EQ(grad(y.sum(), {x})[0].item(), 1);
}

}  // namespace
}  // namespace weft
