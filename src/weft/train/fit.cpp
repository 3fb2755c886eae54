// fit: epochs over a loader, with callbacks, validation, Ctrl-C and resume.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include <weft/base/format.h>
#include <weft/ops/ops.h>
#include <weft/train/interrupt.h>
#include <weft/train/model.h>
#include <weft/train/progress.h>
#include <weft/train/compiled.h>

namespace weft::nn {

class FitLoop {
 public:
  FitLoop(Model& model, const data::Dataset& train, const FitOptions& options)
      : model_(model),
        options_(options),
        verbose_(resolve_verbose(options.verbose)),
        data_(split(train)),
        loader_(data_, loader_options(options.batch_size, options.shuffle)) {
    check(options.epochs >= options.initial_epoch, "fit: epochs is ", options.epochs, ", initial_epoch ",
          options.initial_epoch, "; epochs is the final epoch, expected at least initial_epoch");
    check(options.validation_freq >= 1, "fit: validation_freq is ", options.validation_freq, "; expected 1 or more");
    check(options.validation_steps >= 0, "fit: validation_steps is ", options.validation_steps,
          "; expected 0 (all) or more");
    check(options.steps_per_epoch >= 0, "fit: steps_per_epoch is ", options.steps_per_epoch, "; expected 0 or more");
    per_epoch_ = options.steps_per_epoch ? options.steps_per_epoch : data_.is_stream() ? 0 : loader_.size();
  }

  History run() {
    begin();
    InterruptScope interrupts;
    Progress& at = model_.progress_;
    for (const auto& c : options_.callbacks) c->on_train_begin(model_);
    Logs logs;
    while (at.epoch < options_.epochs && !model_.stop_training && !model_.interrupted_) {
      epoch(logs);
      model_.interrupted_ |= InterruptScope::requested();  // also while validating
    }
    for (const auto& c : options_.callbacks) c->on_train_end(model_, logs);
    return at.history;
  }

  ~FitLoop() {
    model_.capture_progress();  // what a checkpoint written after fit keeps
    model_.active_loader_ = nullptr;
    model_.active_callbacks_ = nullptr;
    set_training(model_.module_ref(), false);
  }

 private:
  /// Takes the validation part off the end, before any shuffling.
  data::Dataset split(const data::Dataset& train) {
    if (options_.validation_data) {
      validation_ = options_.validation_data.get();
      return train;
    }
    if (options_.validation_split == 0) return train;
    check(options_.validation_split > 0 && options_.validation_split < 1, "fit: validation_split is ",
          options_.validation_split, "; expected a fraction between 0 and 1");
    data::Split parts = data::split(train, options_.validation_split);
    validation_ = parts.validation;
    return parts.train;
  }

  data::LoaderOptions loader_options(std::int64_t batch_size, bool shuffle) const {
    check(batch_size >= 1, "fit: batch_size is ", batch_size, "; expected 1 or more");
    data::LoaderOptions o = options_.loader;
    o.batch_size = batch_size;
    o.shuffle = shuffle && !data_.is_stream();
    if (!o.device) o.device = device_of(model_.module_ref());
    if (options_.resume) o.seed = 0;  // the restored position brings its own: nothing may be drawn for it
    return o;
  }

  /// A fresh start, or the position that load_checkpoint() restored.
  void begin() {
    Progress& at = model_.progress_;
    model_.stop_training = model_.interrupted_ = false;
    model_.active_loader_ = &loader_;
    model_.active_callbacks_ = &options_.callbacks;
    if (options_.resume) {
      plan_schedule(at);
      loader_.set_state(at.loader);
      for (std::size_t i = 0; i < options_.callbacks.size() && i < at.callback_state.size(); ++i) {
        options_.callbacks[i]->set_state(at.callback_state[i]);
        if (i < at.callback_tensors.size()) options_.callbacks[i]->set_state_tensors(at.callback_tensors[i]);
      }
      return;
    }
    at = Progress{};
    at.epoch = options_.initial_epoch;
    plan_schedule(at);
  }

  /// Lets a schedule of automatic length end with this fit: what the optimizer has done and what is still to come.
  void plan_schedule(const Progress& at) {
    optim::Optimizer& optimizer = model_.optimizer();
    if (optimizer.options().interval == optim::Interval::epoch) {
      optimizer.set_total_steps(optimizer.epochs() + options_.epochs - at.epoch);
    } else if (per_epoch_ > 0) {
      const std::int64_t batches = per_epoch_ * (options_.epochs - options_.initial_epoch) - at.total_steps;
      optimizer.set_total_steps(optimizer.steps() + optimizer.updates_in(batches));
    }
  }

  /// The next batch; empty at the end of a pass over the data.
  std::optional<data::Batch> next() {
    if (!reading_) reading_.emplace(loader_.begin());
    else ++*reading_;
    if (*reading_ == loader_.end()) {
      reading_.reset();
      return std::nullopt;
    }
    return **reading_;
  }

  /// One epoch, or what is left of it; Ctrl-C ends it after a step.
  void epoch(Logs& logs) {
    Progress& at = model_.progress_;
    ProgressBar bar(verbose_, per_epoch_, stdout, format("Epoch %d/%d", at.epoch + 1, options_.epochs));
    set_training(model_.module_ref(), true);
    const bool goes_on = std::exchange(at.inside_epoch, true);
    if (goes_on && at.step > 0) {
      model_.compiled_->tracked.set_state(at.metric_state);
    } else {
      at.step = 0;
      model_.reset_metrics();
      for (const auto& c : options_.callbacks) c->on_epoch_begin(model_, at.epoch);
    }
    logs = steps(bar);
    if (model_.interrupted_) {
      bar.stop_clock(at.step);
      bar.finish(at.step, logs);
      return;
    }
    bar.stop_clock(at.step);  // validation is no part of a step's time
    if (validation_ && (at.epoch + 1) % options_.validation_freq == 0) logs.merge(validate(), "val_");
    bar.finish(at.step, logs);
    optim::Optimizer& optimizer = model_.optimizer();
    optimizer.end_epoch();
    if (optimizer.options().plateau) optimizer.observe(logs[logs.contains("val_loss") ? "val_loss" : "loss"]);
    at.history.epoch.push_back(at.epoch);
    at.history.logs.push_back(logs);
    at.inside_epoch = false;
    at.step = 0;
    const int finished = at.epoch++;  // what a callback saves now goes on with the next epoch
    for (const auto& c : options_.callbacks) c->on_epoch_end(model_, finished, logs);
  }

  Logs steps(ProgressBar& bar) {
    Progress& at = model_.progress_;
    Logs logs = at.step > 0 ? model_.compiled_->tracked.results() : Logs{};  // a run stopped after an epoch's last step has none left
    const int every = model_.compile_options().steps_per_execution;
    bool fresh = at.step == 0;  // a pass over the data that has given no batch yet
    while (!options_.steps_per_epoch || at.step < options_.steps_per_epoch) {
      std::optional<data::Batch> batch = next();
      check(batch || !fresh, "fit: the data set gives no batch: it is empty",
            options_.loader.drop_last ? ", or smaller than a batch with drop_last" : "");
      fresh = !batch;
      if (!batch) {
        if (!options_.steps_per_epoch) break;  // otherwise the data set starts again
        continue;
      }
      const bool tell = at.step % every == 0;
      if (tell)
        for (const auto& c : options_.callbacks) c->on_train_batch_begin(model_, at.step);
      weigh(*batch);
      logs = model_.train_step(*batch);
      ++at.step;
      ++at.total_steps;
      check(!options_.stop_on_nan || !logs.contains("loss") || std::isfinite(logs["loss"]),
            "fit: the loss is not finite at step ", at.step, " of epoch ", at.epoch + 1,
            "; lower the learning rate, clip gradients, or look for the cause with DetectAnomaly");
      if (at.step % every == 0) end_batches(logs);
      bar.update(at.step, logs);
      if (model_.stop_training) break;
      if (InterruptScope::requested()) {
        model_.interrupted_ = true;
        break;
      }
    }
    if (at.step % every != 0) end_batches(logs);  // the last, shorter group
    return logs;
  }

  void end_batches(const Logs& logs) {
    for (const auto& c : options_.callbacks) c->on_train_batch_end(model_, model_.progress_.step - 1, logs);
  }

  /// Sample weights times class weights.
  void weigh(data::Batch& batch) const {
    if (options_.class_weight.empty()) return;
    check(batch.labels.size() == 1, "fit: class_weight is for models with one output; the data set gives ",
          batch.labels.size(), " labels");
    std::vector<float> w;
    for (std::int64_t label : classes_of(batch.y())) {
      const auto found = std::find_if(options_.class_weight.begin(), options_.class_weight.end(),
                                      [&](const auto& entry) { return entry.first == label; });
      w.push_back(found == options_.class_weight.end() ? 1.f : static_cast<float>(found->second));
    }
    const Tensor weights = tensor_of(w, {batch.size()}, {.device = batch.y().device()});
    batch.weights = batch.weights.defined() ? batch.weights.reshape({batch.size()}) * weights : weights;
  }

  /// The class of each sample of labels [N] or [N, 1], whole numbers of any dtype, or one-hot [N, C].
  static std::vector<std::int64_t> classes_of(const Tensor& y) {
    check(y.rank() >= 1 && y.rank() <= 2, "fit: class_weight needs labels [N] or [N, 1], or one-hot [N, C]; received ",
          y.shape(), "; for labels at each position use nn::CrossEntropy{.weight = …}");
    return (y.rank() == 2 && y.size(1) > 1 ? argmax(y, 1) : round(y.to(DType::f64))).to_vector<std::int64_t>();
  }

  Logs validate() {
    EvaluateOptions o;
    o.verbose = 0;
    o.steps = options_.validation_steps;
    o.callbacks = options_.callbacks;
    data::LoaderOptions loader = options_.validation_loader;
    loader.batch_size = options_.validation_batch_size ? options_.validation_batch_size : options_.batch_size;
    loader.seed = 0;  // nothing is drawn: the generator's state must not depend on validation
    data::Loader test(validation_, loader);
    return model_.run_evaluation(test, o, 0);
  }

  Model& model_;
  const FitOptions& options_;
  int verbose_;
  data::Dataset validation_;
  data::Dataset data_;
  data::Loader loader_;
  std::optional<data::Loader::Iterator> reading_;
  std::int64_t per_epoch_ = 0;  ///< 0: a stream, unknown
};

History Model::fit(const data::Dataset& train, const FitOptions& options) {
  compile_options();
  return FitLoop(*this, train, options).run();
}

History Model::fit(const Tensor& x, const Tensor& y, const FitOptions& options) {
  return fit(data::Dataset(data::TensorDataset({x}, {y}, options.sample_weight)), options);
}

}  // namespace weft::nn
