#include <cmath>

#include "reference.h"
#include <weft/nn/functional.h>

namespace weft::optim {
namespace {

using test::gradients;
using test::values;

struct Net : nn::Module<Net> {
  struct Part : nn::Module<Part> {
    Parameter weight{tensor_of(std::vector<double>{0.5, -1.25, 2.0, 0.1}, {2, 2})};
    Parameter bias{tensor_of(std::vector<double>{0.3, -0.2}, {2})};
    Tensor forward(const Tensor& x) const { return matmul(x, weight) + bias; }
  };
  Part first, second;
  Tensor forward(const Tensor& x) const { return second(tanh(first(x))); }
};

Tensor input(int t) { return tensor_of(std::vector<double>{std::sin(t), std::cos(t), 0.5, -1, 0.1 * t, 1}, {3, 2}); }
Tensor loss_of(const Net& net, int t) { return mean(square(net(input(t)) - 0.3)); }

std::vector<double> all(const Net& net) {
  std::vector<double> v;
  for (const auto& p : net.parameters())
    for (double x : values(p)) v.push_back(x);
  return v;
}

TEST(Optimizer, TakesGradientsAsValuesOrFromBackward) {
  Net a, b;
  Optimizer by_value{a, Adam{.lr = 0.01}}, by_backward{b, Adam{.lr = 0.01}};
  double first = 0, last = 0;
  for (int t = 0; t < 50; ++t) {
    const Tensor loss = loss_of(a, t);
    (t ? last : first) = loss.item();
    by_value.step(nn::grad(loss, a));
    loss_of(b, t).backward();
    by_backward.step();
    by_backward.zero_grad();
  }
  EXPECT_EQ(all(a), all(b));
  EXPECT_LT(last, first);
  EXPECT_EQ(by_value.steps(), 50);
  EXPECT_FALSE(b.first.bias.grad().defined());
  EXPECT_EQ(by_value.slot_elements(), 2 * 12);
}

TEST(Optimizer, GroupsHaveTheirOwnOptions) {
  Net net, plain;
  Optimizer opt{net,
                SGD{.lr = 0.1, .weight_decay = 0.5},
                {.groups = {{.pattern = "*.bias", .weight_decay = 0.0}, {.pattern = "second.*", .lr_scale = 0.5}}}};
  const std::vector<Parameter> p = net.parameters();
  const nn::Gradients g = gradients(p, 1);
  std::vector<std::vector<double>> before;
  for (const auto& x : p) before.push_back(values(x));
  opt.step(g);
  const double lr[] = {0.1, 0.1, 0.05, 0.1}, decay[] = {0.5, 0, 0.5, 0};
  for (std::size_t k = 0; k < 4; ++k)
    for (std::size_t i = 0; i < before[k].size(); ++i) {
      const double d = test::gradient(1, i, before[k][i]) + decay[k] * before[k][i];
      EXPECT_NEAR(values(p[k])[i], before[k][i] - lr[k] * d, 1e-15);
    }
  opt.set_lr(0.2);
  EXPECT_DOUBLE_EQ(opt.lr(0), 0.2);
  EXPECT_DOUBLE_EQ(opt.lr(2), 0.1);
  try {
    Optimizer bad{net, SGD{}, {.groups = {{.pattern = "third.*"}}}};
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("first.weight"), std::string::npos) << e.what();
  }
}

TEST(Optimizer, AGroupMayHaveARuleOfItsOwn) {
  Net net, alone;
  Optimizer opt{net, Muon{.lr = 0.02}, {.groups = {{.pattern = "*.bias", .rule = AdamW{.lr = 0.01}}}}};
  Optimizer adam{alone, AdamW{.lr = 0.01}};
  opt.step(nn::grad(loss_of(net, 0), net));
  adam.step(nn::grad(loss_of(alone, 0), alone));
  EXPECT_EQ(values(net.first.bias), values(alone.first.bias));
  EXPECT_NE(values(net.first.weight), values(alone.first.weight));
}

TEST(Optimizer, LeavesFrozenAndUntouchedParametersAlone) {
  Net net;
  Optimizer opt{net, AdamW{.lr = 0.01}};
  net.freeze("second.*");
  const std::vector<double> frozen = values(net.second.weight), bias = values(net.first.bias);
  const std::vector<double> weight = values(net.first.weight);
  nn::Gradients g = gradients(net.parameters(), 1);
  g.values[1] = {};  // no gradient for first.bias
  opt.step(g);
  EXPECT_EQ(values(net.second.weight), frozen);
  EXPECT_EQ(values(net.first.bias), bias);
  EXPECT_NE(values(net.first.weight), weight);
  net.unfreeze();
  opt.step(gradients(net.parameters(), 2));
  EXPECT_NE(values(net.second.weight), frozen);
}

TEST(Optimizer, IgnoresGradientsOfOthersAndRefusesMisfits) {
  Net net;
  Optimizer head{net.second, SGD{.lr = 0.1}};
  const std::vector<double> before = values(net.first.weight);
  nn::Gradients g = gradients(net.parameters(), 1);
  head.step(g);
  EXPECT_EQ(values(net.first.weight), before);
  g.values[2] = zeros({3});
  EXPECT_THROW(head.step(g), Error);
  EXPECT_THROW((Optimizer{net, SGD{}, {.clip_norm = -1}}), Error);
  EXPECT_THROW((Optimizer{net, SGD{}, {.accumulate = 0}}), Error);
}

TEST(Optimizer, ClipsByValueEachAndTogether) {
  const auto clipped = [](OptimizerOptions options) {
    std::vector<Parameter> p;
    p.push_back(Parameter(tensor_of(std::vector<double>{0, 0}, {2})));
    p.push_back(Parameter(tensor_of(std::vector<double>{0}, {1})));
    Optimizer opt{p, SGD{.lr = 1}, options};
    nn::Gradients g;
    for (auto& x : p) g.parameters.push_back(x.share());
    g.values = {tensor_of(std::vector<double>{3, -4}, {2}), tensor_of(std::vector<double>{12}, {1})};
    opt.step(g);
    return std::vector<double>{-values(p[0])[0], -values(p[0])[1], -values(p[1])[0]};
  };
  test::expect_near(clipped({.clip_value = 3.5}), {3, -3.5, 3.5}, 1e-15);
  test::expect_near(clipped({.clip_parameter_norm = 10}), {3, -4, 10}, 1e-15);
  const double f = 6.5 / (13 + 1e-6);  // PyTorch's clip_grad_norm_
  test::expect_near(clipped({.clip_norm = 6.5}), {3 * f, -4 * f, 12 * f}, 1e-15);
  test::expect_near(clipped({.clip_norm = 20}), {3, -4, 12}, 0);

  Net net;
  loss_of(net, 0).backward();
  const double norm = clip_grad_norm(net.parameters(), 1e-3).item();
  EXPECT_GT(norm, 1e-3);
  std::vector<Tensor> now;
  for (const auto& p : net.parameters()) now.push_back(p.grad());
  EXPECT_NEAR(global_norm(now).item(), 1e-3, 1e-8);
}

TEST(Optimizer, AccumulatesMeans) {
  Net a, b;
  Optimizer slow{a, Adam{.lr = 0.01}, {.accumulate = 3}}, fast{b, Adam{.lr = 0.01}};
  for (int k = 0; k < 4; ++k) {
    nn::Gradients sum = nn::grad(loss_of(b, 3 * k), b);
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(slow.step(nn::grad(loss_of(a, 3 * k + i), a)), i == 2);
      if (i == 0) continue;
      const nn::Gradients g = nn::grad(loss_of(b, 3 * k + i), b);
      for (std::size_t j = 0; j < g.values.size(); ++j) sum.values[j] = sum.values[j] + g.values[j];
    }
    for (Tensor& t : sum.values) t = t / 3.0;
    fast.step(sum);
  }
  EXPECT_EQ(all(a), all(b));
  EXPECT_EQ(slow.steps(), 4);
}

TEST(Optimizer, KeepsMovingAndPlainAverages) {
  Net a, b;
  Optimizer ema{a, SGD{.lr = 0.1}, {.average = Ema{.decay = 0.8}}},
      swa{b, SGD{.lr = 0.1}, {.average = Swa{.start = 4, .every = 2}}};
  std::vector<double> moving, plain(all(b).size());
  for (int t = 1; t <= 8; ++t) {
    ema.step(nn::grad(loss_of(a, t), a));
    swa.step(nn::grad(loss_of(b, t), b));
    const std::vector<double> now = all(a), other = all(b);
    if (moving.empty()) moving = now;
    for (std::size_t i = 0; i < now.size(); ++i) {
      if (t > 1) moving[i] = 0.8 * moving[i] + 0.2 * now[i];
      if (t >= 4 && t % 2 == 0) plain[i] += other[i] / 3;
    }
  }
  const std::vector<double> weights = all(a);
  {
    AverageScope scope(ema);
    test::expect_near(all(a), moving, 1e-14);
    EXPECT_THROW(ema.step(nn::grad(loss_of(a, 0), a)), Error);
  }
  EXPECT_EQ(all(a), weights);
  swa.swap_average();
  test::expect_near(all(b), plain, 1e-14);
  EXPECT_EQ(swa.average().size(), 4u);
  EXPECT_THROW((Optimizer{a, SGD{}}.swap_average()), Error);
}

TEST(Optimizer, FollowsItsSchedule) {
  Net net;
  Optimizer opt{net, SGD{.lr = 0.4}, {.schedule = Cosine{}, .groups = {{.pattern = "*.bias", .lr = 0.1}}}};
  EXPECT_THROW(opt.lr(), Error);
  opt.set_total_steps(4);
  for (int t = 0; t < 5; ++t) {
    EXPECT_NEAR(opt.lr(), 0.2 * (1 + std::cos(std::acos(-1.0) * t / 4)), 1e-15);
    EXPECT_NEAR(opt.lr(1), opt.lr(0) / 4, 1e-15);
    opt.step(nn::grad(loss_of(net, t), net));
  }
  Optimizer by_epoch{net, SGD{.lr = 0.4}, {.schedule = StepLR{.step_size = 1}, .interval = Interval::epoch}};
  by_epoch.step(nn::grad(loss_of(net, 0), net));
  EXPECT_DOUBLE_EQ(by_epoch.lr(), 0.4);
  by_epoch.end_epoch();
  EXPECT_DOUBLE_EQ(by_epoch.lr(), 0.4 * 0.1);
}

TEST(Optimizer, GoesOnBitForBitFromItsState) {
  for (const std::string& name : rule_names()) {
    OptimizerOptions options{.schedule = WarmUp{.steps = 3, .then = Cosine{.steps = 30}},
                             .clip_norm = 1,
                             .accumulate = 2,
                             .average = Ema{.decay = 0.9},
                             .plateau = PlateauOptions{.factor = 0.5, .patience = 0}};
    options.groups = {{.pattern = "*.bias", .lr = 0.02}};
    if (name == "muon") options.groups[0].rule = AdamW{};
    Net net;
    net.to(DType::f32);
    Optimizer opt{net, make(name, {.lr = 0.01}), options};
    const auto train = [](Net& n, Optimizer& o, int from, int to) {
      for (int t = from; t < to; ++t) {
        o.step(nn::grad(loss_of(n, t), n));
        if (t % 5 == 4) o.observe(1.0);
      }
    };
    train(net, opt, 0, 7);  // in the middle of an accumulation
    Net other;
    other.to(DType::f32);
    Optimizer resumed{other, make(name, {.lr = 0.01}), options};
    other.load_state_dict(net.state_dict());
    resumed.load_state_dict(opt.state_dict());
    train(net, opt, 7, 20);
    train(other, resumed, 7, 20);
    EXPECT_EQ(all(net), all(other)) << name;
    const NamedTensors a = opt.state_dict(), b = resumed.state_dict();
    ASSERT_EQ(a.size(), b.size()) << name;
    for (std::size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(a[i].first, b[i].first);
      EXPECT_EQ(a[i].second.dtype(), b[i].second.dtype());
      EXPECT_EQ(a[i].second.to_vector<double>(), b[i].second.to_vector<double>()) << name << " " << a[i].first;
    }
  }
}

TEST(Optimizer, RefusesTheStateOfAnother) {
  Net net, other;
  Optimizer adam{net, Adam{}}, sgd{other, SGD{.momentum = 0.9}}, amsgrad{other, Adam{.amsgrad = true}};
  adam.step(nn::grad(loss_of(net, 0), net));
  EXPECT_THROW(sgd.load_state_dict(adam.state_dict()), Error);
  EXPECT_THROW(amsgrad.load_state_dict(adam.state_dict()), Error);
  NamedTensors state = adam.state_dict();
  for (auto& [name, t] : state)
    if (name == "slot.first.bias.exp_avg") t = zeros({3});
  Optimizer fresh{other, Adam{}};
  try {
    fresh.load_state_dict(state);
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("slot.first.bias.exp_avg"), std::string::npos) << e.what();
  }
  EXPECT_EQ(fresh.steps(), 0);
}

TEST(Optimizer, SlotsFollowTheParameters) {
  Net net;
  Optimizer opt{net, Adam{.lr = 0.01}};
  opt.step(gradients(net.parameters(), 1));
  net.to(DType::f32);
  opt.step(gradients(net.parameters(), 2));
  for (const auto& [name, t] : opt.state_dict())
    if (name.rfind("slot.", 0) == 0) {
      EXPECT_EQ(t.dtype(), DType::f32) << name;
    }
  net.to(ref());
  nn::Gradients g = gradients(net.parameters(), 3);
  for (Tensor& t : g.values) t = t.to(ref());
  opt.step(g);
  EXPECT_EQ(net.first.weight.tensor().device(), ref());
}

TEST(Optimizer, AppliesConstraintsAfterTheUpdate) {
  Net net;
  net.first.bias.state()->constraint = [](const Tensor& w) { return maximum(w, 0.0); };
  Optimizer opt{net, SGD{.lr = 1}};
  opt.step(gradients(net.parameters(), 1));
  const double first = 0.3 - test::gradient(1, 0, 0.3);
  EXPECT_LT(first, 0);
  EXPECT_EQ(values(net.first.bias)[0], 0);
}

TEST(Optimizer, NamesItsParameters) {
  std::vector<Parameter> list;
  list.push_back(Parameter(ones({2})));
  list.push_back(Parameter(ones({2})));
  Optimizer opt{list, SGD{.lr = 0.1, .momentum = 0.9}};
  opt.step(gradients(list, 1));
  EXPECT_NE(find_tensor(opt.state_dict(), "slot.1.momentum_buffer"), nullptr);
  list[1] = list[0].share();
  EXPECT_THROW((Optimizer{list, SGD{}}), Error);
}

}  // namespace
}  // namespace weft::optim
