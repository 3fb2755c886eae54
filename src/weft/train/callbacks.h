// The usual callbacks. Defaults are Keras's.
#pragma once

#include <functional>
#include <limits>
#include <optional>

#include <weft/nn/module.h>
#include <weft/train/callback.h>

namespace weft::nn {

/// The value that a callback watches, and which way is better.
class Monitor {
 public:
  /// `mode`: "min", "max", or "auto" (max for accuracy-like names); throws Error for another word.
  Monitor(std::string name, const std::string& mode);
  /// The value in the logs; empty where they lack it (an epoch without validation), with a warning the first time.
  std::optional<double> read(const Logs& logs);
  /// True where `value` is better than `than` by more than `delta`.
  bool better(double value, double than, double delta = 0) const { return sign_ * value - delta > sign_ * than; }
  /// What every value is better than.
  double worst() const { return -sign_ * std::numeric_limits<double>::infinity(); }
  const std::string& name() const { return name_; }  ///< the value's

 private:
  std::string name_;
  double sign_;
  bool warned_ = false;
};

/// Stops when a value has not improved for `patience` epochs. Epochs without the value are passed over.
struct EarlyStopping : Callback {
  struct Options {
    std::string monitor = "val_loss";  ///< name of the value in the epoch's logs
    double min_delta = 0;          ///< smaller changes are no improvement
    int patience = 0;  ///< epochs without improvement before it stops
    std::string mode = "auto";     ///< "min", "max"; "auto": max for accuracy-like names
    std::optional<double> baseline = {};  ///< worse values than this do not end the waiting
    bool restore_best_weights = false;  ///< put the best epoch's weights back when fit ends, however it ends but by Ctrl-C
    int start_from_epoch = 0;  ///< epochs before this one do not count
    bool verbose = false;  ///< print a line on stopping
  };  ///< What counts as an improvement, and how long to wait for one.
  EarlyStopping() : EarlyStopping(Options{}) {}
  EarlyStopping(Options options);  ///< throws Error for an unknown mode
  void on_train_begin(Model&) override;
  void on_epoch_end(Model&, int epoch, const Logs&) override;
  void on_train_end(Model&, const Logs&) override;
  bool wants_batches() const override { return false; }
  Logs state() const override;
  void set_state(const Logs&) override;
  NamedTensors state_tensors() const override { return best_weights_; }
  void set_state_tensors(const NamedTensors& t) override { best_weights_ = t; }
  int stopped_epoch = 0, /**< where it stopped; 0: it did not */ best_epoch = 0;  ///< epoch of the best value
  double best = 0;  ///< the best value so far

 private:
  Options options_;
  Monitor monitor_;
  int wait_ = 0;
  bool resumed_ = false;
  NamedTensors best_weights_;
};

/// Writes the model while it trains. "{epoch}" and "{name}" in the path are replaced ("{epoch:02}" pads with zeros,
/// "{val_loss:.2f}" sets the digits).
struct ModelCheckpoint : Callback {
  struct Options {
    std::string filepath;             ///< ends in .safetensors
    std::string monitor = "val_loss";  ///< name of the value that save_best_only compares
    bool verbose = false;  ///< print a line on each improvement
    bool save_best_only = false;  ///< write only where the value is better than ever before
    bool save_weights_only = false;   ///< otherwise everything that resuming needs
    std::string mode = "auto";  ///< "min", "max"; "auto": max for accuracy-like names
    int save_freq = 0;                ///< 0: every epoch; n: after n batches or more (see steps_per_execution)
    std::optional<double> initial_value_threshold = {};  ///< a value to beat first
  };  ///< What to write, where and when.
  ModelCheckpoint(Options options);  ///< throws Error for another extension or an unknown mode
  void on_train_begin(Model&) override;
  void on_epoch_end(Model&, int epoch, const Logs&) override;
  void on_train_batch_end(Model&, std::int64_t batch, const Logs&) override;
  bool wants_batches() const override { return options_.save_freq > 0; }
  Logs state() const override;
  void set_state(const Logs&) override;

 private:
  void save(Model&, int epoch, const Logs&);
  void start();
  Options options_;
  Monitor monitor_;
  double best_ = 0;
  std::int64_t saved_at_ = 0;  // batches done when it last saved by save_freq
  bool resumed_ = false;
};

/// Multiplies the learning rate by `factor` when a value has stopped improving.
struct ReduceLROnPlateau : Callback {
  struct Options {
    std::string monitor = "val_loss";  ///< name of the value in the epoch's logs
    double factor = 0.1;  ///< below 1
    int patience = 10;  ///< epochs without improvement before the rate falls
    bool verbose = false;  ///< print a line on each reduction
    std::string mode = "auto";  ///< "min", "max"; "auto": max for accuracy-like names
    double min_delta = 1e-4;  ///< smaller changes are no improvement
    int cooldown = 0;  ///< epochs after a reduction that do not count
    double min_lr = 0;  ///< the rate never falls below
  };  ///< When the rate falls, and by how much.
  ReduceLROnPlateau() : ReduceLROnPlateau(Options{}) {}
  ReduceLROnPlateau(Options options);  ///< throws Error unless factor < 1
  void on_train_begin(Model&) override;
  void on_epoch_end(Model&, int epoch, const Logs&) override;
  bool wants_batches() const override { return false; }
  Logs state() const override;
  void set_state(const Logs&) override;

 private:
  Options options_;
  Monitor monitor_;
  double best_ = 0;
  int wait_ = 0, cooldown_ = 0;
  bool resumed_ = false;
};

/// Sets the learning rate at each epoch's beginning: schedule(epoch, current lr) -> lr.
struct LearningRateScheduler : Callback {  /// Called with the epoch, from 0, and the rate that holds.
  explicit LearningRateScheduler(std::function<double(int epoch, double lr)> schedule) : schedule_(std::move(schedule)) {}
  void on_epoch_begin(Model&, int epoch) override;
  bool wants_batches() const override { return false; }

 private:
  std::function<double(int, double)> schedule_;
};

/// Puts the averages of the weights (optim::OptimizerOptions::average) in their place while fit validates or evaluate
/// runs, so that what is measured is what AverageScope saves.
struct SwapEMAWeights : Callback {
  void on_test_begin(Model&) override;
  void on_test_end(Model&, const Logs&) override;
  bool wants_batches() const override { return false; }
};

/// Writes one line an epoch into a CSV file.
struct CSVLogger : Callback {  /// Replaces an existing file, or with `append` goes on at its end.
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
  std::function<void(Model&)> train_begin = {};  ///< see Callback::on_train_begin
  std::function<void(Model&, const Logs&)> train_end = {};  ///< see Callback::on_train_end
  std::function<void(Model&, int)> epoch_begin = {};  ///< see Callback::on_epoch_begin
  std::function<void(Model&, int, const Logs&)> epoch_end = {};  ///< see Callback::on_epoch_end
  std::function<void(Model&, std::int64_t)> train_batch_begin = {};  ///< see Callback::on_train_batch_begin
  std::function<void(Model&, std::int64_t, const Logs&)> train_batch_end = {};  ///< see Callback::on_train_batch_end
};
struct LambdaCallback : Callback {
  LambdaCallback(LambdaHooks hooks) : hooks_(std::move(hooks)) {}  ///< empty functions are skipped
  void on_train_begin(Model&) override;
  void on_train_end(Model&, const Logs&) override;
  void on_epoch_begin(Model&, int epoch) override;
  void on_epoch_end(Model&, int epoch, const Logs&) override;
  void on_train_batch_begin(Model&, std::int64_t batch) override;
  void on_train_batch_end(Model&, std::int64_t batch, const Logs&) override;
  bool wants_batches() const override { return hooks_.train_batch_begin || hooks_.train_batch_end; }

 private:
  LambdaHooks hooks_;
};  ///< Calls the functions of a LambdaHooks.

}  // namespace weft::nn
