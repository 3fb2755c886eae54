// The contract of compile, fit, evaluate and predict, argument by argument.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <csignal>
#include <thread>

#include <weft/metrics/metrics.h>
#include <weft/nn/nn.h>
#include <weft/train/callbacks.h>
#include <weft/train/model.h>

namespace weft::nn {
namespace {

/// 64 points in 4 dimensions whose class is the sign of their sum.
struct Points {
  Tensor x, y;
  explicit Points(std::int64_t n = 64) {
    Generator g(5);
    x = randn({n, 4}, {}, &g);
    y = cast(greater(x.sum({1}), 0.0), i64);
  }
};

Model compiled(CompileOptions options = {}) {
  manual_seed(1);
  Model model{Sequential{Linear{{.out = 8}}, Tanh{}, Linear{{.out = 2}}}};
  if (options.loss.empty()) options.loss = CrossEntropy{};
  if (options.metrics.empty()) options.metrics = {metrics::Accuracy{}};
  model.compile(std::move(options));
  return model;
}

FitOptions quiet(int epochs = 1) {
  FitOptions o;
  o.epochs = epochs;
  o.verbose = 0;
  o.batch_size = 16;
  return o;
}

/// Counts how often each hook is called.
struct Counter : Callback {
  int train = 0, epochs = 0, batches = 0, tests = 0, test_batches = 0;
  void on_train_begin(Model&) override { ++train; }
  void on_epoch_end(Model&, int, const Logs&) override { ++epochs; }
  void on_train_batch_end(Model&, std::int64_t, const Logs&) override { ++batches; }
  void on_test_begin(Model&) override { ++tests; }
  void on_test_batch_end(Model&, std::int64_t, const Logs&) override { ++test_batches; }
};

TEST(Fit, LearnsAndTracksLossAndAccuracy) {
  Points p;
  Model model = compiled({.optimizer = optim::Adam{.lr = 0.05}});
  History h = model.fit(p.x, p.y, quiet(20));
  EXPECT_EQ(h.names(), (std::vector<std::string>{"accuracy", "loss"}));
  EXPECT_EQ(h.epoch.size(), 20u);
  EXPECT_LT(h["loss"].back(), h["loss"].front() / 2);
  EXPECT_GT(model.evaluate(p.x, p.y, {.verbose = 0})["accuracy"], 0.9);
}

TEST(Fit, NeedsCompileFirst) {
  Model model{Linear{{.out = 2}}};
  EXPECT_THROW(model.fit(ones({2, 2}), zeros({2}, {.dtype = i64})), Error);
}

TEST(Fit, ValidationSplitTakesTheLastFractionBeforeShuffling) {
  Points p;
  Model model = compiled();
  FitOptions o = quiet();
  o.validation_split = 0.25;
  History h = model.fit(p.x, p.y, o);
  Logs last = model.evaluate(slice(p.x, 0, 48), slice(p.y, 0, 48), {.verbose = 0});
  EXPECT_NEAR(h["val_loss"][0], last["loss"], 1e-6);
}

TEST(Fit, ValidationDataWinsAndValidationFreqSkips) {
  Points p, q(16);
  Model model = compiled();
  FitOptions o = quiet(4);
  o.validation_split = 0.5;
  o.validation_data = {q.x, q.y};
  o.validation_freq = 2;
  Counter count;
  o.callbacks = {std::ref(count)};
  History h = model.fit(p.x, p.y, o);
  EXPECT_EQ(count.batches, 4 * 4);  // all 64 points: nothing was split off
  EXPECT_EQ(count.tests, 2);
  EXPECT_TRUE(std::isnan(h["val_loss"][0]));
  EXPECT_FALSE(std::isnan(h["val_loss"][1]));
}

TEST(Fit, InitialEpochAndStepsPerEpoch) {
  Points p;
  Model model = compiled();
  FitOptions o = quiet(5);
  o.initial_epoch = 3;
  o.steps_per_epoch = 3;
  Counter count;
  o.callbacks = {std::ref(count)};
  History h = model.fit(p.x, p.y, o);
  EXPECT_EQ(h.epoch, (std::vector<int>{3, 4}));
  EXPECT_EQ(count.batches, 6);  // goes on where the last epoch ended, then starts again: 4 batches a pass
}

TEST(Fit, ShuffleFollowsTheSeedAlone) {
  Points p;
  const auto weights = [&](bool shuffle, std::uint64_t seed) {
    Model model = compiled();
    FitOptions o = quiet(2);
    o.shuffle = shuffle;
    o.loader.seed = seed;
    model.fit(p.x, p.y, o);
    return state_dict(model.module_ref())[0].second.to_vector<float>();
  };
  EXPECT_EQ(weights(true, 3), weights(true, 3));
  EXPECT_NE(weights(true, 3), weights(true, 4));
  EXPECT_EQ(weights(false, 3), weights(false, 4));
}

TEST(Fit, ClassAndSampleWeightsScaleTheLoss) {
  Points p(16);
  Model model = compiled({.optimizer = optim::SGD{.lr = 0}});
  const double plain = model.fit(p.x, p.y, quiet())["loss"][0];
  FitOptions o = quiet();
  o.class_weight = {{0, 3.0}, {1, 3.0}};
  EXPECT_NEAR(model.fit(p.x, p.y, o)["loss"][0], 3 * plain, 1e-5);
  o = quiet();
  o.sample_weight = full({16}, 0.5);
  EXPECT_NEAR(model.fit(p.x, p.y, o)["loss"][0], 0.5 * plain, 1e-6);
}

TEST(Fit, EarlyStoppingRestoresTheBestWeights) {
  Points p;
  Model model = compiled({.optimizer = optim::SGD{.lr = 50}});  // diverges or jumps about
  FitOptions o = quiet(30);
  o.validation_split = 0.25;
  EarlyStopping stop{{.monitor = "val_loss", .patience = 2, .restore_best_weights = true}};
  o.callbacks = {std::ref(stop)};
  History h = model.fit(p.x, p.y, o);
  ASSERT_LT(h.epoch.size(), 30u);
  const auto losses = h["val_loss"];
  EXPECT_EQ(stop.best, *std::min_element(losses.begin(), losses.end()));
  EXPECT_NEAR(model.evaluate(slice(p.x, 0, 48), slice(p.y, 0, 48), {.verbose = 0})["loss"], stop.best, 1e-5);
}

TEST(Fit, LearningRateCallbacksActOnTheOptimizer) {
  Points p;
  Model model = compiled({.optimizer = optim::SGD{.lr = 0.5}});
  FitOptions o = quiet(4);
  std::vector<double> seen;
  o.callbacks = {LearningRateScheduler([](int epoch, double lr) { return epoch ? lr / 2 : lr; }),
                 LambdaCallback({.epoch_end = [&](Model& m, int, const Logs&) { seen.push_back(m.optimizer().lr()); }})};
  model.fit(p.x, p.y, o);
  EXPECT_EQ(seen, (std::vector<double>{0.5, 0.25, 0.125, 0.0625}));
}

TEST(Fit, StopsOnNaNWhenAsked) {
  Points p;
  Model model = compiled();
  FitOptions o = quiet();
  o.stop_on_nan = true;
  try {
    model.fit(full({16, 4}, std::nan("")), slice(p.y, 0, 0, 16), o);
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("step 1 of epoch 1"), std::string::npos) << e.what();
  }
}

TEST(Fit, CtrlCEndsAtTheNextBatchAndKeepsTheModel) {
  Points p;
  Model model = compiled();
  FitOptions o = quiet(10);
  o.callbacks = {LambdaCallback({.train_batch_end = [](Model& m, std::int64_t, const Logs&) {
    if (m.progress().total_steps == 6) std::raise(SIGINT);
  }})};
  History h = model.fit(p.x, p.y, o);
  EXPECT_TRUE(model.interrupted());
  EXPECT_EQ(model.progress().total_steps, 6);
  EXPECT_EQ(h.epoch.size(), 1u);
}

TEST(Fit, OverriddenStepsAreUsed) {
  struct Mine : Model {
    using Model::Model;
    Logs train_step(const data::Batch& batch) override {
      Logs logs = Model::train_step(batch);
      logs.set("twice", 2 * logs["loss"]);
      return logs;
    }
  };
  Points p;
  Mine model{Sequential{Linear{{.out = 2}}}};
  model.compile({.loss = CrossEntropy{}});
  History h = model.fit(p.x, p.y, quiet());
  EXPECT_EQ(h["twice"][0], 2 * h["loss"][0]);
}

TEST(Fit, TrainsAFunctionalModelWithTwoInputsAndTwoOutputs) {
  Points p;
  Tensor a = input({4}), b = input({4});
  Linear trunk{{.in = 4, .out = 6}};
  Tensor h = trunk(a) + trunk(b);
  Model model{Functional({a, b}, {Linear{{.in = 6, .out = 2}}(h), Linear{{.in = 6, .out = 1}}(h)})};
  model.compile({.optimizer = optim::Adam{.lr = 0.05}, .loss = {CrossEntropy{}, MSELoss{}}, .loss_weights = {1.0, 0.5}});
  data::TensorDataset d({p.x, p.x}, {p.y, p.x.sum({1}, true)});
  History history = model.fit(d, quiet(10));
  EXPECT_LT(history["loss"].back(), history["loss"].front());
  EXPECT_EQ(model.predict_all(d)[1].shape(), (Shape{64, 1}));
}

TEST(Evaluate, StepsBoundAndWeights) {
  Points p;
  Model model = compiled();
  model.fit(p.x, p.y, quiet());
  Logs one = model.evaluate(p.x, p.y, {.batch_size = 16, .verbose = 0, .steps = 1});
  Logs same = model.evaluate(slice(p.x, 0, 0, 16), slice(p.y, 0, 0, 16), {.verbose = 0});
  EXPECT_NEAR(one["loss"], same["loss"], 1e-6);
}

TEST(Predict, GivesTheSameFromManyThreadsAtOnce) {
  Points p;
  Model model = compiled();
  model.fit(p.x, p.y, quiet());
  const Model& fixed = model;
  const std::vector<float> expected = fixed.predict(p.x).to_vector<float>();
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) wrong += fixed.predict(p.x, {.batch_size = 16}).to_vector<float>() != expected;
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
}

TEST(OnBatch, TrainsTestsAndPredicts) {
  Points p;
  Model model = compiled({.optimizer = optim::Adam{.lr = 0.05}});
  const double before = model.train_on_batch(p.x, p.y)["loss"];
  for (int i = 0; i < 20; ++i) model.train_on_batch(p.x, p.y);
  EXPECT_LT(model.test_on_batch(p.x, p.y)["loss"], before);
  EXPECT_EQ(model.predict_on_batch(p.x).shape(), (Shape{64, 2}));
}

TEST(Fit, ScheduleOfAutomaticLengthCoversASecondFit) {
  Points p;
  Model model = compiled({.optimizer = optim::SGD{.lr = 0.1}, .optimizer_options = {.schedule = optim::Cosine{}}});
  model.fit(p.x, p.y, quiet(2));
  EXPECT_NEAR(model.optimizer().lr(), 0, 1e-12);
  FitOptions more = quiet(4);
  more.initial_epoch = 2;
  std::vector<double> rates;
  more.callbacks = {LambdaCallback({.train_batch_begin = [&](Model& m, std::int64_t) { rates.push_back(m.optimizer().lr()); }})};
  model.fit(p.x, p.y, more);
  ASSERT_EQ(rates.size(), 8u);
  for (int t = 0; t < 8; ++t) EXPECT_NEAR(rates[static_cast<std::size_t>(t)], 0.05 * (1 + std::cos(M_PI * (8 + t) / 16)), 1e-12);
}

TEST(Fit, ScheduleCountsUpdatesWhereGradientsAreAccumulated) {
  Points p;
  Model model = compiled({.optimizer = optim::SGD{.lr = 0.1}, .optimizer_options = {.schedule = optim::Linear{}, .accumulate = 4}});
  model.fit(p.x, p.y, quiet(4));  // 16 batches, 4 updates
  EXPECT_EQ(model.optimizer().steps(), 4);
  EXPECT_NEAR(model.optimizer().lr(), 0, 1e-12);
}

TEST(Fit, TellsThePlateauOfTheOptimizer) {
  Points p;
  Model model = compiled({.optimizer = optim::SGD{.lr = 0.1},
                          .optimizer_options = {.plateau = optim::PlateauOptions{.patience = 0, .threshold = 100, .absolute = true}}});
  model.fit(p.x, p.y, quiet(3));
  EXPECT_NEAR(model.optimizer().lr(), 0.001, 1e-9);  // the first epoch is the best, the other two lower the rate
}

TEST(Fit, AccuracyFollowsTheLoss) {
  const Tensor scores = tensor_of(std::vector<float>{0.3f, -2, 0.2f, -0.1f}, {4, 1}), signs = greater(scores, 0.0).to(f32);
  Model model{Identity{}};
  model.compile({.loss = BCEWithLogits{}, .metrics = {"accuracy"}});
  EXPECT_EQ(model.evaluate(scores, signs, {.verbose = 0})["accuracy"], 1);
  const Tensor p = tensor_of(std::vector<float>{0.9f, 0.8f, 0.1f, 0.7f, 0.2f, 0.6f}, {2, 3});
  model.compile({.loss = BCELoss{}, .metrics = {"accuracy"}});
  EXPECT_EQ(model.evaluate(p, greater(p, 0.5).to(f32), {.verbose = 0})["accuracy"], 1);
}

TEST(Fit, GivesMetricsOfOneNameNamesOfTheirOwn) {
  Points p;
  Model model = compiled({.metrics = {metrics::Precision({.class_id = 0}), metrics::Precision({.class_id = 1}), "accuracy"},
                          .weighted_metrics = {"accuracy"}});
  const Logs logs = model.evaluate(p.x, p.y, {.verbose = 0});
  for (const char* name : {"precision", "precision_1", "accuracy", "weighted_accuracy"}) EXPECT_TRUE(logs.contains(name)) << name;
}

TEST(Fit, RefusesDataWithoutABatch) {
  Points p(10);
  Model model = compiled();
  const data::Dataset nothing = data::stream([] { return [] { return std::optional<data::Sample>(); }; });
  EXPECT_THROW(model.fit(nothing, quiet(2)), Error);
  FitOptions o = quiet();
  o.steps_per_epoch = 3;
  EXPECT_THROW(model.fit(nothing, o), Error);
  o.batch_size = 32;
  o.loader.drop_last = true;
  EXPECT_THROW(model.fit(p.x, p.y, o), Error);
}

struct TwoHeads : Module<TwoHeads> {
  Linear body{{.in = 4, .out = 3}}, head{{.in = 4, .out = 1}};
  std::vector<Tensor> forward(const Tensor& x) { return {body(x), head(x)}; }
};

TEST(Fit, TracksEveryOutput) {
  Points p;
  const Tensor sums = p.x.sum({1}, true);
  const data::TensorDataset both({p.x}, {p.y, sums});
  Model model{TwoHeads{}};
  model.compile({.loss = {CrossEntropy{}, MSELoss{}}, .loss_weights = {1, 0.5}, .output_metrics = {{"accuracy"}, {"mae"}}});
  const Logs logs = model.evaluate(both, {.verbose = 0});
  EXPECT_NEAR(logs["loss"], logs["out0_loss"] + 0.5 * logs["out1_loss"], 1e-6);
  EXPECT_TRUE(logs.contains("out0_accuracy") && logs.contains("out1_mae"));
  model.compile({.loss = {CrossEntropy{}, AnyLoss{}}});  // the second is not trained
  EXPECT_NO_THROW(model.fit(both, quiet()));
}

/// Trains without labels: the loss is its own.
struct Shrinks : Model {
  using Model::Model;
  Tensor compute_loss(const data::Batch&, const std::vector<Tensor>& out) override { return square(out[0]).mean(); }
};

TEST(Fit, NeedsNoLossWhereItIsOverridden) {
  Points p;
  Shrinks model{Linear{{.in = 4, .out = 2}}};
  model.compile({.optimizer = optim::SGD{.lr = 0.1}});
  const History h = model.fit(data::TensorDataset({p.x}, {}), quiet(3));
  EXPECT_LT(h["loss"][2], h["loss"][0]);
  Model plain{Linear{{.in = 4, .out = 2}}};
  plain.compile({});
  EXPECT_THROW(plain.fit(p.x, p.y, quiet()), Error);
}

TEST(Predict, IsInEvaluationModeWhateverTheModuleIsIn) {
  Model model{Sequential{Dropout{0.5}}};
  model.module<Sequential>().train();
  EXPECT_EQ(model.predict(ones({2, 8})).to_vector<float>(), std::vector<float>(16, 1));
  EXPECT_TRUE(model.module<Sequential>()[0].get<Dropout>()->mode.training);
}

TEST(Fit, PlacesBatchesWhereTheModelIs) {
  Points p;
  Model model = compiled();
  model.predict(p.x);
  model.module<Sequential>().to(ref(0));
  for (std::int64_t n : {8, 64}) EXPECT_EQ(model.predict(slice(p.x, 0, 0, n)).device(), ref(0));
  EXPECT_NO_THROW(model.fit(p.x, p.y, quiet()));
}

TEST(Fit, ClosesTheLastGroupOfSteps) {
  Points p(128);
  Counter c;
  FitOptions o = quiet();
  o.callbacks = {std::ref(c)};
  compiled({.steps_per_execution = 3}).fit(p.x, p.y, o);  // 8 batches: 3, 3 and 2
  EXPECT_EQ(c.batches, 3);
}

TEST(Predict, FirstCallsMayComeFromSeveralThreads) {
  for (int round = 0; round < 8; ++round) {
    const Model model{Sequential{Linear{{.out = 8}}, BatchNorm{}, Linear{{.in = 8, .out = 2}}}};
    const Tensor x = ones({4, 5});
    std::vector<std::vector<float>> out(4);
    std::vector<std::thread> threads;
    for (auto& o : out) threads.emplace_back([&] { o = model.predict(x).to_vector<float>(); });
    for (auto& t : threads) t.join();
    for (const auto& o : out) EXPECT_EQ(o, out[0]);
  }
}

TEST(Model, SummaryCountsTheOptimizersNumbers) {
  Model model{Linear{{.in = 4, .out = 2}}};
  model.compile({.optimizer = optim::Adam{}, .loss = MSELoss{}});
  EXPECT_NE(model.summary({4}).find("20"), std::string::npos);  // two slots for each of 10 numbers
}

}  // namespace
}  // namespace weft::nn
