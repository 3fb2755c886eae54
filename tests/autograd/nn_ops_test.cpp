// Neural-network operations and their gradients against PyTorch and TensorFlow.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string_view>

#include <weft/autograd/gradients.h>
#include <weft/ops/ops.h>

#include "nn_figures.h"

namespace weft::testing {
namespace {

/// The numbers that nn_figures.py's values() gives.
Tensor fill(const Shape& shape, std::int64_t seed, DType dtype = f64) {
  std::vector<double> v;
  for (std::int64_t i = 0; i < shape.numel(); ++i)
    v.push_back(static_cast<double>((i * 7919 + seed * 104729) % 2003) / 1000.0 - 1.0);
  return tensor_of(v, shape, {.dtype = dtype});
}

const Figures& figures_of(std::string_view name) {
  for (const Figures& f : figures)
    if (f.name == name) return f;
  fail("no figures named ", name);
}

/// Compares f(inputs) and its gradients with the figures of that name, in f64 and in f32.
void expect_figures(std::string_view name, const std::vector<Tensor>& inputs,
                    const std::function<Tensor(const std::vector<Tensor>&)>& f) {
  const Figures& want = figures_of(name);
  for (DType dtype : {f64, f32}) {
    const double tolerance = dtype == f64 ? 1e-12 : 2e-5;
    std::vector<Tensor> leaves;
    for (const Tensor& t : inputs) leaves.push_back(t.to(dtype).detach().requires_grad(true));
    const Tensor y = f(leaves);
    ASSERT_EQ(y.shape(), want.shape) << name;
    const Tensor loss = sum(y * fill(y.shape(), 99, dtype));
    const auto close = [&](double got, double expected, double size, const char* what) {
      EXPECT_NEAR(got, expected, tolerance * (1 + std::fabs(expected) + std::sqrt(size))) << name << ": " << what << " in " << name_of(dtype);
    };
    close(loss.item(), want.dots[0], static_cast<double>(y.numel()), "result");
    const auto gradients = grad(loss, leaves);
    for (std::size_t i = 0; i < gradients.size() && i + 1 < want.dots.size(); ++i) {
      ASSERT_EQ(gradients[i].shape(), inputs[i].shape()) << name;
      close(sum(gradients[i] * fill(gradients[i].shape(), 99, dtype)).item(), want.dots[i + 1],
            static_cast<double>(y.numel()), "gradient");
    }
  }
}

using Inputs = std::vector<Tensor>;

void expect_conv(std::string_view name, Tensor (*conv)(Operand, Operand, Operand, const ConvOptions&), const Shape& x,
                 const Shape& w, const ConvOptions& options) {
  expect_figures(name, {fill(x, 1), fill(w, 2), fill({w[0]}, 3)},
                 [&](const Inputs& in) { return conv(in[0], in[1], in[2], options); });
}

TEST(NnFigures, Convolution) {
  expect_conv("conv1d", &conv1d, {2, 3, 11}, {4, 3, 3}, {.stride = 2, .padding = 1, .dilation = 2});
  expect_conv("conv2d", &conv2d, {3, 4, 9, 8}, {6, 4, 3, 3}, {});
  expect_conv("conv2d strided", &conv2d, {2, 4, 9, 8}, {6, 2, 3, 2},
              {.stride = {2, 1}, .padding = {1, 2}, .dilation = {1, 2}, .groups = 2});
  expect_conv("conv2d depthwise", &conv2d, {2, 16, 7, 7}, {16, 1, 3, 3}, {.padding = 1, .groups = 16});
  expect_conv("conv3d", &conv3d, {2, 2, 5, 6, 4}, {3, 2, 2, 3, 3}, {.stride = {1, 2, 1}, .padding = 1});
}

TEST(NnFigures, PaddingSameIsTensorFlows) {
  const auto conv = [](std::int64_t stride) {
    return [stride](const Inputs& in) {
      return conv2d(in[0], in[1], std::nullopt, {.stride = stride, .padding = "same"});
    };
  };
  expect_figures("same 2", {fill({2, 3, 8, 7}, 1), fill({4, 3, 3, 2}, 2)}, conv(2));
  expect_figures("same 3", {fill({2, 3, 10, 6}, 1), fill({4, 3, 4, 5}, 2)}, conv(3));
  expect_figures("same avg_pool", {fill({2, 3, 8, 7}, 1)}, [](const Inputs& in) {
    return avg_pool2d(in[0], 3, {.stride = 2, .padding = "same", .count_include_pad = false});
  });
}

TEST(NnFigures, TransposedConvolution) {
  expect_figures("conv_transpose1d", {fill({2, 3, 5}, 1), fill({3, 4, 4}, 2), fill({4}, 3)}, [](const Inputs& in) {
    return conv_transpose1d(in[0], in[1], in[2], {.stride = 2, .padding = 1});
  });
  expect_figures("conv_transpose2d", {fill({2, 4, 5, 4}, 1), fill({4, 3, 3, 2}, 2), fill({6}, 3)}, [](const Inputs& in) {
    return conv_transpose2d(in[0], in[1], in[2], {.stride = {2, 3}, .padding = {1, 0}, .output_padding = {1, 2}, .groups = 2});
  });
  expect_figures("conv_transpose2d dilated", {fill({2, 3, 5, 4}, 1), fill({3, 2, 3, 3}, 2), fill({2}, 3)}, [](const Inputs& in) {
    return conv_transpose2d(in[0], in[1], in[2], {.stride = 2, .padding = 1, .dilation = 2});
  });
}

void expect_unary(std::string_view name, const Shape& shape, const std::function<Tensor(const Tensor&)>& f) {
  expect_figures(name, {fill(shape, 1)}, [&](const Inputs& in) { return f(in[0]); });
}

TEST(NnFigures, MaxPooling) {
  expect_unary("max_pool1d", {2, 3, 9}, [](const Tensor& x) { return max_pool1d(x, 3, {.stride = 2, .padding = 1}); });
  expect_unary("max_pool2d", {2, 3, 9, 12}, [](const Tensor& x) { return max_pool2d(x, 2); });
  expect_unary("max_pool2d padded", {2, 3, 8, 7},
               [](const Tensor& x) { return max_pool2d(x, {3, 2}, {.stride = {{2, 1}}, .padding = {1, 0}}); });
  expect_unary("max_pool2d dilated", {2, 3, 6, 7}, [](const Tensor& x) { return max_pool2d(x, 2, {.stride = 1, .dilation = 2}); });
  expect_unary("max_pool2d ceil", {2, 3, 8, 7},
               [](const Tensor& x) { return max_pool2d(x, 3, {.stride = 2, .padding = 1, .ceil_mode = true}); });
  expect_unary("max_pool3d", {2, 3, 4, 5, 6}, [](const Tensor& x) { return max_pool3d(x, 2); });
}

TEST(NnFigures, AveragePooling) {
  expect_unary("avg_pool1d", {2, 3, 9}, [](const Tensor& x) { return avg_pool1d(x, 4, {.stride = 2}); });
  expect_unary("avg_pool2d", {2, 3, 8, 7}, [](const Tensor& x) { return avg_pool2d(x, 3, {.stride = 2, .padding = 1}); });
  expect_unary("avg_pool2d uncounted", {2, 3, 8, 7}, [](const Tensor& x) {
    return avg_pool2d(x, 3, {.stride = 2, .padding = 1, .count_include_pad = false});
  });
  expect_unary("avg_pool2d ceil", {2, 3, 8, 10},
               [](const Tensor& x) { return avg_pool2d(x, 3, {.stride = 2, .padding = 1, .ceil_mode = true}); });
  expect_unary("avg_pool3d", {2, 3, 4, 5, 6}, [](const Tensor& x) { return avg_pool3d(x, 2); });
  expect_unary("adaptive_avg_pool1d", {2, 3, 10}, [](const Tensor& x) { return adaptive_avg_pool1d(x, 4); });
  expect_unary("adaptive_avg_pool2d", {2, 3, 7, 10}, [](const Tensor& x) { return adaptive_avg_pool2d(x, {3, 5}); });
  expect_unary("adaptive_avg_pool2d even", {2, 3, 6, 4}, [](const Tensor& x) { return adaptive_avg_pool2d(x, 2); });
}

TEST(NnFigures, Normalisation) {
  const auto norm = [](const char* name, const Shape& x, const Shape& affine, auto f) {
    expect_figures(name, {fill(x, 1), fill(affine, 2), fill(affine, 3)}, f);
  };
  norm("batch_norm train", {5, 3, 4, 2}, {3}, [](const Inputs& in) { return batch_norm_train(in[0], in[1], in[2], 1e-3).y; });
  norm("batch_norm flat", {7, 4}, {4}, [](const Inputs& in) { return batch_norm_train(in[0], in[1], in[2]).y; });
  norm("batch_norm eval", {5, 3, 4, 2}, {3}, [](const Inputs& in) {
    const DType t = in[0].dtype();
    return batch_norm(in[0], fill({3}, 4, t), abs(fill({3}, 5, t)) + 0.5, in[1], in[2]);
  });
  norm("layer_norm", {2, 3, 4, 6}, {4, 6}, [](const Inputs& in) { return layer_norm(in[0], {4, 6}, in[1], in[2]); });
  norm("group_norm", {3, 6, 4, 2}, {6}, [](const Inputs& in) { return group_norm(in[0], 2, in[1], in[2]); });
  norm("instance_norm", {3, 6, 4, 5}, {6}, [](const Inputs& in) { return instance_norm(in[0], in[1], in[2]); });
  norm("rms_norm", {5, 37}, {37}, [](const Inputs& in) { return rms_norm(in[0], {37}, in[1], 1e-6) + in[2] * 0.0; });
}

TEST(NnFigures, SoftmaxAndCrossEntropy) {
  expect_unary("softmax", {3, 5, 4}, [](const Tensor& x) { return softmax(x, 1); });
  expect_unary("log_softmax", {3, 5, 40}, [](const Tensor& x) { return log_softmax(x); });
  const auto entropy = [](const Tensor& labels, CrossEntropyOptions o, bool weighted = false) {
    return [=](const Tensor& x) mutable {
      if (weighted) o.weight = abs(fill({5}, 6, x.dtype()));
      return softmax_cross_entropy(x, labels, o);
    };
  };
  expect_unary("cross_entropy", {4, 5}, entropy(tensor({0, 4, 2, 2}), {}));
  expect_unary("cross_entropy smooth", {4, 5}, entropy(tensor({0, 4, -100, 2}), {.label_smoothing = 0.2}));
  expect_unary("cross_entropy weighted", {4, 5}, entropy(tensor({0, 4, 1, 2}), {.ignore_index = 1, .label_smoothing = 0.1}, true));
  expect_unary("cross_entropy pixels", {2, 3, 2, 2}, entropy(tensor({0, 1, 2, 1, 1, 0, 0, 2}).reshape({2, 2, 2}), {}));
}

TEST(NnFigures, ResizingAndEmbedding) {
  const auto resize = [](const InterpolateOptions& o) { return [=](const Tensor& x) { return interpolate(x, o); }; };
  expect_unary("nearest", {2, 3, 4, 6}, resize({.size = {{7, 5}}}));
  expect_unary("nearest scaled", {2, 3, 4, 6}, resize({.scale = {2}}));
  expect_unary("bilinear", {2, 3, 4, 6}, resize({.size = {{7, 5}}, .mode = "bilinear"}));
  expect_unary("bilinear scaled", {2, 3, 4, 6}, resize({.scale = {2.5}, .mode = "bilinear"}));
  expect_unary("bilinear corners", {2, 3, 4, 6}, resize({.size = {{7, 5}}, .mode = "linear", .align_corners = true}));
  expect_unary("trilinear", {1, 2, 3, 4, 6}, resize({.size = {{4, 7, 5}}, .mode = "linear"}));
  expect_unary("pixel_shuffle", {2, 8, 3, 4}, [](const Tensor& x) { return pixel_shuffle(x, 2); });
  expect_unary("pixel_unshuffle", {2, 3, 4, 6}, [](const Tensor& x) { return pixel_unshuffle(x, 2); });
  expect_figures("embedding", {fill({6, 3}, 2)}, [](const Inputs& in) {
    return embedding(tensor({{1, 5, 0}, {5, 2, 2}}), in[0], 2);
  });
}

/// Gradients of a small convolutional network of second order: the derivative of |dL/dw|^2, by finite differences.
TEST(NnGradients, OfSecondOrderThroughAConvolutionalNetwork) {
  const Tensor x = fill({3, 2, 8, 8}, 1), labels = tensor({1, 0, 3});
  const auto penalty = [&](const Tensor& w, bool differentiate) {
    const Tensor leaf = w.requires_grad(true);
    const Tensor y = batch_norm_train(max_pool2d(conv2d(x, leaf, Tensor(), {.padding = 1}), 2)).y;
    const Tensor loss = sum(softmax_cross_entropy(global_avg_pool(y * y), labels));
    const Tensor g = grad(loss, {leaf}, {.create_graph = true})[0];
    const Tensor size = sum(g * g);
    return differentiate ? grad(size, {leaf})[0] : size;
  };
  const Tensor w = fill({4, 2, 3, 3}, 2);
  const auto got = penalty(w, true).to_vector<double>();
  const auto base = w.to_vector<double>();
  for (std::size_t i : {0u, 7u, 30u, 71u}) {
    const auto at = [&](double step) {
      auto v = base;
      v[i] += step;
      return penalty(tensor_of(v, w.shape()), false).item();
    };
    const double h = 1e-5, numeric = (at(h) - at(-h)) / (2 * h);
    EXPECT_NEAR(got[i], numeric, 1e-6 * (1 + std::fabs(numeric))) << i;
  }
}

}  // namespace
}  // namespace weft::testing
