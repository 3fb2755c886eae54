// Weights of samples and classes: what the loss becomes, against figures reckoned by hand or by the formula of each loss.
#include <gtest/gtest.h>

#include <cmath>

#include <weft/nn/nn.h>
#include <weft/train/model.h>

#include "support/errors.h"

namespace weft::nn {
namespace {

using namespace testing;

/// Two classes, three samples: logits and labels.
const std::vector<float> logits{2, 0, 0, 1, -1, 3};
const std::vector<std::int64_t> labels{0, 0, 1};

double nll(int sample, std::int64_t label) {
  const double a = logits[2 * sample], b = logits[2 * sample + 1];
  return std::log(std::exp(a) + std::exp(b)) - (label ? b : a);
}

Tensor x() { return tensor_of(logits, {3, 2}); }
Tensor y() { return tensor_of(labels, {3}); }

template <class L> double weighted(const L& loss, std::vector<float> w, const Tensor& target) {
  const auto n = static_cast<std::int64_t>(w.size());
  return AnyLoss(loss).weighted(x(), target, tensor_of(std::move(w), {n})).item();
}

TEST(SampleWeights, OfOneChangeNoLoss) {
  const Tensor numbers = tensor_of(std::vector<float>{0, 1, 1, 0, 1, 1}, {3, 2});
  const auto same = [&](const auto& loss, const Tensor& target) {
    EXPECT_NEAR(weighted(loss, {1, 1, 1}, target), loss(x(), target).item(), 1e-6) << AnyLoss(loss).name();
  };
  same(CrossEntropy{}, y());
  same(CrossEntropy{.ignore_index = 0}, y());
  same(CrossEntropy{.weight = tensor({1.f, 5.f})}, y());
  same(CrossEntropy{.reduction = Reduction::sum}, y());
  same(NLLLoss{.weight = tensor({2.f, 5.f})}, y());
  same(MSELoss{.reduction = Reduction::sum}, numbers);
  same(BCEWithLogits{}, numbers);
  same(KLDivLoss{}, numbers);
}

TEST(SampleWeights, MultiplyEachSamplesPart) {
  const double expected = (1 * nll(0, 0) + 2 * nll(1, 0) + 3 * nll(2, 1)) / 3;
  EXPECT_NEAR(weighted(CrossEntropy{}, {1, 2, 3}, y()), expected, 1e-6);
  EXPECT_NEAR(weighted(CrossEntropy{.reduction = Reduction::sum}, {1, 2, 3}, y()), expected * 3, 1e-5);
  const double ignoring = 3 * nll(2, 1) / 1;  // the divisor counts the samples that are not ignored
  EXPECT_NEAR(weighted(CrossEntropy{.ignore_index = 0}, {1, 2, 3}, y()), ignoring, 1e-6);
}

TEST(SampleWeights, MayBeAColumnOrOneAPosition) {
  const AnyLoss loss = CrossEntropy{};
  const Tensor column = tensor_of(std::vector<float>{1, 2, 3}, {3, 1});
  EXPECT_NEAR(loss.weighted(x(), y(), column).item(), weighted(CrossEntropy{}, {1, 2, 3}, y()), 1e-7);
  const Tensor maps = x().reshape({3, 2, 1}), targets = y().reshape({3, 1});
  EXPECT_NEAR(loss.weighted(maps, targets, column).item(), weighted(CrossEntropy{}, {1, 2, 3}, y()), 1e-7);
  WEFT_EXPECT_ERROR(loss.weighted(x(), y(), ones({2})), "sample weights of shape [2]; expected [3]");
}

/// The loss that one step of fit reports, before the step.
double first_loss(const AnyLoss& loss, const Tensor& target, FitOptions o, std::int64_t outputs) {
  manual_seed(3);
  Model model{Linear{{.in = 2, .out = outputs}}};
  model.compile({.optimizer = optim::SGD{.lr = 0}, .loss = loss});
  o.verbose = 0;
  o.shuffle = false;
  return model.fit(x(), target, o)["loss"][0];
}

TEST(ClassWeights, TakeColumnsFloatsAndOneHot) {
  FitOptions plain, classes;
  plain.sample_weight = tensor({1.f, 1.f, 4.f});
  classes.class_weight = {{1, 4}};
  const Tensor column = y().reshape({3, 1}).to(f32);
  EXPECT_NEAR(first_loss(BCEWithLogits{}, column, classes, 1), first_loss(BCEWithLogits{}, column, plain, 1), 1e-6);
  EXPECT_NEAR(first_loss(CrossEntropy{}, y(), classes, 2), first_loss(CrossEntropy{}, y(), plain, 2), 1e-6);
  const Tensor hot = one_hot(y(), 2).to(f32);
  EXPECT_NEAR(first_loss(CrossEntropy{}, hot, classes, 2), first_loss(CrossEntropy{}, hot, plain, 2), 1e-6);
}

}  // namespace
}  // namespace weft::nn
