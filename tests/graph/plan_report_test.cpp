// What a compiled function tells of its plan.
#include <gtest/gtest.h>

#include <weft/graph/compile.h>
#include <weft/ops/ops.h>

namespace weft {
namespace {

const PlanStep& find(const PlanReport& r, const std::string& op) {
  for (const PlanStep& s : r.steps)
    if (s.op == op) return s;
  ADD_FAILURE() << "no step " << op;
  return r.steps.front();
}

TEST(PlanReport, IsEmptyBeforeTheFirstCall) {
  auto f = compile([](const Tensor& x) { return exp(x); });
  EXPECT_TRUE(f.report().steps.empty());
}

TEST(PlanReport, NamesWhatIsFused) {
  const Tensor w = randn({16, 3, 3, 3}), x = randn({2, 3, 10, 10}), scale = ones({16});
  auto f = compile([&] {
    const Tensor h = max_pool2d(relu(conv2d(x, w)), 2);
    return relu(batch_norm_train(h, scale, scale).y).sum();
  });
  f();
  const PlanReport r = f.report();
  EXPECT_EQ(find(r, "conv_block").fused, (std::vector<std::string>{"conv", "relu", "max_pool"}));
  EXPECT_EQ(find(r, "batch_norm_relu").fused, (std::vector<std::string>{"batch_norm", "relu"}));
  EXPECT_TRUE(find(r, "sum").fused.empty());
  EXPECT_EQ(r.asked, 6u);
}

TEST(PlanReport, PlacesOutputsAndTimesKernels) {
  auto f = compile([](const Tensor& x) { return exp(exp(x) * x).sum(); });
  const Tensor x = zeros({100});
  for (int i = 0; i < 16; ++i) f(x);
  const PlanReport r = f.report();
  ASSERT_EQ(r.steps.size(), 4u);
  EXPECT_EQ(r.timed, 1);
  for (const PlanStep& s : r.steps) {
    EXPECT_GT(s.seconds, 0);
    EXPECT_TRUE(s.kernel.starts_with("cpu.")) << s.kernel;
  }
  const PlanOutput &first = r.steps[0].outputs[0], &second = r.steps[1].outputs[0], &last = r.steps[3].outputs[0];
  EXPECT_EQ(first.shape, (Shape{100}));
  EXPECT_EQ(first.bytes, 400);
  EXPECT_EQ(first.offset, 0);
  EXPECT_EQ(first.last_step, 1u);
  EXPECT_FALSE(first.in_place);
  EXPECT_TRUE(second.in_place);
  EXPECT_EQ(second.offset, 0);
  EXPECT_EQ(last.offset, -1);  // the caller holds it
  EXPECT_EQ(r.arena_bytes, 448u);
}

}  // namespace
}  // namespace weft
