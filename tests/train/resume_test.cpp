// A resumed run ends with the bits of the run that was never stopped.
#include <gtest/gtest.h>

#include <filesystem>

#include <weft/io/safetensors.h>
#include <weft/metrics/metrics.h>
#include <weft/nn/nn.h>
#include <weft/train/callbacks.h>
#include <weft/train/checkpoint.h>

namespace weft::nn {
namespace {

namespace fs = std::filesystem;

struct Folder {
  fs::path path = fs::temp_directory_path() / ("weft-resume-" + std::to_string(::getpid()));
  Folder() { fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
};

Model fresh() {
  Model model{Sequential{Linear{{.out = 8}}, BatchNorm1d{}, Dropout{0.3}, ReLU{}, Linear{{.out = 3}}}};
  model.compile({.optimizer = optim::Adam{.lr = 0.01},
                 .loss = CrossEntropy{},
                 .metrics = {metrics::Accuracy{}},
                 .optimizer_options = {.schedule = optim::Cosine{}}});
  return model;
}

data::TensorDataset points() {
  Generator g(3);
  return data::TensorDataset{randn({90, 5}, {}, &g), randint(0, 3, {90}, {}, &g)};
}

FitOptions options() {
  FitOptions o;
  o.epochs = 4;
  o.batch_size = 16;
  o.verbose = 0;
  return o;
}

std::string whole_run() {
  manual_seed(11);
  Model model = fresh();
  model.fit(points(), options());
  return weights_sha256(state_dict(model.module_ref()));
}

/// Stops after `steps` steps in one model, goes on in another.
std::string interrupted_run(std::int64_t steps) {
  Folder folder;
  const std::string path = (folder.path / "checkpoint.safetensors").string();
  {
    manual_seed(11);
    Model model = fresh();
    FitOptions o = options();
    o.callbacks = {LambdaCallback({.train_batch_end = [&](Model& m, std::int64_t, const Logs&) {
      if (m.progress().total_steps == steps) save_checkpoint(path, m, {{"note", "kept"}});
    }})};
    model.fit(points(), o);  // it runs on after the checkpoint, as a killed process would have
  }
  manual_seed(999);  // whatever the new process did before
  randn({7});
  Model model = fresh();
  EXPECT_EQ(load_checkpoint(path, model), (Metadata{{"note", "kept"}}));
  FitOptions o = options();
  o.resume = true;
  History h = model.fit(points(), o);
  EXPECT_EQ(h.epoch, (std::vector<int>{0, 1, 2, 3}));
  return weights_sha256(state_dict(model.module_ref()));
}

TEST(Resume, InTheMiddleOfAnEpochGivesTheSameBits) {
  const std::string expected = whole_run();
  EXPECT_EQ(interrupted_run(3), expected);
  EXPECT_EQ(interrupted_run(14), expected);
}

TEST(Resume, AtTheLastBatchOfAnEpochGivesTheSameBits) { EXPECT_EQ(interrupted_run(12), whole_run()); }

TEST(Resume, AtTheEndOfAnEpochGivesTheSameBits) {
  const std::string expected = whole_run();
  Folder folder;
  const std::string path = (folder.path / "{epoch}.safetensors").string();
  manual_seed(11);
  Model model = fresh();
  FitOptions o = options();
  o.callbacks = {ModelCheckpoint({.filepath = path})};
  model.fit(points(), o);
  Model other = fresh();
  load_checkpoint((folder.path / "2.safetensors").string(), other);
  o = options();
  o.resume = true;
  other.fit(points(), o);
  EXPECT_EQ(weights_sha256(state_dict(other.module_ref())), expected);
}

/// A run with averages that are tested after each epoch, stopped after `stop` steps and resumed (0: never stopped):
/// weights and averages at the end.
std::string run_with_averages(std::int64_t stop) {
  Folder folder;
  const std::string path = (folder.path / "checkpoint.safetensors").string();
  const auto fresh_with_averages = [] {
    Model model = fresh();
    CompileOptions o = model.compile_options();
    o.optimizer_options.average = optim::Ema{.decay = 0.9};
    model.compile(o);
    return model;
  };
  const data::TensorDataset data = points();
  FitOptions o = options();
  o.validation_data = &data;
  o.callbacks = {SwapEMAWeights{}, LambdaCallback({.train_batch_end = [&](Model& m, std::int64_t, const Logs&) {
    if (m.progress().total_steps == stop) save_checkpoint(path, m);
  }})};
  const auto bits = [](Model& model) {
    return weights_sha256(state_dict(model.module_ref())) + weights_sha256(model.optimizer().average());
  };
  manual_seed(11);
  Model model = fresh_with_averages();
  model.fit(data, o);
  if (stop == 0) return bits(model);
  manual_seed(999);
  Model other = fresh_with_averages();
  load_checkpoint(path, other);
  o.resume = true;
  other.fit(data, o);
  return bits(other);
}

TEST(Resume, WithAveragesOfTheWeightsGivesTheSameBits) {
  const std::string expected = run_with_averages(0);
  EXPECT_EQ(run_with_averages(3), expected);
  EXPECT_EQ(run_with_averages(12), expected);
  EXPECT_EQ(run_with_averages(14), expected);
}

TEST(Checkpoint, OfAnotherModelIsRefusedAndChangesNothing) {
  Folder folder;
  const std::string path = (folder.path / "c.safetensors").string();
  Model model = fresh();
  FitOptions o = options();
  model.fit(points(), o);
  save_checkpoint(path, model);
  Model other{Sequential{Linear{{.in = 5, .out = 4}}}};
  other.compile({.loss = CrossEntropy{}});
  const std::string before = weights_sha256(state_dict(other.module_ref()));
  EXPECT_THROW(load_checkpoint(path, other), Error);
  EXPECT_EQ(weights_sha256(state_dict(other.module_ref())), before);
}

}  // namespace
}  // namespace weft::nn
