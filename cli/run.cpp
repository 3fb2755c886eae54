#include "run.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <functional>
#include <utility>

#include "artifacts.h"
#include "loop.h"
#include "tune.h"
#include <weft/base/files.h>
#include <weft/base/thread_pool.h>
#include <weft/graph/compile.h>
#include <weft/train/checkpoint.h>
#include <weft/train/interrupt.h>
#include <weft/train/profile.h>

namespace weft::cli {

namespace {

namespace fs = std::filesystem;
/// The kernels of a run that were chosen by measurement: a resumed run uses them again, so that it gives the same bits.
constexpr const char* kept_tuning = "tune.json";
/// How long `--tune` measures what its file does not hold.
constexpr double tuning_seconds = 60;
using clock = std::chrono::steady_clock;

double seconds_since(clock::time_point t) { return std::chrono::duration<double>(clock::now() - t).count(); }

/// True where the bound of --steps is reached.
bool had_all_steps(const Settings& s, nn::Model& model) { return s.steps && model.progress().total_steps >= s.steps; }

/// Times steps, stops at the bound, and writes checkpoints. `ready` is called once, after the first step: what stops a run
/// before has cost nothing of an earlier one.
class Keeper : public nn::Callback {
 public:
  Keeper(const Settings& settings, std::string path, std::function<void()> ready)
      : settings_(settings), path_(std::move(path)), ready_(std::move(ready)), saved_(clock::now()) {}
  void on_train_batch_begin(nn::Model&, std::int64_t) override { began_ = clock::now(); }
  void on_train_batch_end(nn::Model& model, std::int64_t, const nn::Logs&) override {
    step_seconds.push_back(seconds_since(began_));
    make_ready();
    if (settings_.steps && model.progress().total_steps >= settings_.steps) {
      // Kept as it is now, within the epoch: a resume with more steps then goes on as if there had been no bound.
      model.stop_training = true;
      if (saves_) save(model);
      saves_ = false;
    }
    if (saves_ && settings_.save_every > 0 && seconds_since(saved_) >= settings_.save_every) save(model);
  }
  void on_epoch_end(nn::Model& model, int, const nn::Logs&) override {
    make_ready();
    if (saves_) save(model);
  }
  /// After training: what Ctrl-C left.
  void save_end(nn::Model& model) {
    make_ready();
    if (saves_ && !had_all_steps(settings_, model)) save(model);
  }
  std::vector<double> step_seconds;

 private:
  void make_ready() {
    if (const auto ready = std::exchange(ready_, nullptr)) ready();
  }
  void save(nn::Model& model) {
    nn::save_checkpoint(path_, model);
    saved_ = clock::now();
  }

  const Settings& settings_;
  std::string path_;
  std::function<void()> ready_;
  bool saves_ = true;
  clock::time_point began_, saved_;
};

/// Makes the folder fit to write to. A new run replaces an earlier one as a whole: nothing of the two may be mixed.
void prepare_folder(const std::string& folder, bool resuming) {
  make_folder(folder);
  remove_parts(folder);
  // A report says that the run has ended: one that goes on has none until it ends again.
  std::vector<std::string> old{"report.html"};
  if (!resuming)
    old.insert(old.end(), {"checkpoint.safetensors", "config.json", "history.csv", "model.json", "model.safetensors", kept_tuning});
  for (const std::string& name : old) {
    std::error_code ec;
    fs::remove(folder + "/" + name, ec);
    check(!ec, folder, "/", name, ": an earlier run's file cannot be removed: ", ec.message());
  }
}

std::string default_folder(const Settings& s) {
  char stamp[32];
  const std::time_t now = std::time(nullptr);
  std::strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", std::localtime(&now));
  std::string folder = "runs/" + s.training.model + "-" + data_name(s) + "-" + stamp;
  for (int i = 2; fs::exists(folder); ++i) folder = folder.substr(0, folder.find('~')) + "~" + std::to_string(i);
  return folder;
}

/// --image-size is for folders: it must not be passed over silently.
void check_image_size(const Settings& s, const Shape& image) {
  const auto [height, width] = parse_image_size(s.image_size);
  check(s.image_size.empty() || (image[1] == height && image[2] == width), "--image-size: received ", s.image_size,
        ", but the images of ", s.data, " are ", image[1], "x", image[2], "; only an image folder's are scaled");
}

nn::FitOptions fit_options(const Settings& s, const RunOptions& run, const data::Dataset& train,
                           const data::Dataset& test) {
  nn::FitOptions o = nn::fit_options(s.training, train);
  o.verbose = run.verbose;
  o.stop_on_nan = run.stop_on_nan;
  o.validation_data = test;
  o.validation_batch_size = test_batch_size(s);
  o.loader.seed = s.seed;
  o.loader.workers = o.validation_loader.workers = s.workers;
  return o;
}

/// Puts the model where the run's checkpoint left it; false where the run was stopped before it wrote one.
bool restore(nn::Model& model, const Settings& s, const std::string& folder, const std::string& checkpoint,
             const RunOptions& run) {
  if (!file_exists(checkpoint)) {
    if (run.verbose != 0) std::printf("%s holds no checkpoint yet: the run begins again.\n", folder.c_str());
    return false;
  }
  nn::load_checkpoint(checkpoint, model);
  // The row of a bounded run's last, broken epoch is in its history.csv alone: its files must not be written again.
  check(!had_all_steps(s, model) || !file_exists(folder + "/report.html"), folder, ": the run has had its ", s.steps,
        " steps; --steps with a larger number goes on (0: no bound)");
  if (model.progress().epoch >= s.training.epochs && run.verbose != 0)
    std::printf("The run has had its %d epochs; --epochs with a larger number goes on.\n", s.training.epochs);
  return true;
}

/// What the run's kernels are chosen by: its own file where it goes on, else that of --tune, measured first where need be.
Tuning tuning_of(const Settings& s, const RunOptions& run, const std::string& folder, const Shape& image, std::int64_t classes) {
  if (!run.resume.empty()) return load_tuning(folder + "/" + kept_tuning);
  if (run.tune.empty()) return {};
  Tuning tuning = load_tuning(run.tune);
  const PlanInput input{image, s.training.batch_size, parse_precision(s.training.precision)};
  const std::string title = training_title(s.training.model, input);
  if (std::find(tuning.measured.begin(), tuning.measured.end(), title) == tuning.measured.end()) {
    save_tuning(run.tune, tuning);  // where it cannot be written, this is an error before the measuring
    const Tuned t = tune_training(tuning, s.training.model, input, classes, tuning_seconds);
    save_tuning(run.tune, tuning);
    if (run.verbose != 0)
      std::printf("Measured %s: %.3f ms, %.3f ms with %zu other kernels\n", title.c_str(), t.before * 1e3, t.after * 1e3, t.changes.size());
  }
  return tuning;
}

/// Puts a run's choices in force for as long as it trains.
class TuningScope {
 public:
  explicit TuningScope(const KernelChoices& kernels) { set_kernel_choices(kernels); }
  TuningScope(const TuningScope&) = delete;
  TuningScope& operator=(const TuningScope&) = delete;
  ~TuningScope() { set_kernel_choices({}); }
};

}  // namespace

Settings load_settings(const std::string& folder) {
  const std::string path = folder + "/config.json";
  check(file_exists(path), folder, ": no run is here (", path,
        " is missing); expected a folder that `weft train` made");
  return settings_from_json(read_file(path), path);
}

bool train(Settings s, const RunOptions& run) {
  const auto start = clock::now();
  const bool by_hand = s.face == "loop";
  if (s.threads) set_num_threads(s.threads);
  const Device device = s.device == "auto" ? default_device() : parse_device(s.device);
  DeviceScope scope(device);
  zeros({1});  // a device that is not here is an error before any data is fetched or folder made
  check_passes();
  manual_seed(s.seed);
  data::TrainTest parts = open_data(s);
  check_image_size(s, parts.train.image_shape());
  const std::string folder = !run.resume.empty() ? run.resume : run.out.empty() ? default_folder(s) : run.out;
  const std::string checkpoint = folder + "/checkpoint.safetensors";
  nn::Model model = nn::make_model(s.training, static_cast<std::int64_t>(parts.train.class_names().size()), s.eager);
  const bool may_tune = !run.tune.empty() || (!run.resume.empty() && file_exists(folder + "/" + kept_tuning));
  check(run.tune.empty() || device == cpu, "--tune: received together with --device ", to_string(device), "; expected cpu");
  const Tuning tuning = tuning_of(s, run, folder, parts.train.image_shape(), static_cast<std::int64_t>(parts.train.class_names().size()));
  const TuningScope tuned(tuning.kernels);
  const bool resuming = !run.resume.empty() && restore(model, s, folder, checkpoint, run);
  if (run.verbose != 0)
    std::printf("Training %s on %s: %lld + %lld images, %d threads, device %s, seed %llu\n", s.training.model.c_str(),
                s.data.c_str(), static_cast<long long>(parts.train.size()), static_cast<long long>(parts.test.size()),
                num_threads(), to_string(device).c_str(), static_cast<unsigned long long>(s.seed));

  nn::FitOptions options = fit_options(s, run, parts.train, parts.test);
  options.resume = resuming;
  Keeper keeper(s, checkpoint, [&] {
    prepare_folder(folder, resuming);
    write_file_atomically(folder + "/config.json", to_json(s));
    if (may_tune) save_tuning(folder + "/" + kept_tuning, tuning);
  });
  options.callbacks.push_back(std::ref(keeper));
  std::unique_ptr<Profile> profile;
  if (run.profile) profile = std::make_unique<Profile>();
  const auto training = clock::now();
  Outcome outcome;
  if (had_all_steps(s, model)) outcome.history = model.progress().history;
  else outcome.history = by_hand ? train_by_hand(model, parts.train, options) : model.fit(parts.train, options);
  outcome.train_seconds = seconds_since(training);
  if (profile) std::printf("%s", profile->to_string().c_str());
  profile = nullptr;
  keeper.save_end(model);
  outcome.step_seconds = std::move(keeper.step_seconds);
  outcome.steps = model.progress().total_steps;
  outcome.device = device;
  outcome.folder = folder;
  // A bounded run that has had its steps is only to be measured: its report says that it is complete.
  outcome.interrupted = nn::InterruptScope::requested() && !had_all_steps(s, model);
  write_artifacts(model, s, parts, options.validation_loader, outcome);
  outcome.seconds = seconds_since(start);
  print_outcome(outcome, s, run);
  return !outcome.interrupted;
}

}  // namespace weft::cli
