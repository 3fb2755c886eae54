// The pass that computes constants when a plan is made.
#include <gtest/gtest.h>

#include <weft/graph/compile.h>
#include <weft/graph/passes/passes.h>
#include <weft/opdefs/create.h>
#include <weft/opdefs/index.h>
#include <weft/opdefs/random.h>
#include <weft/ops/ops.h>

#include "graph/program_builder.h"
#include "support/errors.h"

namespace weft {
namespace {

using namespace testing;

const op::Full half{{4}, 0.5, DType::f32};

std::vector<float> elements(const Program& p, int buffer) {
  const ProgramBuffer& b = p.buffers[static_cast<std::size_t>(buffer)];
  EXPECT_EQ(b.kind, BufferKind::constant);
  const float* data = static_cast<const float*>(b.constant->data());
  return {data, data + 4};
}

TEST(ConstantFolding, ComputesWhatDependsOnNothing) {
  ProgramBuilder b;
  const int x = b.external(), a = b.add(half, {}), ramp = b.add(op::Arange{1, 2, 4, DType::f32}, {}), c = b.add(op::Mul{}, {a, ramp});
  b.hold(b.add(op::Add{}, {c, x}));
  fold_constants(b.program);
  ASSERT_EQ(b.program.steps.size(), 1u);
  EXPECT_EQ(b.program.steps[0].op->name, "add");
  EXPECT_EQ(elements(b.program, c), (std::vector<float>{0.5, 1.5, 2.5, 3.5}));
  EXPECT_FALSE(b.program.buffers[static_cast<std::size_t>(a)].constant);  // nobody reads it any more
}

TEST(ConstantFolding, LeavesWhatMayDiffer) {
  ProgramBuilder b;
  const int x = b.external();
  const int random = b.add(op::RandomUniform{{4}, DType::f32, 0, 1, {}}, {});
  const int held = b.add(half, {});
  b.hold(held);
  b.hold(b.add(op::Add{}, {b.add(op::Neg{}, {x}), b.add(op::Neg{}, {random})}));
  b.hold(b.add(op::Neg{}, {held}));
  const std::size_t before = b.program.steps.size();
  fold_constants(b.program);
  EXPECT_EQ(b.program.steps.size(), before);
}

TEST(ConstantFolding, LeavesLargeOnes) {
  ProgramBuilder b;
  const int large = b.add(half, {});
  b.program.buffers[static_cast<std::size_t>(large)].bytes = 64 << 20;
  b.hold(b.add(op::Neg{}, {large}));
  fold_constants(b.program);
  EXPECT_EQ(b.program.steps.size(), 2u);
}

TEST(ConstantFolding, CompiledFunctionsReadTheirConstants) {
  double scale = 1;
  const auto f = [&](const Tensor& x) {
    const Tensor mask = triu(full({64, 64}, scale)), ramp = arange(64).to(f32) * ones({64});
    return std::vector<Tensor>{matmul(x, mask) + ramp, exp(ramp * 0.01), (mask.transpose(0, 1) * x).sum({1}), mask};
  };
  auto compiled = compile(f);
  for (int i = 0; i < 6; ++i) {
    scale = i < 3 ? 1 : 2;  // another number, another plan
    Generator g(static_cast<std::uint64_t>(i));
    const Tensor x = randn({64, 64}, {}, &g);
    const std::vector<Tensor> got = compiled(x), want = f(x);
    for (std::size_t k = 0; k < want.size(); ++k) EXPECT_EQ(got[k].to_vector<float>(), want[k].to_vector<float>()) << i << ' ' << k;
  }
  EXPECT_EQ(compiled.stats().plans, 2);
}

TEST(ConstantFolding, ConstantsOfAPlanAreNotComputedAgain) {
  auto compiled = compile([](const Tensor& x) { return x + exp(full({8}, 1.0)); });
  const Tensor x = zeros({8});
  compiled(x);
  EXPECT_EQ(compiled.describe().find("exp"), std::string::npos) << compiled.describe();
}

/// An index out of range is an error of the call, at every call, not of the making of a plan.
TEST(ConstantFolding, AnErrorIsThrownAtEachCall) {
  auto compiled = compile([](const Tensor& x) { return x + take(full({2}, 1.0), full({1}, 7, {.dtype = i64}), 0); });
  for (int i = 0; i < 3; ++i) WEFT_EXPECT_ERROR(compiled(zeros({1})), "take", "7");
}

}  // namespace
}  // namespace weft
