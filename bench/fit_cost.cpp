// What fit costs over a hand-written loop: 20 alternating blocks of 200 steps of the tutorial CNN in one process, and a
// model that does nothing. Data are random arrays in memory, batch 32, no shuffling in either.
#include <algorithm>
#include <chrono>
#include <cstdio>

#include <weft/nn/zoo.h>
#include <weft/weft.h>

using namespace weft;

namespace {

constexpr std::int64_t steps = 200, batch = 32;

double seconds(const std::function<void()>& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

nn::Model compiled(nn::Layer layer) {
  nn::Model model{std::move(layer)};
  model.compile({.optimizer = optim::Adam{}, .loss = nn::CrossEntropy{}, .metrics = {metrics::Accuracy{}}});
  return model;
}

void by_fit(nn::Model& model, const data::Dataset& d) {
  model.fit(d, {.batch_size = batch, .epochs = 1, .verbose = 0, .shuffle = false});
}

void by_hand(nn::Layer& net, optim::Optimizer& opt, const data::Dataset& d) {
  metrics::Accuracy accuracy;
  nn::set_training(net.module_ref(), true);
  for (auto [x, y] : data::Loader{d, {.batch_size = batch}}) {
    const Tensor logits = net(x);
    const Tensor loss = nn::cross_entropy(logits, y);
    opt.step(nn::grad(loss, net.module_ref()));
    loss.item();
    accuracy.update(logits, y);
  }
}

/// One number that is added to the logits: a step costs nothing but fit itself.
struct Nothing : nn::Module<Nothing> {
  Parameter shift{zeros({1})};
  Tensor forward(const Tensor& x) const { return x + shift; }
};

}  // namespace

int main() {
  const data::TensorDataset d{randn({steps * batch, 3, 32, 32}), randint(0, 10, {steps * batch})};
  nn::Model fit = compiled(nn::zoo::tutorial_cnn()), hand = compiled(nn::zoo::tutorial_cnn());
  by_fit(fit, d);
  by_fit(hand, d);
  std::vector<double> ratios, fits, hands;
  for (int block = 0; block < 20; ++block) {
    double a, b;
    if (block % 2) {
      b = seconds([&] { by_hand(hand.layer(), hand.optimizer(), d); });
      a = seconds([&] { by_fit(fit, d); });
    } else {
      a = seconds([&] { by_fit(fit, d); });
      b = seconds([&] { by_hand(hand.layer(), hand.optimizer(), d); });
    }
    fits.push_back(a / steps * 1e3);
    hands.push_back(b / steps * 1e3);
    ratios.push_back(a / b);
  }
  std::sort(ratios.begin(), ratios.end());
  std::printf("tutorial CNN, batch 32: fit %.2f ms a step, own loop %.2f; ratio median %.3f (min %.3f, max %.3f)\n", median(fits),
              median(hands), ratios[10], ratios.front(), ratios.back());
  const data::TensorDataset tiny{randn({steps * batch, 10}), randint(0, 10, {steps * batch})};
  nn::Model nothing = compiled(Nothing{});
  by_fit(nothing, tiny);
  std::vector<double> times;
  for (int i = 0; i < 21; ++i) times.push_back(seconds([&] { by_fit(nothing, tiny); }) / steps * 1e6);
  std::printf("a model that does nothing: %.1f us a step (median of 21 runs of %lld steps)\n", median(times), static_cast<long long>(steps));
}
