// Compiled convolutional programs: what the passes fuse and how they lay out, held against eager execution.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include <weft/autograd/gradients.h>
#include <weft/base/thread_pool.h>
#include <weft/graph/compile.h>
#include <weft/kernels/cpu_info.h>
#include <weft/ops/ops.h>

namespace weft {
namespace {

using Tensors = std::vector<Tensor>;

Tensor numbers(const Shape& shape, int seed, double scale = 1) {
  Generator g(static_cast<std::uint64_t>(seed));
  return randn(shape, {}, &g) * scale;
}

/// x, and weights with gradients.
Tensors inputs_of(const Tensor& x, std::initializer_list<Shape> weights) {
  Tensors list{x};
  int seed = 1;
  for (const Shape& s : weights) list.push_back(numbers(s, seed++, 0.3).requires_grad(true));
  return list;
}

Tensor total(const Tensor& t) { return (t * t).sum(); }

/// The loss and its gradients for all inputs that want one.
Tensors with_gradients(const Tensor& loss, const Tensors& in) {
  Tensors wanted;
  for (const Tensor& t : in)
    if (t.requires_grad()) wanted.push_back(t);
  Tensors all = grad(loss, wanted);
  all.push_back(loss.detach());
  return all;
}

struct ImageProgram {
  const char* name;
  Tensors in;
  Tensors (*run)(const Tensors& in);
  std::vector<const char*> kernels;  ///< that its plan must hold
};

const Tensor images = numbers({5, 3, 12, 11}, 100), features = numbers({3, 16, 9, 8}, 101);

Tensor shortcut(const Tensors& t) {
  const Tensor h = relu(conv2d(t[0], t[1], std::nullopt, {.padding = 1}));
  const Tensor small = slice(slice(h, 2, 0, slice_end, 2), -1, 1, slice_end, 2);
  return relu(conv2d(h, t[2], std::nullopt, {.stride = 2, .padding = 1}) + pad(small, {0, 4, 0, 0}, {0, 12, 0, 0}));
}

/// In the manner of DenseNet: what was made so far and something more, side by side.
Tensor grown(const Tensors& t) {
  const Tensor h = conv2d(t[0], t[1], std::nullopt, {.padding = 1});
  const Tensor more = concat({h, relu(conv2d(h, t[2], std::nullopt, {.padding = 1}))}, 1);
  return concat({relu(conv2d(more, t[3], std::nullopt, {.padding = 1})), more}, -3) * 2.0;
}

std::vector<ImageProgram> programs() {
  return {
      {"two pooled convolutions", inputs_of(images, {{16, 3, 3, 3}, {16}, {32, 16, 3, 3}, {32}}),
       [](const Tensors& t) {
         Tensor h = max_pool2d(relu(conv2d(t[0], t[1], t[2])), 2);
         return with_gradients(total(max_pool2d(relu(conv2d(h, t[3], t[4], {.padding = 1})), 2)), t);
       },
       {"cpu.conv_block_channels_last", "cpu.conv_block_input_grad_channels_last", "cpu.conv_block_weight_grad_channels_last"}},
      {"pool without relu", inputs_of(features.detach().requires_grad(true), {{16, 16, 3, 3}}),
       [](const Tensors& t) { return with_gradients(total(max_pool2d(conv2d(t[0], t[1], std::nullopt, {.padding = 2}), {3, 2})), t); },
       {"cpu.conv_block_channels_last", "cpu.conv_block_weight_grad_channels_last"}},
      {"overlapping pool", inputs_of(features, {{16, 16, 3, 3}, {16}}),
       [](const Tensors& t) { return with_gradients(total(max_pool2d(relu(conv2d(t[0], t[1], t[2])), 3, {.stride = 2})), t); },
       {"cpu.conv_block_channels_last", "cpu.conv_weight_grad_channels_last"}},
      {"average pools", inputs_of(features, {{32, 16, 3, 3}, {32}, {16, 32, 2, 2}, {16}}),
       [](const Tensors& t) {
         const Tensor h = avg_pool2d(tanh(conv2d(t[0], t[1], t[2])), 3, {.stride = 2, .padding = 1});
         return with_gradients(total(avg_pool2d(conv2d(h, t[3], t[4]), 2)), t);
       },
       {"cpu.avg_pool_channels_last", "cpu.avg_pool_grad_channels_last"}},
      {"batch norm, residual and mean", inputs_of(features, {{16, 16, 3, 3}, {16}, {16}, {16, 16, 1, 1}}),
       [](const Tensors& t) {
         const auto normed = batch_norm_train(conv2d(t[0], t[1], std::nullopt, {.padding = 1}), t[2], t[3]);
         const Tensor h = relu(normed.y + conv2d(relu(batch_norm_train(conv2d(t[0], t[4]) * 2.0, t[3], t[2]).y), t[4]));
         return with_gradients(total(h.mean({2, 3}) * 2.0) + total(h.sum({0, 2, 3})) * 1e-3, t);
       },
       {"cpu.batch_norm_channels_last", "cpu.batch_norm_grad_channels_last", "cpu.batch_norm_relu_channels_last",
        "cpu.batch_norm_relu_grad_channels_last", "cpu.conv_weight_grad_channels_last"}},
      {"strides, other layouts and a held feature map", inputs_of(features, {{32, 16, 3, 3}, {16, 32, 2, 2}}),
       [](const Tensors& t) {
         const Tensor map = conv2d(t[0], t[1], std::nullopt, {.stride = 2, .padding = 1});
         const Tensor flat = relu(map).reshape({3, -1});
         const Tensor wide = conv_transpose2d(slice(map, 1, 0, 32), t[2].transpose(0, 1), std::nullopt, {.stride = 2});
         Tensors all = with_gradients(total(flat) + total(wide) + total(cumsum(map.transpose(1, 3), 1)) * 1e-2, t);
         all.push_back(map.detach());
         return all;
       },
       {"cpu.conv_channels_last", "cpu.conv_input_grad_channels_last"}},
      {"a shortcut of every second pixel with channels added", inputs_of(features, {{16, 16, 3, 3}, {32, 16, 3, 3}}),
       [](const Tensors& t) { return with_gradients(total(shortcut(t)), t); },
       {"cpu.pad", "cpu.slice_update"}},
      {"concatenated channels", inputs_of(features, {{16, 16, 3, 3}, {16, 16, 3, 3}, {16, 32, 3, 3}}),
       [](const Tensors& t) { return with_gradients(total(grown(t)), t); },
       {"cpu.concat"}},
      {"sequences", inputs_of(numbers({4, 16, 21}, 102), {{16, 16, 3}, {16}}),
       [](const Tensors& t) { return with_gradients(total(max_pool1d(relu(conv1d(t[0], t[1], t[2])), 2)), t); },
       {"cpu.conv_block_channels_last"}},
  };
}

void expect_near(const Tensors& got, const Tensors& want, const std::string& what) {
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_EQ(got[i].shape(), want[i].shape()) << what;
    const auto a = got[i].to_vector<float>(), b = want[i].to_vector<float>();
    double scale = 0, error = 0;
    for (std::size_t k = 0; k < a.size(); ++k) {
      scale = std::max(scale, std::fabs(static_cast<double>(b[k])));
      error = std::max(error, std::fabs(static_cast<double>(a[k]) - static_cast<double>(b[k])));
    }
    EXPECT_LE(error, 2e-5 * scale) << what << ", value " << i;
  }
}

TEST(CompiledImages, GiveWhatEagerGivesWithFusedKernels) {
  for (const ImageProgram& p : programs()) {
    const Tensors want = p.run(p.in);
    auto compiled = compile(p.run);
    for (int call = 0; call < 3; ++call) expect_near(compiled(p.in), want, p.name);
    EXPECT_EQ(compiled.stats().replayed, 2) << p.name;
    const std::string plan = compiled.describe();
    for (const char* kernel : p.kernels) EXPECT_NE(plan.find(kernel), plan.npos) << p.name << ": no " << kernel << " in\n" << plan;
  }
}

/// How many copies a plan makes.
template <class F> int copies(const F& f, const Tensors& in) {
  auto compiled = compile(f);
  compiled(in);
  const std::string plan = compiled.describe(), copy = "cpu.contiguous";
  int count = 0;
  for (auto at = plan.find(copy); at != plan.npos; at = plan.find(copy, at + 1)) ++count;
  return count;
}

TEST(CompiledImages, StayChannelsLastThroughStridedShortcuts) {
  const auto f = [](const Tensors& t) { return with_gradients(total(shortcut(t)), t); };
  EXPECT_EQ(copies(f, inputs_of(features, {{16, 16, 3, 3}, {32, 16, 3, 3}})), 1);  // the input
}

TEST(CompiledImages, SequencesThatAreNoImagesStayAsTheyLie) {
  const Tensors in = inputs_of(numbers({4, 6, 8}, 5), {{8, 8}});
  const auto f = [](const Tensors& t) { return with_gradients(total(relu(matmul(relu(matmul(t[0], t[1])), t[1])).mean({1})), t); };
  EXPECT_EQ(copies(f, in), 0);
}

TEST(CompiledImages, StayChannelsLastThroughConcatenations) {
  const auto f = [](const Tensors& t) { return with_gradients(total(grown(t)), t); };
  EXPECT_EQ(copies(f, inputs_of(features, {{16, 16, 3, 3}, {16, 16, 3, 3}, {16, 32, 3, 3}})), 1);
}

TEST(CompiledImages, GiveTheSameBitsForAnyNumberOfThreads) {
  const int before = num_threads();
  for (const ImageProgram& p : programs()) {
    std::vector<std::vector<float>> want;
    for (int threads : {1, 2, 3, 7}) {
      set_num_threads(threads);
      auto compiled = compile(p.run);
      const Tensors got = compiled(p.in);
      for (std::size_t i = 0; i < got.size(); ++i) {
        if (threads == 1) want.push_back(got[i].to_vector<float>());
        else EXPECT_EQ(got[i].to_vector<float>(), want[i]) << p.name << " on " << threads << " threads";
      }
    }
  }
  set_num_threads(before);
}

TEST(CompiledImages, KeepNaNAndTheFirstOfEqualElements) {
  const auto f = [](const Tensors& t) {
    return Tensors{max_pool2d(relu(conv2d(t[0], t[1], t[2])), 2)};
  };
  std::vector<float> values = numbers({2, 16, 8, 8}, 5).to_vector<float>();
  values[1300] = std::numeric_limits<float>::quiet_NaN();
  const Tensor x = tensor_of(values, {2, 16, 8, 8});
  auto compiled = compile(f);
  const Tensors in{x, numbers({16, 16, 3, 3}, 6), numbers({16}, 7)}, want = f(in), got = compiled(in);
  const auto a = got[0].to_vector<float>(), b = want[0].to_vector<float>();
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_EQ(std::isnan(a[i]), std::isnan(b[i])) << i;
  // A gradient that is NaN reaches all weights that it reaches in eager execution.
  const auto from_nan = [](const Tensors& t) {
    return with_gradients((max_pool2d(relu(conv2d(t[0], t[1], t[2])), 2) * t[3]).sum(), t);
  };
  std::vector<float> factors(2 * 16 * 3 * 3, 1.0f);
  factors[40] = std::numeric_limits<float>::quiet_NaN();
  const Tensors odd{numbers({2, 16, 8, 8}, 5).requires_grad(true), numbers({16, 16, 3, 3}, 6).requires_grad(true),
                    (numbers({16}, 7) + 100.0).detach(), tensor_of(factors, {2, 16, 3, 3})};
  auto compiled_nan = compile(from_nan);
  const Tensors nan_want = from_nan(odd), nan_got = compiled_nan(odd);
  const auto weights = nan_got[1].to_vector<float>(), eager_weights = nan_want[1].to_vector<float>();
  std::int64_t lost = 0, reached = 0;
  for (std::size_t k = 0; k < weights.size(); ++k) {
    reached += std::isnan(weights[k]);
    lost += std::isnan(eager_weights[k]) && !std::isnan(weights[k]);
  }
  EXPECT_EQ(lost, 0);
  EXPECT_GE(reached, 9 * 16);
  // All results equal: the gradient goes to the first of each window, as in eager execution.
  const Tensors flat{ones({1, 16, 6, 6}).requires_grad(true), ones({16, 16, 3, 3})};
  const auto g = [](const Tensors& t) { return with_gradients(max_pool2d(relu(conv2d(t[0], t[1])), 2).sum(), t); };
  auto compiled_g = compile(g);
  expect_near(compiled_g(flat), g(flat), "equal elements");
}

TEST(CompiledImages, FoldFixedStatisticsIntoTheConvolution) {
  const auto f = [](const Tensors& t) {
    const Tensor var = t[2] * t[2] + 0.5;
    const Tensor h = relu(batch_norm(conv2d(t[0], t[1], t[2], {.padding = 1}), t[3], var, t[4], t[2], 1e-3));
    return Tensors{batch_norm(conv2d(h, t[1]), t[4], var)};
  };
  const Tensors in{features, numbers({16, 16, 3, 3}, 1), numbers({16}, 2), numbers({16}, 3), numbers({16}, 4)};
  auto compiled = compile(f);
  for (int call = 0; call < 2; ++call) expect_near(compiled(in), f(in), "folded");
  const std::string plan = compiled.describe();
  EXPECT_NE(plan.find("cpu.conv_block_channels_last"), plan.npos) << plan;
  EXPECT_EQ(plan.find("cpu.mul -> f32[3, "), plan.npos) << "numbers a channel meet the image in\n" << plan;
  EXPECT_EQ(plan.find("cpu.add -> f32[3, "), plan.npos) << plan;
}

TEST(CompiledImages, DoNotFoldIntoAConvolutionThatSomebodyHoldsOrNumbersOfAnotherShape) {
  const auto f = [](const Tensors& t) {
    const Tensor held = conv2d(t[0], t[1]), other = conv2d(t[0], t[1], std::nullopt, {.padding = 1});
    return Tensors{held, batch_norm(held, t[2], t[2] * t[2] + 1.0), other * t[3] + t[3]};
  };
  const Tensors in{features, numbers({16, 16, 3, 3}, 1), numbers({16}, 2), numbers({1, 1, 9, 8}, 3)};
  auto compiled = compile(f);
  for (int call = 0; call < 2; ++call) expect_near(compiled(in), f(in), "not folded");
}

TEST(CompiledImages, KeepWhatSomebodyHolds) {
  const auto f = [](const Tensors& t) {
    const Tensor c = conv2d(t[0], t[1]), r = relu(c);
    return Tensors{c, r, max_pool2d(r, 2)};
  };
  const Tensors in{features, numbers({16, 16, 3, 3}, 3)};
  auto compiled = compile(f);
  expect_near(compiled(in), f(in), "held");
  for (const Tensor& t : compiled(in)) EXPECT_TRUE(t.is_contiguous());
}

/// Largest difference over the largest value.
double relative_error(const Tensor& got, const Tensor& want) {
  return amax(abs(got - want)).item() / std::max(1e-12, static_cast<double>(amax(abs(want)).item()));
}

TEST(CompiledImages, MultiplyInBf16WhereThatIsAskedFor) {
  for (const ImageProgram& p : programs()) {
    const Tensors want = p.run(p.in);
    auto compiled = compile(p.run, {.precision = Precision::bf16});
    Tensors got;
    for (int call = 0; call < 3; ++call) got = compiled(p.in);
    EXPECT_EQ(compiled.stats().replayed, 2) << p.name;
    double most = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
      EXPECT_EQ(got[i].dtype(), f32) << p.name;
      const double error = relative_error(got[i], want[i]);
      EXPECT_LE(error, 0.1) << p.name << ", value " << i;
      most = std::max(most, error);
    }
    const bool rounds = compiled.describe().find("_bf16") != std::string::npos;
    EXPECT_EQ(rounds, bf16_products()) << p.name << ":\n" << compiled.describe();
    if (rounds) EXPECT_GE(most, 1e-4) << p.name << ": nothing is rounded";
    else expect_near(got, want, p.name);
  }
}

TEST(CompiledImages, GiveTheSameBitsInBf16ForAnyNumberOfThreads) {
  const int before = num_threads();
  for (const ImageProgram& p : programs()) {
    std::vector<std::vector<float>> want;
    for (int threads : {1, 2, 3, 7}) {
      set_num_threads(threads);
      auto compiled = compile(p.run, {.precision = Precision::bf16});
      std::vector<std::vector<float>> got;
      for (const Tensor& t : compiled(p.in)) got.push_back(t.to_vector<float>());
      if (want.empty()) want = got;
      EXPECT_EQ(got, want) << p.name << " on " << threads << " threads";
    }
  }
  set_num_threads(before);
}

}  // namespace
}  // namespace weft
