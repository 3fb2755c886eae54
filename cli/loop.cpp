#include "loop.h"

#include <cmath>
#include <cstdio>

#include "common.h"
#include <weft/base/format.h>
#include <weft/graph/compile.h>
#include <weft/metrics/metrics.h>
#include <weft/ops/ops.h>
#include <weft/train/interrupt.h>

namespace weft::cli {

namespace {

/// The running figures of an epoch, which a checkpoint in its middle keeps.
struct Running {
  metrics::Mean loss;
  metrics::Accuracy accuracy;
  NamedTensors state() const { return {{"loss", loss.state()}, {"accuracy", accuracy.state()}}; }
  void load(const NamedTensors& from) {
    loss.load_state(from.at(0).second);
    accuracy.load_state(from.at(1).second);
  }
};

data::LoaderOptions test_options(const nn::FitOptions& options) {
  data::LoaderOptions o = options.validation_loader;
  o.batch_size = options.validation_batch_size;
  o.seed = 0;
  return o;
}

}  // namespace

nn::History train_by_hand(nn::Model& model, const data::Dataset& train, const nn::FitOptions& options) {
  nn::Layer& net = model.layer();
  const nn::AnyLoss& loss_of = model.compile_options().loss[0];
  optim::Optimizer& opt = model.optimizer();
  nn::Progress& at = model.progress();  // kept up to date: it is what a checkpoint saves
  data::LoaderOptions o = options.loader;
  o.batch_size = options.batch_size;
  o.shuffle = options.shuffle;
  data::Loader loader(train, o);
  opt.set_total_steps(loader.size() * options.epochs);
  const auto step = [&](const Tensor& x, const Tensor& y) {
    const Tensor logits = net(x), loss = loss_of(logits, y);
    opt.step(nn::grad(loss, net.module_ref()));
    return std::pair(logits.detach(), loss.detach());
  };
  const Precision precision = model.compile_options().precision;
  auto planned = weft::compile(step, {.precision = precision});  // as fit does it
  const bool eagerly = model.compile_options().run_eagerly;
  Running running;
  if (options.resume) loader.set_state(at.loader);
  else at = {};
  if (at.inside_epoch && at.step > 0) running.load(at.metric_state);

  nn::InterruptScope interrupts;
  bool stop = false;
  while (at.epoch < options.epochs && !stop) {
    nn::set_training(net.module_ref(), true);
    at.inside_epoch = true;
    for (auto [x, y] : loader) {
      for (const auto& c : options.callbacks) c->on_train_batch_begin(model, at.step);
      const auto [logits, loss] = eagerly ? step(x, y) : planned(x, y);
      const double value = loss.item();
      check(!options.stop_on_nan || std::isfinite(value), "the loss is not finite at step ", at.step + 1, " of epoch ",
            at.epoch + 1, "; lower the learning rate or clip gradients");
      running.loss.update(value, static_cast<double>(x.size(0)));
      running.accuracy.update(logits, y);
      ++at.step;
      ++at.total_steps;
      at.loader = loader.state();
      at.metric_state = running.state();
      for (const auto& c : options.callbacks) c->on_train_batch_end(model, at.step - 1, {});
      stop = model.stop_training || nn::InterruptScope::requested();
      if (stop) break;
    }
    nn::set_training(net.module_ref(), false);
    if (nn::InterruptScope::requested()) break;  // the test would keep the impatient waiting
    opt.end_epoch();
    for (const auto& c : options.callbacks) c->on_test_begin(model);
    const Score test =
        score(std::cref(net), data::Loader(options.validation_data.get(), test_options(options)), loss_of, eagerly, precision);
    for (const auto& c : options.callbacks) c->on_test_end(model, {});
    const nn::Logs logs{{"loss", running.loss.result()},
                        {"accuracy", running.accuracy.result()},
                        {"val_loss", test.loss},
                        {"val_accuracy", test.accuracy}};
    if (options.verbose != 0)
      std::printf("epoch %d/%d: %lld steps, loss %.4f, accuracy %.4f, test loss %.4f, test accuracy %.4f\n",
                  at.epoch + 1, options.epochs, static_cast<long long>(at.step), printable(running.loss.result()),
                  running.accuracy.result(), printable(test.loss), test.accuracy);
    at.history.epoch.push_back(at.epoch);
    at.history.logs.push_back(logs);
    at.inside_epoch = false;
    at.step = 0;
    running.loss.reset();
    running.accuracy.reset();
    const int finished = at.epoch++;
    for (const auto& c : options.callbacks) c->on_epoch_end(model, finished, logs);
  }
  return at.history;
}

}  // namespace weft::cli
