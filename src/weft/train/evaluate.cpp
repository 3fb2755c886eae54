// evaluate and predict.
#include <weft/ops/ops.h>
#include <weft/train/model.h>
#include <weft/train/progress.h>
#include <weft/train/compiled.h>

namespace weft::nn {

namespace {
data::LoaderOptions loader_options(data::LoaderOptions base, std::int64_t batch_size, ModuleRef module) {
  check(batch_size >= 1, "batch_size is ", batch_size, "; expected 1 or more");
  base.batch_size = batch_size;
  base.shuffle = false;
  if (!base.device) base.device = device_of(module);
  if (!base.seed) base.seed = 0;  // nothing is drawn: leave the generator alone
  return base;
}

data::Dataset with_weights(const Tensor& x, const Tensor& y, const Tensor& weights) {
  return data::TensorDataset({x}, y.defined() ? std::vector{y} : std::vector<Tensor>{}, weights);
}
}  // namespace

Logs Model::run_evaluation(data::Loader& loader, const EvaluateOptions& options, int verbose) {
  NoGrad off;
  const ModeScope mode(module_ref(), false);
  reset_metrics();
  for (const auto& c : options.callbacks) c->on_test_begin(*this);
  check(options.steps >= 0, "evaluate: steps is ", options.steps, "; expected 0 (all) or more");
  const std::int64_t total = options.steps ? options.steps : loader.dataset().is_stream() ? 0 : loader.size();
  ProgressBar bar(verbose, total);
  std::int64_t step = 0;
  Logs logs;
  for (const data::Batch& batch : loader) {
    for (const auto& c : options.callbacks) c->on_test_batch_begin(*this, step);
    logs = test_step(batch);
    for (const auto& c : options.callbacks) c->on_test_batch_end(*this, step, logs);
    bar.update(++step, logs);
    if (step == options.steps) break;
  }
  check(step > 0, "evaluate: the data set is empty");
  bar.finish(step, logs);
  for (const auto& c : options.callbacks) c->on_test_end(*this, logs);
  return logs;
}

Logs Model::evaluate(const data::Dataset& test, const EvaluateOptions& options) {
  compile_options();
  data::Loader loader(test, loader_options(options.loader, options.batch_size, module_ref()));
  return run_evaluation(loader, options, resolve_verbose(options.verbose));
}

Logs Model::evaluate(const Tensor& x, const Tensor& y, const EvaluateOptions& options) {
  return evaluate(with_weights(x, y, options.sample_weight), options);
}

std::vector<Tensor> Model::predict_all(const data::Dataset& inputs, const PredictOptions& options) const {
  NoGrad off;
  const ModeScope mode(module_ref(), false);
  data::Loader loader(inputs, loader_options(options.loader, options.batch_size, module_ref()));
  for (const auto& c : options.callbacks) c->on_predict_begin(*this);
  check(options.steps >= 0, "predict: steps is ", options.steps, "; expected 0 (all) or more");
  ProgressBar bar(resolve_verbose(options.verbose), options.steps ? options.steps : loader.dataset().is_stream() ? 0 : loader.size());
  std::vector<std::vector<Tensor>> parts;
  std::int64_t step = 0;
  for (const data::Batch& batch : loader) {
    for (const auto& c : options.callbacks) c->on_predict_batch_begin(*this, step);
    const std::vector<Tensor> out = predict_step(batch);
    parts.resize(out.size());
    for (std::size_t i = 0; i < out.size(); ++i) parts[i].push_back(out[i]);
    for (const auto& c : options.callbacks) c->on_predict_batch_end(*this, step);
    bar.update(++step, {});
    if (step == options.steps) break;
  }
  check(step > 0, "predict: the data set is empty");
  bar.finish(step, {});
  for (const auto& c : options.callbacks) c->on_predict_end(*this);
  std::vector<Tensor> joined;
  for (const auto& list : parts) joined.push_back(list.size() == 1 ? list[0] : concat(list, 0));
  return joined;
}

Tensor Model::predict(const data::Dataset& inputs, const PredictOptions& options) const {
  std::vector<Tensor> all = predict_all(inputs, options);
  check(all.size() == 1, "predict: the model has ", all.size(), " outputs; call predict_all()");
  return all[0];
}

Tensor Model::predict(const Tensor& x, const PredictOptions& options) const {
  check(x.rank() >= 1 && x.size(0) > 0, "predict: received shape ", x.shape(), "; expected a batch");
  if (x.size(0) <= options.batch_size && options.callbacks.empty() && options.verbose == 0) return predict_on_batch(x);
  return predict(with_weights(x, {}, {}), options);
}

}  // namespace weft::nn
