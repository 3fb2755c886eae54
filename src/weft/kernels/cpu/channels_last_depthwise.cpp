// Depthwise convolutions of channels-last images (a filter a channel): no channels meet, so vectors run over them. A row of
// results is cut into stretches of columns that read the same taps; borders are stretches with fewer.
#include <weft/kernels/cpu/targets.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "weft/kernels/cpu/channels_last_depthwise.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <utility>

#include <weft/kernels/cpu/channels_last.h>
#include <weft/kernels/cpu/vector-inl.h>

#ifndef WEFT_KERNELS_CPU_DEPTHWISE_ONCE
#define WEFT_KERNELS_CPU_DEPTHWISE_ONCE
namespace weft::cpu_kernels {
/// What a stretch of positions reads by one tap, and the tap's place among the weights, which lie [tap][channel].
struct Tap {
  const float* x;
  std::int64_t place;
};
/// A stretch of positions with their taps; `x_step` and `y_step` lead from position to position.
struct Stretch {
  const Tap* taps;
  std::int64_t count, positions, channels, x_step, y_step;
};
}  // namespace weft::cpu_kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace weft::cpu_kernels::HWY_NAMESPACE {

using Int = std::int64_t;
using F = Vector<float>;

HWY_INLINE F multiply_add(F a, F b, F c) { return hn::MulAdd(a.v, b.v, c.v); }

constexpr Int most_taps = 9;  // whose weights, or sums, stay in registers

/// y = start + sum of x * w over N taps; without a start y += the sum.
template <int N> void weighted_sum(const Stretch& s, const Tap* taps, const float* w, const float* start, float* y) {
  for (Int c = 0; c < s.channels; c += F::lanes()) {
    F weight[N + 1];
    for (int t = 0; t < N; ++t) weight[t] = F::load(w + taps[t].place * s.channels + c);
    for (Int p = 0; p < s.positions; ++p) {
      float* to = y + p * s.y_step + c;
      F sum = F::load(start ? start + c : to);
#pragma GCC unroll 9
      for (int t = 0; t < N; ++t) sum = multiply_add(F::load(taps[t].x + p * s.x_step + c), weight[t], sum);
      sum.store(to);
    }
  }
}

/// sums += x * y over the positions, for N taps.
template <int N> void tap_sums(const Stretch& s, const Tap* taps, const float* y, float* sums) {
  for (Int c = 0; c < s.channels; c += F::lanes()) {
    F sum[N + 1];
    for (int t = 0; t < N; ++t) sum[t] = F::load(sums + taps[t].place * s.channels + c);
    for (Int p = 0; p < s.positions; ++p) {
      const F g = F::load(y + p * s.y_step + c);
#pragma GCC unroll 9
      for (int t = 0; t < N; ++t) sum[t] = multiply_add(F::load(taps[t].x + p * s.x_step + c), g, sum[t]);
    }
    for (int t = 0; t < N; ++t) sum[t].store(sums + taps[t].place * s.channels + c);
  }
}

/// Calls f<N>(taps) for all taps, most_taps at a time; once with none where there are none.
template <class Call> HWY_INLINE void by_count(const Stretch& s, Call&& call) {
  for (Int t = 0; t == 0 || t < s.count; t += most_taps) {
    const Int n = std::min(most_taps, s.count - t);
    [&]<int... N>(std::integer_sequence<int, N...>) HWY_ATTR {
      static_cast<void>(((n == N && (call.template operator()<N>(s.taps + t, t == 0), true)) || ...));
    }(std::make_integer_sequence<int, most_taps + 1>());
  }
}

void WeightedSum(const Stretch& s, const float* w, const float* start, float* y) {
  by_count(s, [&]<int N>(const Tap* taps, bool first) HWY_ATTR { weighted_sum<N>(s, taps, w, first ? start : nullptr, y); });
}
void TapSums(const Stretch& s, const float* y, float* sums) {
  by_count(s, [&]<int N>(const Tap* taps, bool) HWY_ATTR { tap_sums<N>(s, taps, y, sums); });
}

}  // namespace weft::cpu_kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft {

namespace cpu_kernels {
namespace {
HWY_EXPORT(WeightedSum);
HWY_EXPORT(TapSums);

using Int = std::int64_t;

/// Where result `o` reads by tap `k` of an axis, or -1: beside the image.
Int input_of(const Images& g, int axis, Int o, Int k) {
  const Int i = o * g.stride[axis] - g.pad[axis] + k * g.dilation[axis];
  return i < g.in[axis] ? std::max<Int>(i, -1) : -1;
}
/// The result that reads input `i` by tap `k` of an axis, or -1.
Int result_of(const Images& g, int axis, Int i, Int k) {
  const Int at = i + g.pad[axis] - k * g.dilation[axis];
  return at >= 0 && at % g.stride[axis] == 0 && at / g.stride[axis] < g.out[axis] ? at / g.stride[axis] : -1;
}

using Source = Int (*)(const Images&, int axis, Int position, Int tap);

/// The columns of a row of `n`, `step` apart from one on, that have the same taps.
struct Columns {
  Int first, count, step;
  ScratchVector<std::pair<Int, Int>> taps;  ///< a tap, and the column it reads for the first
};

/// Cuts a row into stretches: from each of the first `step` columns on, those with the same taps.
ScratchVector<Columns> stretches(const Images& g, Source source, Int n, Int step) {
  ScratchVector<Columns> all;
  for (Int first = 0; first < std::min(step, n); ++first)
    for (Int p = first; p < n; p += step) {
      Columns c{p, 1, step, {}};
      for (Int k = 0; k < g.kernel[1]; ++k)
        if (const Int from = source(g, 1, p, k); from >= 0) c.taps.push_back({k, from});
      const auto same = [&](const auto& a, const auto& b) { return a.first == b.first; };
      if (p != first && std::equal(c.taps.begin(), c.taps.end(), all.back().taps.begin(), all.back().taps.end(), same)) ++all.back().count;
      else all.push_back(std::move(c));
    }
  return all;
}

/// Calls f(stretch, its first column) for row `row` of positions; `from` is the image that they read, rows of `width`.
template <class F>
void for_stretches(const Images& g, Source source, Int row, const ScratchVector<Columns>& columns, const float* from, Int width,
                   Int x_step, F&& f) {
  ScratchVector<Tap> taps;
  for (const Columns& c : columns) {
    taps.clear();
    for (Int k = 0; k < g.kernel[0]; ++k)
      if (const Int r = source(g, 0, row, k); r >= 0)
        for (const auto& [tap, column] : c.taps) taps.push_back({from + (r * width + column) * g.channels, k * g.kernel[1] + tap});
    f(Stretch{taps.data(), static_cast<Int>(taps.size()), c.count, g.channels, x_step * g.channels, c.step * g.channels}, c.first);
  }
}

/// Weights [channel][1][tap] as [tap][channel].
void pack(const Images& g, const float* w, float* to) {
  for (Int t = 0; t < g.taps(); ++t) gather_row(w + t, g.taps(), g.channels, to + t * g.channels);
}

/// y of `height` x `width` = start + its taps of x, rows of `x_width`.
struct Field {
  Source source;
  const float *x, *start;
  float* y;
  Int height, width, x_size, x_width, x_step, y_step;
};
void weigh(const Images& g, const Field& f, const float* w) {
  Scratch<float> packed(g.taps() * g.channels), zeros(g.channels);
  pack(g, w, packed);
  std::fill_n(zeros.data(), g.channels, 0.0f);
  const auto columns = stretches(g, f.source, f.width, f.y_step);
  const Int row_size = f.width * g.channels;
  parallel_for(g.batch * f.height, std::max<Int>(1, 8192 / row_size), [&](Int begin, Int end) {
    for (Int i = begin; i < end; ++i)
      for_stretches(g, f.source, i % f.height, columns, f.x + i / f.height * f.x_size, f.x_width, f.x_step, [&](const Stretch& s, Int first) {
        HWY_DYNAMIC_DISPATCH(WeightedSum)(s, packed, f.start ? f.start : zeros, f.y + i * row_size + first * g.channels);
      });
  });
}

void run_forward(const KernelCall& call) {
  const Images g(call.attributes<op::Conv>().geometry(call.in[0].shape, call.in[1].shape));
  const float* bias = call.in.size() > 2 ? call.in[2].as<float>() : nullptr;
  weigh(g, {&input_of, call.in[0].as<float>(), bias, call.out[0].as<float>(), g.out[0], g.out[1], g.in_size(), g.in[1], g.stride[1], 1},
        call.in[1].as<float>());
}

void run_input_grad(const KernelCall& call) {
  const Images g(call.attributes<op::ConvInputGrad>().geometry(call.in[0].shape, call.in[1].shape));
  weigh(g, {&result_of, call.in[0].as<float>(), nullptr, call.out[0].as<float>(), g.in[0], g.in[1], g.y_size(), g.out[1], 1, g.stride[1]},
        call.in[1].as<float>());
}

void run_weight_grad(const KernelCall& call) {
  const Images g(call.attributes<op::ConvWeightGrad>().geometry(call.in[0].shape, call.in[1].shape));
  const auto *x = call.in[0].as<float>(), *dy = call.in[1].as<float>();
  const Int size = g.taps() * g.channels, shard = shard_images(g, size), shards = (g.batch + shard - 1) / shard;
  const auto columns = stretches(g, &input_of, g.out[1], 1);
  Scratch<float> buffers(shards * size);
  parallel_for(g.batch, shard, [&](Int begin, Int end) {
    float* sums = buffers + begin / shard * size;
    std::fill_n(sums, size, 0.0f);
    for (Int i = begin * g.out[0]; i < end * g.out[0]; ++i)
      for_stretches(g, &input_of, i % g.out[0], columns, x + i / g.out[0] * g.in_size(), g.in[1], g.stride[1], [&](const Stretch& s, Int first) {
        HWY_DYNAMIC_DISPATCH(TapSums)(s, dy + (i * g.out[1] + first) * g.channels, sums);
      });
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
