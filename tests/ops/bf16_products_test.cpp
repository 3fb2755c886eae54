// Products in bf16: kernels that round their factors against the reference that does, and the meaning of the reference.
#include <array>

#include "support/operator_cases.h"

#include <weft/base/thread_pool.h>
#include <weft/kernels/cpu_info.h>
#include <weft/opdefs/conv_block.h>
#include <weft/opdefs/matmul.h>
#include <weft/opdefs/pool.h>

namespace weft::testing {
namespace {

Tensor drawn(const Shape& shape, std::uint64_t seed) {
  Generator g(seed);
  return randn(shape, {.device = cpu}, &g);
}

/// A call with what it is given.
struct Work {
  std::string what;
  const OpInfo* info;
  OpCase call;
  std::vector<Tensor> inputs;
  bool tiles;  ///< by Winograd's tiles, which are rounded after their transform
};

template <class Op> Work work(std::string what, const Op& op, std::vector<Tensor> inputs, bool tiles) {
  return {std::move(what), &info_of<Op>(), {Attrs(info_of<Op>(), &op), {}}, std::move(inputs), tiles};
}

struct Geometry {
  const char* name;
  Shape x, w;
  Dims stride, pad, dilation;
  bool tiles;       ///< forward and the gradient of the weight
  bool tiles_back;  ///< the gradient of the input
};

std::vector<Geometry> geometries() {
  return {{"three channels", {3, 3, 12, 11}, {32, 3, 3, 3}, {1, 1}, {0, 0}, {1, 1}, false, false},
          {"one channel, padded", {2, 1, 9, 9}, {16, 1, 3, 3}, {1, 1}, {1, 1}, {1, 1}, false, false},
          {"seventeen channels, strides", {2, 17, 11, 14}, {48, 17, 3, 2}, {2, 3}, {1, 0}, {1, 1}, false, false},
          {"dilated", {2, 5, 12, 13}, {16, 5, 3, 3}, {1, 1}, {2, 2}, {2, 2}, false, false},
          {"one by one", {3, 32, 7, 7}, {80, 32, 1, 1}, {1, 1}, {0, 0}, {1, 1}, false, false},
          {"a stride larger than the image", {2, 4, 3, 3}, {16, 4, 2, 2}, {5, 5}, {0, 0}, {1, 1}, false, false},
          {"blocks of channels, strides", {3, 64, 9, 8}, {32, 64, 2, 3}, {2, 1}, {1, 1}, {1, 1}, false, false},
          {"blocks of channels, tall", {2, 32, 13, 9}, {16, 32, 4, 1}, {1, 1}, {0, 0}, {2, 1}, false, false},
          {"tiles", {5, 32, 14, 14}, {64, 32, 3, 3}, {1, 1}, {0, 0}, {1, 1}, true, true},
          {"few tiles, an odd number", {5, 32, 8, 8}, {64, 32, 3, 3}, {1, 1}, {0, 0}, {1, 1}, true, true},
          {"tiles, padded, odd sizes", {3, 16, 9, 11}, {32, 16, 3, 3}, {1, 1}, {1, 1}, {1, 1}, true, true}};
}

/// Everything that is computed from a geometry.
std::vector<Work> all_work() {
  std::vector<Work> list;
  for (const Geometry& g : geometries()) {
    const op::Conv conv{g.stride, g.pad, g.pad, g.dilation, 1};
    const Tensor x = drawn(g.x, 1), w = drawn(g.w, 2), b = drawn({g.w[0]}, 3);
    const Tensor dy = drawn(conv.geometry(g.x, g.w).y(), 4);
    const std::string name = std::string(", ") + g.name;
    list.push_back(work("conv" + name, conv, {x, w, b}, g.tiles));
    list.push_back(work("input_grad" + name, op::conv_detail::conv_input_grad(conv, g.x), {dy, w}, g.tiles_back));
    list.push_back(work("weight_grad" + name, op::conv_detail::conv_weight_grad(conv, g.w), {x, dy}, g.tiles));
    const auto s = conv.geometry(g.x, g.w);
    if (s.out[0] < 2 || s.out[1] < 2) continue;
    auto block = op::conv_detail::conv_like<op::ConvBlock>(conv);
    block.pool = {2, 2};
    const Tensor pooled = drawn({g.x[0], g.w[0], s.out[0] / 2, s.out[1] / 2}, 5);
    const Tensor index = randint(0, 4, pooled.shape(), {.device = cpu}).to(u8);
    auto input_grad = op::conv_detail::conv_like<op::ConvBlockInputGrad>(conv);
    input_grad.size = s.in;
    input_grad.pool = block.pool;
    auto weight_grad = op::conv_detail::conv_like<op::ConvBlockWeightGrad>(conv);
    weight_grad.kernel = s.kernel;
    weight_grad.pool = block.pool;
    block.relu = false;  // places of a pool may differ where rounding decides between equal values: compare values alone
    list.push_back(work("pooled conv" + name, block, {x, w, b}, g.tiles));
    list.push_back(work("pooled input_grad" + name, input_grad, {pooled, index, w}, false));
    list.push_back(work("pooled weight_grad" + name, weight_grad, {x, pooled, index}, false));
  }
  for (const bool ta : {false, true})
    for (const bool tb : {false, true})
      for (const auto& [m, n, k] : {std::array<std::int64_t, 3>{37, 70, 129}, {24, 64, 256}, {16, 149, 17}, {101, 33, 130}})
        list.push_back(work(cat("matmul ", m, "x", n, "x", k, ta ? " a turned" : "", tb ? " b turned" : ""), op::MatMul{ta, tb},
                            {drawn(ta ? Shape{k, m} : Shape{m, k}, 1), drawn(tb ? Shape{n, k} : Shape{k, n}, 2)}, false));
  list.push_back(work("matmul of a batch by a matrix", op::MatMul{}, {drawn({3, 7, 40}, 1), drawn({40, 48}, 2)}, false));
  return list;
}

TEST(Bf16Products, AreThoseOfRoundedFactorsInTheReference) {
  for (const Work& w : all_work()) {
    std::vector<Tensor> rounded;
    for (const Tensor& t : w.inputs) rounded.push_back(t.dtype() == f32 && t.rank() > 1 ? t.to(bf16).to(f32) : t);
    std::vector<Tensor> want;
    run_kernel(*w.info, w.call, kernels_of(*w.info, DeviceType::ref).front(), rounded, want, Precision::f32);
    expect_same_bits(reference_in_bf16(*w.info, w.call, w.inputs), want, w.what);
  }
}

TEST(Bf16Products, OfEveryKernelAreTheReferences) {
  if (!bf16_products()) GTEST_SKIP() << "this processor has no faster bf16 products";
  for (const Work& w : all_work()) {
    const Tensor want = reference_in_bf16(*w.info, w.call, w.inputs)[0];
    std::vector<Tensor> in_f32, got;
    run_kernel(*w.info, w.call, kernels_of(*w.info, DeviceType::ref).front(), w.inputs, in_f32, Precision::f32);
    const double rounding = largest(want - in_f32[0]), scale = largest(want);
    for (const Kernel& k : kernels_of(*w.info, DeviceType::cpu)) {
      if (k.precision != Precision::bf16 || !run_kernel(*w.info, w.call, k, w.inputs, got)) continue;
      // Exact factors give the reference's sums but for f32's rounding; tiles err as much as rounding itself does.
      EXPECT_LE(largest(got[0] - want), w.tiles ? 3 * rounding : 1e-5 * scale) << k.name << ": " << w.what;
      EXPECT_GE(largest(got[0] - in_f32[0]), 1e-4 * scale) << k.name << " has rounded nothing: " << w.what;
    }
  }
}

TEST(Bf16Products, GiveTheSameBitsForAnyNumberOfThreads) {
  const int before = num_threads();
  for (const Work& w : all_work())
    for (const Kernel& k : kernels_of(*w.info, DeviceType::cpu)) {
      std::vector<Tensor> want, got;
      set_num_threads(1);
      if (k.precision != Precision::bf16 || !run_kernel(*w.info, w.call, k, w.inputs, want)) continue;
      for (int n : {2, 3, 7}) {
        set_num_threads(n);
        ASSERT_TRUE(run_kernel(*w.info, w.call, k, w.inputs, got));
        expect_same_bits(got, want, k.name + ", " + w.what + " on " + std::to_string(n) + " threads");
      }
    }
  set_num_threads(before);
}

TEST(Bf16Products, AreTakenWhereTheyAreAskedForAlone) {
  for (const OpInfo* op : all_ops())
    for (const Kernel& k : kernels_of(*op, DeviceType::cpu)) {
      if (k.precision != Precision::bf16) continue;
      for (const OpCase& c : cases_of(*op)) {
        std::vector<Tensor> got;
        EXPECT_FALSE(run_kernel(*op, c, k, inputs_of(*op, c, f32), got, Precision::f32)) << k.name;
        for (DType t : dtypes_of(*op))
          EXPECT_FALSE(t != f32 && run_kernel(*op, c, k, inputs_of(*op, c, t), got)) << k.name << " in " << name_of(t);
      }
    }
}

TEST(Bf16Products, KeepNaNAndInfinity) {
  if (!bf16_products()) GTEST_SKIP() << "this processor has no faster bf16 products";
  const Geometry g = geometries()[0];
  const op::Conv conv{g.stride, g.pad, g.pad, g.dilation, 1};
  for (double bad : {std::nan(""), HUGE_VAL}) {
    std::vector<double> values(static_cast<std::size_t>(g.x.numel()), 1.0);
    values[200] = bad;
    const Work w = work("conv", conv, {tensor_of(values, g.x, {.device = cpu}), ones(g.w, {.device = cpu})}, false);
    const auto want = reference_in_bf16(*w.info, w.call, w.inputs)[0].to_vector<double>();
    std::vector<Tensor> got;
    for (const Kernel& k : kernels_of(*w.info, DeviceType::cpu)) {
      if (k.precision != Precision::bf16 || !run_kernel(*w.info, w.call, k, w.inputs, got)) continue;
      const auto y = got[0].to_vector<double>();
      for (std::size_t i = 0; i < y.size(); ++i) EXPECT_TRUE(close(y[i], want[i], 1e-5)) << k.name << " at " << i << ": " << y[i];
    }
  }
}

}  // namespace
}  // namespace weft::testing
