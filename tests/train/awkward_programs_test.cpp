// Programs that trip up frameworks which freeze what they captured. Each runs eagerly and compiled, from the same
// beginning, and must give the same at every call: the function itself runs each time, so nothing of it is frozen.
#include <gtest/gtest.h>

#include <cmath>

#include <weft/graph/compile.h>
#include <weft/nn/nn.h>
#include <weft/optim/optim.h>

#include "support/errors.h"

namespace weft {
namespace {

using namespace testing;

constexpr int calls = 24;

struct Net : nn::Module<Net> {
  nn::Linear first{{.in = 6, .out = 8}};
  nn::BatchNorm1d norm{{.features = 8}};
  nn::Dropout dropout{0.25};
  nn::Linear last{{.in = 8, .out = 3}};
  Tensor forward(const Tensor& x) { return last(dropout(relu(norm(first(x))))); }
};

/// What every program works on: a network in training mode, an optimizer, and the batch of each call.
struct World {
  Net net;
  optim::Optimizer opt;
  int step = 0;  ///< of the call, from 0
  double rate = 0.05;
  Tensor kept;  ///< the function's own, between calls

  World() : opt(net, optim::Adam{.lr = 0.01}) {
    manual_seed(7);
    net.train();
  }
  static Tensor inputs(int step, std::int64_t n = 5) {
    Generator g(static_cast<std::uint64_t>(100 + step));
    return randn({n, 6}, {}, &g);
  }
  static Tensor labels(int step, std::int64_t n = 5) {
    Generator g(static_cast<std::uint64_t>(200 + step));
    return randint(0, 3, {n}, {}, &g);
  }
  Tensor loss(const Tensor& x, const Tensor& y) { return nn::cross_entropy(net(x), y); }
  Tensor train(const Tensor& x, const Tensor& y) {
    const Tensor l = loss(x, y);
    opt.step(nn::grad(l, net));
    return l.detach();
  }
};

std::vector<float> numbers(const Tensor& t) { return t.to(f32).to_vector<float>(); }

struct Outcome {
  std::vector<std::vector<float>> results;
  std::vector<std::vector<float>> weights;
};

/// Calls `program(world, x, y)` once a step, eagerly or compiled; `before` changes the world between calls.
template <class P, class B> Outcome run(bool compiled, P program, B before, CompileStats* stats = nullptr) {
  World world;
  const auto body = [&](const Tensor& x, const Tensor& y) { return program(world, x, y); };
  auto step = compile(body);
  Outcome out;
  for (int i = 0; i < calls; ++i) {
    world.step = i;
    Tensor x = World::inputs(i), y = World::labels(i);
    before(world, x, y);
    out.results.push_back(numbers(compiled ? step(x, y) : body(x, y)));
  }
  for (const auto& [name, t] : nn::state_dict(world.net)) out.weights.push_back(numbers(t));
  if (stats) *stats = step.stats();
  return out;
}

template <class P, class B> CompileStats expect_the_same(P program, B before) {
  CompileStats stats;
  const Outcome eager = run(false, program, before), compiled = run(true, program, before, &stats);
  EXPECT_EQ(eager.results, compiled.results);
  EXPECT_EQ(eager.weights, compiled.weights);
  EXPECT_EQ(stats.calls, calls);
  return stats;
}
template <class P> CompileStats expect_the_same(P program) {
  return expect_the_same(program, [](World&, Tensor&, Tensor&) {});
}

TEST(AwkwardPrograms, PlainTrainingIsReplayed) {
  const CompileStats s = expect_the_same([](World& w, const Tensor& x, const Tensor& y) { return w.train(x, y); });
  EXPECT_EQ(s.plans, 1);
  EXPECT_EQ(s.replayed, calls - 1);
}

TEST(AwkwardPrograms, LearningRateHeldInADouble) {
  const CompileStats s = expect_the_same(
      [](World& w, const Tensor& x, const Tensor& y) {
        w.opt.set_lr(w.rate);
        return w.train(x, y) * w.rate;
      },
      [](World& w, Tensor&, Tensor&) { w.rate = 0.05 / (1 + w.step); });
  EXPECT_EQ(s.plans, 1);
}

TEST(AwkwardPrograms, ABranchOnTheStep) {
  const CompileStats s = expect_the_same([](World& w, const Tensor& x, const Tensor& y) {
    const Tensor l = w.train(x, y);
    return w.step % 5 == 4 ? l * 2.0 + 1.0 : l;
  });
  EXPECT_EQ(s.plans, 2);
}

TEST(AwkwardPrograms, ATensorReboundBetweenCalls) {
  expect_the_same([](World& w, const Tensor& x, const Tensor& y) {
    const Tensor l = w.train(x, y);
    w.kept = w.kept.defined() ? w.kept * 0.9 + l * 0.1 : l;
    return w.kept;
  });
}

TEST(AwkwardPrograms, AChangedBatch) {
  const CompileStats s = expect_the_same([](World& w, const Tensor& x, const Tensor& y) { return w.train(x, y); },
                                         [](World& w, Tensor& x, Tensor& y) {
                                           const std::int64_t n = w.step % 4 == 3 ? 3 : 5;
                                           x = World::inputs(w.step, n);
                                           y = World::labels(w.step, n);
                                         });
  EXPECT_EQ(s.plans, 2);
}

TEST(AwkwardPrograms, AChangedMode) {
  expect_the_same([](World& w, const Tensor& x, const Tensor& y) { return w.train(x, y); },
                  [](World& w, Tensor&, Tensor&) { w.net.train(w.step % 6 < 4); });
}

TEST(AwkwardPrograms, AFrozenParameter) {
  expect_the_same([](World& w, const Tensor& x, const Tensor& y) { return w.train(x, y); },
                  [](World& w, Tensor&, Tensor&) {
                    if (w.step == 8) w.net.freeze("first.*");
                    if (w.step == 16) w.net.unfreeze();
                  });
}

TEST(AwkwardPrograms, ALoopOfAnotherLength) {
  expect_the_same([](World& w, const Tensor& x, const Tensor& y) {
    Tensor l = w.loss(x, y);
    for (int i = 0; i < w.step / 8; ++i) l = l * 0.5 + x.mean();
    return l;
  });
}

TEST(AwkwardPrograms, AValueReadInTheMiddle) {
  const CompileStats s = expect_the_same([](World& w, const Tensor& x, const Tensor& y) {
    const Tensor l = w.loss(x, y);
    if (l.item() > 1) return l * 3.0;
    w.opt.step(nn::grad(l, w.net));
    return l.detach();
  });
  EXPECT_EQ(s.replayed, 0);
}

TEST(AwkwardPrograms, AnotherDtype) {
  expect_the_same([](World&, const Tensor& x, const Tensor&) { return (x * x).sum(); },
                  [](World& w, Tensor& x, Tensor&) {
                    if (w.step % 2) x = x.to(f64);
                  });
}

TEST(AwkwardPrograms, OtherStrides) {
  expect_the_same([](World& w, const Tensor& x, const Tensor& y) { return w.train(x, y); },
                  [](World& w, Tensor& x, Tensor&) {
                    if (w.step % 3 == 2) x = x.transpose(0, 1).contiguous().transpose(0, 1);
                  });
}

TEST(AwkwardPrograms, AnIntermediateValueThatIsKept) {
  CompileStats s = expect_the_same([](World& w, const Tensor& x, const Tensor& y) {
    const Tensor hidden = relu(w.net.first(x)).detach();
    if (w.step >= 10) w.kept = hidden;  // from the eleventh call on somebody holds it
    const Tensor l = w.train(x, y);
    return w.kept.defined() ? w.kept.sum() + l : l;
  });
  EXPECT_GT(s.replayed, 0);
}

TEST(AwkwardPrograms, AccumulatedGradients) {
  expect_the_same([](World& w, const Tensor& x, const Tensor& y) {
    w.loss(x, y).backward();
    if (w.step % 3 == 2) {
      w.opt.step();
      w.opt.zero_grad();
    }
    return x.mean();
  });
}

TEST(AwkwardPrograms, OneArgumentGivenTwice) {
  expect_the_same([](World&, const Tensor& x, const Tensor& y) { return x.sum({1}) * y.to(f32); },
                  [](World& w, Tensor& x, Tensor& y) {
                    if (w.step % 2) y = x = narrow(x, 1, 0, 1).reshape({5}).unsqueeze(1);
                  });
}

TEST(AwkwardPrograms, ACompiledFunctionWithinAnother) {
  auto inner = compile([](const Tensor& x) { return relu(x) * 2.0; });
  expect_the_same([&](World& w, const Tensor& x, const Tensor& y) { return w.train(inner(x), y); });
}

TEST(AwkwardPrograms, AnExceptionInTheMiddle) {
  World eager, compiled;
  const auto body = [](World& w, const Tensor& x, const Tensor& y) {
    const Tensor l = w.train(x, y);
    if (w.step % 5 == 4) throw std::runtime_error("stop");
    return l;
  };
  auto step = compile([&](const Tensor& x, const Tensor& y) { return body(compiled, x, y); });
  for (const bool first : {true, false}) {
    World& w = first ? eager : compiled;
    manual_seed(7);
    for (w.step = 0; w.step < calls; ++w.step) {
      const Tensor x = World::inputs(w.step), y = World::labels(w.step);
      try {
        first ? body(w, x, y) : step(x, y);
      } catch (const std::runtime_error&) {
      }
    }
  }
  const auto a = nn::state_dict(eager.net), b = nn::state_dict(compiled.net);
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_EQ(numbers(a[i].second), numbers(b[i].second)) << a[i].first;
}

TEST(AwkwardPrograms, AnErrorInAKernelLeavesTheWeights) {
  World w;
  auto step = compile([&](const Tensor& x, const Tensor& y) { return w.train(x, y); });
  for (int i = 0; i < 6; ++i) step(World::inputs(i), World::labels(i));
  std::vector<std::vector<float>> before;
  for (const auto& [name, t] : nn::state_dict(w.net)) before.push_back(numbers(t));
  WEFT_EXPECT_ERROR(step(World::inputs(6), full({5}, 9, {.dtype = i64})), "9");
  std::size_t i = 0;
  for (const auto& [name, t] : nn::state_dict(w.net)) EXPECT_EQ(numbers(t), before[i++]) << name;
  const Tensor l = step(World::inputs(7), World::labels(7));
  EXPECT_TRUE(std::isfinite(l.item()));
}

}  // namespace
}  // namespace weft
