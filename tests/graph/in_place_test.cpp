// The pass that lets element-wise steps write over their inputs.
#include <gtest/gtest.h>

#include <weft/graph/compile.h>
#include <weft/graph/passes/passes.h>
#include <weft/graph/plan.h>
#include <weft/ops/ops.h>

#include "graph/program_builder.h"

namespace weft {
namespace {

using namespace testing;

int over(const ProgramBuilder& b, int buffer) { return b.program.buffers[static_cast<std::size_t>(buffer)].over; }

TEST(InPlace, AChainNeedsOneBuffer) {
  ProgramBuilder b;
  const int x = b.external(), one = b.add(op::Exp{}, {x}), two = b.add(op::Neg{}, {one}), three = b.add(op::Add{}, {two, x});
  b.hold(b.add(op::Exp{}, {three}));
  EXPECT_EQ(plan_memory(b.program).bytes, 192u);
  share_memory(b.program);
  EXPECT_EQ(plan_memory(b.program).bytes, 128u);
  overwrite_inputs(b.program);
  EXPECT_EQ(over(b, one), -1);  // x belongs to somebody else
  EXPECT_EQ(over(b, two), one);
  EXPECT_EQ(over(b, three), two);
  const MemoryPlan plan = plan_memory(b.program);
  EXPECT_EQ(plan.bytes, 64u);
  for (int i : {one, two, three}) EXPECT_EQ(plan.offset[static_cast<std::size_t>(i)], 0);
}

TEST(InPlace, WhatIsReadLaterOrHeldStays) {
  ProgramBuilder b;
  const int one = b.add(op::Exp{}, {b.external()}), two = b.add(op::Neg{}, {one}), held = b.add(op::Exp{}, {two});
  const int last = b.add(op::Add{}, {one, held});
  b.hold(held);
  b.hold(b.add(op::Neg{}, {last}));
  overwrite_inputs(b.program);
  EXPECT_EQ(over(b, two), -1);   // `one` is read again
  EXPECT_EQ(over(b, held), -1);  // memory of its own
  EXPECT_EQ(over(b, last), one);
}

TEST(InPlace, OnlyWhatLiesAsTheOutputDoes) {
  const auto output_over = [](BufferView first, BufferView second) {
    ProgramBuilder b;
    const int x = b.add(op::Exp{}, {b.external()});
    const int y = b.add(op::Mul{}, {x, x});
    first.buffer = second.buffer = x;
    b.program.steps.back().inputs = {first, second};
    b.hold(b.add(op::Neg{}, {y}));
    overwrite_inputs(b.program);
    return over(b, y);
  };
  const BufferView whole{0, 0, DType::f32, {4}, {1}}, reversed{0, 12, DType::f32, {4}, {-1}}, one{0, 0, DType::f32, {4}, {0}};
  EXPECT_GE(output_over(whole, whole), 0);
  EXPECT_EQ(output_over(whole, reversed), -1);
  EXPECT_EQ(output_over(reversed, whole), -1);
  EXPECT_EQ(output_over(whole, one), -1);
  EXPECT_EQ(output_over(one, one), -1);
}

TEST(InPlace, OnlyKernelsThatAllowIt) {
  ProgramBuilder b;
  const int one = b.add(op::Exp{}, {b.external()}), two = b.add(op::Exp{}, {one}), three = b.add(op::Neg{}, {two});
  b.hold(b.add(op::Exp{}, {three}));
  // f32 to f32, so that the sizes would let it.
  ProgramStep& step = b.program.steps[1];
  step.op = &info_of<op::Cast>();
  const op::Cast cast{DType::f32};
  step.attrs = Attrs(*step.op, &cast);
  overwrite_inputs(b.program);
  EXPECT_EQ(over(b, two), -1);
  EXPECT_EQ(over(b, three), two);
}

/// Runs a plan of places over memory in which every 16 bytes bear the number of the buffer that was written there last.
void expect_unharmed(const Program& p, const MemoryPlan& plan) {
  std::vector<int> memory(plan.bytes / 16 + 1, -1);
  const auto cells = [&](int b, auto f) {
    const auto i = static_cast<std::size_t>(b);
    for (std::int64_t at = plan.offset[i]; at < plan.offset[i] + p.buffers[i].bytes; at += 16) f(memory[static_cast<std::size_t>(at / 16)]);
  };
  for (const ProgramStep& s : p.steps) {
    for (const BufferView& v : s.inputs)
      if (plan.offset[static_cast<std::size_t>(v.buffer)] >= 0) cells(v.buffer, [&](int& c) { EXPECT_EQ(c, v.buffer); });
    for (const BufferView& v : s.outputs)
      if (plan.offset[static_cast<std::size_t>(v.buffer)] >= 0) cells(v.buffer, [&](int& c) { c = v.buffer; });
  }
}

TEST(InPlace, NoStepReadsWhatAnotherHasWrittenOver) {
  int taken = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Program p = tangled(seed);
    for (std::size_t i = 0; i < p.buffers.size(); ++i) p.buffers[i].bytes = 16 << (i * (seed + 1) % 3 * 2);
    overwrite_inputs(p);
    for (const ProgramBuffer& b : p.buffers) taken += b.over >= 0;
    expect_unharmed(p, plan_memory(p));
  }
  EXPECT_GT(taken, 100);
}

TEST(InPlace, CompiledChainsGiveTheSameBits) {
  const auto f = [](const Tensor& x, const Tensor& row) {
    const Tensor a = exp(x * 0.1), b = a * row + x, c = where(b > 0.5, b, neg(b) * a), d = (c.transpose(0, 1) + 1.0) * c.transpose(0, 1);
    return std::vector<Tensor>{relu(d) + d * d, c.sum({0}) * tanh(c.mean({0}))};
  };
  for (const Shape& shape : {Shape{1, 1}, Shape{3, 5}, Shape{16, 16}, Shape{37, 129}, Shape{700, 300}}) {
    Generator g(9);
    const Tensor x = randn(shape, {}, &g), row = randn({shape[1]}, {}, &g);
    const std::vector<Tensor> want = f(x, row);
    auto compiled = compile(f);
    for (int i = 0; i < 2; ++i) {
      const std::vector<Tensor> got = compiled(x, row);
      for (std::size_t k = 0; k < want.size(); ++k) EXPECT_EQ(got[k].to_vector<float>(), want[k].to_vector<float>()) << to_string(shape);
    }
  }
}

TEST(InPlace, MakesAnArenaSmaller) {
  auto compiled = compile([](const Tensor& x) { return tanh(exp(x) * 2.0 + x).sum(); });
  compiled(zeros({256, 256}));
  EXPECT_EQ(compiled.stats().arena_bytes, 256u * 256 * 4);
}

}  // namespace
}  // namespace weft
