#include "loop.h"

#include <cstdio>

#include <weft/metrics/metrics.h>
#include <weft/nn/losses.h>
#include <weft/ops/ops.h>
#include <weft/train/interrupt.h>

namespace weft::cli {

namespace {

nn::Logs test(const nn::Layer& net, const data::Dataset& dataset, const nn::FitOptions& options) {
  NoGrad off;
  data::LoaderOptions o = options.validation_loader;
  o.batch_size = options.batch_size;
  o.seed = 0;
  double loss = 0, count = 0;
  metrics::Accuracy accuracy;
  for (auto [x, y] : data::Loader(dataset, o)) {
    const Tensor logits = net(x);
    const auto n = static_cast<double>(x.size(0));
    loss += nn::cross_entropy(logits, y).item() * n;
    count += n;
    accuracy.update(logits, y);
  }
  return {{"val_loss", loss / count}, {"val_accuracy", accuracy.result()}};
}

}  // namespace

nn::History train_by_hand(nn::Model& model, const data::Dataset& train, const nn::FitOptions& options) {
  nn::Layer& net = model.layer();
  optim::Optimizer& opt = model.optimizer();
  data::LoaderOptions o = options.loader;
  o.batch_size = options.batch_size;
  o.shuffle = options.shuffle;
  data::Loader loader(train, o);
  opt.set_total_steps(loader.size() * options.epochs);
  nn::History history;
  nn::InterruptScope interrupts;
  bool stop = false;
  for (int epoch = 0; epoch < options.epochs && !stop; ++epoch) {
    nn::set_training(net.module_ref(), true);
    double loss_sum = 0, count = 0;
    std::int64_t step = 0;
    metrics::Accuracy accuracy;
    for (auto [x, y] : loader) {
      for (const auto& c : options.callbacks) c->on_train_batch_begin(model, step);
      const Tensor logits = net(x);
      const Tensor loss = nn::cross_entropy(logits, y);
      opt.step(nn::grad(loss, net.module_ref()));
      const auto n = static_cast<double>(x.size(0));
      loss_sum += loss.item() * n;
      count += n;
      accuracy.update(logits, y);
      ++model.progress().total_steps;
      for (const auto& c : options.callbacks) c->on_train_batch_end(model, step, {});
      ++step;
      stop = model.stop_training || nn::InterruptScope::requested();
      if (stop) break;
    }
    nn::set_training(net.module_ref(), false);
    if (nn::InterruptScope::requested()) break;  // the test would keep the impatient waiting
    opt.end_epoch();
    nn::Logs logs{{"loss", loss_sum / count}, {"accuracy", accuracy.result()}};
    logs.merge(test(net, options.validation_data.get(), options));
    history.epoch.push_back(epoch);
    history.logs.push_back(logs);
    if (options.verbose != 0)
      std::printf("epoch %d/%d: %lld steps, loss %.4f, accuracy %.4f, test loss %.4f, test accuracy %.4f\n", epoch + 1,
                  options.epochs, static_cast<long long>(step), logs["loss"], logs["accuracy"], logs["val_loss"],
                  logs["val_accuracy"]);
  }
  model.progress().history = history;
  return history;
}

}  // namespace weft::cli
