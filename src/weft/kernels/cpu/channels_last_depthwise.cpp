// Depthwise convolutions of channels-last images (a filter a channel): no channels meet, so vectors run over them.
#include <weft/kernels/cpu/targets.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "weft/kernels/cpu/channels_last_depthwise.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include <weft/kernels/cpu/channels_last.h>
#include <weft/kernels/cpu/vector-inl.h>

#ifndef WEFT_KERNELS_CPU_DEPTHWISE_ONCE
#define WEFT_KERNELS_CPU_DEPTHWISE_ONCE
namespace weft::cpu_kernels {
/// A row of positions and one kernel row: y[p][c] meets x[p * x_step + tap * tap_step + c] and w[tap][c].
struct DepthwiseRow {
  const float *x, *w;
  float* y;
  std::int64_t positions, taps, channels, x_step, tap_step;
};
}  // namespace weft::cpu_kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace weft::cpu_kernels::HWY_NAMESPACE {

using Int = std::int64_t;
using F = Vector<float>;

HWY_INLINE F multiply_add(F a, F b, F c) { return hn::MulAdd(a.v, b.v, c.v); }

template <int Taps> void forward_taps(const DepthwiseRow& r, Int tap) {
  const Int n = r.channels;
  for (Int c = 0; c < n; c += F::lanes()) {
    F w[Taps];
    for (int t = 0; t < Taps; ++t) w[t] = F::load(r.w + (tap + t) * n + c);
    for (Int p = 0; p < r.positions; ++p) {
      F sum = F::load(r.y + p * n + c);
      for (int t = 0; t < Taps; ++t) sum = multiply_add(F::load(r.x + p * r.x_step + (tap + t) * r.tap_step + c), w[t], sum);
      sum.store(r.y + p * n + c);
    }
  }
}
/// y += x * w.
void ForwardRow(const DepthwiseRow& r) {
  Int t = 0;
  for (; t + 3 <= r.taps; t += 3) forward_taps<3>(r, t);
  for (; t < r.taps; ++t) forward_taps<1>(r, t);
}

/// x += y * w, with x to be written: each position is spread over its taps.
void InputRow(const DepthwiseRow& r, float* x) {
  const Int n = r.channels;
  for (Int p = 0; p < r.positions; ++p)
    for (Int t = 0; t < r.taps; ++t) {
      float* to = x + p * r.x_step + t * r.tap_step;
      for (Int c = 0; c < n; c += F::lanes())
        multiply_add(F::load(r.y + p * n + c), F::load(r.w + t * n + c), F::load(to + c)).store(to + c);
    }
}

/// w += x * y, summed over the positions.
void WeightRow(const DepthwiseRow& r, float* w) {
  const Int n = r.channels;
  for (Int c = 0; c < n; c += F::lanes())
    for (Int t = 0; t < r.taps; ++t) {
      F even = F::load(w + t * n + c), odd(0);
      const float* x = r.x + t * r.tap_step + c;
      Int p = 0;
      for (; p + 2 <= r.positions; p += 2) {
        even = multiply_add(F::load(x + p * r.x_step), F::load(r.y + p * n + c), even);
        odd = multiply_add(F::load(x + (p + 1) * r.x_step), F::load(r.y + (p + 1) * n + c), odd);
      }
      if (p < r.positions) even = multiply_add(F::load(x + p * r.x_step), F::load(r.y + p * n + c), even);
      (even + odd).store(w + t * n + c);
    }
}

}  // namespace weft::cpu_kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft {

namespace cpu_kernels {
namespace {
HWY_EXPORT(ForwardRow);
HWY_EXPORT(InputRow);
HWY_EXPORT(WeightRow);

using Int = std::int64_t;

/// Row `row` of results and kernel row `k`, without pointers.
DepthwiseRow row_of(const Images& g) {
  DepthwiseRow r{};
  r.positions = g.out[1];
  r.taps = g.kernel[1];
  r.channels = g.channels;
  r.x_step = g.stride[1] * g.channels;
  r.tap_step = g.dilation[1] * g.channels;
  return r;
}

/// Weights [channel][1][tap] as [tap][channel].
void pack(const Images& g, const float* w, float* to) {
  for (Int t = 0; t < g.taps(); ++t) gather_row(w + t, g.taps(), g.channels, to + t * g.channels);
}

void run_forward(const KernelCall& call) {
  const Images g(call.attributes<op::Conv>().geometry(call.in[0].shape, call.in[1].shape));
  const auto *x = call.in[0].as<float>(), *bias = call.in.size() > 2 ? call.in[2].as<float>() : nullptr;
  auto* y = call.out[0].as<float>();
  Scratch<float> w(g.taps() * g.channels);
  pack(g, call.in[1].as<float>(), w);
  const Int row_size = g.out[1] * g.channels;
  parallel_for(g.batch * g.out[0], std::max<Int>(1, 8192 / row_size), [&](Int begin, Int end) {
    Stage stage(g.in, g.channels, g.reach(0, 1), g.reach(1, g.out[1]), !g.inside(0) || !g.inside(1));
    DepthwiseRow r = row_of(g);
    for (Int i = begin; i < end; ++i) {
      const float* from = stage.part(x + i / g.out[0] * g.in_size(), i % g.out[0] * g.stride[0] - g.pad[0], -g.pad[1], g.reach(0, 1));
      r.y = y + i * row_size;
      for (Int p = 0; p < g.out[1]; ++p) {
        if (bias) std::copy_n(bias, g.channels, r.y + p * g.channels);
        else std::fill_n(r.y + p * g.channels, g.channels, 0.0f);
      }
      for (Int k = 0; k < g.kernel[0]; ++k) {
        r.x = from + k * g.dilation[0] * stage.row_step();
        r.w = w + k * g.kernel[1] * g.channels;
        HWY_DYNAMIC_DISPATCH(ForwardRow)(r);
      }
    }
  });
}

void run_input_grad(const KernelCall& call) {
  const Images g(call.attributes<op::ConvInputGrad>().geometry(call.in[0].shape, call.in[1].shape));
  const auto* dy = call.in[0].as<float>();
  Scratch<float> w(g.taps() * g.channels);
  pack(g, call.in[1].as<float>(), w);
  parallel_for(g.batch, 1, [&](Int begin, Int end) {
    InputSums sums(g, g.run_length(), call.out[0].as<float>());
    DepthwiseRow r = row_of(g);
    for (Int n = begin; n < end; ++n) {
      float* dx = sums.begin(n);
      for (Int row = 0; row < g.out[0]; ++row)
        for (Int k = 0; k < g.kernel[0]; ++k) {
          r.y = const_cast<float*>(dy) + (n * g.out[0] + row) * g.out[1] * g.channels;
          r.w = w + k * g.kernel[1] * g.channels;
          HWY_DYNAMIC_DISPATCH(InputRow)(r, dx + (row * g.stride[0] + k * g.dilation[0]) * sums.row_step());
        }
      sums.finish(n);
    }
  });
}

void run_weight_grad(const KernelCall& call) {
  const Images g(call.attributes<op::ConvWeightGrad>().geometry(call.in[0].shape, call.in[1].shape));
  const auto *x = call.in[0].as<float>(), *dy = call.in[1].as<float>();
  const Int size = g.taps() * g.channels, shard = shard_images(g, size), shards = (g.batch + shard - 1) / shard;
  Scratch<float> buffers(shards * size);
  parallel_for(g.batch, shard, [&](Int begin, Int end) {
    float* sums = buffers + begin / shard * size;
    std::fill_n(sums, size, 0.0f);
    Stage stage(g.in, g.channels, g.reach(0, g.out[0]), g.reach(1, g.out[1]), !g.inside(0) || !g.inside(1));
    DepthwiseRow r = row_of(g);
    for (Int n = begin; n < end; ++n) {
      const float* image = stage.part(x + n * g.in_size(), -g.pad[0], -g.pad[1], g.reach(0, g.out[0]));
      for (Int row = 0; row < g.out[0]; ++row)
        for (Int k = 0; k < g.kernel[0]; ++k) {
          r.x = image + (row * g.stride[0] + k * g.dilation[0]) * stage.row_step();
          r.y = const_cast<float*>(dy) + (n * g.out[0] + row) * g.out[1] * g.channels;
          HWY_DYNAMIC_DISPATCH(WeightRow)(r, sums + k * g.kernel[1] * g.channels);
        }
    }
  });
  add_shards(buffers, shards, size);
  auto* dw = call.out[0].as<float>();
  for (Int c = 0; c < g.channels; ++c) gather_row(buffers + c, g.channels, g.taps(), dw + c * g.taps());
}

const char* decline(const KernelCall& call, const op::ConvShape& s) {
  if (s.groups != s.in_channels || s.out_channels != s.in_channels) return "for a filter a channel";
  if (s.in_channels % channel_step) return "for 16, 32, 48, … channels";
  return decline_any_groups(call, s);
}
template <class Op> const char* decline_op(const KernelCall& call) {
  return decline(call, call.attributes<Op>().geometry(call.in[0].shape, call.in[1].shape));
}
}  // namespace
}  // namespace cpu_kernels

void register_cpu_channels_last_depthwise() {
  using namespace cpu_kernels;
  add_kernel(info_of<op::Conv>(), DeviceType::cpu, {"cpu.conv_depthwise_channels_last", &run_forward, &decline_op<op::Conv>, true, 1, 1});
  add_kernel(info_of<op::ConvInputGrad>(), DeviceType::cpu,
             {"cpu.conv_input_grad_depthwise_channels_last", &run_input_grad, &decline_op<op::ConvInputGrad>, true, 1, 1});
  add_kernel(info_of<op::ConvWeightGrad>(), DeviceType::cpu,
             {"cpu.conv_weight_grad_depthwise_channels_last", &run_weight_grad, &decline_op<op::ConvWeightGrad>, true, 3, 0});
}

}  // namespace weft
#endif
