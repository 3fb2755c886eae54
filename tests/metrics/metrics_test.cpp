// Metrics against plain loops and figures worked out by hand or by scikit-learn's and Keras's definitions.
#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include <weft/metrics/metrics.h>
#include <weft/ops/ops.h>

#include "support/errors.h"

namespace weft::metrics {
namespace {

using testing::error_of;

Tensor reals(const std::vector<float>& v, const Shape& shape) { return tensor_of(v, shape); }
Tensor labels(const std::vector<std::int64_t>& v) { return tensor_of(v, {static_cast<std::int64_t>(v.size())}); }
Tensor vec(const std::vector<double>& v) { return tensor_of(v, {static_cast<std::int64_t>(v.size())}); }

/// Deterministic scores and labels of n examples in c classes.
struct Batch {
  std::vector<float> scores;
  std::vector<std::int64_t> targets;
  std::int64_t n, c;
  Batch(std::int64_t n, std::int64_t c, std::uint64_t seed) : n(n), c(c) {
    const RandomStream random{seed, 0}, other{seed, 1};
    for (std::int64_t i = 0; i < n * c; ++i)
      scores.push_back(static_cast<float>(random.normal(static_cast<std::uint64_t>(i))));
    for (std::int64_t i = 0; i < n; ++i)
      targets.push_back(
          static_cast<std::int64_t>(other.below(static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(c))));
  }
  Tensor x() const { return reals(scores, {n, c}); }
  Tensor y() const { return labels(targets); }
  std::int64_t guess(std::int64_t i) const {
    std::int64_t best = 0;
    for (std::int64_t k = 1; k < c; ++k)
      if (scores[static_cast<std::size_t>(i * c + k)] > scores[static_cast<std::size_t>(i * c + best)]) best = k;
    return best;
  }
  Tensor one_hot() const {
    std::vector<float> v(static_cast<std::size_t>(n * c));
    for (std::int64_t i = 0; i < n; ++i) v[static_cast<std::size_t>(i * c + targets[static_cast<std::size_t>(i)])] = 1;
    return reals(v, {n, c});
  }
};

TEST(Accuracy, PicksItsFormByTheShapes) {
  const Batch b(50, 7, 1);
  double right = 0;
  for (std::int64_t i = 0; i < b.n; ++i) right += b.guess(i) == b.targets[static_cast<std::size_t>(i)];
  for (const Tensor& y : {b.y(), b.y().reshape({50, 1}), b.y().to(DType::u8), b.one_hot()}) {
    Accuracy acc;
    acc.update(b.x(), y);
    EXPECT_DOUBLE_EQ(acc.result(), right / 50);
    acc.update(b.x(), y);
    EXPECT_DOUBLE_EQ(acc.result(), right / 50);
    acc.reset();
    EXPECT_EQ(acc.result(), 0);
  }
  Accuracy binary;
  const Tensor p = reals({0.2f, 0.5f, 0.7f, 0.9f}, {4, 1});
  binary.update(p, tensor({0, 1, 1, 0}));
  EXPECT_DOUBLE_EQ(binary.result(), 0.5);
  binary.reset();
  binary.update(p.reshape({4}), tensor({{0}, {0}, {1}, {1}}));
  EXPECT_DOUBLE_EQ(binary.result(), 1);
  Accuracy logits{{.threshold = 0}};
  logits.update(p - 0.6, tensor({0, 0, 1, 1}));
  EXPECT_DOUBLE_EQ(logits.result(), 1);
}

TEST(Accuracy, TakesImagesWeightsStridesAndDtypes) {
  const Tensor x = randn({2, 3, 4, 5});
  const Tensor y = x.argmax(1);
  Accuracy pixels;
  pixels.update(x, y);
  EXPECT_DOUBLE_EQ(pixels.result(), 1);
  Accuracy last{{.axis = -1}};
  last.update(x.permute({0, 2, 3, 1}), y);
  EXPECT_DOUBLE_EQ(last.result(), 1);
  Accuracy weighted;
  const Tensor scores = tensor({{1.0, 0.0}, {1.0, 0.0}, {0.0, 1.0}});
  weighted.update(scores.to(DType::bf16), tensor({0, 1, 1}), tensor({1.0, 2.0, 3.0}));
  EXPECT_DOUBLE_EQ(weighted.result(), 4.0 / 6);
  weighted.update(scores.to(DType::f64).to(ref()), tensor({0, 1, 1}), tensor({0.0, 6.0, 0.0}));
  EXPECT_DOUBLE_EQ(weighted.result(), 4.0 / 12);
  Accuracy ignoring{{.ignore_index = -100}};
  ignoring.update(scores, tensor({0, -100, 0}));
  EXPECT_DOUBLE_EQ(ignoring.result(), 0.5);
}

TEST(Accuracy, RefusesWhatDoesNotFit) {
  Accuracy acc;
  const Tensor x = zeros({4, 3});
  EXPECT_NE(error_of([&] {
              acc.update(x, tensor({0, 1, 3, 0}));
            }).find("label 3 (target 2); expected 0 to 2"),
            std::string::npos);
  EXPECT_NE(error_of([&] { acc.update(x, tensor({0, 1})); }).find("[4, 3]"), std::string::npos);
  EXPECT_THROW(acc.update(x, zeros({3, 4})), Error);
  EXPECT_THROW(acc.update(zeros({4}), tensor({0, 1, 2, 0})), Error);
  EXPECT_THROW(acc.update(x, tensor({0, 1, 2, 0}), ones({3})), Error);
  EXPECT_EQ(acc.result(), 0);
  EXPECT_THROW(SparseCategoricalAccuracy().update(x, x), Error);
  EXPECT_THROW(CategoricalAccuracy().update(x, tensor({0, 1, 2, 0})), Error);
  EXPECT_THROW(BinaryAccuracy().update(x, tensor({0, 1, 2, 0})), Error);
}

TEST(Accuracy, BinaryCountsEveryLabel) {
  BinaryAccuracy acc;
  acc.update(tensor({{0.9, 0.1, 0.6}, {0.2, 0.8, 0.4}}), tensor({{1, 0, 0}, {1, 1, 0}}));
  EXPECT_DOUBLE_EQ(acc.result(), 4.0 / 6);
}

TEST(TopK, CountsScoresAbove) {
  const Batch b(40, 10, 2);
  for (std::int64_t k : {1, 3, 10}) {
    double right = 0;
    for (std::int64_t i = 0; i < b.n; ++i) {
      std::int64_t above = 0;
      for (std::int64_t c = 0; c < b.c; ++c)
        above += b.scores[static_cast<std::size_t>(i * b.c + c)] >
                 b.scores[static_cast<std::size_t>(i * b.c + b.targets[static_cast<std::size_t>(i)])];
      right += above < k;
    }
    TopK top{{.k = k}}, hot{{.k = k}};
    top.update(b.x(), b.y());
    hot.update(b.x(), b.one_hot());
    EXPECT_DOUBLE_EQ(top.result(), right / 40);
    EXPECT_DOUBLE_EQ(hot.result(), right / 40);
  }
  EXPECT_EQ(TopK().name(), "top_5_accuracy");
  EXPECT_THROW(TopK({.k = 0}), Error);
}

TEST(Counts, BinaryFigures) {
  // tp 2, fp 1, fn 2, tn 1
  const Tensor p = tensor({0.9, 0.8, 0.7, 0.4, 0.3, 0.1}), y = tensor({1, 1, 0, 1, 1, 0});
  const auto figure = [&](auto metric) {
    metric.update(p, y);
    return metric.result();
  };
  EXPECT_DOUBLE_EQ(figure(Precision()), 2.0 / 3);
  EXPECT_DOUBLE_EQ(figure(Recall()), 0.5);
  EXPECT_DOUBLE_EQ(figure(F1()), 4.0 / 7);
  EXPECT_DOUBLE_EQ(figure(FBeta(2)), 5 * 2.0 / (5 * 2 + 4 * 2 + 1));
  EXPECT_EQ(figure(TruePositives()), 2);
  EXPECT_EQ(figure(FalsePositives()), 1);
  EXPECT_EQ(figure(FalseNegatives()), 2);
  EXPECT_EQ(figure(TrueNegatives()), 1);
  EXPECT_EQ(figure(Precision({.threshold = 0.95})), 0);
  EXPECT_DOUBLE_EQ(figure(Recall({.threshold = 0.2})), 1);
}

TEST(Counts, ClassesAreAveraged) {
  // scikit-learn's example: y_true = [0, 1, 2, 0, 1, 2], y_pred = [0, 2, 1, 0, 0, 1]; its documented precision_score is
  // 0.22 (macro), 0.33 (micro), 0.22 (weighted); recall 0.33, 0.33, 0.33; f1 0.26, 0.33, 0.26.
  std::vector<float> scores(18);
  const std::int64_t predicted[] = {0, 2, 1, 0, 0, 1};
  for (int i = 0; i < 6; ++i) scores[static_cast<std::size_t>(i * 3 + predicted[i])] = 1;
  const Tensor x = reals(scores, {6, 3}), y = tensor({0, 1, 2, 0, 1, 2});
  const auto figure = [&](auto metric) {
    metric.update(x, y);
    return metric.result();
  };
  EXPECT_DOUBLE_EQ(figure(Precision()), 2.0 / 9);
  EXPECT_DOUBLE_EQ(figure(Precision({.average = Average::micro})), 1.0 / 3);
  EXPECT_DOUBLE_EQ(figure(Precision({.average = Average::weighted})), 2.0 / 9);
  EXPECT_DOUBLE_EQ(figure(Recall()), 1.0 / 3);
  EXPECT_DOUBLE_EQ(figure(F1()), 0.8 / 3);
  EXPECT_DOUBLE_EQ(figure(F1({.average = Average::micro})), 1.0 / 3);
  EXPECT_DOUBLE_EQ(figure(Precision({.class_id = 0})), 2.0 / 3);
  EXPECT_THROW(figure(Precision({.class_id = 3})), Error);
  Precision counts;
  counts.update(x, y);
  EXPECT_EQ(counts.true_positives(0), 2);
  EXPECT_EQ(counts.false_positives(0), 1);
  EXPECT_EQ(counts.false_negatives(1), 2);
  EXPECT_EQ(counts.true_negatives(2), 3);
  EXPECT_THROW(counts.update(x, tensor({0, 1, 2, 0, 1, 7})), Error);
  EXPECT_DOUBLE_EQ(counts.result(), 2.0 / 9);  // as it was
  // Several labels an example: a class each.
  Recall many;
  many.update(tensor({{0.9, 0.1}, {0.8, 0.7}}), tensor({{1, 1}, {0, 1}}));
  EXPECT_DOUBLE_EQ(many.result(), (1.0 + 0.5) / 2);
}

TEST(Auc, IsTheFractionOfOrderedPairs) {
  const RandomStream random{5, 0};
  std::vector<double> s, y, w;
  for (std::uint64_t i = 0; i < 60; ++i) {
    s.push_back(std::floor(random.uniform(3 * i) * 20) / 20);  // with ties
    y.push_back(random.uniform(3 * i + 1) < 0.4);
    w.push_back(random.uniform(3 * i + 2));
  }
  for (const bool weighted : {false, true}) {
    double ordered = 0, pairs = 0;
    for (std::size_t a = 0; a < 60; ++a)
      for (std::size_t b = 0; b < 60; ++b)
        if (y[a] == 1 && y[b] == 0) {
          const double weight = weighted ? w[a] * w[b] : 1;
          pairs += weight;
          ordered += weight * (s[a] > s[b] ? 1 : s[a] == s[b] ? 0.5 : 0);
        }
    AUC auc;
    auc.update(vec(s), vec(y), weighted ? vec(w) : Tensor());
    EXPECT_NEAR(auc.result(), ordered / pairs, 1e-12);
  }
  AUC exact;
  EXPECT_EQ(exact.result(), 0);
  EXPECT_THROW(exact.update(vec({0.5}), vec({2})), Error);
  EXPECT_THROW(exact.update(vec({std::nan("")}), vec({1})), Error);
}

TEST(Auc, CountsBetweenThresholdsAsKeras) {
  const Tensor s = vec({0.1, 0.45, 0.35, 0.8, 0.45, 0.2}), y = tensor({0, 0, 1, 1, 1, 0});
  // keras.metrics.AUC of Keras 3.15: 200 and 5 thresholds
  AUC fine{{.num_thresholds = 200}}, coarse{{.num_thresholds = 5}};
  fine.update(s, y);
  coarse.update(s, y);
  EXPECT_NEAR(fine.result(), 0.8333333333333334, 1e-12);
  EXPECT_NEAR(coarse.result(), 0.888888888888889, 1e-12);
  EXPECT_THROW(fine.update(vec({1.5}), vec({1})), Error);
  EXPECT_THROW(AUC({.num_thresholds = 1}), Error);
  AUC half{{.num_thresholds = 5}}, rest{{.num_thresholds = 5}};
  half.update(vec({0.1, 0.45, 0.35}), tensor({0, 0, 1}));
  rest.update(vec({0.8, 0.45, 0.2}), tensor({1, 1, 0}));
  half.merge(rest);
  EXPECT_DOUBLE_EQ(half.result(), coarse.result());
}

TEST(Regression, FollowsTheFormulas) {
  const std::vector<double> p = {2.5, 0.0, 2, 8}, t = {3, -0.5, 2, 7};
  const auto figure = [&](auto metric) {
    metric.update(vec({p[0], p[1]}), vec({t[0], t[1]}));
    metric.update(vec({p[2], p[3]}), vec({t[2], t[3]}));
    return metric.result();
  };
  EXPECT_DOUBLE_EQ(figure(MSE()), 0.375);
  EXPECT_DOUBLE_EQ(figure(RMSE()), std::sqrt(0.375));
  EXPECT_DOUBLE_EQ(figure(MAE()), 0.5);
  EXPECT_NEAR(figure(R2()), 0.9486081370449679, 1e-14);  // scikit-learn's documented r2_score of these numbers
  MSE weighted;
  weighted.update(tensor({{1.0, 2.0}, {3.0, 4.0}}), zeros({2, 2}), tensor({1.0, 3.0}));
  EXPECT_DOUBLE_EQ(weighted.result(), (1 + 4 + 3 * 9 + 3 * 16) / 8.0);
  EXPECT_NE(error_of([] { MSE().update(zeros({4, 1}), zeros({4})); }).find("squeeze"), std::string::npos);
}

TEST(Regression, R2OfSeveralOutputsAndParts) {
  const Tensor p = tensor({{0.0, 2.0}, {-1.0, 2.0}, {8.0, -5.0}}), t = tensor({{0.5, 1.0}, {-1.0, 1.0}, {7.0, -6.0}});
  R2 r2;
  r2.update(p, t);
  EXPECT_NEAR(r2.result(), 0.9368005266622779, 1e-7);  // the mean of the two outputs' scores, worked out apart
  // A mean far from 0 does not cancel; parts merge to the whole.
  R2 whole, first, second;
  std::vector<double> y, z;
  for (int i = 0; i < 100; ++i) {
    y.push_back(1e8 + std::sin(i));
    z.push_back(1e8 + std::sin(i) + 0.1 * std::cos(3 * i));
  }
  whole.update(vec(z), vec(y));
  first.update(vec({z.begin(), z.begin() + 30}), vec({y.begin(), y.begin() + 30}));
  second.update(vec({z.begin() + 30, z.end()}), vec({y.begin() + 30, y.end()}));
  first.merge(second);
  double mean = 0, deviation = 0, residual = 0;
  for (int i = 0; i < 100; ++i) mean += std::sin(i) / 100;
  for (int i = 0; i < 100; ++i) {
    deviation += (std::sin(i) - mean) * (std::sin(i) - mean);
    residual += 0.01 * std::cos(3 * i) * std::cos(3 * i);
  }
  EXPECT_NEAR(whole.result(), 1 - residual / deviation, 1e-6);
  EXPECT_NEAR(first.result(), whole.result(), 1e-9);
}

TEST(Regression, CosineSimilarity) {
  CosineSimilarity c;
  c.update(tensor({{1.0, 0.0}, {1.0, 1.0}, {0.0, 0.0}}), tensor({{0.0, 2.0}, {3.0, 3.0}, {1.0, 1.0}}));
  EXPECT_NEAR(c.result(), 1.0 / 3, 1e-15);
}

TEST(Mean, WeighsValues) {
  Mean m;
  m.update(tensor({1.0, 2.0, 3.0}));
  EXPECT_DOUBLE_EQ(m.result(), 2);
  m.update(10.0, 3);
  EXPECT_DOUBLE_EQ(m.result(), 6);
  m.reset();
  m.update(tensor({1.0, 3.0}), {}, tensor({3.0, 1.0}));
  EXPECT_DOUBLE_EQ(m.result(), 1.5);
}

TEST(Confusion, CountsAndIoU) {
  const Batch b(60, 4, 3);
  std::vector<double> expected(16);
  for (std::int64_t i = 0; i < b.n; ++i)
    expected[static_cast<std::size_t>(b.targets[static_cast<std::size_t>(i)] * 4 + b.guess(i))] += 1;
  ConfusionMatrix m, hot, by_label{{.num_classes = 4}};
  MeanIoU iou;
  m.update(b.x(), b.y());
  hot.update(b.x(), b.one_hot());
  by_label.update(b.x().argmax(1), b.y());
  iou.update(b.x(), b.y());
  EXPECT_EQ(m.matrix().shape(), (Shape{4, 4}));
  EXPECT_EQ(m.matrix().to_vector<double>(), expected);
  EXPECT_EQ(hot.matrix().to_vector<double>(), expected);
  EXPECT_EQ(by_label.matrix().to_vector<double>(), expected);
  Accuracy acc;
  acc.update(b.x(), b.y());
  EXPECT_DOUBLE_EQ(m.result(), acc.result());
  double mean = 0;
  for (std::size_t c = 0; c < 4; ++c) {
    double row = 0, column = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      row += expected[c * 4 + k];
      column += expected[k * 4 + c];
    }
    mean += expected[c * 5] / (row + column - expected[c * 5]) / 4;
  }
  EXPECT_NEAR(iou.result(), mean, 1e-15);
  // The example of Keras's documentation: MeanIoU of [0, 0, 1, 1] against [0, 1, 0, 1] is 1/3; weighted 0.23809.
  MeanIoU plain{{.num_classes = 2}}, weighted{{.num_classes = 2}};
  plain.update(tensor({0, 1, 0, 1}), tensor({0, 0, 1, 1}));
  weighted.update(tensor({0, 1, 0, 1}), tensor({0, 0, 1, 1}), tensor({0.3, 0.3, 0.3, 0.1}));
  EXPECT_NEAR(plain.result(), 1.0 / 3, 1e-15);
  EXPECT_NEAR(weighted.result(), 0.23809525, 1e-7);
  IoU one({0}, {.num_classes = 2});
  one.update(tensor({0, 1, 0, 1}), tensor({0, 0, 1, 1}), tensor({0.3, 0.3, 0.3, 0.1}));
  EXPECT_NEAR(one.result(), 1.0 / 3, 1e-7);
  EXPECT_THROW(m.update(b.x(), tensor({0})), Error);
  EXPECT_THROW(by_label.update(tensor({4}), tensor({0})), Error);
  EXPECT_THROW(ConfusionMatrix().update(tensor({1}), tensor({0})), Error);
}

TEST(Metric, HoldsAnyKindAndMergesAndSaves) {
  const Batch a(30, 5, 7), b(20, 5, 8);
  for (const char* name :
       {"accuracy", "sparse_categorical_accuracy", "top_2_accuracy", "precision", "recall", "f1", "mean_iou"}) {
    Metric whole(name), first(name), second(name), loaded(name);
    whole.update(a.x(), a.y());
    whole.update(b.x(), b.y());
    first.update(a.x(), a.y());
    second.update(b.x(), b.y());
    first.merge(second);
    EXPECT_DOUBLE_EQ(first.result(), whole.result()) << name;
    loaded.load_state(whole.state());
    EXPECT_EQ(loaded.result(), whole.result()) << name;
    Metric copy = whole;
    copy.reset();
    EXPECT_EQ(copy.result(), 0) << name;
    EXPECT_GT(whole.result(), 0) << name;
    EXPECT_EQ(whole.name(), name);
  }
  Metric auc("auc"), other("auc");
  auc.update(vec({0.1, 0.8}), vec({0, 1}));
  other.update(vec({0.7, 0.3}), vec({0, 1}));
  auc.merge(other);
  EXPECT_DOUBLE_EQ(auc.result(), 0.75);
  EXPECT_THROW(auc.merge(Metric("mse")), Error);
  EXPECT_NE(error_of([] { Metric("acuracy"); }).find("did you mean 'accuracy'"), std::string::npos);
  EXPECT_THROW(Metric("accuracy").load_state(zeros({3})), Error);
}

/// A user's own metric.
struct LargestError {
  double largest = 0;
  void update(const Tensor& p, const Tensor& t, const Tensor&) {
    largest = std::max(largest, (p - t).abs().max().item());
  }
  double result() const { return largest; }
  void reset() { largest = 0; }
};

TEST(Metric, TakesAUsersType) {
  Metric m = LargestError{};
  m.update(tensor({1.0, 5.0}), tensor({2.0, 2.0}), {});
  EXPECT_EQ(m.result(), 3);
  EXPECT_EQ(m.name(), "LargestError");
  EXPECT_THROW(m.state(), Error);
  EXPECT_NE(m.get<LargestError>(), nullptr);
}

}  // namespace
}  // namespace weft::metrics
