#include "run.h"

#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>

#include <weft/base/thread_pool.h>
#include <weft/io/files.h>
#include <weft/metrics/metrics.h>
#include <weft/nn/init.h>
#include <weft/nn/losses.h>
#include <weft/nn/zoo.h>
#include <weft/train/checkpoint.h>
#include <weft/train/profile.h>

#include "artifacts.h"
#include "loop.h"

namespace weft::cli {

namespace {

namespace fs = std::filesystem;
using clock = std::chrono::steady_clock;

double seconds_since(clock::time_point t) { return std::chrono::duration<double>(clock::now() - t).count(); }

/// Times steps, stops at the bound, and writes checkpoints.
class Keeper : public nn::Callback {
 public:
  Keeper(const Settings& settings, std::string path, bool saves)
      : settings_(settings), path_(std::move(path)), saves_(saves), saved_(clock::now()) {}
  void on_train_batch_begin(nn::Model&, std::int64_t) override { began_ = clock::now(); }
  void on_train_batch_end(nn::Model& model, std::int64_t, const nn::Logs&) override {
    step_seconds.push_back(seconds_since(began_));
    if (settings_.steps && model.progress().total_steps >= settings_.steps) model.stop_training = true;
    if (saves_ && settings_.save_every > 0 && seconds_since(saved_) >= settings_.save_every) save(model);
  }
  void on_epoch_end(nn::Model& model, int, const nn::Logs&) override {
    if (saves_) save(model);
  }
  void save(nn::Model& model) {
    nn::save_checkpoint(path_, model);
    saved_ = clock::now();
  }
  std::vector<double> step_seconds;

 private:
  const Settings& settings_;
  std::string path_;
  bool saves_;
  clock::time_point began_, saved_;
};

std::string default_folder(const Settings& s) {
  char stamp[32];
  const std::time_t now = std::time(nullptr);
  std::strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", std::localtime(&now));
  const std::string data = fs::path(s.data).filename().string();
  std::string folder = "runs/" + s.model + "-" + (data.empty() ? "data" : data) + "-" + stamp;
  for (int i = 2; fs::exists(folder); ++i) folder = folder.substr(0, folder.find('~')) + "~" + std::to_string(i);
  return folder;
}

nn::Model build(const Settings& s, std::int64_t classes) {
  const nn::init::Scope init(nn::init::by_name(s.init));
  nn::Model model{nn::zoo::make(s.model, classes)};
  optim::RuleOptions rule;
  if (s.lr > 0) rule.lr = s.lr;
  else if (s.optimizer == "adam") rule.lr = 2e-3;
  if (s.weight_decay >= 0) rule.weight_decay = s.weight_decay;
  model.compile({.optimizer = optim::make(s.optimizer, rule),
                 .loss = nn::CrossEntropy{},
                 .metrics = {metrics::Accuracy{}},
                 .optimizer_options = {.schedule = optim::make_schedule(s.schedule)}});
  return model;
}

nn::FitOptions fit_options(const Settings& s, const RunOptions& run, const data::Dataset& train, const data::Dataset& test) {
  nn::FitOptions o;
  o.batch_size = s.batch_size;
  o.epochs = s.epochs;
  o.verbose = run.verbose;
  o.validation_data = test;
  o.validation_batch_size = std::max<std::int64_t>(s.batch_size, 250);
  o.loader.seed = s.seed;
  o.loader.workers = o.validation_loader.workers = s.workers;
  const data::Augmentations normalize = data::normalization(s.normalize, train);
  o.validation_loader.transform = normalize;
  o.loader.transform = s.augment == "none" ? data::Augmentations{} : data::parse_augmentations(s.augment);
  o.loader.transform.insert(o.loader.transform.end(), normalize.begin(), normalize.end());
  o.resume = !run.resume.empty();
  return o;
}

}  // namespace

Settings load_settings(const std::string& folder) {
  const std::string path = folder + "/config.json";
  check(file_exists(path), folder, ": no run is here (", path, " is missing); expected a folder that `weft train` made");
  return settings_from_json(read_file(path), path);
}

void train(Settings s, const RunOptions& run) {
  const auto start = clock::now();
  const bool resuming = !run.resume.empty();
  if (s.threads) set_num_threads(s.threads);
  const Device device = s.device == "auto" ? default_device() : parse_device(s.device);
  DeviceScope scope(device);
  manual_seed(s.seed);
  data::TrainTest parts = open_data(s);
  const std::string folder = resuming ? run.resume : run.out.empty() ? default_folder(s) : run.out;
  make_folder(folder);
  nn::Model model = build(s, static_cast<std::int64_t>(parts.train.class_names().size()));
  const std::string checkpoint = folder + "/checkpoint.safetensors";
  check(!resuming || s.face == "fit", "--resume goes on with runs of --face fit; this one was --face loop");
  if (resuming) nn::load_checkpoint(checkpoint, model);
  write_file_atomically(folder + "/config.json", to_json(s));
  if (run.verbose != 0)
    std::printf("Training %s on %s: %lld + %lld images, %d threads, device %s, seed %llu\n", s.model.c_str(), s.data.c_str(),
                static_cast<long long>(parts.train.size()), static_cast<long long>(parts.test.size()), num_threads(),
                to_string(device).c_str(), static_cast<unsigned long long>(s.seed));

  nn::FitOptions options = fit_options(s, run, parts.train, parts.test);
  Keeper keeper(s, checkpoint, s.face == "fit");
  options.callbacks = {std::ref(keeper)};
  std::unique_ptr<Profile> profile;
  if (run.profile) profile = std::make_unique<Profile>();
  const auto training = clock::now();
  const nn::History history =
      s.face == "fit" ? model.fit(parts.train, options) : train_by_hand(model, parts.train, options);
  Outcome outcome;
  outcome.train_seconds = seconds_since(training);
  if (profile) std::printf("%s", profile->to_string().c_str());
  profile = nullptr;
  if (s.face == "fit") keeper.save(model);
  if (model.interrupted() && run.verbose != 0)
    std::printf("Interrupted; the model is kept. Go on with: weft train --resume %s\n", folder.c_str());

  outcome.history = history;
  outcome.step_seconds = std::move(keeper.step_seconds);
  outcome.steps = model.progress().total_steps;
  outcome.device = device;
  outcome.folder = folder;
  write_artifacts(model, s, parts, options.validation_loader, outcome);
  outcome.seconds = seconds_since(start);
  print_outcome(outcome, s, run);
}

}  // namespace weft::cli
