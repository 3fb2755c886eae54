// Losses against PyTorch's figures (torch_figures.py): values and gradients; and what they refuse.
#include <cmath>

#include "compare.h"

namespace weft::nn {
namespace {

Tensor same(const Tensor& x) { return x; }

template <class F> void expect_loss(F f, const Shape& shape, const figures::Figures& expected, Tensor (*prepare)(const Tensor&) = same) {
  const Tensor x = prepare(wave(shape, 0.5)).detach().requires_grad(true);
  const Tensor y = f(x);
  EXPECT_EQ(y.rank(), 0);
  expect_near(y, expected.y, "loss");
  expect_near(weft::grad(y, {x})[0], expected.gradients[0], "gradient");
}

const auto labels = [] { return tensor({2, 0, 1}); };
const auto class_weight = [] { return tensor({0.5, 2.0, 1.5}); };
const auto soft = [] { return softmax(wave({3, 3}, 2), 1); };
const auto binary = [] { return tensor({{1.0, 0.0}, {0.0, 1.0}, {1.0, 1.0}}); };
const auto sign = [] { return binary() * 2.0 - 1.0; };
const auto target = [] { return wave({3, 2}, 2); };
Tensor to_probability(const Tensor& x) { return sigmoid(x); }
Tensor to_log_probability(const Tensor& x) { return log_softmax(x, 1); }

TEST(Losses, CrossEntropy) {
  expect_loss([](const Tensor& x) { return cross_entropy(x, labels()); }, {3, 3}, figures::cross_entropy);
  expect_loss([](const Tensor& x) { return CrossEntropy{}(x, labels().to(i32)); }, {3, 3}, figures::cross_entropy);
  expect_loss([](const Tensor& x) { return cross_entropy(x, one_hot(labels(), 3)); }, {3, 3}, figures::cross_entropy);
  expect_loss([](const Tensor& x) {
    return cross_entropy(x, tensor({2, -1, 1}), {.weight = class_weight(), .ignore_index = -1, .label_smoothing = 0.1});
  }, {3, 3}, figures::cross_entropy_options);
  expect_loss([](const Tensor& x) { return cross_entropy(x, labels(), {.reduction = Reduction::sum}); }, {3, 3},
              figures::cross_entropy_sum);
  expect_loss([](const Tensor& x) { return cross_entropy(x, tensor({{0, 2}, {-100, 1}})); }, {2, 3, 2},
              figures::cross_entropy_pixels);
  expect_loss([](const Tensor& x) { return cross_entropy(x, soft(), {.weight = class_weight(), .label_smoothing = 0.2}); },
              {3, 3}, figures::cross_entropy_soft);
}

TEST(Losses, NegativeLogLikelihoodAndDivergence) {
  expect_loss([](const Tensor& x) { return nll_loss(x, tensor({2, -100, 1}), {.weight = class_weight()}); }, {3, 3},
              figures::nll_loss);
  expect_loss([](const Tensor& x) { return kl_div(x, soft()); }, {3, 3}, figures::kl_div, to_log_probability);
  expect_loss([](const Tensor& x) { return kl_div(x, log(soft()), {.reduction = Reduction::sum, .log_target = true}); }, {3, 3},
              figures::kl_div_log, to_log_probability);
  EXPECT_EQ(kl_div(log(tensor({{0.5, 0.5}})), tensor({{1.0, 0.0}})).item<float>(), std::log(2.0f));
}

TEST(Losses, Binary) {
  expect_loss([](const Tensor& x) { return binary_cross_entropy(x, binary()); }, {3, 2}, figures::bce, to_probability);
  expect_loss([](const Tensor& x) { return BCEWithLogits{}(x, binary()); }, {3, 2}, figures::bce_logits);
  expect_loss([](const Tensor& x) { return BCEWithLogits{}(x, binary().to(boolean)); }, {3, 2}, figures::bce_logits);
  expect_loss([](const Tensor& x) {
    return binary_cross_entropy_with_logits(x, binary(), {.weight = tensor({1.0, 2.0}), .pos_weight = tensor({3.0, 0.5})});
  }, {3, 2}, figures::bce_logits_options);
  expect_loss([](const Tensor& x) { return focal_loss(x, binary()); }, {3, 2}, figures::focal);
  // Probabilities of exactly 0 and 1: PyTorch stops the logarithms at -100.
  const Tensor p = tensor({0.0, 1.0, 0.0, 1.0}).requires_grad(true);
  const Tensor loss = binary_cross_entropy(p, tensor({1.0, 1.0, 0.0, 0.0}), {.reduction = Reduction::none});
  expect_near(loss, {100, 0, 0, 100}, "stopped");
  EXPECT_TRUE(all(isfinite(weft::grad(sum(loss), {p})[0])).item<bool>());
}

TEST(Losses, Distances) {
  expect_loss([](const Tensor& x) { return mse_loss(x, target()); }, {3, 2}, figures::mse);
  expect_loss([](const Tensor& x) { return MAE{}(x, target()); }, {3, 2}, figures::l1);
  expect_loss([](const Tensor& x) { return huber_loss(x, target(), {.delta = 0.7}); }, {3, 2}, figures::huber);
  expect_loss([](const Tensor& x) { return SmoothL1Loss{.beta = 0.7}(x, target()); }, {3, 2}, figures::smooth_l1);
  expect_loss([](const Tensor& x) { return cosine_embedding_loss(x, target(), tensor({1, -1, -1}), 0.1); }, {3, 2},
              figures::cosine_embedding);
  expect_loss([](const Tensor& x) { return triplet_margin_loss(x, target(), wave({3, 2}, 4), {.swap = true}); }, {3, 2},
              figures::triplet);
  // Minus the cosine: figures by hand.
  EXPECT_NEAR(CosineLoss{}(tensor({{3.0, 4.0}, {1.0, 0.0}}), tensor({{3.0, 4.0}, {0.0, 1.0}})).item(), -0.5, 1e-6);
  // 1 - (2 * 1 + s) / (2 + 1 + s)
  EXPECT_NEAR(dice_loss(tensor({{1.0, 1.0}}), tensor({{1.0, 0.0}})).item(), 1.0 / 3, 1e-6);
}

TEST(Losses, Margins) {
  expect_loss([](const Tensor& x) { return hinge_embedding_loss(x, sign()); }, {3, 2}, figures::hinge_embedding);
  expect_loss([](const Tensor& x) { return multi_margin_loss(x, labels(), {.p = 2}); }, {3, 3}, figures::multi_margin);
  expect_loss([](const Tensor& x) { return margin_ranking_loss(x, target(), sign(), 0.3); }, {3, 2}, figures::margin_ranking);
  // Keras's formulas by hand: hinge of (0.5, -2) against (1, -1) is (0.5, 0).
  const Tensor x = tensor({0.5, -2.0});
  EXPECT_NEAR(hinge_loss(x, tensor({1.0, -1.0})).item(), 0.25, 1e-6);
  EXPECT_NEAR(hinge_loss(x, tensor({1, 0})).item(), 0.25, 1e-6) << "0 counts as -1";
  EXPECT_NEAR(hinge_loss(x, tensor({1.0, -1.0}), {.squared = true}).item(), 0.125, 1e-6);
  EXPECT_NEAR(CategoricalHinge{}(tensor({{0.2, 0.9, 0.4}}), tensor({{1.0, 0.0, 0.0}})).item(), 1.7, 1e-6);
}

TEST(Losses, PerSampleAveragesEachSample) {
  const Tensor x = wave({3, 2}, 0.5);
  expect_near(MSELoss{}.per_sample(x, target()), mean(square(x - target()), {1}).to_vector<double>(), "mse", 1e-6);
  const Tensor losses = CrossEntropy{}.per_sample(wave({3, 3}, 0.5), labels());
  EXPECT_EQ(losses.shape(), (Shape{3}));
  EXPECT_NEAR(mean(losses).item(), figures::cross_entropy.y[0], 1e-5);
  EXPECT_EQ(CrossEntropy{}.per_sample(wave({2, 3, 2}, 0), tensor({{0, 2}, {1, 1}})).shape(), (Shape{2}));
}

TEST(Losses, NeverBroadcast) {
  const Tensor column = ones({4, 1}), row = ones({4});
  expect_in(error_of([&] { mse_loss(column, row); }), {"mse_loss", "[4, 1]", "[4]", "do not broadcast", "prediction.squeeze({-1})"});
  expect_in(error_of([&] { BCEWithLogits{}(row, column); }), {"[4, 1]", "[4]", "target.squeeze({-1})"});
  for (const auto& f : std::vector<std::function<Tensor(const Tensor&, const Tensor&)>>{
           BCELoss{}, L1Loss{}, HuberLoss{}, SmoothL1Loss{}, KLDivLoss{}, FocalLoss{}, HingeLoss{}, HingeEmbeddingLoss{}, DiceLoss{},
           CosineLoss{}})
    expect_in(error_of([&] { f(column, row); }), {"[4, 1]", "[4]"});
  expect_in(error_of([&] { cross_entropy(ones({4, 3}), zeros({4, 1}, {.dtype = i64})); }),
            {"cross_entropy", "[4, 3]", "[4, 1]", "expected class numbers of shape [4]", "target.squeeze({1})"});
}

TEST(Losses, RefuseBadLabels) {
  const Tensor logits = ones({3, 3});
  expect_in(error_of([&] { cross_entropy(logits, tensor({0, 3, 1})); }), {"label 3", "expected 0 to 2", "3 classes"});
  expect_in(error_of([&] { cross_entropy(logits, tensor({0, -1, 1})); }), {"label -1"});
  expect_in(error_of([&] { cross_entropy(logits, tensor({0.0, 1.0, 2.0})); }), {"f32", "integers", ".to(i64)"});
  expect_in(error_of([&] { cross_entropy(logits, tensor({0, 1, 2}), {.weight = ones({4})}); }), {"weight", "[4]", "3"});
}

}  // namespace
}  // namespace weft::nn
