// The usual callbacks. Defaults are Keras's.
#pragma once

#include <functional>
#include <limits>
#include <optional>

#include <weft/nn/module.h>
#include <weft/train/callback.h>

namespace weft::nn {

/// Stops when a value has not improved for `patience` epochs.
struct EarlyStopping : Callback {
  struct Options {
    std::string monitor = "val_loss";
    double min_delta = 0;          ///< smaller changes are no improvement
    int patience = 0;
    std::string mode = "auto";     ///< "min", "max"; "auto": max for accuracy-like names
    std::optional<double> baseline = {};  ///< a value to beat first
    bool restore_best_weights = false;
    int start_from_epoch = 0;
    bool verbose = false;
  };
  EarlyStopping() : EarlyStopping(Options{}) {}
  EarlyStopping(Options options);
  void on_train_begin(Model&) override;
  void on_epoch_end(Model&, int epoch, const Logs&) override;
  void on_train_end(Model&, const Logs&) override;
  bool wants_batches() const override { return false; }
  Logs state() const override;
  void set_state(const Logs&) override;
  int stopped_epoch = 0, best_epoch = 0;
  double best = 0;

 private:
  Options options_;
  int wait_ = 0;
  bool resumed_ = false;
  NamedTensors best_weights_;
};

/// Writes the model while it trains. "{epoch}" and "{name}" in the path are replaced ("{epoch:02}" pads with zeros).
struct ModelCheckpoint : Callback {
  struct Options {
    std::string filepath;             ///< ends in .safetensors
    std::string monitor = "val_loss";
    bool verbose = false;
    bool save_best_only = false;
    bool save_weights_only = false;   ///< otherwise everything that resuming needs
    std::string mode = "auto";
    int save_freq = 0;                ///< 0: every epoch; n: every n batches
    std::optional<double> initial_value_threshold = {};
  };
  ModelCheckpoint(Options options);
  void on_train_begin(Model&) override;
  void on_epoch_end(Model&, int epoch, const Logs&) override;
  void on_train_batch_end(Model&, std::int64_t batch, const Logs&) override;
  bool wants_batches() const override { return options_.save_freq > 0; }
  Logs state() const override;
  void set_state(const Logs&) override;

 private:
  void save(Model&, int epoch, const Logs&);
  Options options_;
  double best_ = 0;
  bool resumed_ = false;
};

/// Multiplies the learning rate by `factor` when a value has stopped improving.
struct ReduceLROnPlateau : Callback {
  struct Options {
    std::string monitor = "val_loss";
    double factor = 0.1;
    int patience = 10;
    bool verbose = false;
    std::string mode = "auto";
    double min_delta = 1e-4;
    int cooldown = 0;
    double min_lr = 0;
  };
  ReduceLROnPlateau() : ReduceLROnPlateau(Options{}) {}
  ReduceLROnPlateau(Options options);
  void on_train_begin(Model&) override;
  void on_epoch_end(Model&, int epoch, const Logs&) override;
  bool wants_batches() const override { return false; }
  Logs state() const override;
  void set_state(const Logs&) override;

 private:
  Options options_;
  double best_ = 0;
  int wait_ = 0, cooldown_ = 0;
  bool resumed_ = false;
};

/// Sets the learning rate at each epoch's beginning: schedule(epoch, current lr) -> lr.
struct LearningRateScheduler : Callback {
  explicit LearningRateScheduler(std::function<double(int epoch, double lr)> schedule) : schedule_(std::move(schedule)) {}
  void on_epoch_begin(Model&, int epoch) override;
  bool wants_batches() const override { return false; }

 private:
  std::function<double(int, double)> schedule_;
};

/// Writes one line an epoch into a CSV file.
struct CSVLogger : Callback {
  explicit CSVLogger(std::string filename, bool append = false) : filename_(std::move(filename)), append_(append) {}
  void on_train_begin(Model&) override;
  void on_epoch_end(Model&, int epoch, const Logs&) override;
  bool wants_batches() const override { return false; }

 private:
  std::string filename_, text_;
  bool append_;
  std::vector<std::string> names_;
};

/// Stops at the first batch whose loss is NaN or infinite.
struct TerminateOnNaN : Callback {
  void on_train_batch_end(Model&, std::int64_t batch, const Logs&) override;
};

/// Functions for single hooks: `LambdaCallback{.epoch_end = [](Model& m, int epoch, const Logs& logs) { … }}`.
struct LambdaHooks {
  std::function<void(Model&)> train_begin = {};
  std::function<void(Model&, const Logs&)> train_end = {};
  std::function<void(Model&, int)> epoch_begin = {};
  std::function<void(Model&, int, const Logs&)> epoch_end = {};
  std::function<void(Model&, std::int64_t)> train_batch_begin = {};
  std::function<void(Model&, std::int64_t, const Logs&)> train_batch_end = {};
};
struct LambdaCallback : Callback {
  LambdaCallback(LambdaHooks hooks) : hooks_(std::move(hooks)) {}
  void on_train_begin(Model&) override;
  void on_train_end(Model&, const Logs&) override;
  void on_epoch_begin(Model&, int epoch) override;
  void on_epoch_end(Model&, int epoch, const Logs&) override;
  void on_train_batch_begin(Model&, std::int64_t batch) override;
  void on_train_batch_end(Model&, std::int64_t batch, const Logs&) override;
  bool wants_batches() const override { return hooks_.train_batch_begin || hooks_.train_batch_end; }

 private:
  LambdaHooks hooks_;
};

}  // namespace weft::nn
