// Awkward programs on plain tensors: each runs eagerly and compiled, each way with state of its own, and gives the same
// bits at every call. Programs that train networks by optimizers: tests/train/awkward_programs_test.cpp.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>

#include <weft/autograd/gradients.h>
#include <weft/base/view.h>
#include <weft/graph/compile.h>
#include <weft/ops/ops.h>

#include "support/errors.h"

namespace weft {
namespace {

using namespace testing;
using Tensors = std::vector<Tensor>;

constexpr int calls = 12;

Tensor numbers(const Shape& shape, int seed) {
  Generator g(static_cast<std::uint64_t>(seed));
  return randn(shape, {}, &g);
}

/// What programs hold between calls.
struct World {
  int step = 0;  ///< of the call, from 0
  double rate = 0.1;
  bool training = true;
  Parameter weight{numbers({4, 4}, 1000)}, bias{numbers({4}, 1001)};
  Tensor kept = numbers({3, 4}, 1002);
  Generator stream{5};
  Tensor x = numbers({3, 4}, 0);  ///< of the call

  Tensor hidden() { return tanh(matmul(x, weight) + bias); }
  Tensor descend(const Tensor& loss) {
    Tensors leaves;
    for (const Parameter* p : {&weight, &bias})
      if (p->trainable()) leaves.push_back(*p);
    const Tensors g = grad(loss, leaves);
    std::size_t i = 0;
    for (const Parameter* p : {&weight, &bias})
      if (p->trainable()) p->assign(p->tensor().detach() - g[i++] * rate);
    return loss.detach();
  }
};

/// Every bit of what a call gave: shape, dtype, elements (NaN and the sign of zero too).
struct Bits {
  std::string meta;
  std::vector<double> elements;
  std::vector<bool> negative;
  explicit Bits(const Tensor& t) : meta(to_string(t.meta())), elements(t.detach().to_vector<double>()) {
    for (double& e : elements) {
      negative.push_back(std::signbit(e));
      if (std::isnan(e)) {
        e = 12345;
        negative.back() = false;
      }
    }
  }
  friend bool operator==(const Bits&, const Bits&) = default;
};
using Outcome = std::vector<std::vector<Bits>>;

/// `program(world)` at every call, `before(world)` ahead of it and outside; then what the world holds.
template <class P, class B> Outcome run(bool compiled, P program, B before, CompileStats* stats = nullptr) {
  World w;
  manual_seed(11);
  auto step = compile([&] { return program(w); });
  Outcome out;
  for (w.step = 0; w.step < calls; ++w.step) {
    w.x = numbers({3, 4}, w.step);
    before(w);
    out.emplace_back();
    for (const Tensor& t : compiled ? step() : program(w)) out.back().emplace_back(t);
  }
  out.push_back({Bits(w.weight), Bits(w.bias), Bits(w.kept)});
  if (stats) *stats = step.stats();
  return out;
}

template <class P, class B> CompileStats expect_the_same(P program, B before) {
  CompileStats stats;
  const Outcome eager = run(false, program, before), compiled = run(true, program, before, &stats);
  EXPECT_EQ(eager.size(), compiled.size());
  for (std::size_t i = 0; i < eager.size(); ++i) EXPECT_TRUE(eager[i] == compiled[i]) << "call " << i;
  EXPECT_EQ(stats.calls, calls);
  return stats;
}
template <class P> CompileStats expect_the_same(P program) {
  return expect_the_same(program, [](World&) {});
}

Tensors train(World& w) { return {w.descend((w.hidden() * w.hidden()).mean())}; }

TEST(Awkward, ALearningRateHeldInADouble) {
  const CompileStats s = expect_the_same(train, [](World& w) { w.rate = w.step == 3 ? 0 : 1.0 / (1 + w.step); });
  EXPECT_EQ(s.plans, 1);
  EXPECT_EQ(s.replayed, calls - 1);
}

TEST(Awkward, ABranchOnTheStep) {
  const CompileStats s = expect_the_same([](World& w) {
    Tensors out = train(w);
    if (w.step % 10 == 0) out.push_back(w.hidden().sum());
    return out;
  });
  EXPECT_EQ(s.plans, 2);
}

/// full's value is an attribute, and 0 == -0: the plan of one must not stand for the other.
TEST(Awkward, ANumberThatChangesTheSignOfZero) {
  expect_the_same([](World& w) { return Tensors{1.0 / full({3}, w.rate), w.x * full({3, 4}, w.rate)}; },
                  [](World& w) { w.rate = w.step % 2 ? 0.0 : -0.0; });
}

TEST(Awkward, ZerosOfBothSignsInOneProgram) {
  expect_the_same([](World&) { return Tensors{1.0 / full({3}, 0.0), 1.0 / full({3}, -0.0)}; });
}

TEST(Awkward, ANumberThatIsNaN) {
  const CompileStats s = expect_the_same(
      [](World& w) { return Tensors{w.x + full({4}, w.rate)}; },
      [](World& w) { w.rate = w.step % 4 ? std::numeric_limits<double>::quiet_NaN() : 1; });
  EXPECT_EQ(s.plans, 2);
}

TEST(Awkward, ACapturedTensorChangedInPlaceBetweenCalls) {
  expect_the_same([](World& w) { return Tensors{w.kept * 2.0 + w.x}; },
                  [](World& w) {
                    if (w.step % 2) w.kept += 1.0;
                    else w.kept[1] = numbers({4}, 50 + w.step);
                  });
}

TEST(Awkward, AnAccumulatorThatTheFunctionChangesInPlace) {
  const CompileStats s = expect_the_same([](World& w) {
    const Tensor before = w.kept;
    w.kept += w.x;
    w.kept[0] = w.kept[2] * 0.5;
    return Tensors{before, w.kept};
  });
  EXPECT_EQ(s.replayed, calls - 1);
}

/// A view sees what its base was when it was taken, whatever becomes of the base's variable.
TEST(Awkward, AViewOfACapturedTensor) {
  std::optional<Tensor> view;
  expect_the_same([&](World& w) { return Tensors{*view + 1.0, w.kept.sum({0}), matmul(*view, w.weight).detach()}; },
                  [&](World& w) {
                    if (w.step % 3 == 0) view = narrow(w.kept, 0, 1, 2);
                    w.kept += 1.0;
                  });
}

TEST(Awkward, AViewThatMovesAlongItsBase) {
  const CompileStats s = expect_the_same([](World& w) { return Tensors{narrow(w.kept, 0, w.step % 3, 1) * 3.0}; });
  EXPECT_GT(s.replayed, 0);
}

TEST(Awkward, AnOutputThatIsAnInput) {
  expect_the_same([](World& w) { return Tensors{w.x, w.x.transpose(0, 1), w.weight.tensor(), w.x * 2.0, narrow(w.x, 0, 1, 1)}; });
  World w;
  auto same = compile([](const Tensor& x) { return x; });
  for (int i = 0; i < 3; ++i) EXPECT_EQ(same(w.x).data<float>(), w.x.data<float>());
}

TEST(Awkward, OutputsHeldAcrossCallsAreNotWritten) {
  const auto f = [](const Tensor& x) { return Tensors{exp(x), exp(x) + x, narrow(exp(x) * 2.0, 0, 1, 1)}; };
  auto compiled = compile(f);
  std::vector<Tensors> held;
  for (int i = 0; i < calls; ++i) held.push_back(compiled(numbers({3, 4}, i)));
  for (int i = 0; i < calls; ++i) {
    const Tensors want = f(numbers({3, 4}, i));
    for (std::size_t k = 0; k < want.size(); ++k) EXPECT_TRUE(Bits(held[static_cast<std::size_t>(i)][k]) == Bits(want[k])) << i;
  }
  EXPECT_EQ(compiled.stats().replayed, calls - 1);
}

TEST(Awkward, AnOutputFedBackAsInput) {
  const CompileStats s = expect_the_same([](World& w) {
    w.kept = tanh(matmul(w.kept, w.weight)).detach() + w.x;
    return Tensors{w.kept};
  });
  EXPECT_EQ(s.replayed, calls - 1);
}

TEST(Awkward, AReplacedParameter) {
  const CompileStats s = expect_the_same(train, [](World& w) {
    if (w.step == 4) w.weight = Parameter(numbers({4, 4}, 77));
    if (w.step == 8) w.weight.assign(zeros({4, 4}));
  });
  EXPECT_EQ(s.plans, 1);
}

TEST(Awkward, AParameterFrozenForAWhile) {
  const CompileStats s = expect_the_same(train, [](World& w) { w.weight.set_trainable(w.step < 4 || w.step > 7); });
  EXPECT_EQ(s.plans, 2);
}

TEST(Awkward, AnotherDtypeOfArgumentAndWeight) {
  expect_the_same([](World& w) { return Tensors{w.hidden().detach(), (w.x * 2.0).sum()}; },
                  [](World& w) {
                    if (w.step % 3 == 1) w.x = w.x.to(f64);
                    if (w.step == 6) w.weight.assign(w.weight.tensor().detach().to(f64));
                  });
}

TEST(Awkward, AnEmptyBatch) {
  const CompileStats s = expect_the_same(
      [](World& w) { return Tensors{w.hidden().detach(), w.hidden().sum().detach(), w.hidden().mean({0}).detach()}; },
      [](World& w) { w.x = numbers({w.step % 3 == 2 ? 0 : 3, 4}, w.step); });
  EXPECT_EQ(s.plans, 2);
}

TEST(Awkward, AChangedBatchAndALoopOfAnotherLength) {
  expect_the_same(
      [](World& w) {
        Tensor h = w.x;
        for (int i = 0; i < w.step % 4; ++i) h = tanh(matmul(h, w.weight));
        return Tensors{w.descend(h.sum() + w.hidden().sum())};
      },
      [](World& w) { w.x = numbers({1 + w.step % 2, 4}, w.step); });
}

/// More shapes than plans are kept: the oldest are made again.
TEST(Awkward, MoreShapesThanPlansAreKept) {
  auto compiled = compile([](const Tensor& x) { return exp(x).sum({0}); });
  for (int round = 0; round < 3; ++round)
    for (int n = 1; n <= 20; ++n) {
      const Tensor x = numbers({n, 4}, round * 20 + n);
      EXPECT_TRUE(Bits(compiled(x)) == Bits(exp(x).sum({0}))) << n;
    }
  EXPECT_LE(compiled.stats().plans, 16);
}

TEST(Awkward, AModeHeldInABool) {
  const CompileStats s = expect_the_same(
      [](World& w) {
        const Tensor mask = (rand({3, 4}) < 0.5).to(f32);
        return Tensors{w.training ? w.hidden().detach() * mask : w.hidden().detach()};
      },
      [](World& w) { w.training = w.step % 4 != 3; });
  EXPECT_EQ(s.plans, 2);
}

TEST(Awkward, AGeneratorOfItsOwnSetBackBetweenCalls) {
  const CompileStats s = expect_the_same([](World& w) { return Tensors{randn({3, 4}, {}, &w.stream) + rand({3, 4})}; },
                                         [](World& w) {
                                           if (w.step == 5) w.stream.manual_seed(5);
                                           if (w.step == 8) manual_seed(11);
                                         });
  EXPECT_EQ(s.plans, 1);
}

TEST(Awkward, AValueReadInTheMiddleDecidesWhatFollows) {
  ::testing::internal::CaptureStderr();
  const CompileStats s = expect_the_same([](World& w) {
    const Tensor draw = rand({3, 4}, {}, &w.stream);
    if (w.x.sum().item() > 0) return Tensors{w.x * draw, rand({2}, {}, &w.stream)};
    w.kept += draw;
    return train(w);
  });
  ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(s.replayed, 0);
}

/// The steps before the throw are done, as eager execution has done them; those after are not.
TEST(Awkward, AnExceptionInTheMiddle) {
  const CompileStats s = expect_the_same([](World& w) {
    try {
      Tensors out = train(w);
      w.kept += w.x;
      if (w.step % 3 == 2) throw std::runtime_error("stop");
      return out;
    } catch (const std::runtime_error&) {
      return Tensors{};
    }
  });
  EXPECT_GT(s.replayed, 0);

  Tensor eager = zeros({4}), compiled = zeros({4});
  const auto body = [](Tensor& t, int step) {
    t += 1.0;
    if (step % 3 == 2) throw std::runtime_error("stop");
    t += 1.0;
  };
  auto step = compile([&](int i) { body(compiled, i); });
  for (int i = 0; i < calls; ++i) {
    EXPECT_EQ(error_of([&] { body(eager, i); }), error_of([&] { step(i); }));
    EXPECT_TRUE(Bits(eager) == Bits(compiled)) << i;
  }
}

TEST(Awkward, CompiledFunctionsWithinOthers) {
  auto inner = compile([](const Tensor& x) { return exp(x) * 0.5; });
  const CompileStats s = expect_the_same([&](World& w) {
    auto fresh = compile([&](const Tensor& x) { return tanh(x) + w.rate; });
    return Tensors{inner(w.x) + fresh(w.x), w.descend(fresh(inner(w.hidden())).mean())};
  });
  EXPECT_EQ(s.replayed, calls - 1);
}

TEST(Awkward, ArgumentsThatShareMemoryAtTimes) {
  Tensor other;
  expect_the_same([&](World& w) { return Tensors{w.x * other, other + 1.0, narrow(w.x, 0, 0, 1) - narrow(other, 0, 2, 1)}; },
                  [&](World& w) { other = w.step % 3 == 0 ? w.x : w.step % 3 == 1 ? numbers({3, 4}, 90) : flip(w.x, {0}); });
}

TEST(Awkward, HostMemoryWrappedAnewAtEveryCall) {
  std::vector<float> memory(12);
  auto compiled = compile([](const Tensor& x) { return x * 2.0; });
  for (int i = 0; i < calls; ++i) {
    for (std::size_t k = 0; k < 12; ++k) memory[k] = static_cast<float>(i) + static_cast<float>(k);
    const Tensor y = compiled(from_blob(memory.data(), {3, 4}, f32));
    for (std::size_t k = 0; k < 12; ++k) ASSERT_EQ(y.data<float>()[k], 2 * memory[k]);
  }
}

TEST(Awkward, GradientsOfGradients) {
  expect_the_same([](World& w) {
    const Tensor x = w.x.requires_grad(true), y = (tanh(matmul(x, w.weight)) * x).sum();
    const Tensor g = grad(y, {x}, {.create_graph = true})[0];
    return Tensors{w.descend((g * g).sum() + (w.bias * w.bias).sum()), g.detach()};
  });
}

TEST(Awkward, AFunctionWithoutResult) {
  std::vector<Tensor> log;
  auto compiled = compile([&](const Tensor& x) { log.push_back(exp(x)); });
  for (int i = 0; i < calls; ++i) compiled(numbers({3, 4}, i));
  for (int i = 0; i < calls; ++i) EXPECT_TRUE(Bits(log[static_cast<std::size_t>(i)]) == Bits(exp(numbers({3, 4}, i))));
}

TEST(Awkward, ACompiledFunctionThatIsMoved) {
  auto first = compile([](const Tensor& x) { return exp(x) + 1.0; });
  const Tensor x = numbers({3, 4}, 1), want = exp(x) + 1.0;
  first(x);
  auto second = std::move(first);
  EXPECT_TRUE(Bits(second(x)) == Bits(want));
  EXPECT_EQ(second.stats().replayed, 1);
}

/// Constants of the function's own (no tensor goes in) may be computed ahead; what depends on an argument may not.
TEST(Awkward, ConstantsBesideArguments) {
  const CompileStats s = expect_the_same(
      [](World& w) {
        const Tensor ramp = arange(4).to(f32) * full({4}, 0.5) + full({3, 4}, w.rate);
        return Tensors{ramp, ramp * w.x, exp(ramp).sum(), ramp + rand({4}, {}, &w.stream)};
      },
      [](World& w) { w.rate = w.step < 6 ? 1 : 2; });
  EXPECT_EQ(s.plans, 2);
}

}  // namespace
}  // namespace weft
