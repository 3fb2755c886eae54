#include <gtest/gtest.h>

#include <weft/autograd/gradients.h>
#include <weft/graph/graph.h>
#include <weft/ir/op.h>
#include <weft/ops/ops.h>

#include "support/errors.h"

namespace weft {
namespace {

const std::vector<Tensor>& only(const Tensor& t) {
  static thread_local std::vector<Tensor> list;
  return list = {t};
}

/// What the graph gives equals what the function gives, for several batch sizes.
void expect_same(const GraphFunction& f, const std::vector<GraphInput>& inputs, const NamedTensors& named) {
  const Graph g = capture(f, inputs, named);
  const std::vector<Tensor> parameters = bind_parameters(g, named);
  for (std::int64_t batch : {1, 2, 5}) {
    std::vector<Tensor> x;
    for (const GraphInput& i : inputs) {
      Shape shape = i.meta.shape;
      if (i.batched) shape[0] = batch;
      x.push_back(randn(shape).to(i.meta.dtype));
    }
    const std::vector<Tensor> expected = f(x), got = run(g, x, parameters);
    const std::vector<Meta> metas = infer(g, batch);
    ASSERT_EQ(got.size(), expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      EXPECT_EQ(got[i].meta(), expected[i].meta()) << "batch " << batch;
      EXPECT_EQ(metas[i], expected[i].meta()) << "batch " << batch;
      EXPECT_EQ(got[i].to_vector<double>(), expected[i].to_vector<double>()) << "batch " << batch;
    }
  }
}

const Meta image{{1, 3, 4, 4}, f32};
const std::vector<GraphInput> row{{"x", {{1, 6}, f32}}};

TEST(Capture, AnMlp) {
  const Parameter w1(randn({6, 8})), b1(randn({8})), w2(randn({8, 3}));
  const auto f = [&](const std::vector<Tensor>& x) { return only(matmul(relu(matmul(x[0], w1) + b1), w2)); };
  const NamedTensors named{{"w1", w1}, {"b1", b1}, {"w2", w2}};
  expect_same(f, row, named);
  const Graph g = capture(f, row, named);
  ASSERT_EQ(g.nodes.size(), 4u);
  EXPECT_EQ(g.nodes[0].op->name, "matmul");
  EXPECT_EQ(g.parameters.size(), 3u);
  EXPECT_EQ(g.constants.size(), 0u);
}

TEST(Capture, ParametersAreReplaceableAndGradientsFlow) {
  const Parameter w(randn({6, 2}));
  const Graph g = capture([&](const std::vector<Tensor>& x) { return only(matmul(x[0], w)); }, row, {{"w", w}});
  const Tensor x = randn({3, 6}), other = randn({6, 2}).requires_grad(true);
  const Tensor y = run(g, {&x, 1}, {&other, 1})[0];
  EXPECT_EQ(y.to_vector<float>(), matmul(x, other).to_vector<float>());
  EXPECT_EQ(grad(y.sum(), {other})[0].to_vector<float>(), grad(matmul(x, other).sum(), {other})[0].to_vector<float>());
}

/// A weight that is transposed or scaled before use is computed from the parameter at each run, not frozen.
TEST(Capture, OperationsOnParametersAloneAreRecorded) {
  const Parameter w(randn({2, 6}));
  const Buffer scale(tensor({2.0, 3.0}));
  const NamedTensors named{{"w", w}, {"scale", scale}};
  const auto f = [&](const std::vector<Tensor>& x) {
    return only(matmul(x[0], w.tensor().transpose()) * sqrt(scale + 1.0));
  };
  expect_same(f, row, named);
  const Graph g = capture(f, row, named);
  EXPECT_EQ(g.parameters.size(), 2u);
  const Tensor x = ones({1, 6});
  const std::vector<Tensor> zero{zeros({2, 6}), ones({2})};
  EXPECT_EQ(run(g, {&x, 1}, zero)[0].to_vector<float>(), (std::vector<float>{0, 0}));
}

/// A copied module's buffers hold equal values; the graph must not take one for the other.
TEST(Capture, CopiedBuffersKeepTheirNames) {
  const Buffer a(ones({6})), b(a);
  const Graph g = capture([&](const std::vector<Tensor>& x) { return only(x[0] * a - b); }, row, {{"a", a}, {"b", b}});
  ASSERT_EQ(g.parameters.size(), 2u);
  const Tensor x = full({1, 6}, 5);
  const std::vector<Tensor> values{full({6}, 2), full({6}, 3)};
  EXPECT_EQ(run(g, {&x, 1}, values)[0].to_vector<float>(), (std::vector<float>(6, 7)));
}

TEST(Capture, AResidualGraphWithSeveralInputsAndOutputs) {
  const Parameter w(randn({6, 6}));
  const auto f = [&](const std::vector<Tensor>& x) {
    const Tensor h = x[0] + relu(matmul(x[0], w));
    return std::vector<Tensor>{h + x[1], h.sum({1}), x[0]};
  };
  expect_same(f, {{"x", {{1, 6}, f32}}, {"shift", {{6}, f32}, false}}, {{"w", w}});
}

TEST(Capture, TheBatchSizeStaysOpen) {
  expect_same([](const std::vector<Tensor>& x) { return only(x[0].flatten(1) * 2.0); }, {{"x", image}}, {});
  expect_same([](const std::vector<Tensor>& x) { return only(x[0].reshape({x[0].size(0) * 3, 16})); }, {{"x", image}}, {});
  expect_same([](const std::vector<Tensor>& x) { return only(x[0].flatten()); }, {{"x", image}}, {});
  expect_same([](const std::vector<Tensor>& x) { return only(x[0] + zeros({x[0].size(0), 6})); }, row, {});
  expect_same([](const std::vector<Tensor>& x) { return only(x[0] * arange(x[0].size(0)).unsqueeze(1)); }, row, {});
  expect_same([](const std::vector<Tensor>& x) { return only(x[0].permute({1, 0}).sum({1})); }, row, {});
}

TEST(Capture, ConstantsAreKeptOnce) {
  const Tensor mask = randn({6});
  const auto f = [&](const std::vector<Tensor>& x) { return only((x[0] * 2.0 + mask) * 2.0 + mask + tensor({1, 2, 3, 4, 5, 6})); };
  expect_same(f, row, {});
  EXPECT_EQ(capture(f, row, {}).constants.size(), 3u);
}

TEST(Capture, DeadCodeIsNotKept) {
  const Parameter w(ones({6})), unused(ones({6}));
  const auto f = [&](const std::vector<Tensor>& x) {
    const Tensor dead = exp(x[0] * unused);
    return only(x[0] + w);
  };
  const Graph g = capture(f, row, {{"w", w}, {"unused", unused}});
  EXPECT_EQ(g.nodes.size(), 1u);
  EXPECT_EQ(g.parameters.size(), 1u);
}

TEST(Capture, LeavesNothingBehind) {
  const Parameter w(ones({6}));
  capture([&](const std::vector<Tensor>& x) { return only(x[0] * w * 2.0); }, row, {{"w", w}});
  EXPECT_TRUE(grad_enabled());
  EXPECT_EQ(default_device(), cpu);
  EXPECT_EQ(grad((w.tensor() * 3.0).sum(), {w})[0].to_vector<float>(), (std::vector<float>(6, 3)));
}

TEST(Capture, WhatDependsOnTheBatchSizeNamesTheOperator) {
  const auto captured = [](auto f) { capture([f](const std::vector<Tensor>& x) { return only(f(x[0])); }, row, {}); };
  WEFT_EXPECT_ERROR(captured([](const Tensor& x) { return zeros({x.size(0) + 1}); }), "'full' depends on the batch size");
  WEFT_EXPECT_ERROR(captured([](const Tensor& x) { return x / x.size(0); }), "'div' depends on the batch size");
  WEFT_EXPECT_ERROR(captured([](const Tensor& x) { return x.size(0) == 2 ? exp(x) : log(x); }), "'exp' depends on the batch size");
  WEFT_EXPECT_ERROR(captured([](const Tensor& x) { return x.size(0) == 2 ? exp(x) : exp(exp(x)); }), "'exp' depends on");
  WEFT_EXPECT_ERROR(captured([](const Tensor& x) { return x + rand({6}); }), "'random_uniform' draws random numbers");
  WEFT_EXPECT_ERROR(captured([](const Tensor& x) { return x * x.sum().item(); }), "symbolic");
  const Parameter forgotten(ones({6}));
  WEFT_EXPECT_ERROR(captured([&](const Tensor& x) { return x * forgotten; }), "bears no name");
}

TEST(GraphRun, InputsAndWeightsThatDoNotFitAreErrors) {
  const Parameter w(randn({6, 2}));
  const Graph g = capture([&](const std::vector<Tensor>& x) { return only(matmul(x[0], w)); }, row, {{"w", w}});
  const std::vector<Tensor> p = bind_parameters(g, {{"w", w}});
  const auto with = [&](const Tensor& x) { return run(g, {&x, 1}, p); };
  WEFT_EXPECT_ERROR(with(ones({2, 5})), "input 'x' is f32[2, 5]; expected f32[N, 6]");
  WEFT_EXPECT_ERROR(with(ones({6})), "expected f32[N, 6]");
  WEFT_EXPECT_ERROR(with(ones({2, 6}, {.dtype = f64})), "is f64[2, 6]");
  WEFT_EXPECT_ERROR(with(Tensor()), "undefined");
  WEFT_EXPECT_ERROR(run(g, {}, p), "received 0 inputs");
  WEFT_EXPECT_ERROR(bind_parameters(g, {}), "'w' f32[6, 2] is missing");
  WEFT_EXPECT_ERROR(bind_parameters(g, {{"w", ones({2, 6})}}), "'w' is f32[2, 6], expected f32[6, 2]");
  EXPECT_EQ(with(ones({0, 6}))[0].shape(), (Shape{0, 2}));
}

}  // namespace
}  // namespace weft
