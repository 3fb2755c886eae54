// fit: epochs over a loader, with callbacks, validation, Ctrl-C and resume.
#include <algorithm>
#include <cmath>
#include <cstdio>

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
    model_.training_ = false;
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
    if (options_.resume) o.seed = 0;  // the restored position brings its own: nothing may be drawn for it
    return o;
  }

  /// A fresh start, or the position that load_checkpoint() restored.
  void begin() {
    Progress& at = model_.progress_;
    model_.stop_training = model_.interrupted_ = false;
    model_.active_loader_ = &loader_;
    model_.active_callbacks_ = &options_.callbacks;
    model_.training_ = true;
    const std::int64_t unit = model_.compile_options().optimizer_options.interval == optim::Interval::step ? per_epoch_ : 1;
    if (unit > 0) model_.optimizer().set_total_steps(unit * (options_.epochs - options_.initial_epoch));
    if (options_.resume) {
      loader_.set_state(at.loader);
      for (std::size_t i = 0; i < options_.callbacks.size() && i < at.callback_state.size(); ++i)
        options_.callbacks[i]->set_state(at.callback_state[i]);
      return;
    }
    at = Progress{};
    at.epoch = options_.initial_epoch;
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
    if (verbose_) std::printf("Epoch %d/%d\n", at.epoch + 1, options_.epochs);
    ProgressBar bar(verbose_, per_epoch_);
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
      bar.finish(at.step, logs);
      return;
    }
    if (validation_ && (at.epoch + 1) % options_.validation_freq == 0) logs.merge(validate(), "val_");
    bar.finish(at.step, logs);
    model_.optimizer().end_epoch();
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
    while (!options_.steps_per_epoch || at.step < options_.steps_per_epoch) {
      std::optional<data::Batch> batch = next();
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
      if (at.step % every == 0)
        for (const auto& c : options_.callbacks) c->on_train_batch_end(model_, at.step - 1, logs);
      bar.update(at.step, logs);
      if (model_.stop_training) break;
      if (InterruptScope::requested()) {
        model_.interrupted_ = true;
        break;
      }
    }
    return logs;
  }

  /// Sample weights times class weights.
  void weigh(data::Batch& batch) const {
    if (options_.class_weight.empty()) return;
    const Tensor y = batch.y();
    check(y.defined() && y.rank() >= 1 && !is_floating(y.dtype()),
          "fit: class_weight needs integer labels; received ", y.defined() ? to_string(y.shape()) : "none");
    std::vector<float> w;
    for (std::int64_t label : y.to_vector<std::int64_t>()) {
      const auto found = std::find_if(options_.class_weight.begin(), options_.class_weight.end(),
                                      [&](const auto& entry) { return entry.first == label; });
      w.push_back(found == options_.class_weight.end() ? 1.f : static_cast<float>(found->second));
    }
    const Tensor weights = tensor_of(w, y.shape(), {.device = y.device()});
    batch.weights = batch.weights.defined() ? batch.weights * weights : weights;
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
