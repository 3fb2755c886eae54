// The arguments of compile, fit, evaluate and predict that fit_test.cpp leaves out. Expected figures are worked out
// here, in plain double arithmetic, for a model of one weight: y = w x.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <regex>
#include <string>
#include <vector>

#include <weft/metrics/metrics.h>
#include <weft/nn/nn.h>
#include <weft/train/callbacks.h>
#include <weft/train/model.h>

#include "support/errors.h"

namespace weft::nn {
namespace {

using namespace testing;
using Doubles = std::vector<double>;

const Doubles xs{1, 2, 3, 4, 5, 6}, ts{2, 2, 5, 4, 7, 5};
const Doubles squares{1, 0, 4, 0, 4, 1};  // (x - t)^2: the losses where w is 1
const Doubles weights{1, 2, 0, 1, 4, 0};

Tensor column(const Doubles& v) {
  return tensor_of(std::vector<float>(v.begin(), v.end()), {static_cast<std::int64_t>(v.size()), 1});
}
Tensor row(const Doubles& v) { return column(v).flatten(0); }
Tensor x() { return column(xs); }
Tensor t() { return column(ts); }

double mean_of(const Doubles& v, std::size_t begin = 0, std::size_t end = 0) {
  if (end == 0) end = v.size();
  return std::accumulate(v.begin() + static_cast<long>(begin), v.begin() + static_cast<long>(end), 0.0) /
         static_cast<double>(end - begin);
}
Doubles product(const Doubles& a, const Doubles& b) {
  Doubles p;
  for (std::size_t i = 0; i < a.size(); ++i) p.push_back(a[i] * b[i]);
  return p;
}

/// The weight after gradient descent on mean(s (w x - t)^2) over batches of consecutive examples.
double descend(double w, double lr, std::size_t batch, const Doubles& s = Doubles(6, 1.0), const Doubles& target = ts) {
  for (std::size_t begin = 0; begin < xs.size(); begin += batch) {
    const std::size_t end = std::min(begin + batch, xs.size());
    double slope = 0;
    for (std::size_t i = begin; i < end; ++i) slope += 2 * s[i] * xs[i] * (w * xs[i] - target[i]);
    w -= lr * slope / static_cast<double>(end - begin);
  }
  return w;
}

Linear one_weight() { return Linear{{.in = 1, .out = 1, .bias = false, .kernel_init = init::constant(1)}}; }
double weight_of(const Model& model, std::size_t i = 0) { return state_dict(model.module_ref())[i].second.item(); }

/// y = w x with w = 1. A learning rate of 0 leaves it there.
template <class M = Model> M compiled(double lr = 0, CompileOptions options = {}) {
  M model{one_weight()};
  options.optimizer = optim::SGD{.lr = lr};
  options.loss = MSELoss{};
  model.compile(std::move(options));
  return model;
}

/// Batches of two, in order, without a word.
FitOptions in_order(std::int64_t batch_size = 2, int epochs = 1) {
  FitOptions o;
  o.batch_size = batch_size;
  o.epochs = epochs;
  o.verbose = 0;
  o.shuffle = false;
  return o;
}

/// Writes down every hook, with its epoch or batch.
struct Recorder : Callback {
  std::string calls;
  std::vector<Logs> train, test;
  Logs epoch, end;
  void note(const std::string& what) { calls += (calls.empty() ? "" : " ") + what; }
  void note(const std::string& what, std::int64_t i) { note(what + std::to_string(i)); }
  void on_train_begin(Model&) override { note("train{"); }
  void on_train_end(Model&, const Logs& logs) override {
    note("}train");
    end = logs;
  }
  void on_epoch_begin(Model&, int e) override { note("epoch{", e); }
  void on_epoch_end(Model&, int e, const Logs& logs) override {
    note("}epoch", e);
    epoch = logs;
  }
  void on_train_batch_begin(Model&, std::int64_t b) override { note("(", b); }
  void on_train_batch_end(Model&, std::int64_t b, const Logs& logs) override {
    note(")", b);
    train.push_back(logs);
  }
  void on_test_begin(Model&) override { note("test{"); }
  void on_test_end(Model&, const Logs&) override { note("}test"); }
  void on_test_batch_begin(Model&, std::int64_t b) override { note("[", b); }
  void on_test_batch_end(Model&, std::int64_t b, const Logs& logs) override {
    note("]", b);
    test.push_back(logs);
  }
  void on_predict_begin(const Model&) override { note("predict{"); }
  void on_predict_end(const Model&) override { note("}predict"); }
  void on_predict_batch_begin(const Model&, std::int64_t b) override { note("<", b); }
  void on_predict_batch_end(const Model&, std::int64_t b) override { note(">", b); }
};

/// Remembers the inputs of every step.
struct Watched : Model {
  using Model::Model;
  std::vector<Doubles> trained, tested;
  mutable std::vector<Doubles> predicted;
  Logs train_step(const data::Batch& batch) override {
    trained.push_back(batch.x().to_vector<double>());
    return Model::train_step(batch);
  }
  Logs test_step(const data::Batch& batch) override {
    tested.push_back(batch.x().to_vector<double>());
    return Model::test_step(batch);
  }
  std::vector<Tensor> predict_step(const data::Batch& batch) const override {
    predicted.push_back(batch.x().to_vector<double>());
    return Model::predict_step(batch);
  }
};

template <class F> std::string printed(F&& f) {
  ::testing::internal::CaptureStdout();
  f();
  return ::testing::internal::GetCapturedStdout();
}

// compile

TEST(Compile, MetricsIgnoreSampleWeightsAndWeightedMetricsHeedThem) {
  Model model = compiled(0, {.metrics = {metrics::MSE{}}, .weighted_metrics = {metrics::MSE{{.name = "weighted"}}}});
  FitOptions o = in_order();
  o.sample_weight = row(weights);
  const History h = model.fit(x(), t(), o);
  const double sum = mean_of(product(weights, squares));
  EXPECT_NEAR(h["loss"][0], sum, 1e-6);  // the mean over the examples
  EXPECT_NEAR(h["mse"][0], mean_of(squares), 1e-6);
  EXPECT_NEAR(h["weighted"][0], sum / mean_of(weights), 1e-6);  // a weighted mean
}

TEST(Compile, LossWeightsScaleTheLossesOfTheOutputs) {
  const Doubles ts2{0, 1, 1, 2, 2, 3};
  Tensor in = input({1});
  Model model{Functional({in}, {one_weight()(in), one_weight()(in)})};
  model.compile({.optimizer = optim::SGD{.lr = 0.01}, .loss = MSELoss{}, .loss_weights = {2, 0.5}});
  const data::TensorDataset d({x()}, {t(), column(ts2)});
  const History h = model.fit(d, in_order(6));
  Doubles squares2;
  for (std::size_t i = 0; i < 6; ++i) squares2.push_back((xs[i] - ts2[i]) * (xs[i] - ts2[i]));
  EXPECT_NEAR(h["loss"][0], 2 * mean_of(squares) + 0.5 * mean_of(squares2), 1e-5);
  EXPECT_NEAR(weight_of(model, 0), descend(1, 0.02, 6), 1e-6);
  EXPECT_NEAR(weight_of(model, 1), descend(1, 0.005, 6, Doubles(6, 1.0), ts2), 1e-6);
}

TEST(Compile, StepsPerExecutionGroupsTheBatchHooks) {
  for (const auto& [steps, expected] : {std::pair{1, "(0 )0 (1 )1 (2 )2 (3 )3 (4 )4 (5 )5"},
                                        std::pair{2, "(0 )1 (2 )3 (4 )5"}, std::pair{3, "(0 )2 (3 )5"},
                                        std::pair{4, "(0 )3 (4 )5"}}) {
    Model model = compiled(0.01, {.steps_per_execution = steps});
    Recorder seen;
    FitOptions o = in_order(1);
    o.callbacks = {std::ref(seen)};
    model.fit(x(), t(), o);
    EXPECT_EQ(seen.calls, "train{ epoch{0 " + std::string(expected) + " }epoch0 }train");
    EXPECT_NEAR(weight_of(model), descend(1, 0.01, 1), 1e-6);  // the steps are the same
  }
}

TEST(Compile, EagerAndPlannedStepsTrainAlike) {
  const auto trained = [](CompileOptions options) {
    Model model = compiled(0.01, std::move(options));
    model.fit(x(), t(), in_order());
    return weight_of(model);
  };
  const double plain = trained({});
  EXPECT_NEAR(plain, descend(1, 0.01, 2), 1e-6);
  EXPECT_NEAR(trained({.run_eagerly = true}), plain, 1e-6);
  EXPECT_EQ(trained({.jit_compile = true}), plain);
}

// fit

TEST(FitArguments, BatchSizeAndOrderDecideTheSteps) {
  for (std::size_t batch : {1u, 2u, 4u, 6u, 100u}) {
    Model model = compiled(0.01);
    model.fit(x(), t(), in_order(static_cast<std::int64_t>(batch)));
    EXPECT_NEAR(weight_of(model), descend(1, 0.01, batch), 1e-6) << batch;
  }
}

TEST(FitArguments, BatchHooksSeeRunningMeans) {
  Model model = compiled();
  Recorder seen;
  FitOptions o = in_order(4);  // 4 and 2 examples
  o.callbacks = {std::ref(seen)};
  const History h = model.fit(x(), t(), o);
  ASSERT_EQ(seen.train.size(), 2u);
  EXPECT_NEAR(seen.train[0]["loss"], mean_of(squares, 0, 4), 1e-6);
  EXPECT_NEAR(seen.train[1]["loss"], mean_of(squares), 1e-6);  // by examples, not by batches
  EXPECT_NEAR(h["loss"][0], mean_of(squares), 1e-6);
}

TEST(FitArguments, HooksComeInKerasOrder) {
  Model model = compiled();
  Recorder seen;
  FitOptions o = in_order(3, 2);
  o.validation_data = {x(), t()};
  o.validation_batch_size = 4;
  o.callbacks = {std::ref(seen)};
  model.fit(x(), t(), o);
  EXPECT_EQ(seen.calls,
            "train{ epoch{0 (0 )0 (1 )1 test{ [0 ]0 [1 ]1 }test }epoch0"
            " epoch{1 (0 )0 (1 )1 test{ [0 ]0 [1 ]1 }test }epoch1 }train");
  EXPECT_NEAR(seen.epoch["val_loss"], mean_of(squares), 1e-6);
  EXPECT_EQ(seen.end["loss"], seen.epoch["loss"]);
}

TEST(FitArguments, ValidationStepsAndBatchSizeBoundTheValidation) {
  Watched model = compiled<Watched>();
  FitOptions o = in_order(3);
  o.validation_data = {x(), t()};
  EXPECT_NEAR(model.fit(x(), t(), o)["val_loss"][0], mean_of(squares), 1e-6);
  EXPECT_EQ(model.tested, (std::vector<Doubles>{{1, 2, 3}, {4, 5, 6}}));  // batch_size where none is given
  model.tested.clear();
  o.validation_batch_size = 2;
  o.validation_steps = 2;
  EXPECT_NEAR(model.fit(x(), t(), o)["val_loss"][0], mean_of(squares, 0, 4), 1e-6);
  EXPECT_EQ(model.tested, (std::vector<Doubles>{{1, 2}, {3, 4}}));
}

TEST(FitArguments, ValidationFreqCountsEpochsFromTheFirstOfAll) {
  Model model = compiled();
  FitOptions o = in_order(6, 7);
  o.initial_epoch = 2;
  o.validation_freq = 3;
  o.validation_data = {x(), t()};
  const History h = model.fit(x(), t(), o);
  EXPECT_EQ(h.epoch, (std::vector<int>{2, 3, 4, 5, 6}));
  std::vector<int> validated;
  for (std::size_t i = 0; i < h.epoch.size(); ++i)
    if (h.logs[i].contains("val_loss")) validated.push_back(h.epoch[i]);
  EXPECT_EQ(validated, (std::vector<int>{2, 5}));  // epochs 3 and 6, counted from 1
}

TEST(FitArguments, InitialEpochNumbersTheHooks) {
  Model model = compiled();
  Recorder seen;
  FitOptions o = in_order(6, 5);
  o.initial_epoch = 3;
  o.callbacks = {std::ref(seen)};
  model.fit(x(), t(), o);
  EXPECT_EQ(seen.calls, "train{ epoch{3 (0 )0 }epoch3 epoch{4 (0 )0 }epoch4 }train");
  o.epochs = 2;
  expect_error([&] { model.fit(x(), t(), o); }, "epochs is 2", "initial_epoch 3");
}

TEST(FitArguments, StepsPerEpochGoesOnWhereTheLastEpochEnded) {
  Watched model = compiled<Watched>();
  FitOptions o = in_order(2, 3);
  o.steps_per_epoch = 2;
  const History h = model.fit(x(), t(), o);
  EXPECT_EQ(model.trained, (std::vector<Doubles>{{1, 2}, {3, 4}, {5, 6}, {1, 2}, {3, 4}, {5, 6}}));
  EXPECT_NEAR(h["loss"][0], mean_of(squares, 0, 4), 1e-6);
  EXPECT_NEAR(h["loss"][1], (4 + 1 + 1 + 0) / 4.0, 1e-6);
  EXPECT_NEAR(h["loss"][2], mean_of(squares, 2, 6), 1e-6);
}

TEST(FitArguments, ShuffleIsANewOrderEveryEpochAndLeavesTheValidationAlone) {
  Watched model = compiled<Watched>();
  FitOptions o = in_order(6, 4);
  o.shuffle = true;
  o.loader.seed = 1;
  o.validation_data = {x(), t()};
  model.fit(x(), t(), o);
  ASSERT_EQ(model.trained.size(), 4u);
  bool differ = false;
  for (const Doubles& order : model.trained) {
    differ |= order != model.trained[0];
    Doubles sorted = order;
    std::sort(sorted.begin(), sorted.end());
    EXPECT_EQ(sorted, xs);  // every example once
  }
  EXPECT_TRUE(differ);
  for (const Doubles& order : model.tested) EXPECT_EQ(order, xs);
}

TEST(FitArguments, SampleWeightScalesLossesAndGradients) {
  Model model = compiled(0.01);
  FitOptions o = in_order();
  o.sample_weight = row(weights);
  model.fit(x(), t(), o);
  EXPECT_NEAR(weight_of(model), descend(1, 0.01, 2, weights), 1e-6);
}

TEST(FitArguments, SampleWeightsOfTheSplitPartWeightTheValidation) {
  Model model = compiled();
  FitOptions o = in_order();
  o.validation_split = 1.0 / 3;
  o.sample_weight = row(weights);
  const History h = model.fit(x(), t(), o);
  EXPECT_NEAR(h["loss"][0], mean_of(product(weights, squares), 0, 4), 1e-6);
  EXPECT_NEAR(h["val_loss"][0], mean_of(product(weights, squares), 4, 6), 1e-6);
}

TEST(FitArguments, ClassWeightScalesTheTrainingLossAlone) {
  Model model{Linear{{.in = 2, .out = 2, .bias = false}}};
  model.module<Linear>().weight.assign(tensor_of(std::vector<float>{1, 0, 0, 1}, {2, 2}));  // logits are the inputs
  model.compile({.optimizer = optim::SGD{.lr = 0}, .loss = CrossEntropy{}});
  const Tensor logits = tensor_of(std::vector<float>{0, 0, 1, 0, 0, 2}, {3, 2});
  const Tensor labels = tensor_of(std::vector<std::int64_t>{0, 1, 1}, {3});
  const Doubles losses{std::log(2.0), std::log(1 + std::exp(1.0)), std::log(1 + std::exp(-2.0))};
  FitOptions o = in_order(3);
  o.class_weight = {{1, 3.0}};  // class 0 counts once
  o.validation_data = {logits, labels};
  const History h = model.fit(logits, labels, o);
  EXPECT_NEAR(h["loss"][0], mean_of(product({1, 3, 3}, losses)), 1e-5);
  EXPECT_NEAR(h["val_loss"][0], mean_of(losses), 1e-5);
  o.sample_weight = row({0.5, 2, 0});
  EXPECT_NEAR(model.fit(logits, labels, o)["loss"][0], mean_of(product({0.5, 6, 0}, losses)), 1e-5);
}

TEST(FitArguments, VerboseSaysNothingOrABarOrALineAnEpoch) {
  Model model = compiled();
  const auto output = [&](int verbose) {
    FitOptions o = in_order(2, 2);
    o.verbose = verbose;
    return printed([&] { model.fit(x(), t(), o); });
  };
  const std::string time = "[0-9]+s( -)? [0-9]+(s|ms|us)/step - loss: 1\\.6667\n";
  const auto fits = [](const std::string& text, const std::string& form) {
    return std::regex_match(text, std::regex(form));
  };
  EXPECT_EQ(output(0), "");
  const std::string bar = output(1);
  EXPECT_TRUE(fits(bar, "Epoch 1/2\n3/3 (━){20} " + time + "Epoch 2/2\n3/3 (━){20} " + time)) << bar;
  const std::string line = output(2);
  EXPECT_TRUE(fits(line, "Epoch 1/2 - 3/3 - " + time + "Epoch 2/2 - 3/3 - " + time)) << line;
  const std::string automatic = output(verbose_auto);  // the output is a file: no terminal
  EXPECT_TRUE(fits(automatic, "Epoch 1/2 - 3/3 - " + time + "Epoch 2/2 - 3/3 - " + time)) << automatic;
}

// evaluate and predict

TEST(EvaluateArguments, BatchSizeDoesNotChangeTheResult) {
  Model model = compiled(0, {.metrics = {metrics::MSE{}}});
  for (std::int64_t batch : {1, 2, 4, 6, 100}) {
    const Logs logs = model.evaluate(x(), t(), {.batch_size = batch, .verbose = 0});
    EXPECT_NEAR(logs["loss"], mean_of(squares), 1e-6) << batch;
    EXPECT_NEAR(logs["mse"], mean_of(squares), 1e-6) << batch;
  }
}

TEST(EvaluateArguments, StepsSampleWeightAndHooks) {
  Model model = compiled(0, {.weighted_metrics = {metrics::MSE{{.name = "weighted"}}}});
  Recorder seen;
  EvaluateOptions o{
      .batch_size = 2, .verbose = 0, .sample_weight = row(weights), .steps = 2, .callbacks = {std::ref(seen)}};
  const Logs logs = model.evaluate(x(), t(), o);
  EXPECT_EQ(seen.calls, "test{ [0 ]0 [1 ]1 }test");
  EXPECT_NEAR(seen.test[0]["loss"], mean_of(product(weights, squares), 0, 2), 1e-6);
  EXPECT_NEAR(logs["loss"], mean_of(product(weights, squares), 0, 4), 1e-6);
  EXPECT_NEAR(logs["weighted"], mean_of(product(weights, squares), 0, 4) / mean_of(weights, 0, 4), 1e-6);
  EXPECT_EQ(weight_of(model), 1);
}

TEST(EvaluateArguments, VerboseIsSilentOrOneLine) {
  Model model = compiled();
  EXPECT_EQ(printed([&] { model.evaluate(x(), t(), {.batch_size = 2, .verbose = 0}); }), "");
  const std::string text = printed([&] { model.evaluate(x(), t(), {.batch_size = 2, .verbose = 2}); });
  EXPECT_TRUE(std::regex_match(text, std::regex("3/3 - [0-9]+s - [0-9]+(s|ms|us)/step - loss: 1\\.6667\n"))) << text;
}

TEST(PredictArguments, BatchSizeStepsAndHooks) {
  Watched model = compiled<Watched>();
  Recorder seen;
  const Tensor first = model.predict(x(), {.batch_size = 2, .steps = 2, .callbacks = {std::ref(seen)}});
  EXPECT_EQ(first.to_vector<double>(), (Doubles{1, 2, 3, 4}));
  EXPECT_EQ(seen.calls, "predict{ <0 >0 <1 >1 }predict");
  EXPECT_EQ(model.predicted, (std::vector<Doubles>{{1, 2}, {3, 4}}));
  model.predicted.clear();
  EXPECT_EQ(model.predict(x(), {.batch_size = 4}).to_vector<double>(), xs);
  EXPECT_EQ(model.predicted, (std::vector<Doubles>{{1, 2, 3, 4}, {5, 6}}));
  const data::TensorDataset inputs{x()};
  EXPECT_EQ(model.predict(inputs).to_vector<double>(), xs);
}

TEST(PredictArguments, VerboseIsSilentUnlessAsked) {
  Model model = compiled();
  EXPECT_EQ(printed([&] { model.predict(x(), {.batch_size = 2}); }), "");
  const std::string text = printed([&] { model.predict(x(), {.batch_size = 2, .verbose = 2}); });
  EXPECT_TRUE(std::regex_match(text, std::regex("3/3 - [0-9]+s - [0-9]+(s|ms|us)/step\n"))) << text;
}

TEST(OnBatchArguments, SampleWeightsCount) {
  Model model = compiled(0.01);
  EXPECT_NEAR(model.test_on_batch(x(), t(), row(weights))["loss"], mean_of(product(weights, squares)), 1e-6);
  EXPECT_NEAR(model.train_on_batch(x(), t(), row(weights))["loss"], mean_of(product(weights, squares)), 1e-6);
  EXPECT_NEAR(weight_of(model), descend(1, 0.01, 6, weights), 1e-6);
}

// Overrides

TEST(Overrides, TrainStepMayBeAllOnesOwn) {
  struct Mine : Model {
    using Model::Model;
    Logs train_step(const data::Batch& batch) override {  // the mean of |w x - t|, twice the learning rate
      const Tensor loss = l1_loss(layer()(batch.x()), batch.y());
      optimizer().step(grad(loss * 2.0, module_ref()));
      return {{"mine", loss.item()}};
    }
  };
  Mine model = compiled<Mine>(0.01);
  const History h = model.fit(x(), t(), in_order(6));
  EXPECT_EQ(h.names(), (std::vector<std::string>{"mine"}));
  EXPECT_NEAR(h["mine"][0], (1 + 0 + 2 + 0 + 2 + 1) / 6.0, 1e-6);
  const double slope = (-1.0 - 3 - 5 + 6) / 6;  // x sign(x - t), 0 where they are equal
  EXPECT_NEAR(weight_of(model), 1 - 0.01 * 2 * slope, 1e-6);
}

TEST(Overrides, TestStepServesEvaluateAndValidation) {
  struct Mine : Model {
    using Model::Model;
    Logs test_step(const data::Batch& batch) override { return {{"largest", layer()(batch.x()).max().item()}}; }
  };
  Mine model = compiled<Mine>();
  EXPECT_EQ(model.evaluate(x(), t(), {.verbose = 0})["largest"], 6);
  EXPECT_EQ(model.test_on_batch(x(), t())["largest"], 6);
  FitOptions o = in_order();
  o.validation_data = {x(), t()};
  EXPECT_EQ(model.fit(x(), t(), o)["val_largest"][0], 6);
}

TEST(Overrides, PredictStepServesPredict) {
  struct Mine : Model {
    using Model::Model;
    std::vector<Tensor> predict_step(const data::Batch& batch) const override { return {layer()(batch.x()) * 10.0}; }
  };
  const Mine model = compiled<Mine>();
  EXPECT_EQ(model.predict(column({1, 2, 3}), {.batch_size = 2}).to_vector<double>(), (Doubles{10, 20, 30}));
  EXPECT_EQ(model.predict_on_batch(column({1, 2})).to_vector<double>(), (Doubles{10, 20}));
}

TEST(Overrides, ComputeLossServesTrainingAndEvaluation) {
  struct Mine : Model {
    using Model::Model;
    Tensor compute_loss(const data::Batch& batch, const std::vector<Tensor>& predictions) override {
      return Model::compute_loss(batch, predictions) * 3.0 + 1.0;
    }
  };
  Mine model = compiled<Mine>(0.01);
  EXPECT_NEAR(model.evaluate(x(), t(), {.verbose = 0})["loss"], 3 * mean_of(squares) + 1, 1e-5);
  model.fit(x(), t(), in_order());
  EXPECT_NEAR(weight_of(model), descend(1, 0.03, 2), 1e-6);
}

TEST(Overrides, ComputeMetricsAddsValues) {
  struct Mine : Model {
    using Model::Model;
    double seen = 0;
    Logs compute_metrics(const data::Batch& batch, const std::vector<Tensor>& predictions,
                         const Tensor& loss) override {
      Logs logs = Model::compute_metrics(batch, predictions, loss);
      logs.set("examples", seen += static_cast<double>(batch.size()));
      return logs;
    }
  };
  Mine model = compiled<Mine>();
  const History h = model.fit(x(), t(), in_order(4));
  EXPECT_EQ(h["examples"][0], 6);
  EXPECT_NEAR(h["loss"][0], mean_of(squares), 1e-6);
}

}  // namespace
}  // namespace weft::nn
