// fit, evaluate and predict by planned steps: eager execution's results, and what cannot be planned runs eagerly.
#include <gtest/gtest.h>

#include <thread>

#include <weft/data/datasets.h>
#include <weft/io/safetensors.h>
#include <weft/ir/op.h>
#include <weft/metrics/metrics.h>
#include <weft/nn/nn.h>
#include <weft/train/callbacks.h>
#include <weft/train/model.h>
#include <weft/train/profile.h>

#include "support/close.h"
#include "support/errors.h"

namespace weft::nn {
namespace {

using namespace weft::testing;

Sequential network() {
  return {Conv2d{{.in = 3, .out = 6, .kernel = 3}}, BatchNorm2d{6}, ReLU{}, MaxPool2d{2}, Dropout{0.25}, Flatten{}, Linear{{.out = 10}}};
}

/// Another learning rate at every batch.
struct ChangeRate : Callback {
  void on_train_batch_begin(Model& m, std::int64_t b) override { m.optimizer().set_lr(0.01 / (1 + static_cast<double>(b))); }
};

struct Outcome {
  std::vector<float> weights;
  std::vector<float> logs;
  CompileStats stats;
};

/// Two epochs of 50 images by 16 (the last batch is smaller), validated on 20.
Outcome train(CompileOptions options, std::vector<AnyCallback> callbacks = {}) {
  manual_seed(5);
  Model model{network()};
  if (options.loss.empty()) options.loss = CrossEntropy{};
  options.metrics = {metrics::Accuracy{}};
  model.compile(options);
  const auto test = data::shapes10({.train = false, .size = 20});
  const History h = model.fit(data::shapes10({.size = 50}), {.batch_size = 16, .epochs = 2, .verbose = 0, .callbacks = callbacks,
                                                            .validation_data = &test});
  Outcome out;
  for (const auto& [name, t] : state_dict(model.module_ref()))
    for (float v : t.to(f32).to_vector<float>()) out.weights.push_back(v);
  for (const char* name : {"loss", "val_loss", "accuracy", "val_accuracy"})
    for (double v : h[name]) out.logs.push_back(static_cast<float>(v));
  out.stats = model.plan_stats();
  return out;
}

void expect_planned_like_eager(CompileOptions options, std::vector<AnyCallback> callbacks = {}) {
  const Outcome planned = train(options, callbacks);
  options.run_eagerly = true;
  const Outcome eager = train(options, callbacks);
  expect_like_eager(planned.weights, eager.weights);
  expect_like_eager(planned.logs, eager.logs);
  EXPECT_EQ(eager.stats.calls, 0);
  EXPECT_EQ(planned.stats.calls, 12);  // two epochs of 4 batches and 2 of validation
  EXPECT_GE(planned.stats.replayed, 3);
}

TEST(PlannedFit, LearnsWhatEagerStepsLearn) {
  for (const char* rule : {"sgd", "adam", "rmsprop", "nadam", "radam", "lion"}) {
    SCOPED_TRACE(rule);
    expect_planned_like_eager({.optimizer = optim::make(rule, {.lr = 1e-3})});
  }
}

TEST(PlannedFit, NeedsAPlanForEachShapeAndMode) {
  const Outcome o = train({});
  EXPECT_EQ(o.stats.plans, 4);
  EXPECT_EQ(o.stats.replayed, 8);
}

TEST(PlannedFit, ClipsAccumulatesAveragesAndRegularizesAlike) {
  expect_planned_like_eager({.optimizer_options = {.clip_norm = 0.5}});
  expect_planned_like_eager({.optimizer_options = {.clip_value = 0.01, .clip_parameter_norm = 0.1}});
  expect_planned_like_eager({.optimizer = optim::SGD{.lr = 0.01, .momentum = 0.9}, .optimizer_options = {.accumulate = 3}});
  expect_planned_like_eager({.optimizer_options = {.average = optim::Ema{.decay = 0.9}}});
}

TEST(PlannedFit, TakesALearningRateThatACallbackChanges) {
  expect_planned_like_eager({.optimizer = optim::SGD{.lr = 1}}, {ChangeRate{}});
}

TEST(PlannedFit, IsTheSameEveryTime) { EXPECT_EQ(train({}).weights, train({}).weights); }

TEST(PlannedFit, ALossThatReadsAnElementRunsEagerlyAndSaysSoOnce) {
  const auto reads = [](const Tensor& p, const Tensor& y) {
    const Tensor l = cross_entropy(p, y);
    return l.detach().item() > 1e9 ? l * 0.0 : l;
  };
  ::testing::internal::CaptureStderr();
  const Outcome planned = train({.loss = AnyLoss(reads)});
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
  EXPECT_NE(said.find("fit: an element is read"), std::string::npos) << said;
  EXPECT_EQ(planned.stats.replayed, 0);
  EXPECT_EQ(planned.weights, train({.loss = AnyLoss(reads), .run_eagerly = true}).weights);
}

/// Tests and predicts while it trains.
struct Meddle : Callback {
  Tensor x = ones({3, 3, 32, 32});
  void on_train_batch_end(Model& m, std::int64_t, const Logs&) override {
    m.predict(x);
    const ModeScope mode(m.module_ref(), true);
  }
};

TEST(PlannedFit, ACallbackMayPredict) { expect_planned_like_eager({.optimizer = optim::SGD{.lr = 0.01}}, {Meddle{}}); }

TEST(PlannedFit, AnObserverSeesTheOperators) {
  Profile profile;
  const Outcome o = train({});
  std::int64_t convolutions = 0;
  for (const Profile::Row& r : profile.rows())
    if (r.op->name == "conv") convolutions += r.calls;
  EXPECT_EQ(convolutions, 12);
  EXPECT_EQ(o.stats.calls, 0);
}

TEST(PlannedFit, DetectAnomalyFindsTheOperator) {
  Model model{Linear{{.in = 2, .out = 1}}};
  model.compile({.loss = AnyLoss([](const Tensor& p, const Tensor&) { return log(p * 0.0 - 1.0).mean(); })});
  DetectAnomaly on;
  WEFT_EXPECT_ERROR(model.train_on_batch(ones({2, 2}), ones({2, 1})), "detect_anomaly", "log");
}

TEST(PlannedFit, AnErrorInAKernelPutsWeightsAndCountsBack) {
  Model model{Linear{{.in = 4, .out = 3}}};
  model.compile({.optimizer = optim::Adam{.lr = 0.1}, .loss = CrossEntropy{},
                 .optimizer_options = {.average = optim::Ema{}}});
  const Tensor x = ones({2, 4}), y = zeros({2}, {.dtype = i64}), bad = full({2}, 7, {.dtype = i64});
  WEFT_EXPECT_ERROR(model.train_on_batch(x, bad), "7");  // the first step of all
  EXPECT_EQ(model.optimizer().steps(), 0);
  model.train_on_batch(x, y);
  const auto before = weights_sha256(model.optimizer().state_dict());
  WEFT_EXPECT_ERROR(model.train_on_batch(x, bad), "7");
  EXPECT_EQ(model.optimizer().steps(), 1);
  EXPECT_EQ(weights_sha256(model.optimizer().state_dict()), before);
  model.train_on_batch(x, y);
  EXPECT_EQ(model.optimizer().steps(), 2);
}

TEST(PlannedFit, GivesEagersErrorForAnotherShapeOrDtype) {
  const auto message = [](bool eagerly, const Tensor& x, const Tensor& y) {
    manual_seed(1);
    Model model{Linear{{.in = 4, .out = 3}}};
    model.compile({.loss = CrossEntropy{}, .run_eagerly = eagerly});
    model.train_on_batch(ones({2, 4}), zeros({2}, {.dtype = i64}));
    return error_of([&] { model.train_on_batch(x, y); });
  };
  const Tensor y = zeros({2}, {.dtype = i64});
  for (const auto& [x, labels] : {std::pair{ones({2, 5}), y}, {ones({2, 4}), zeros({3}, {.dtype = i64})}, {ones({2, 4}), ones({2, 7})},
                                  {ones({2, 4}, {.dtype = i64}), zeros({2}, {.dtype = f32})}})
    EXPECT_EQ(message(false, x, labels), message(true, x, labels));
  EXPECT_NE(message(false, ones({2, 5}), y), "");
}

TEST(PlannedPredict, GivesEveryThreadTheSameBits) {
  manual_seed(2);
  const Model model{network()};
  const Tensor x = randn({8, 3, 32, 32});
  const std::vector<float> expected = model.predict(x).to_vector<float>();
  std::vector<std::vector<float>> got(4);
  std::vector<std::thread> threads;
  for (auto& g : got)
    threads.emplace_back([&] {
      for (int i = 0; i < 5; ++i) g = model.predict(x).to_vector<float>();
    });
  for (auto& t : threads) t.join();
  for (const auto& g : got) EXPECT_EQ(g, expected);
}

/// A step of one's own.
struct Own : Model {
  using Model::Model;
  int steps = 0;
  Logs train_step(const data::Batch& batch) override {
    ++steps;
    const Tensor loss = compute_loss(batch, {layer()(batch.x())});
    optimizer().step(grad(loss, module_ref()));
    Logs logs;
    logs.set("loss", loss.item());
    return logs;
  }
};

TEST(PlannedFit, AStepOfOnesOwnRunsEagerly) {
  Own model{Linear{{.in = 4, .out = 1}}};
  model.compile({.optimizer = optim::SGD{.lr = 0.01}, .loss = MSELoss{}});
  const History h = model.fit(ones({6, 4}), ones({6, 1}), {.batch_size = 2, .epochs = 3, .verbose = 0});
  EXPECT_EQ(model.steps, 9);
  EXPECT_LT(h["loss"].back(), h["loss"].front());
  EXPECT_EQ(model.plan_stats().calls, 0);
}

}  // namespace
}  // namespace weft::nn
