// Neural-network operations on the cpu: against double loops, the same bits for any number of threads, the choice of
// kernel, and errors. Figures of PyTorch and gradients: tests/autograd/nn_ops_test.cpp.
#include <cmath>

#include "support/errors.h"
#include "support/operator_cases.h"

#include <weft/base/thread_pool.h>
#include <weft/opdefs/conv.h>
#include <weft/opdefs/norm.h>
#include <weft/opdefs/pool.h>

namespace weft::testing {
namespace {

Tensor random_tensor(const Shape& shape, std::uint64_t seed, DType dtype = f32) {
  Generator g(seed);
  return randn(shape, {.dtype = dtype, .device = cpu}, &g);
}

/// A convolution of the tutorial network, and others that take other paths.
struct Layer {
  std::int64_t batch, in, out, size, kernel, stride, pad, groups;
  op::Conv op() const { return {{stride, stride}, {pad, pad}, {pad, pad}, {1, 1}, groups}; }
  Tensor x(DType t = f32) const { return random_tensor({batch, in, size, size}, 1, t); }
  Tensor w(DType t = f32) const { return random_tensor({out, in / groups, kernel, kernel}, 2, t); }
  Tensor b(DType t = f32) const { return random_tensor({out}, 3, t); }
};
const Layer layers[] = {{32, 3, 32, 32, 3, 1, 0, 1}, {32, 32, 64, 15, 3, 1, 0, 1}, {32, 64, 64, 6, 3, 1, 0, 1},
                        {13, 5, 7, 11, 3, 2, 1, 1},  {9, 16, 32, 8, 1, 2, 0, 1},   {5, 24, 24, 9, 3, 1, 1, 24},
                        {27, 8, 12, 7, 5, 1, 2, 4},  {1, 6, 4, 40, 7, 3, 3, 1}};

/// y[n, o, p, q] by its definition.
std::vector<double> conv_by_loops(const Layer& l, const std::vector<double>& x, const std::vector<double>& w,
                                  const std::vector<double>& b) {
  const auto out = (l.size + 2 * l.pad - l.kernel) / l.stride + 1, per_group = l.in / l.groups;
  const auto at = [](std::int64_t a, std::int64_t n1, std::int64_t bb, std::int64_t n2, std::int64_t c, std::int64_t n3,
                     std::int64_t d) { return static_cast<std::size_t>(((a * n1 + bb) * n2 + c) * n3 + d); };
  std::vector<double> y;
  for (std::int64_t n = 0; n < l.batch; ++n)
    for (std::int64_t o = 0; o < l.out; ++o)
      for (std::int64_t p = 0; p < out; ++p)
        for (std::int64_t q = 0; q < out; ++q) {
          double total = b[static_cast<std::size_t>(o)];
          for (std::int64_t c = 0; c < per_group; ++c)
            for (std::int64_t i = 0; i < l.kernel; ++i)
              for (std::int64_t j = 0; j < l.kernel; ++j) {
                const auto h = p * l.stride + i - l.pad, v = q * l.stride + j - l.pad;
                if (h < 0 || v < 0 || h >= l.size || v >= l.size) continue;
                total += x[at(n, l.in, o / (l.out / l.groups) * per_group + c, l.size, h, l.size, v)] *
                         w[at(o, per_group, c, l.kernel, i, l.kernel, j)];
              }
          y.push_back(total);
        }
  return y;
}

TEST(Convolution, IsItsDefinition) {
  for (const Layer& l : layers) {
    if (l.batch * l.size > 400) continue;  // small ones: the loops are slow
    const auto want = conv_by_loops(l, l.x(f64).to_vector<double>(), l.w(f64).to_vector<double>(), l.b(f64).to_vector<double>());
    const ConvOptions o{.stride = l.stride, .padding = l.pad, .groups = l.groups};
    for (DType t : {f64, f32}) {
      const auto got = conv2d(l.x(f64).to(t), l.w(f64).to(t), l.b(f64).to(t), o).to_vector<double>();
      ASSERT_EQ(got.size(), want.size());
      for (std::size_t i = 0; i < got.size(); ++i)
        ASSERT_TRUE(close(got[i], want[i], t == f64 ? 1e-12 : 2e-5)) << i << ": " << got[i] << " instead of " << want[i];
    }
  }
}

/// Every implementation of an operator that takes these inputs agrees with every other.
template <class Op> void expect_implementations_agree(const Op& op, const std::vector<Tensor>& inputs, double factor, int least) {
  const OpInfo& info = info_of<Op>();
  OpCase c{Attrs(info, &op), {}};
  std::vector<Tensor> first, got;
  std::string name;
  int found = 0;
  for (const Kernel& k : kernels_of(info, DeviceType::cpu)) {
    if (k.name.starts_with("ref.") || k.precision != Precision::f32 || !run_kernel(info, c, k, inputs, got)) continue;
    if (found++ == 0) {
      first = got;
      name = k.name;
    } else {
      expect_close(got, first, factor, k.name + " against " + name);
    }
  }
  EXPECT_GE(found, least) << info.name;
}

TEST(Convolution, ImplementationsAgree) {
#ifdef WEFT_WITH_ONEDNN
  const int least = 2;
#else
  const int least = 1;
#endif
  for (const Layer& l : layers) {
    const op::Conv conv = l.op();
    const Tensor x = l.x(), w = l.w(), y = apply(conv, x, w);
    expect_implementations_agree(conv, {x, w, l.b()}, 20, 1);
    expect_implementations_agree(op::conv_detail::conv_input_grad(conv, x.shape()), {y, w}, 200, 1);
    expect_implementations_agree(op::conv_detail::conv_weight_grad(conv, w.shape()), {x, y}, 2000, 1);
  }
  const Layer& l = layers[1];
  expect_implementations_agree(l.op(), {l.x(), l.w()}, 20, least);
}

TEST(NnOps, GiveTheSameBitsForAnyNumberOfThreads) {
  const auto all = [] {
    std::vector<Tensor> results;
    for (DType t : {f32, f64})
      for (const Layer& l : layers) {
        const op::Conv conv = l.op();
        const Tensor x = l.x(t), w = l.w(t), y = apply(conv, x, w, l.b(t));
        results.push_back(y);
        results.push_back(apply(op::conv_detail::conv_input_grad(conv, x.shape()), y, w));
        results.push_back(apply(op::conv_detail::conv_weight_grad(conv, w.shape()), x, y));
        results.push_back(max_pool2d(x, 2));
        results.push_back(avg_pool2d(x, 3, {.stride = 1, .padding = 1}));
        const BatchNormResult norm = batch_norm_train(x);
        for (const Tensor& v : {norm.y, norm.mean, norm.var}) results.push_back(v);
        for (const Tensor& v : apply_all(op::BatchNormGrad{}, x, norm.y * x, norm.mean, norm.var)) results.push_back(v);
        results.push_back(layer_norm(x, {l.size, l.size}));
      }
    return results;
  };
  const int before = num_threads();
  set_num_threads(1);
  const auto want = all();
  for (int n : {2, 3, 4, 7}) {
    set_num_threads(n);
    expect_same_bits(all(), want, std::to_string(n) + " threads");
  }
  set_num_threads(before);
}

/// The name of the kernel that would run.
template <class Op> std::string chosen(const Op& op, const std::vector<Tensor>& inputs) {
  std::vector<TensorView> in, out;
  std::vector<Meta> metas;
  for (const Tensor& t : inputs) {
    in.push_back(view_of(t));
    metas.push_back(t.meta());
  }
  std::vector<Tensor> results;
  for (const Meta& m : info_of<Op>().infer(&op, metas)) results.push_back(allocate_tensor(m, cpu));
  for (const Tensor& t : results) out.push_back(view_of(t));
  return select_kernel(DeviceType::cpu, {info_of<Op>(), &op, in, out}).name;
}

TEST(NnOps, RunFastKernels) {
  const Layer& l = layers[1];
#ifdef WEFT_WITH_ONEDNN
  EXPECT_EQ(chosen(l.op(), {l.x(), l.w()}), "onednn.conv");
#else
  EXPECT_EQ(chosen(l.op(), {l.x(), l.w()}), "cpu.conv");
#endif
  EXPECT_EQ(chosen(l.op(), {l.x(f64), l.w(f64)}), "cpu.conv");
  EXPECT_EQ(chosen(l.op(), {l.x(f16), l.w(f16)}), "ref.conv");
  EXPECT_EQ(chosen(op::MaxPool{{2, 2}, {2, 2}, {0, 0}, {0, 0}, {1, 1}}, {l.x()}), "cpu.max_pool");
  EXPECT_EQ(chosen(op::BatchNorm{}, {l.x()}), "cpu.batch_norm");
}

TEST(Pooling, ImplementationsAgreeOnOddSizes) {
  for (const Shape& s : {Shape{3, 2, 9, 33}, Shape{2, 3, 2, 2}, Shape{1, 4, 31, 7}, Shape{2, 2, 16, 18}})
    for (DType t : {f32, f64}) {
      const Tensor x = random_tensor(s, 5, t);
      const Tensor reference = max_pool2d(x.to(ref()), 2).to(cpu), y = max_pool2d(x, 2);
      expect_same_bits({y}, {reference}, to_string(static_cast<const Dims&>(s)));
      expect_close({avg_pool2d(x, 2)}, {avg_pool2d(x.to(ref()), 2).to(cpu)}, 1, "avg_pool");
    }
}

TEST(Pooling, NaNWins) {
  const double nan = std::nan("");
  for (DType t : {f32, f64}) {
    std::vector<double> v(2 * 16, 1.0);
    v[3] = nan;
    v[17] = nan;
    v[16] = 9;
    const auto y = max_pool2d(tensor_of(v, {1, 1, 2, 16}, {.dtype = t}), 2).to_vector<double>();
    EXPECT_TRUE(std::isnan(y[1]));
    EXPECT_TRUE(std::isnan(y[0]));
    EXPECT_EQ(y[2], 1);
  }
}

TEST(Pooling, TakesADimensionOfSizeZero) {
  EXPECT_EQ(max_pool2d(zeros({0, 3, 4, 4}), 2).shape(), (Shape{0, 3, 2, 2}));
  EXPECT_EQ(conv2d(zeros({0, 3, 4, 4}), zeros({5, 3, 3, 3})).shape(), (Shape{0, 5, 2, 2}));
}

TEST(NnErrors, SayWhatCameAndWhatWasExpected) {
  const Tensor x = zeros({2, 3, 8, 8});
  expect_error([&] { conv2d(x, zeros({4, 5, 3, 3})); }, "conv", "3 channels", "expects 5");
  expect_error([&] { conv2d(zeros({3, 8, 8}), zeros({4, 3, 3, 3})); }, "conv2d", "[3, 8, 8]", "[N, C, H, W]", "unsqueeze");
  expect_error([&] { conv2d(x, zeros({4, 3, 9, 9})); }, "[9, 9]", "larger than the image [8, 8]");
  expect_error([&] { conv2d(x, zeros({4, 3, 3, 3}), zeros({3})); }, "bias [3]", "expected [4]");
  expect_error([&] { conv2d(x, zeros({4, 3, 3, 3}), Tensor(), {.padding = "sane"}); }, "'sane'", "did you mean 'same'");
  expect_error([&] { conv2d(x, zeros({4, 3, 3, 3}), Tensor(), {.stride = {1, 2, 3}}); }, "stride", "[1, 2, 3]");
  expect_error([&] { max_pool2d(x, 9); }, "kernel [9, 9]", "[8, 8]");
  expect_error([&] { softmax_cross_entropy(zeros({2, 3}), tensor({0, 3})); }, "3", "classes");
  expect_error([&] { softmax_cross_entropy(zeros({2, 3}), tensor({{0, 1}})); }, "labels [1, 2]", "expected [2]");
  expect_error([&] { layer_norm(x, {7}); }, "layer_norm", "[2, 3, 8, 8]", "[7]");
  expect_error([&] { group_norm(x, 2); }, "2 groups", "3 channels");
  expect_error([&] { interpolate(x, {.scale = {2}, .mode = "bilinaer"}); }, "'bilinaer'", "did you mean 'bilinear'");
}

}  // namespace
}  // namespace weft::testing
