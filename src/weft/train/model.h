// Model: compile, fit, evaluate, predict, written on the public pieces (loader, module, grad, optimizer, metrics).
#pragma once

#include <weft/data/loader.h>
#include <weft/graph/compile.h>
#include <weft/metrics/metric.h>
#include <weft/nn/layer.h>
#include <weft/optim/optimizer.h>
#include <weft/optim/rules.h>
#include <weft/train/callback.h>
#include <weft/train/loss.h>

namespace weft::nn {

/// How a model learns.
struct CompileOptions {
  optim::Rule optimizer = {};  ///< the rule of the steps; Adam where none is given
  LossList loss = {};                            ///< one for all outputs, or one an output
  std::vector<double> loss_weights = {};         ///< of the outputs; empty: all 1
  std::vector<metrics::Metric> metrics = {};  ///< computed without sample weights, of the first output
  std::vector<metrics::Metric> weighted_metrics = {};  ///< computed with sample weights, of the first output
  std::vector<std::vector<metrics::Metric>> output_metrics = {};  ///< of each output where there are several: {{"accuracy"}, {"mae"}}
  optim::OptimizerOptions optimizer_options = {};  ///< groups, clipping, schedule, accumulation, EMA
  bool run_eagerly = false;     ///< operator by operator, for debugging; otherwise steps are planned as by weft::compile
  /// Of convolutions and matrix products in planned steps (training, evaluation, prediction); weights stay f32, and so
  /// does all that runs eagerly.
  Precision precision = Precision::f32;
  int steps_per_execution = 1;  ///< batches between two calls of batch callbacks and of the bar
  bool jit_compile = false;     ///< accepted for Keras's sake
};

/// A data set that may be absent: `.validation_data = &test`, `= test`, or `= {x, y}`.
class OptionalDataset {
 public:
  OptionalDataset() = default;
  OptionalDataset(data::Dataset d) : dataset_(std::move(d)) {}  ///< by value; copies share it
  template <data::DatasetLike D> OptionalDataset(const D* d) : dataset_(std::cref(*d)) {}  ///< borrows it
  OptionalDataset(const data::Dataset* d) : dataset_(*d) {}  ///< shares it
  OptionalDataset(const Tensor& x, const Tensor& y);  ///< arrays
  explicit operator bool() const { return static_cast<bool>(dataset_); }
  const data::Dataset& get() const { return dataset_; }  ///< the data set, empty where absent

 private:
  data::Dataset dataset_;
};

/// -1: a bar on a terminal, a line an epoch elsewhere; 0: silent; 1: a bar; 2: a line an epoch.
inline constexpr int verbose_auto = -1;

/// Arguments of fit, Keras's names and defaults.
struct FitOptions {
  std::int64_t batch_size = 32;  ///< examples a step
  int epochs = 1;  ///< the final epoch: with initial_epoch = 3 and epochs = 10, seven are trained
  int verbose = verbose_auto;  ///< see verbose_auto
  std::vector<AnyCallback> callbacks = {};  ///< called in this order
  double validation_split = 0;          ///< the last fraction of the data, taken before shuffling
  OptionalDataset validation_data = {};  ///< wins over validation_split
  bool shuffle = true;  ///< a new order every epoch
  std::vector<std::pair<std::int64_t, double>> class_weight = {};  ///< weight of each class in the loss; missing ones: 1
  Tensor sample_weight = {};                         ///< [N], with arrays in memory
  int initial_epoch = 0;  ///< the first epoch's number
  std::int64_t steps_per_epoch = 0;  ///< 0: the whole data set; otherwise batches an epoch, going on where the last ended
  std::int64_t validation_steps = 0;  ///< batches of each validation; 0: all
  std::int64_t validation_batch_size = 0;  ///< 0: batch_size
  int validation_freq = 1;                 ///< validate every so many epochs
  data::LoaderOptions loader = {};  ///< of the training data: workers, augmentation, …; the fields above win
  data::LoaderOptions validation_loader = {};  ///< of the validation data: normalisation without augmentation
  bool stop_on_nan = false;  ///< end with an Error at the first NaN loss, naming the step
  bool resume = false;       ///< go on from the position that load_checkpoint() restored
};

/// Arguments of evaluate.
struct EvaluateOptions {
  std::int64_t batch_size = 32;  ///< examples at once
  int verbose = verbose_auto;  ///< see verbose_auto
  Tensor sample_weight = {};  ///< [N], with arrays in memory
  std::int64_t steps = 0;  ///< 0: all
  std::vector<AnyCallback> callbacks = {};  ///< their on_test_… hooks are called
  data::LoaderOptions loader = {};  ///< workers, normalisation, …; batch_size wins
};

/// Arguments of predict.
struct PredictOptions {
  std::int64_t batch_size = 32;  ///< examples at once
  int verbose = 0;  ///< see verbose_auto
  std::int64_t steps = 0;  ///< batches; 0: all
  std::vector<AnyCallback> callbacks = {};  ///< their on_predict_… hooks are called
  data::LoaderOptions loader = {};  ///< workers, normalisation, …; batch_size wins
};

/// Where training stands within fit: what a checkpoint keeps beside weights and optimizer.
struct Progress {
  int epoch = 0;                ///< the epoch that is running or comes next
  std::int64_t step = 0;        ///< batches of it that are done
  std::int64_t total_steps = 0;  ///< batches since the beginning
  bool inside_epoch = false;  ///< true between an epoch's beginning and its end
  data::LoaderState loader = {};  ///< where the training data are
  History history = {};  ///< of the epochs that are done
  NamedTensors metric_state = {};  ///< of the running epoch's metrics
  std::vector<Logs> callback_state = {};  ///< of each callback, in their order
  std::vector<NamedTensors> callback_tensors = {};  ///< the same, of tensors
};

/// A module with what it needs to learn. `nn::Model model{Net{}}` holds any layer or module by value.
class Model {
 public:
  template <class M>
    requires(!std::is_base_of_v<Model, std::remove_cvref_t<M>>)
  explicit Model(M&& module) : layer_(std::forward<M>(module)) {
    set_training(layer_.module_ref(), false);
  }  ///< holds the layer or module, in evaluation mode
  virtual ~Model();
  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;

  /// Sets optimizer, loss and metrics; a second call starts the optimizer anew.
  void compile(CompileOptions options);
  /// Trains; returns what each epoch measured. Ctrl-C ends the epoch at the next batch, keeps the model and returns.
  History fit(const data::Dataset& train, const FitOptions& options = {});
  History fit(const Tensor& x, const Tensor& y, const FitOptions& options = {});  ///< the same for arrays
  /// Loss and metrics over a data set, in evaluation mode.
  Logs evaluate(const data::Dataset& test, const EvaluateOptions& options = {});
  Logs evaluate(const Tensor& x, const Tensor& y, const EvaluateOptions& options = {});  ///< the same for arrays
  /// Outputs for all inputs, joined, in evaluation mode. Safe from several threads at once.
  Tensor predict(const Tensor& x, const PredictOptions& options = {}) const;
  Tensor predict(const data::Dataset& inputs, const PredictOptions& options = {}) const;  ///< the same
  /// The same for a model with several outputs.
  std::vector<Tensor> predict_all(const data::Dataset& inputs, const PredictOptions& options = {}) const;

  Logs train_on_batch(const Tensor& x, const Tensor& y, const Tensor& sample_weight = {});  ///< one training step
  Logs test_on_batch(const Tensor& x, const Tensor& y, const Tensor& sample_weight = {});  ///< loss, metrics
  Tensor predict_on_batch(const Tensor& x) const;  ///< outputs for one batch, in evaluation mode

  CompileStats plan_stats() const;  ///< what the planned steps of training and evaluation have done since compile()

  // The steps: override any of them. Those of this class plan forward, loss, gradients and update as one computation (see
  // weft::compile); one of your own runs eagerly, unless it calls weft::compile.
  /// Forward, loss, gradients, optimizer, metrics; returns their running values.
  virtual Logs train_step(const data::Batch& batch);
  virtual Logs test_step(const data::Batch& batch);  ///< forward, loss, metrics; returns their values
  virtual std::vector<Tensor> predict_step(const data::Batch& batch) const;  ///< forward; returns the outputs
  /// The loss to minimise: the compiled losses, weighted, plus the layers' regularization.
  virtual Tensor compute_loss(const data::Batch& batch, const std::vector<Tensor>& predictions);
  /// Updates the tracked metrics with a batch and returns their running values. `loss` is the value of compute_loss.
  virtual Logs compute_metrics(const data::Batch& batch, const std::vector<Tensor>& predictions, const Tensor& loss);

  /// The layer or module inside.
  Layer& layer() { return layer_; }
  const Layer& layer() const { return layer_; }  ///< the same, read-only
  /// The module inside by its class; throws Error where it is of another.
  template <class M> M& module() {
    M* m = layer_.get<M>();
    check(m != nullptr, "Model::module: the model holds a ", layer_.module_ref().type_name());
    return *m;
  }
  ModuleRef module_ref() const { return layer_.module_ref(); }  ///< the module inside, whatever its class
  /// The optimizer; made at the first use after compile().
  optim::Optimizer& optimizer();
  bool compiled() const { return static_cast<bool>(compiled_); }  ///< true after compile()
  /// The boxed table of layers (see nn::summary) for inputs of this shape, without the batch axis; with the optimizer's
  /// numbers where the model is compiled.
  std::string summary(const Shape& input);
  const CompileOptions& compile_options() const;  ///< throws Error before compile()

  /// Set by callbacks: ends fit after this batch.
  bool stop_training = false;
  /// True where the last fit was ended by Ctrl-C.
  bool interrupted() const { return interrupted_; }
  const Progress& progress() const { return progress_; }  ///< where training stands
  Progress& progress() { return progress_; }  ///< the same, to change
  /// Puts the state of loader, metrics and callbacks at this moment into progress() (save_checkpoint() calls it).
  void capture_progress();

 private:
  friend class FitLoop;
  struct Compiled;
  std::vector<Tensor> run(const std::vector<Tensor>& inputs) const;
  Logs run_evaluation(data::Loader& loader, const EvaluateOptions& options, int verbose);
  void reset_metrics();
  Logs metric_results() const;
  void planned(FunctionRef<void()> step);

  Layer layer_;
  std::shared_ptr<Compiled> compiled_;  // shared: its class is not known here
  mutable weft::detail::EnginePool predicting_{"predict"};  // several threads may predict at once
  Progress progress_;
  data::Loader* active_loader_ = nullptr;
  const std::vector<AnyCallback>* active_callbacks_ = nullptr;
  bool interrupted_ = false;
};

}  // namespace weft::nn
