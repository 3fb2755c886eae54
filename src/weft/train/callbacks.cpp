#include <weft/train/callbacks.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <weft/base/files.h>
#include <weft/base/format.h>
#include <weft/io/weights.h>
#include <weft/train/checkpoint.h>
#include <weft/train/model.h>

namespace weft::nn {

namespace {

/// +1 where larger is better, -1 where smaller is.
double direction(const std::string& mode, const std::string& monitor) {
  if (mode == "min") return -1;
  if (mode == "max") return 1;
  check(mode == "auto", "mode is '", mode, "'; expected auto, min or max", suggestion(mode, {"auto", "min", "max"}));
  for (const char* good : {"acc", "auc", "precision", "recall", "f1", "fbeta", "iou", "r2", "top"})
    if (monitor.find(good) != monitor.npos) return 1;
  return -1;
}

std::string pad(int value, const std::string& width) {
  std::string s = std::to_string(value);
  const auto w = static_cast<std::size_t>(std::atoi(width.c_str()));
  return s.size() < w ? std::string(w - s.size(), '0') + s : s;
}

/// A value by a specification as ".2f"; four digits for any other.
std::string number(double value, const std::string& spec) {
  const bool digits = spec.size() >= 3 && spec[0] == '.' && spec.find_first_not_of("0123456789", 1) == spec.size() - 1;
  if (digits && std::string("efg").find(spec.back()) != std::string::npos) return format(("%" + spec).c_str(), value);
  return format("%.4f", value);
}

/// Replaces {epoch}, {epoch:02}, {name} and {name:.2f}.
std::string fill_in(const std::string& pattern, int epoch, const Logs& logs) {
  std::string out;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const auto close = pattern.find('}', i);
    if (pattern[i] != '{' || close == pattern.npos) {
      out += pattern[i];
      continue;
    }
    std::string name = pattern.substr(i + 1, close - i - 1), spec;
    if (const auto colon = name.find(':'); colon != name.npos) {
      spec = name.substr(colon + 1);
      name.resize(colon);
    }
    out += name == "epoch" ? pad(epoch + 1, spec) : number(logs[name], spec);
    i = close;
  }
  return out;
}

}  // namespace

Monitor::Monitor(std::string name, const std::string& mode) : name_(std::move(name)), sign_(direction(mode, name_)) {}

std::optional<double> Monitor::read(const Logs& logs) {
  if (logs.contains(name_)) return logs[name_];
  if (!std::exchange(warned_, true)) {
    std::string present;
    for (const auto& [name, value] : logs) present += (present.empty() ? "" : ", ") + name;
    std::fprintf(stderr, "weft: a callback watches '%s', which this epoch lacks (it has %s); it passes over such epochs\n",
                 name_.c_str(), present.c_str());
  }
  return std::nullopt;
}

EarlyStopping::EarlyStopping(Options options)
    : options_(std::move(options)), monitor_(options_.monitor, options_.mode) {
  best = monitor_.worst();
}
void EarlyStopping::on_train_begin(Model&) {
  if (std::exchange(resumed_, false)) return;
  wait_ = stopped_epoch = best_epoch = 0;
  best = monitor_.worst();
  best_weights_.clear();
}
void EarlyStopping::on_epoch_end(Model& model, int epoch, const Logs& logs) {
  if (epoch < options_.start_from_epoch) return;
  const std::optional<double> value = monitor_.read(logs);
  if (!value) return;
  const bool better = monitor_.better(*value, best, options_.min_delta);
  if (options_.restore_best_weights && (better || best_weights_.empty())) best_weights_ = state_dict(model.module_ref());
  ++wait_;
  if (better) {
    best = *value;
    best_epoch = epoch;
    if (!options_.baseline || monitor_.better(*value, *options_.baseline, options_.min_delta)) wait_ = 0;
    return;
  }
  if (wait_ < options_.patience || epoch == 0) return;
  stopped_epoch = epoch;
  model.stop_training = true;
}
void EarlyStopping::on_train_end(Model& model, const Logs&) {
  if (stopped_epoch > 0 && options_.verbose) std::printf("Epoch %d: early stopping\n", stopped_epoch + 1);
  if (!model.interrupted() && !best_weights_.empty()) load_state_dict(model.module_ref(), best_weights_);
}
Logs EarlyStopping::state() const {
  return {{"best", best}, {"best_epoch", double(best_epoch)}, {"wait", double(wait_)}};
}
void EarlyStopping::set_state(const Logs& s) {
  best = s["best"];
  best_epoch = static_cast<int>(s["best_epoch"]);
  wait_ = static_cast<int>(s["wait"]);
  resumed_ = true;
}

ModelCheckpoint::ModelCheckpoint(Options options)
    : options_(std::move(options)), monitor_(options_.monitor, options_.mode) {
  check(options_.filepath.ends_with(".safetensors"), "ModelCheckpoint: filepath is '", options_.filepath,
        "'; expected a name that ends in .safetensors");
  start();
}
void ModelCheckpoint::start() {
  best_ = options_.initial_value_threshold.value_or(monitor_.worst());
  saved_at_ = 0;
}
void ModelCheckpoint::on_train_begin(Model&) {
  if (!std::exchange(resumed_, false)) start();
}
void ModelCheckpoint::save(Model& model, int epoch, const Logs& logs) {
  double value = best_;
  if (options_.save_best_only) {
    value = monitor_.read(logs).value_or(monitor_.worst());
    if (!monitor_.better(value, best_)) return;
  }
  const std::string path = fill_in(options_.filepath, epoch, logs);
  if (options_.save_best_only && options_.verbose)
    std::printf("Epoch %d: %s improved from %.5f to %.5f, saving to %s\n", epoch + 1, options_.monitor.c_str(), best_,
                value, path.c_str());
  best_ = value;
  if (options_.save_weights_only) save_weights(path, model.module_ref());
  else save_checkpoint(path, model);
}
void ModelCheckpoint::on_epoch_end(Model& model, int epoch, const Logs& logs) {
  if (options_.save_freq == 0) save(model, epoch, logs);
}
void ModelCheckpoint::on_train_batch_end(Model& model, std::int64_t, const Logs& logs) {
  const std::int64_t done = model.progress().total_steps;
  if (options_.save_freq == 0 || done - saved_at_ < options_.save_freq) return;
  saved_at_ = done;
  save(model, model.progress().epoch, logs);
}
Logs ModelCheckpoint::state() const { return {{"best", best_}, {"saved_at", double(saved_at_)}}; }
void ModelCheckpoint::set_state(const Logs& s) {
  best_ = s["best"];
  saved_at_ = static_cast<std::int64_t>(s["saved_at"]);
  resumed_ = true;
}

ReduceLROnPlateau::ReduceLROnPlateau(Options options)
    : options_(std::move(options)), monitor_(options_.monitor, options_.mode) {
  check(options_.factor < 1, "ReduceLROnPlateau: factor is ", options_.factor, "; expected less than 1");
}
void ReduceLROnPlateau::on_train_begin(Model&) {
  if (std::exchange(resumed_, false)) return;
  best_ = monitor_.worst();
  wait_ = cooldown_ = 0;
}
void ReduceLROnPlateau::on_epoch_end(Model& model, int epoch, const Logs& logs) {
  const std::optional<double> value = monitor_.read(logs);
  if (!value) return;
  if (cooldown_ > 0) {
    --cooldown_;
    wait_ = 0;
  }
  if (monitor_.better(*value, best_, options_.min_delta)) {
    best_ = *value;
    wait_ = 0;
    return;
  }
  if (cooldown_ > 0 || ++wait_ < options_.patience) return;
  const double old = model.optimizer().lr(), lr = std::max(old * options_.factor, options_.min_lr);
  if (lr < old) {
    model.optimizer().set_lr(lr);
    if (options_.verbose) std::printf("Epoch %d: ReduceLROnPlateau reducing learning rate to %g\n", epoch + 1, lr);
  }
  cooldown_ = options_.cooldown;
  wait_ = 0;
}
Logs ReduceLROnPlateau::state() const {
  return {{"best", best_}, {"wait", double(wait_)}, {"cooldown", double(cooldown_)}};
}
void ReduceLROnPlateau::set_state(const Logs& s) {
  best_ = s["best"];
  wait_ = static_cast<int>(s["wait"]);
  cooldown_ = static_cast<int>(s["cooldown"]);
  resumed_ = true;
}

void LearningRateScheduler::on_epoch_begin(Model& model, int epoch) {
  const double lr = schedule_(epoch, model.optimizer().lr());
  check(std::isfinite(lr) && lr >= 0, "LearningRateScheduler: the schedule gave ", lr, " at epoch ", epoch);
  model.optimizer().set_lr(lr);
}

void SwapEMAWeights::on_test_begin(Model& model) { model.optimizer().swap_average(); }
void SwapEMAWeights::on_test_end(Model& model, const Logs&) { model.optimizer().swap_average(); }

void CSVLogger::on_train_begin(Model&) {
  names_.clear();
  text_ = append_ && file_exists(filename_) ? read_file(filename_) : "";
}
void CSVLogger::on_epoch_end(Model&, int epoch, const Logs& logs) {
  const bool first = names_.empty();
  if (first) {
    for (const auto& [name, value] : logs) names_.push_back(name);
    if (text_.empty()) {
      text_ = "epoch";
      for (const auto& n : names_) text_ += "," + n;
      text_ += "\n";
    }
  }
  text_ += std::to_string(epoch);
  char buffer[40];
  for (const auto& n : names_) {
    std::snprintf(buffer, sizeof buffer, ",%.9g", logs.contains(n) ? logs[n] : std::nan(""));
    text_ += buffer;
  }
  text_ += "\n";
  write_file_atomically(filename_, text_);
}

void TerminateOnNaN::on_train_batch_end(Model& model, std::int64_t batch, const Logs& logs) {
  if (!logs.contains("loss") || std::isfinite(logs["loss"])) return;
  std::printf("Batch %lld: invalid loss, terminating training\n", static_cast<long long>(batch));
  model.stop_training = true;
}

void LambdaCallback::on_train_begin(Model& m) {
  if (hooks_.train_begin) hooks_.train_begin(m);
}
void LambdaCallback::on_train_end(Model& m, const Logs& logs) {
  if (hooks_.train_end) hooks_.train_end(m, logs);
}
void LambdaCallback::on_epoch_begin(Model& m, int epoch) {
  if (hooks_.epoch_begin) hooks_.epoch_begin(m, epoch);
}
void LambdaCallback::on_epoch_end(Model& m, int epoch, const Logs& logs) {
  if (hooks_.epoch_end) hooks_.epoch_end(m, epoch, logs);
}
void LambdaCallback::on_train_batch_begin(Model& m, std::int64_t batch) {
  if (hooks_.train_batch_begin) hooks_.train_batch_begin(m, batch);
}
void LambdaCallback::on_train_batch_end(Model& m, std::int64_t batch, const Logs& logs) {
  if (hooks_.train_batch_end) hooks_.train_batch_end(m, batch, logs);
}

}  // namespace weft::nn
