// The callbacks, fed with values epoch by epoch. Figures for EarlyStopping and ReduceLROnPlateau: Keras 3.15 with the
// same values and options.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include <weft/io/weights.h>
#include <weft/nn/nn.h>
#include <weft/train/callbacks.h>
#include <weft/train/model.h>

#include "support/errors.h"
#include "support/temporary_folder.h"

namespace weft::nn {
namespace {

using namespace testing;

/// A model whose one weight says after which epoch it was set.
Model one_weight() {
  Model model{Linear{{.in = 1, .out = 1}}};
  model.compile({.optimizer = optim::SGD{.lr = 1}, .loss = MSELoss{}});
  return model;
}
void set_weight(Model& model, double v) { model.module<Linear>().weight.assign(full({1, 1}, v)); }
double weight(Model& model) { return model.module<Linear>().weight.tensor().item(); }

struct Stopped {
  int last, stopped_epoch;
  double best;
  int best_epoch;
  double weight;
  friend bool operator==(const Stopped&, const Stopped&) = default;
  friend std::ostream& operator<<(std::ostream& to, const Stopped& s) {
    return to << s.last << ", " << s.stopped_epoch << ", " << s.best << ", " << s.best_epoch << ", " << s.weight;
  }
};

Stopped stop_early(const std::vector<double>& values, EarlyStopping::Options options) {
  Model model = one_weight();
  EarlyStopping stop(std::move(options));
  stop.on_train_begin(model);
  int epoch = 0;
  for (;; ++epoch) {
    set_weight(model, epoch);
    stop.on_epoch_end(model, epoch, {{"val_loss", values[static_cast<std::size_t>(epoch)]}});
    if (model.stop_training || epoch + 1 == static_cast<int>(values.size())) break;
  }
  stop.on_train_end(model, {});
  return {epoch, stop.stopped_epoch, stop.best, stop.best_epoch, weight(model)};
}

TEST(EarlyStopping, StopsWhereKerasDoes) {
  const std::vector<double> falling{5, 4, 3.95, 3.9, 3.5, 3.6, 3.6, 3.6, 3.6};
  EXPECT_EQ(stop_early(falling, {.patience = 2}), (Stopped{6, 6, 3.5, 4, 6}));
  EXPECT_EQ(stop_early(falling, {.min_delta = 0.1, .patience = 2}), (Stopped{3, 3, 4, 1, 3}));
  EXPECT_EQ(stop_early({5, 4, 3.95, 3.93, 3.5, 3.6, 3.6, 3.6, 3.6},
                       {.min_delta = 0.1, .patience = 3, .restore_best_weights = true}),
            (Stopped{7, 7, 3.5, 4, 4}));
  EXPECT_EQ(stop_early({0.1, 0.2, 0.3, 0.25, 0.25, 0.25}, {.patience = 2, .mode = "max", .restore_best_weights = true}),
            (Stopped{4, 4, 0.3, 2, 2}));
  EXPECT_EQ(stop_early({5, 6, 7, 8, 9}, {}), (Stopped{1, 1, 5, 0, 1}));
}

TEST(EarlyStopping, TakesABaselineAndAStart) {
  EXPECT_EQ(stop_early({5, 4, 3, 2.5, 2.4, 2.3, 2.2}, {.patience = 3, .baseline = 2.6, .restore_best_weights = true}),
            (Stopped{6, 0, 2.2, 6, 6}));
  EXPECT_EQ(stop_early({5, 4.5, 4.4, 4.3, 4.2, 4.1}, {.patience = 3, .baseline = 2.6, .restore_best_weights = true}),
            (Stopped{5, 0, 4.1, 5, 5}));
  EXPECT_EQ(stop_early({1, 2, 3, 2, 3, 4, 5}, {.patience = 2, .restore_best_weights = true, .start_from_epoch = 2}),
            (Stopped{5, 5, 2, 3, 3}));
  expect_error([] { EarlyStopping({.mode = "mini"}); }, "'mini'", "did you mean 'min'");
}

TEST(EarlyStopping, GoesOnFromItsState) {
  Model model = one_weight();
  EarlyStopping whole({.patience = 2}), first({.patience = 2}), second({.patience = 2});
  for (EarlyStopping* s : {&whole, &first}) {
    s->on_train_begin(model);
    s->on_epoch_end(model, 0, {{"val_loss", 3}});
    s->on_epoch_end(model, 1, {{"val_loss", 4}});
  }
  second.set_state(first.state());
  second.on_train_begin(model);
  second.on_epoch_end(model, 2, {{"val_loss", 5}});
  EXPECT_TRUE(model.stop_training);
  EXPECT_EQ(second.best, 3);
  EXPECT_EQ(second.best_epoch, 0);
}

std::vector<double> rates(const std::vector<double>& values, ReduceLROnPlateau::Options options) {
  Model model = one_weight();
  ReduceLROnPlateau reduce(std::move(options));
  reduce.on_train_begin(model);
  std::vector<double> lr;
  for (std::size_t epoch = 0; epoch < values.size(); ++epoch) {
    reduce.on_epoch_end(model, static_cast<int>(epoch), {{"val_loss", values[epoch]}});
    lr.push_back(model.optimizer().lr());
  }
  return lr;
}

TEST(ReduceLROnPlateau, ReducesWhereKerasDoes) {
  EXPECT_EQ(rates({5, 5, 5, 5, 5, 5, 5, 5}, {.factor = 0.5, .patience = 2}),
            (std::vector<double>{1, 1, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125}));
  EXPECT_EQ(rates({5, 5, 5, 5, 5, 5, 5, 5, 5}, {.factor = 0.5, .patience = 2, .cooldown = 2}),
            (std::vector<double>{1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125}));
  EXPECT_EQ(rates({5, 4.99995, 4.9, 4.9, 4.9, 4.9, 4.9}, {.factor = 0.1, .patience = 1, .min_lr = 0.05}),
            (std::vector<double>{1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05}));
  EXPECT_EQ(rates({5, 5, 5, 4, 4, 4}, {.factor = 0.5, .patience = 1, .cooldown = 1}),
            (std::vector<double>{1, 0.5, 0.25, 0.25, 0.125, 0.0625}));
  expect_error([] { ReduceLROnPlateau({.factor = 1}); }, "factor is 1", "less than 1");
}

TEST(ModelCheckpoint, WritesTheBestUnderTheNamesOfItsPattern) {
  TemporaryFolder folder;
  Model model = one_weight();
  ModelCheckpoint keep({.filepath = folder / "{epoch:03}-{val_loss}.safetensors", .save_best_only = true,
                        .save_weights_only = true});
  keep.on_train_begin(model);
  const double values[] = {3, 4, 2.5, 2.75};
  for (int epoch = 0; epoch < 4; ++epoch) {
    set_weight(model, epoch);
    keep.on_epoch_end(model, epoch, {{"val_loss", values[epoch]}});
  }
  EXPECT_EQ(folder.entries(), 2u);
  load_weights(folder / "001-3.0000.safetensors", model.module_ref());
  EXPECT_EQ(weight(model), 0);
  load_weights(folder / "003-2.5000.safetensors", model.module_ref());
  EXPECT_EQ(weight(model), 2);
  expect_error([&] { ModelCheckpoint({.filepath = folder / "model.h5"}); }, "model.h5", ".safetensors");
}

TEST(ModelCheckpoint, SavesEveryFewBatchesDuringFit) {
  TemporaryFolder folder;
  Model model = one_weight();
  FitOptions o;
  o.batch_size = 2;
  o.epochs = 2;
  o.verbose = 0;
  o.callbacks = {ModelCheckpoint({.filepath = folder / "{epoch}.safetensors", .save_freq = 3})};
  model.fit(randn({8, 1}), randn({8, 1}), o);  // batches 3 (epoch 1) and 6 (epoch 2) of 8
  EXPECT_EQ(folder.entries(), 2u);
}

TEST(CSVLogger, WritesALineAnEpochAndAppends) {
  TemporaryFolder folder;
  const std::string path = folder / "log.csv";
  Model model = one_weight();
  CSVLogger fresh(path);
  fresh.on_train_begin(model);
  fresh.on_epoch_end(model, 0, {{"loss", 0.5}, {"accuracy", 0.25}});
  fresh.on_epoch_end(model, 1, {{"loss", 0.25}});
  EXPECT_EQ(content(path), "epoch,accuracy,loss\n0,0.25,0.5\n1,nan,0.25\n");
  CSVLogger more(path, true);
  more.on_train_begin(model);
  more.on_epoch_end(model, 2, {{"loss", 0.125}, {"accuracy", 1}});
  EXPECT_EQ(content(path), "epoch,accuracy,loss\n0,0.25,0.5\n1,nan,0.25\n2,1,0.125\n");
}

TEST(TerminateOnNaN, StopsAtTheFirstBadLoss) {
  Model model = one_weight();
  TerminateOnNaN stop;
  stop.on_train_batch_end(model, 0, {{"loss", 1}});
  EXPECT_FALSE(model.stop_training);
  ::testing::internal::CaptureStdout();
  stop.on_train_batch_end(model, 1, {{"loss", std::numeric_limits<double>::infinity()}});
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "Batch 1: invalid loss, terminating training\n");
  EXPECT_TRUE(model.stop_training);
}

TEST(LambdaCallback, CallsEveryHookOfFit) {
  Model model = one_weight();
  std::string calls;
  FitOptions o;
  o.batch_size = 4;
  o.verbose = 0;
  o.callbacks = {LambdaCallback({.train_begin = [&](Model&) { calls += "B"; },
                                 .train_end = [&](Model&, const Logs&) { calls += "E"; },
                                 .epoch_begin = [&](Model&, int) { calls += "("; },
                                 .epoch_end = [&](Model&, int, const Logs&) { calls += ")"; },
                                 .train_batch_begin = [&](Model&, std::int64_t) { calls += "<"; },
                                 .train_batch_end = [&](Model&, std::int64_t, const Logs&) { calls += ">"; }})};
  model.fit(randn({8, 1}), randn({8, 1}), o);
  EXPECT_EQ(calls, "B(<><>)E");
}

TEST(EarlyStopping, RestoresTheBestWeightsHoweverTrainingEnds) {
  Model model = one_weight();
  EarlyStopping stop{{.patience = 100, .restore_best_weights = true}};
  stop.on_train_begin(model);
  const double values[] = {3, 1, 2};
  for (int epoch = 0; epoch < 3; ++epoch) {
    set_weight(model, epoch);
    stop.on_epoch_end(model, epoch, {{"val_loss", values[epoch]}});
  }
  stop.on_train_end(model, {});
  EXPECT_EQ(weight(model), 1);
}

TEST(EarlyStopping, GoesOnWithTheBestWeightsAfterAResume) {
  Model model = one_weight();
  EarlyStopping first{{.patience = 100, .restore_best_weights = true}}, second = first;
  first.on_train_begin(model);
  set_weight(model, 7);
  first.on_epoch_end(model, 0, {{"val_loss", 1}});
  second.set_state(first.state());
  second.set_state_tensors(first.state_tensors());
  second.on_train_begin(model);
  set_weight(model, 8);
  second.on_epoch_end(model, 1, {{"val_loss", 2}});
  second.on_train_end(model, {});
  EXPECT_EQ(weight(model), 7);
}

TEST(Callbacks, PassOverEpochsWithoutTheirValue) {
  Model model = one_weight();
  EarlyStopping stop;
  ReduceLROnPlateau reduce;
  TemporaryFolder folder;
  ModelCheckpoint save{{.filepath = folder / "{val_loss:.1f}.safetensors", .save_best_only = true, .save_weights_only = true}};
  const Logs without{{"loss", 1}};
  stop.on_epoch_end(model, 0, without);
  reduce.on_epoch_end(model, 0, without);
  save.on_epoch_end(model, 0, without);
  EXPECT_FALSE(model.stop_training);
  save.on_epoch_end(model, 1, {{"val_loss", 0.25}});
  EXPECT_TRUE(std::filesystem::exists(folder / "0.2.safetensors"));
}

}  // namespace
}  // namespace weft::nn
