// Depthwise convolutions of channels-last images (a filter a channel): no channels meet, so vectors run over them. An
// image is cut into rectangles of positions that read the same taps; those along a border have fewer.
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
/// What the first position of a rectangle reads by one tap, and the tap's place among the weights, which lie
/// [tap][channel].
struct Tap {
  const float* x;
  std::int64_t place;
};
/// Rows and columns of positions with the same taps.
struct Rectangle {
  const Tap* taps;
  std::int64_t count, rows, columns, channels;
  std::int64_t x_row, x_step, y_row, y_step;  ///< from row to row and from position to position
};
}  // namespace weft::cpu_kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace weft::cpu_kernels::HWY_NAMESPACE {

using Int = std::int64_t;
using F = Vector<float>;

HWY_INLINE F multiply_add(F a, F b, F c) { return hn::MulAdd(a.v, b.v, c.v); }

constexpr Int most_taps = 9;  // whose weights, or sums, stay in registers

// Vectors of channels at a time; two give memory longer stretches to read, where there are registers for them.
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
constexpr int wide = 2;
#else
constexpr int wide = 1;
#endif

/// y = start + sum of x * w over N taps, for the J vectors of channels from c on; without a start y += the sum.
template <int N, int J> void weighted_sum(const Rectangle& s, const Tap* taps, const float* w, const float* start, float* y, Int c) {
  const Int n = F::lanes();
  F weight[N + 1][J];
  for (int t = 0; t < N; ++t)
    for (int j = 0; j < J; ++j) weight[t][j] = F::load(w + taps[t].place * s.channels + c + j * n);
  for (Int r = 0; r < s.rows; ++r)
    for (Int p = 0; p < s.columns; ++p) {
      float* to = y + r * s.y_row + p * s.y_step + c;
      const Int at = r * s.x_row + p * s.x_step + c;
      F sum[J];
      for (int j = 0; j < J; ++j) sum[j] = F::load((start ? start + c : to) + j * n);
#pragma GCC unroll 9
      for (int t = 0; t < N; ++t)
        for (int j = 0; j < J; ++j) sum[j] = multiply_add(F::load(taps[t].x + at + j * n), weight[t][j], sum[j]);
      for (int j = 0; j < J; ++j) sum[j].store(to + j * n);
    }
}

/// sums += x * y over the positions, for N taps and the J vectors of channels from c on.
template <int N, int J> void tap_sums(const Rectangle& s, const Tap* taps, const float* y, float* sums, Int c) {
  const Int n = F::lanes();
  F sum[N + 1][J];
  for (int t = 0; t < N; ++t)
    for (int j = 0; j < J; ++j) sum[t][j] = F::load(sums + taps[t].place * s.channels + c + j * n);
  for (Int r = 0; r < s.rows; ++r)
    for (Int p = 0; p < s.columns; ++p) {
      const Int at = r * s.x_row + p * s.x_step + c;
      F g[J];
      for (int j = 0; j < J; ++j) g[j] = F::load(y + r * s.y_row + p * s.y_step + c + j * n);
#pragma GCC unroll 9
      for (int t = 0; t < N; ++t)
        for (int j = 0; j < J; ++j) sum[t][j] = multiply_add(F::load(taps[t].x + at + j * n), g[j], sum[t][j]);
    }
  for (int t = 0; t < N; ++t)
    for (int j = 0; j < J; ++j) sum[t][j].store(sums + taps[t].place * s.channels + c + j * n);
}

/// Calls f<N>(taps) for all taps, most_taps at a time; once with none where there are none.
template <class Call> HWY_INLINE void by_count(const Rectangle& s, Call&& call) {
  for (Int t = 0; t == 0 || t < s.count; t += most_taps) {
    const Int n = std::min(most_taps, s.count - t);
    [&]<int... N>(std::integer_sequence<int, N...>) HWY_ATTR {
      static_cast<void>(((n == N && (call.template operator()<N>(s.taps + t, t == 0), true)) || ...));
    }(std::make_integer_sequence<int, most_taps + 1>());
  }
}

void WeightedSum(const Rectangle& s, const float* w, const float* start, float* y) {
  by_count(s, [&]<int N>(const Tap* taps, bool first) HWY_ATTR {
    by_vectors<wide>(s.channels, [&]<int J>(Int c) HWY_ATTR { weighted_sum<N, J>(s, taps, w, first ? start : nullptr, y, c); });
  });
}
void TapSums(const Rectangle& s, const float* y, float* sums) {
  by_count(s, [&]<int N>(const Tap* taps, bool) HWY_ATTR {
    by_vectors<wide>(s.channels, [&]<int J>(Int c) HWY_ATTR { tap_sums<N, J>(s, taps, y, sums, c); });
  });
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

/// Positions along an axis, `step` apart from one on, that have the same taps.
struct Stretch {
  Int first, count, step;
  ScratchVector<std::pair<Int, Int>> taps;  ///< a tap, and what it reads for the first position
};

/// Cuts an axis of `n` positions: from each of the first `step` on, those with the same taps, at most `most`.
ScratchVector<Stretch> stretches(const Images& g, Source source, int axis, Int n, Int step, Int most) {
  ScratchVector<Stretch> all;
  for (Int first = 0; first < std::min(step, n); ++first)
    for (Int p = first; p < n; p += step) {
      Stretch s{p, 1, step, {}};
      for (Int k = 0; k < g.kernel[axis]; ++k)
        if (const Int from = source(g, axis, p, k); from >= 0) s.taps.push_back({k, from});
      const auto same = [](const auto& a, const auto& b) { return a.first == b.first; };
      const bool goes_on = p != first && all.back().count < most &&
                           std::equal(s.taps.begin(), s.taps.end(), all.back().taps.begin(), all.back().taps.end(), same);
      if (goes_on) ++all.back().count;
      else all.push_back(std::move(s));
    }
  return all;
}

/// y of `height` x `width` positions and the images that they read, rows of `x_width`; per axis the step from a position
/// of a stretch to the next, in x and in y.
struct Field {
  Source source;
  const float* x;
  Int height, width, x_size, x_width, x_step[2], y_step[2];
  Int size(const Images& g) const { return height * width * g.channels; }
  ScratchVector<Stretch> rows(const Images& g, Int most) const { return stretches(g, source, 0, height, y_step[0], most); }
  ScratchVector<Stretch> columns(const Images& g) const { return stretches(g, source, 1, width, y_step[1], width); }
};
Field results(const Images& g, const float* x) {
  return {&input_of, x, g.out[0], g.out[1], g.in_size(), g.in[1], {g.stride[0], g.stride[1]}, {1, 1}};
}
Field inputs(const Images& g, const float* dy) {
  return {&result_of, dy, g.in[0], g.in[1], g.y_size(), g.out[1], {1, 1}, {g.stride[0], g.stride[1]}};
}

/// Calls f(rectangle, its first element of y) for a stretch of rows of image n.
template <class F>
void for_rectangles(const Images& g, const Field& f, Int n, const Stretch& rows, const ScratchVector<Stretch>& columns, F&& call) {
  ScratchVector<Tap> taps;
  for (const Stretch& c : columns) {
    taps.clear();
    for (const auto& [k, row] : rows.taps)
      for (const auto& [tap, column] : c.taps)
        taps.push_back({f.x + n * f.x_size + (row * f.x_width + column) * g.channels, k * g.kernel[1] + tap});
    const Rectangle r{taps.data(), static_cast<Int>(taps.size()), rows.count, c.count, g.channels,
                      f.x_step[0] * f.x_width * g.channels, f.x_step[1] * g.channels,
                      f.y_step[0] * f.width * g.channels, f.y_step[1] * g.channels};
    call(r, n * f.size(g) + (rows.first * f.width + c.first) * g.channels);
  }
}

/// Weights [channel][1][tap] as [tap][channel].
void pack(const Images& g, const float* w, float* to) {
  for (Int t = 0; t < g.taps(); ++t) gather_row(w + t, g.taps(), g.channels, to + t * g.channels);
}

/// y = start, or zeros, + the taps.
void weigh(const Images& g, const Field& f, const float* w, const float* start, float* y) {
  Scratch<float> packed(g.taps() * g.channels), zeros(g.channels);
  pack(g, w, packed);
  std::fill_n(zeros.data(), g.channels, 0.0f);
  const auto rows = f.rows(g, 8), columns = f.columns(g);
  const Int pieces = static_cast<Int>(rows.size());
  parallel_for(g.batch * pieces, std::max<Int>(1, 8192 * pieces / f.size(g)), [&](Int begin, Int end) {
    for (Int i = begin; i < end; ++i)
      for_rectangles(g, f, i / pieces, rows[static_cast<std::size_t>(i % pieces)], columns, [&](const Rectangle& r, Int at) {
        HWY_DYNAMIC_DISPATCH(WeightedSum)(r, packed, start ? start : zeros, y + at);
      });
  });
}

void run_forward(const KernelCall& call) {
  const Images g(call.attributes<op::Conv>().geometry(call.in[0].shape, call.in[1].shape));
  const float* bias = call.in.size() > 2 ? call.in[2].as<float>() : nullptr;
  weigh(g, results(g, call.in[0].as<float>()), call.in[1].as<float>(), bias, call.out[0].as<float>());
}

void run_input_grad(const KernelCall& call) {
  const Images g(call.attributes<op::ConvInputGrad>().geometry(call.in[0].shape, call.in[1].shape));
  weigh(g, inputs(g, call.in[0].as<float>()), call.in[1].as<float>(), nullptr, call.out[0].as<float>());
}

void run_weight_grad(const KernelCall& call) {
  const Images g(call.attributes<op::ConvWeightGrad>().geometry(call.in[0].shape, call.in[1].shape));
  const Field f = results(g, call.in[0].as<float>());
  const auto* dy = call.in[1].as<float>();
  const auto rows = f.rows(g, g.out[0]), columns = f.columns(g);
  ShardSums all(g, g.taps() * g.channels);
  all.run([&](Int begin, Int end, float* sums) {
    for (Int n = begin; n < end; ++n)
      for (const Stretch& s : rows)
        for_rectangles(g, f, n, s, columns, [&](const Rectangle& r, Int at) { HWY_DYNAMIC_DISPATCH(TapSums)(r, dy + at, sums); });
  });
  auto* dw = call.out[0].as<float>();
  for (Int c = 0; c < g.channels; ++c) gather_row(all.data() + c, g.channels, g.taps(), dw + c * g.taps());
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
