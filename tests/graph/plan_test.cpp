// Programs, passes, memory plans, and compiled functions on plain tensors.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include <weft/base/memory.h>
#include <weft/graph/compile.h>
#include <weft/graph/passes/passes.h>
#include <weft/graph/plan.h>
#include <weft/opdefs/elementwise.h>
#include <weft/ops/ops.h>

#include "graph/program_builder.h"
#include "support/errors.h"

namespace weft {
namespace {

using namespace testing;

TEST(DeadCode, KeepsWhatAResultNeeds) {
  ProgramBuilder b;
  const int x = b.external(), used = b.add(op::Exp{}, {x}), unused = b.add(op::Neg{}, {used});
  b.add(op::Exp{}, {unused});
  b.hold(b.add(op::Add{}, {used, x}));
  remove_dead_code(b.program);
  ASSERT_EQ(b.program.steps.size(), 2u);
  EXPECT_EQ(b.program.steps[0].op->name, "exp");
  EXPECT_EQ(b.program.steps[1].op->name, "add");
}

TEST(CommonSubexpressions, AreComputedOnceThroughChains) {
  ProgramBuilder b;
  const int x = b.external();
  const int one = b.add(op::Neg{}, {b.add(op::Exp{}, {x})}), two = b.add(op::Neg{}, {b.add(op::Exp{}, {x})});
  b.hold(b.add(op::Add{}, {one, two}));
  share_common_subexpressions(b.program);
  ASSERT_EQ(b.program.steps.size(), 3u);
  EXPECT_EQ(b.program.steps[2].inputs[0].buffer, b.program.steps[2].inputs[1].buffer);
}

TEST(CommonSubexpressions, AttributesInputsAndResultsSetApart) {
  ProgramBuilder b;
  const int x = b.external(), y = b.external();
  for (int in : {x, y}) b.hold(b.add(op::Exp{}, {in}));
  b.hold(b.add(op::Exp{}, {x}));  // held by somebody else than the first
  share_common_subexpressions(b.program);
  EXPECT_EQ(b.program.steps.size(), 3u);
}

TEST(Passes, AreAllKnownByName) {
  for (const Pass& p : all_passes()) EXPECT_FALSE(p.name.empty() || p.what.empty());
}

TEST(MemoryPlan, NeverLetsLiveBuffersOverlap) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Program p = tangled(seed);
    const MemoryPlan plan = plan_memory(p);
    std::vector<std::size_t> first(p.buffers.size(), 0), last(p.buffers.size(), 0);
    for (std::size_t s = 0; s < p.steps.size(); ++s) {
      for (const auto& v : p.steps[s].outputs) first[static_cast<std::size_t>(v.buffer)] = last[static_cast<std::size_t>(v.buffer)] = s;
      for (const auto& v : p.steps[s].inputs) last[static_cast<std::size_t>(v.buffer)] = s;
    }
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < p.buffers.size(); ++i) {
      EXPECT_EQ(plan.offset[i] >= 0, p.buffers[i].kind == BufferKind::intermediate);
      if (plan.offset[i] < 0) continue;
      EXPECT_EQ(plan.offset[i] % 64, 0);
      EXPECT_LE(static_cast<std::size_t>(plan.offset[i] + p.buffers[i].bytes), plan.bytes);
      sum += p.buffers[i].bytes;
      for (std::size_t k = 0; k < i; ++k)
        if (plan.offset[k] >= 0 && first[i] <= last[k] && first[k] <= last[i]) {
          EXPECT_TRUE(plan.offset[i] + p.buffers[i].bytes <= plan.offset[k] || plan.offset[k] + p.buffers[k].bytes <= plan.offset[i]);
        }
    }
    EXPECT_LT(plan.bytes, static_cast<std::size_t>(sum));  // memory is used again
  }
}

TEST(MemoryPlan, SharesNothingWhereThePassIsLeftOut) {
  Program p = tangled(3);
  p.shares_memory = false;
  const MemoryPlan plan = plan_memory(p);
  std::size_t sum = 0;
  for (const ProgramBuffer& b : p.buffers)
    if (b.kind == BufferKind::intermediate) sum += static_cast<std::size_t>(b.bytes);
  EXPECT_GE(plan.bytes, sum);
}

Tensor batch(int i) {
  Generator g(static_cast<std::uint64_t>(i));
  return randn({8, 8}, {}, &g);
}

TEST(Compile, GivesWhatTheFunctionGives) {
  const auto f = [](const Tensor& x) { return softmax(matmul(x, x.transpose(0, 1)) * 0.5 + x.sum({1}, true), 1); };
  auto compiled = compile(f);
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(compiled(batch(i)).to_vector<float>(), f(batch(i)).to_vector<float>());
  EXPECT_EQ(compiled.stats().replayed, 5);
  EXPECT_GT(compiled.stats().arena_bytes, 0u);
}

TEST(Compile, TakesAndReturnsAnything) {
  auto f = compile([](const Tensor& x, double scale, const char* name) {
    return std::pair(x * scale, std::string(name));
  });
  for (int i = 0; i < 4; ++i) {
    const auto [y, name] = f(ones({2}), i, "name");
    EXPECT_EQ(y.to_vector<float>(), std::vector<float>(2, static_cast<float>(i)));
    EXPECT_EQ(name, "name");
  }
  EXPECT_EQ(f.stats().plans, 1);
}

TEST(Compile, RandomNumbersAreThoseOfTheCall) {
  const auto f = [](const Tensor& x) { return x + rand({8, 8}); };
  auto compiled = compile(f);
  manual_seed(3);
  std::vector<std::vector<float>> eager, replayed;
  for (int i = 0; i < 5; ++i) eager.push_back(f(batch(0)).to_vector<float>());
  manual_seed(3);
  for (int i = 0; i < 5; ++i) replayed.push_back(compiled(batch(0)).to_vector<float>());
  EXPECT_EQ(eager, replayed);
  EXPECT_NE(replayed[3], replayed[4]);
}

TEST(Compile, ThreadsTakeTurns) {
  auto compiled = compile([](const Tensor& x) { return matmul(x, x) + 1.0; });
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      const std::vector<float> expected = (matmul(batch(t), batch(t)) + 1.0).to_vector<float>();
      for (int i = 0; i < 20; ++i) wrong += compiled(batch(t)).to_vector<float>() != expected;
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Compile, RefusesOtherThreadsWhileItRuns) {
  std::string message;
  auto compiled = compile([&](const Tensor& x) {
    const Tensor y = x * 2.0;
    std::thread([&] { message = error_of([&] { y.to_vector<float>(); }); }).join();
    return y;
  });
  EXPECT_EQ(compiled(ones({2})).to_vector<float>(), std::vector<float>(2, 2));
  EXPECT_NE(message.find("another thread"), std::string::npos) << message;
}

TEST(Compile, OutlivesWhatItReturns) {
  Tensor y;
  {
    auto compiled = compile([](const Tensor& x) { return relu(x) * 2.0; });
    for (int i = 0; i < 4; ++i) y = compiled(full({3}, i));
  }
  EXPECT_EQ(y.to_vector<float>(), std::vector<float>(3, 6));
}

TEST(Compile, NamesTheOperatorOfAnErrorInAPlan) {
  auto compiled = compile([](const Tensor& x, const Tensor& i) { return take(x, i, 0) * 2.0; });
  const Tensor good = full({2}, 1, {.dtype = i64}), bad = full({2}, 9, {.dtype = i64});
  for (int i = 0; i < 3; ++i) compiled(batch(0), good);
  WEFT_EXPECT_ERROR(compiled(batch(0), bad), "take");
  EXPECT_EQ(compiled(batch(0), good).shape(), (Shape{2, 8}));
}

TEST(Compile, SaysWhatItIsPlannedForWhereOtherShapesAreGiven) {
  const Tensor w = ones({8, 2});
  auto compiled = compile([&](Tensor x, double scale) { return matmul(std::move(x), w) * scale; });
  const std::string first = error_of([&] { compiled(ones({4, 3}), 1); });
  EXPECT_EQ(first.find("planned"), first.npos) << first;  // it has no plan yet
  for (int i = 0; i < 2; ++i) compiled(ones({4, 8}), 2);
  WEFT_EXPECT_ERROR(compiled(ones({4, 7}), 2), "matmul", "given f32[4, 7]; it is planned for f32[4, 8]");
  WEFT_EXPECT_ERROR(compiled(ones({4, 7}), 2), "planned for f32[4, 8]");
  EXPECT_EQ(compiled(ones({3, 8}), 2).shape(), (Shape{3, 2}));  // a batch of another size is a plan of its own
  WEFT_EXPECT_ERROR(compiled(Tensor(), 2), "given none; it is planned for f32[3, 8]");
}

TEST(Compile, SaysWhatItIsPlannedForWhereAnotherDtypeIsGiven) {
  const Tensor w = ones({4, 3});
  auto compiled = compile([&](const Tensor& x, const Tensor& i) { return take(x, i, 0) + w; });
  compiled(ones({5, 3}), zeros({4}, {.dtype = i64}));
  WEFT_EXPECT_ERROR(compiled(ones({5, 3}), zeros({4})), "take", "given f32[5, 3], f32[4]; it is planned for f32[5, 3], i64[4]");
  // Where shapes and dtypes are the same, they are not what is wrong.
  const std::string message = error_of([&] { compiled(ones({5, 3}), full({4}, 9, {.dtype = i64})); });
  EXPECT_EQ(message.find("planned"), message.npos) << message;
}

TEST(Compile, PlansEmbeddings) {
  const Tensor table = randn({10, 4}), at = tensor({3, 0, 9});
  auto f = compile([&](const Tensor& index) { return embedding(index, table) * 2.0; });
  EXPECT_EQ(f(at).to_vector<double>(), (embedding(at, table) * 2.0).to_vector<double>());
  EXPECT_EQ(f.report().asked, 2u);  // steps of a plan: nothing was read on the way
  expect_error([&] { f(tensor({3, -1, 9})); }, "index -1 is negative; expected 0 to 9");
}

TEST(Compile, NamesTheOperatorOfAnErrorWhereAnElementIsRead) {
  auto compiled = compile([](const Tensor& x, const Tensor& i) { return take(x, i, 0).sum().item(); });
  ::testing::internal::CaptureStderr();
  WEFT_EXPECT_ERROR(compiled(batch(0), full({2}, 9, {.dtype = i64})), "take");
  ::testing::internal::GetCapturedStderr();
}

TEST(Compile, GivesNoMemoryToWhatOnlyItsPlanUses) {
  std::size_t grown = 0;
  auto compiled = compile([&](const Tensor& x) {
    const std::size_t before = memory::stats().in_use;
    Tensor y = x;
    for (int i = 0; i < 8; ++i) y = exp(y) * 0.5;
    grown = memory::stats().in_use - before;
    return y.sum();
  });
  const Tensor x = zeros({512, 512});
  for (int i = 0; i < 2; ++i) {
    compiled(x);
    EXPECT_LT(grown, 100'000u);
  }
  EXPECT_LT(compiled.stats().arena_bytes, 3u << 20);
}

TEST(Compile, AFunctionMayCallItselfAfterARead) {
  std::function<double(const Tensor&)> self;
  auto compiled = compile([&](const Tensor& x) { return x.item() > 3 ? x.item() : self(x + 1.0); });
  self = [&](const Tensor& x) { return compiled(x); };
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(compiled(zeros({})), 4);
  ::testing::internal::GetCapturedStderr();
}

TEST(Compile, ReturnsViewsOfWhatItComputes) {
  const auto f = [](const Tensor& x) {
    const Tensor y = x * 2.0;
    return std::vector<Tensor>{y, flip(y, {0}).transpose(0, 1), narrow(y, 1, 2, 3), y.reshape({64}), narrow(y.transpose(0, 1), 0, 1, 2)};
  };
  auto compiled = compile(f);
  for (int i = 0; i < 3; ++i) {
    const std::vector<Tensor> expected = f(batch(i)), got = compiled(batch(i));
    for (std::size_t k = 0; k < got.size(); ++k) EXPECT_EQ(got[k].to_vector<float>(), expected[k].to_vector<float>());
  }
}

TEST(Compile, AValueOfAFailedCallSaysSo) {
  Tensor kept;
  auto compiled = compile([&](const Tensor& x, const Tensor& i) {
    kept = x * 2.0;
    return take(kept, i, 0);
  });
  WEFT_EXPECT_ERROR(compiled(batch(0), full({2}, 9, {.dtype = i64})), "take");
  WEFT_EXPECT_ERROR(kept.to_vector<float>(), "never computed");
  WEFT_EXPECT_ERROR(kept + 1.0, "never computed");
  WEFT_EXPECT_ERROR(compiled(kept, full({2}, 0, {.dtype = i64})), "never computed");
}

TEST(Compile, NamesTheNeedOfAPlanThatFindsNoMemory) {
  auto compiled = compile([](const Tensor& x) { return exp(x + x.transpose(0, 1)).sum(); });
  const Tensor x = zeros({1 << 22, 1});
  WEFT_EXPECT_ERROR(compiled(x), "out of memory", "the plan of a compiled step needs", "70368744177664 bytes");
  EXPECT_EQ(compiled(zeros({2, 1})).item(), 4);
}

}  // namespace
}  // namespace weft
