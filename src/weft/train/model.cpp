#include <weft/train/model.h>

#include <weft/nn/regularizers.h>
#include <weft/nn/summary.h>
#include <weft/train/compiled.h>

namespace weft::nn {

OptionalDataset::OptionalDataset(const Tensor& x, const Tensor& y) : dataset_(data::TensorDataset{x, y}) {}

Model::~Model() = default;
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;

void Model::compile(CompileOptions options) {
  check(options.steps_per_execution >= 1, "compile: steps_per_execution is ", options.steps_per_execution,
        "; expected 1 or more");
  predicting_ = weft::detail::EnginePool("predict", {options.precision});
  compiled_ = std::make_shared<Compiled>(Compiled{std::move(options)});
}

const CompileOptions& Model::compile_options() const {
  check(compiled(), "the model is not compiled; call compile({.optimizer = …, .loss = …}) first");
  return compiled_->options;
}

optim::Optimizer& Model::optimizer() {
  const CompileOptions& options = compile_options();
  std::unique_ptr<optim::Optimizer>& optimizer = compiled_->optimizer;
  if (!optimizer)
    optimizer = std::make_unique<optim::Optimizer>(module_ref(), options.optimizer, options.optimizer_options);
  return *optimizer;
}

std::vector<Tensor> Model::run(const std::vector<Tensor>& inputs) const { return layer_.call_all(inputs); }

Tensor Model::compute_loss(const data::Batch& batch, const std::vector<Tensor>& predictions) {
  const CompileOptions& options = compile_options();
  check(!options.loss.empty(), "compile: no loss given; e.g. .loss = nn::CrossEntropy{} (or override compute_loss)");
  check(options.loss.size() == 1 || options.loss.size() == predictions.size(), "compile: ", options.loss.size(),
        " losses for ", predictions.size(), " outputs");
  check(batch.labels.size() == predictions.size(), "the data set gives ", batch.labels.size(), " labels, the model ",
        predictions.size(), " outputs; expected as many");
  check(options.loss_weights.empty() || options.loss_weights.size() == predictions.size(), "compile: ",
        options.loss_weights.size(), " loss_weights for ", predictions.size(), " outputs");
  Tensor total;
  std::vector<Tensor> each(predictions.size());
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    const AnyLoss& loss = options.loss[i];
    if (!loss) continue;  // this output is not trained
    Tensor value = batch.weights.defined() ? loss.weighted(predictions[i], batch.labels[i], batch.weights)
                                           : loss(predictions[i], batch.labels[i]);
    each[i] = value.detach();
    if (!options.loss_weights.empty()) value = value * options.loss_weights[i];
    total = total.defined() ? total + value : value;
  }
  check(total.defined(), "compile: no output has a loss; e.g. .loss = nn::CrossEntropy{}");
  compiled_->tracked.set_output_losses(each.size() > 1 ? std::move(each) : std::vector<Tensor>{});
  const Tensor penalty = regularization_loss(module_ref());
  return penalty.defined() ? total + penalty : total;
}

Logs Model::compute_metrics(const data::Batch& batch, const std::vector<Tensor>& predictions, const Tensor& loss) {
  compiled_->tracked.update(batch, predictions, loss);
  return compiled_->tracked.results();
}

void Model::planned(FunctionRef<void()> step) {
  if (compile_options().run_eagerly) step();
  else compiled_->engine.call(step);
}

CompileStats Model::plan_stats() const { return compiled() ? compiled_->engine.stats() : CompileStats{}; }

namespace {
/// Off the tape, which then ends with the step: nothing of it outlives the plan.
void detach(Tensor& loss, std::vector<Tensor>& predictions) {
  loss = loss.detach();
  for (Tensor& p : predictions)
    if (p.defined()) p = p.detach();
}
}  // namespace

Logs Model::train_step(const data::Batch& batch) {
  std::vector<Tensor> predictions;
  Tensor loss;
  planned([&] {
    predictions = run(batch.inputs);
    loss = compute_loss(batch, predictions);
    optimizer().step(grad(loss, module_ref()));
    detach(loss, predictions);
  });
  return compute_metrics(batch, predictions, loss);
}

Logs Model::test_step(const data::Batch& batch) {
  std::vector<Tensor> predictions;
  Tensor loss;
  planned([&] {
    predictions = run(batch.inputs);
    loss = compute_loss(batch, predictions);
    detach(loss, predictions);
  });
  return compute_metrics(batch, predictions, loss);
}

std::vector<Tensor> Model::predict_step(const data::Batch& batch) const {
  if (compiled() && compile_options().run_eagerly) return run(batch.inputs);
  std::vector<Tensor> predictions;
  predicting_.call([&] { predictions = run(batch.inputs); });
  return predictions;
}

void Model::reset_metrics() { compiled_->tracked.reset(); }
Logs Model::metric_results() const { return compiled_->tracked.results(); }

namespace {
data::Batch as_batch(const Tensor& x, const Tensor& y, const Tensor& weights) {
  data::Batch batch;
  batch.inputs = {x};
  if (y.defined()) batch.labels = {y};
  batch.weights = weights;
  return batch;
}


Device place_of(ModuleRef module, const Tensor& x) { return device_of(module).value_or(x.device()); }
}  // namespace

std::optional<Device> device_of(ModuleRef module) {
  struct First : FieldVisitor {  // only reads: several threads may predict at once
    std::optional<Device> device;
    void parameter(const std::string&, Parameter& p) override {
      if (!device && p.defined() && p.state()->drawn.load(std::memory_order_acquire)) device = p.tensor().device();
    }
    void buffer(const std::string&, Buffer&) override {}
    void module(const std::string&, ModuleRef m) override {
      if (!device) m.visit(*this);
    }
  } first;
  module.visit(first);
  return first.device;
}

std::string Model::summary(const Shape& input) {
  const Meta one{input, DType::f32};
  SummaryOptions options;
  Summary s = nn::summary(layer_, std::span<const Meta>(&one, 1), options);
  if (compiled()) s.optimizer = optimizer().slot_elements();
  return to_string(s);
}

Logs Model::train_on_batch(const Tensor& x, const Tensor& y, const Tensor& sample_weight) {
  compile_options();
  reset_metrics();
  const ModeScope mode(module_ref(), true);
  return train_step(as_batch(x, y, sample_weight).to(place_of(module_ref(), x)));
}

Logs Model::test_on_batch(const Tensor& x, const Tensor& y, const Tensor& sample_weight) {
  compile_options();
  reset_metrics();
  NoGrad off;
  const ModeScope mode(module_ref(), false);
  return test_step(as_batch(x, y, sample_weight).to(place_of(module_ref(), x)));
}

Tensor Model::predict_on_batch(const Tensor& x) const {
  NoGrad off;
  const ModeScope mode(module_ref(), false);
  std::vector<Tensor> out = predict_step(as_batch(x, {}, {}).to(place_of(module_ref(), x)));
  check(out.size() == 1, "predict_on_batch: the model has ", out.size(), " outputs; call predict_all()");
  return out[0];
}

void Model::capture_progress() {
  if (!active_loader_) return;  // outside of fit: a loop of one's own fills progress() itself
  progress_.loader = active_loader_->state();
  progress_.metric_state = compiled_->tracked.state();
  progress_.callback_state.clear();
  progress_.callback_tensors.clear();
  for (const AnyCallback& c : *active_callbacks_) {
    progress_.callback_state.push_back(c->state());
    progress_.callback_tensors.push_back(c->state_tensors());
  }
}

}  // namespace weft::nn
