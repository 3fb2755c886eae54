// Kernels chosen by measurement in the place of the default ones.
#include <gtest/gtest.h>

#include <algorithm>

#include <weft/autograd/gradients.h>
#include <weft/graph/choices.h>
#include <weft/graph/compile.h>
#include <weft/ops/ops.h>

#include "support/close.h"

namespace weft {
namespace {

using namespace testing;

/// No choice outlives its test.
struct Choices : ::testing::Test {
  ~Choices() override { set_kernel_choices({}); }
  Tensor x = numbers({2, 16, 9, 8}, 1), w = numbers({16, 16, 3, 3}, 2).requires_grad(true);

  static Tensor numbers(const Shape& shape, int seed) {
    Generator g(static_cast<std::uint64_t>(seed));
    return randn(shape, {}, &g);
  }
  std::vector<Tensor> body() const {
    const Tensor y = max_pool2d(relu(conv2d(x, w)), 2), loss = (y * y).mean();
    return {y.detach(), grad(loss, {w})[0]};
  }
  PlanReport plan(std::vector<Tensor>* results = nullptr) const {
    auto f = compile([&] { return body(); });
    const std::vector<Tensor> got = f();
    if (results) *results = got;
    return f.report();
  }
  static const PlanStep* find(const PlanReport& r, const std::string& op) {
    for (const PlanStep& s : r.steps)
      if (s.op == op) return &s;
    return nullptr;
  }
};

TEST_F(Choices, AStepSaysWhatElseItMightTake) {
  auto f = compile([&] { return conv2d(x, w.detach()); });
  f();
  const PlanReport r = f.report();
  const PlanStep* conv = find(r, "conv");
  ASSERT_TRUE(conv);
  EXPECT_EQ(conv->key.rfind("conv(f32[2, 16, 9, 8], f32[16, 16, 3, 3]) {stride=", 0), 0u) << conv->key;
  EXPECT_EQ(std::count(conv->others.begin(), conv->others.end(), "cpu.conv"), 1);
  EXPECT_EQ(std::count(conv->others.begin(), conv->others.end(), conv->kernel), 0);
  for (const std::string& name : conv->others) EXPECT_FALSE(name.starts_with("ref.")) << name;
}

TEST_F(Choices, AnotherKernelIsTakenWithTheSameResults) {
  auto f = compile([&] { return conv2d(x, w.detach()); });
  const std::vector<float> want = f().to_vector<float>();
  const PlanReport before = f.report();
  const std::string key = find(before, "conv")->key;
  set_kernel_choices({{key, "cpu.conv"}});
  auto chosen = compile([&] { return conv2d(x, w.detach()); });
  expect_like_eager(chosen().to_vector<float>(), want);
  const PlanReport after = chosen.report(), still = f.report();
  EXPECT_EQ(find(after, "conv")->kernel, "cpu.conv");
  EXPECT_NE(find(still, "conv")->kernel, "cpu.conv");  // plans that are there stay as they are
}

TEST_F(Choices, AFusionMayBeLeftOut) {
  std::vector<Tensor> want, got;
  const PlanReport fused = plan(&want);
  ASSERT_TRUE(find(fused, "conv_block"));
  EXPECT_EQ(find(fused, "conv_block")->others.back(), not_fused);
  set_kernel_choices({{find(fused, "conv_block")->key, not_fused}});
  const PlanReport parts = plan(&got);
  EXPECT_FALSE(find(parts, "conv_block"));
  for (const char* op : {"conv", "relu", "max_pool"}) EXPECT_TRUE(find(parts, op)) << op;
  for (std::size_t i = 0; i < want.size(); ++i) expect_like_eager(got[i].to_vector<float>(), want[i].to_vector<float>());
}

TEST_F(Choices, WhatDoesNotTakeTheCaseIsPassedOver) {
  const PlanReport before = plan();
  for (const char* name : {"no.such_kernel", "cpu.conv_weight_grad_depthwise_channels_last", ""}) {
    set_kernel_choices({{find(before, "conv_block")->key, "cpu.conv_block_channels_last"}, {"no such step", "cpu.conv"}, {"", name}});
    const PlanReport now = plan();
    EXPECT_EQ(find(now, "conv_block")->kernel, find(before, "conv_block")->kernel) << name;
  }
  auto f = compile([&] { return matmul(ones({8, 8}), x.reshape({8, -1})); });
  f();
  const PlanReport r = f.report();
  const std::string key = find(r, "matmul")->key;
  set_kernel_choices({{key, "no.such_kernel"}});
  auto again = compile([&] { return matmul(ones({8, 8}), x.reshape({8, -1})); });
  again();
  const PlanReport s = again.report();
  EXPECT_EQ(find(s, "matmul")->kernel, find(r, "matmul")->kernel);
}

}  // namespace
}  // namespace weft
