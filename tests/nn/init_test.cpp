// Initializers: moments, bounds, exact scaling; regularizers and constraints.
#include <cmath>

#include "compare.h"

namespace weft::nn {
namespace {

constexpr RandomStream stream{11, 5};

Tensor drawn(const Initializer& f, const Shape& shape) { return f(shape, DType::f32, stream); }

TEST(Init, ElementsDependOnStreamAndPlaceAlone) {
  for (const char* name : {"glorot_uniform", "glorot_normal", "he_uniform", "lecun_normal", "truncated_normal", "torch_default"}) {
    const Initializer f = init::by_name(name);
    EXPECT_EQ(drawn(f, {6, 4}).to_vector<float>(), drawn(f, {6, 4}).to_vector<float>());
    EXPECT_NE(f({6, 4}, DType::f32, {12, 5}).to_vector<float>(), drawn(f, {6, 4}).to_vector<float>());
    const auto wide = f({6, 4}, DType::f64, stream).to_vector<double>();
    const auto narrow = drawn(f, {6, 4}).to_vector<float>();
    for (std::size_t i = 0; i < wide.size(); ++i) EXPECT_EQ(narrow[i], static_cast<float>(wide[i]));
  }
}

TEST(Init, FansFollowTheLayout) {
  EXPECT_EQ(init::fans_of({5, 3}).in, 3);
  EXPECT_EQ(init::fans_of({5, 3}).out, 5);
  EXPECT_EQ(init::fans_of({8, 4, 3, 3}).in, 36);
  EXPECT_EQ(init::fans_of({8, 4, 3, 3}).out, 72);
}

TEST(Init, BoundsAndMoments) {
  const Shape shape{200, 100};  // fan_in 100, fan_out 200
  const auto bound = [&](const Initializer& f) { return drawn(f, shape).abs().max().item(); };
  const auto deviation = [&](const Initializer& f) { return std(drawn(f, shape)).item(); };
  const auto near_below = [](double value, double limit) {
    EXPECT_LE(value, limit * (1 + 1e-6));
    EXPECT_GT(value, limit * 0.999);
  };
  near_below(bound(init::glorot_uniform()), std::sqrt(6.0 / 300));
  near_below(bound(init::he_uniform()), std::sqrt(6.0 / 100));
  near_below(bound(init::lecun_uniform()), std::sqrt(3.0 / 100));
  near_below(bound(init::torch_default()), 0.1);
  EXPECT_NEAR(deviation(init::glorot_normal()), std::sqrt(2.0 / 300), 1e-3);
  EXPECT_NEAR(deviation(init::he_normal()), std::sqrt(2.0 / 100), 2e-3);
  EXPECT_NEAR(deviation(init::he_normal(init::FanMode::fan_out)), 0.1, 2e-3);
  EXPECT_NEAR(deviation(init::lecun_normal()), 0.1, 2e-3);
  EXPECT_NEAR(deviation(init::variance_scaling()), 0.1, 2e-3) << "truncated, the variance kept";
  EXPECT_LE(bound(init::variance_scaling()), 0.1 * 2 / 0.879 + 1e-6);
  EXPECT_LE(bound(init::truncated_normal(0, 0.5, 2)), 1.0 + 1e-6);
  EXPECT_NEAR(deviation(init::truncated_normal(0, 0.5, 2)), 0.5 * 0.8796, 5e-3);
  EXPECT_NEAR(deviation(init::normal(1, 3)), 3, 0.05);
  EXPECT_NEAR(drawn(init::normal(1, 3), shape).mean().item(), 1, 0.1);
  EXPECT_GE(drawn(init::uniform(2, 3), shape).min().item(), 2);
  EXPECT_EQ(drawn(init::constant(0.5), {2}).to_vector<float>(), (std::vector<float>{0.5, 0.5}));
}

TEST(Init, Orthogonal) {
  for (const Shape& shape : {Shape{4, 9}, Shape{9, 4}, Shape{3, 2, 2, 2}}) {
    const Tensor w = drawn(init::orthogonal(2), shape).flatten(1, -1);
    const bool wide = w.size(0) <= w.size(1);
    const Tensor product = wide ? matmul(w, w, false, true) : matmul(w, w, true, false);
    expect_near(product, (eye(product.size(0)) * 4.0).to_vector<double>(), "w w^T", 1e-5);
  }
  EXPECT_THROW(drawn(init::orthogonal(), {4}), Error);
}

TEST(Init, NamesAreChecked) {
  expect_in(error_of([] { init::by_name("he_unifrom"); }), {"he_unifrom", "did you mean 'he_uniform'"});
}

TEST(Init, ScopeChangesTheDefaultAndBiasesTakeTheirLayersFan) {
  manual_seed(1);
  Linear plain{{.in = 100, .out = 50}};
  EXPECT_EQ(plain.bias.tensor().abs().max().item(), 0);
  const init::Scope scope{init::torch_default(), init::torch_default()};
  Linear linear{{.out = 5000}};  // the fan is known at the first batch
  linear(ones({1, 100}));
  const double largest = linear.bias.tensor().abs().max().item();
  EXPECT_LE(largest, 0.1 + 1e-6);
  EXPECT_GT(largest, 0.099);
  Conv2d conv{{.in = 4, .out = 2000, .kernel = 5}};
  EXPECT_LE(conv.bias.tensor().abs().max().item(), 0.1 + 1e-6);
  EXPECT_GT(conv.bias.tensor().abs().max().item(), 0.09);
}

TEST(Init, DepthwiseTakesKerasFans) {
  DepthwiseConv2d d{{.in = 64, .kernel = 5, .kernel_init = init::lecun_uniform()}};  // fan_in 64 * 25, not 25
  EXPECT_LE(d.weight.tensor().abs().max().item(), std::sqrt(3.0 / 1600) * (1 + 1e-6));
}

TEST(Regularizers, SumOverTheModule) {
  Sequential net{Linear{{.in = 2, .out = 1, .kernel_regularizer = L2{0.5}, .bias_regularizer = L1{0.25}}},
                 Linear{{.in = 1, .out = 1, .kernel_regularizer = L1L2{1, 2}}}, Linear{{.in = 1, .out = 1}}};
  const auto p = parameters(net);
  p[0].assign(tensor({{1.0, -2.0}}));
  p[1].assign(tensor({-4.0}));
  p[2].assign(tensor({{3.0}}));
  const Tensor loss = regularization_loss(net);
  EXPECT_NEAR(loss.item(), 0.5 * 5 + 0.25 * 4 + 3 + 2 * 9, 1e-5);
  EXPECT_EQ(grad(loss, net)[p[0]].to_vector<float>(), (std::vector<float>{1, -2}));
  Sequential copy = net;
  EXPECT_NEAR(regularization_loss(copy).item(), loss.item(), 1e-5) << "copies keep them";
  EXPECT_FALSE(regularization_loss(Linear{{.in = 1, .out = 1}}).defined());
}

TEST(Constraints, AreAppliedToTheirParameters) {
  Linear a{{.in = 2, .out = 2, .kernel_constraint = MaxNorm{1}}};
  a.weight.assign(tensor({{3.0, 4.0}, {0.3, 0.4}}));
  apply_constraints(a);
  expect_near(a.weight, {0.6, 0.8, 0.3, 0.4}, "max norm", 1e-6);
  Linear b{{.in = 2, .out = 1, .kernel_constraint = NonNegative{}}};
  b.weight.assign(tensor({{3.0, -4.0}}));
  apply_constraints(b);
  expect_near(b.weight, {3, 0}, "not negative", 0);
}

}  // namespace
}  // namespace weft::nn
