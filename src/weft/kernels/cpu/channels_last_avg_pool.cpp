// Average pooling of channels-last images, and its gradient: both are sums of windows, a vector for each few channels.
#include <weft/kernels/cpu/targets.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "weft/kernels/cpu/channels_last_avg_pool.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include <weft/base/memory.h>
#include <weft/base/thread_pool.h>
#include <weft/kernels/cpu/conv_tiles.h>
#include <weft/kernels/cpu/vector-inl.h>
#include <weft/kernels/registry.h>
#include <weft/opdefs/pool.h>

#ifndef WEFT_KERNELS_CPU_CHANNELS_LAST_AVG_POOL_ONCE
#define WEFT_KERNELS_CPU_CHANNELS_LAST_AVG_POOL_ONCE
namespace weft::cpu_kernels {
/// Positions [first, last) along an axis.
struct Stretch {
  std::int64_t first, last;
};
/// A row of results, each the sum of a window of positions of `channels` numbers.
struct WindowRow {
  const float* from;                ///< where the windows' first row begins
  std::int64_t rows, row_step;      ///< of the windows
  const Stretch* columns;           ///< of each result's window
  std::int64_t results, channels;
  const float* weights;             ///< by row of the window and column, rows `weight_step` apart: of each position; or null
  std::int64_t weight_step;
  const float* shares;              ///< by result: of its sum; read where there are no weights
  float* to;
};
}  // namespace weft::cpu_kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace weft::cpu_kernels::HWY_NAMESPACE {

using Int = std::int64_t;
using F = Vector<float>;

/// Calls load(address) and store(sum, address) for the N vectors from channel c on of result o.
template <int N, bool Weighted, class Load, class Store>
HWY_INLINE void add_window(const WindowRow& w, Int o, Int c, Load&& load, Store&& store) {
  F sum[N];
  for (int j = 0; j < N; ++j) sum[j] = F(0);
  const auto number = [](float v) HWY_ATTR { return F(hn::Set(hn::ScalableTag<float>(), v)); };
  const Stretch k = w.columns[o];
  for (Int r = 0; r < w.rows; ++r)
    for (Int i = k.first; i < k.last; ++i) {
      const float* x = w.from + r * w.row_step + i * w.channels + c;
      for (int j = 0; j < N; ++j) {
        const F v = load(x + j * F::lanes());
        if constexpr (Weighted) sum[j] = sum[j] + v * number(w.weights[r * w.weight_step + i]);
        else sum[j] = sum[j] + v;
      }
    }
  float* to = w.to + o * w.channels + c;
  for (int j = 0; j < N; ++j) store(Weighted ? sum[j] : sum[j] * number(w.shares[o]), to + j * F::lanes());
}

template <bool Weighted> void window_row(const WindowRow& w) {
  const Int rest = w.channels % F::lanes();
  for (Int o = 0; o < w.results; ++o) {
    by_vectors<4>(w.channels, [&]<int N>(Int c) HWY_ATTR {
      add_window<N, Weighted>(w, o, c, [](const float* p) HWY_ATTR { return F::load(p); }, [](F v, float* p) HWY_ATTR { v.store(p); });
    });
    if (rest)
      add_window<1, Weighted>(w, o, w.channels - rest, [&](const float* p) HWY_ATTR { return load_first(p, rest, 0.0f); },
                              [&](F v, float* p) HWY_ATTR { store_first(v, p, rest); });
  }
}

void AddWindows(const WindowRow& w) { w.weights ? window_row<true>(w) : window_row<false>(w); }

}  // namespace weft::cpu_kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft {

namespace cpu_kernels {
namespace {
HWY_EXPORT(AddWindows);

using Int = std::int64_t;

/// Windows over images [in[0]][in[1]][channels].
struct Windows {
  Int channels, images, in[2] = {1, 1}, out[2] = {1, 1};
  ScratchVector<Stretch> windows[2];  ///< the inputs that each result along an axis reads
  ScratchVector<Stretch> readers[2];  ///< the results along an axis that read each input
  ScratchVector<float> shares;        ///< of each window

  Windows(const op::AvgPool& op, const op::PoolShape& s, Int channels) : channels(channels), images(s.planes / channels) {
    for (int i = 2 - s.axes, k = 0; k < s.axes; ++i, ++k) {
      in[i] = s.in[k];
      out[i] = s.out[k];
    }
    for (int i = 0; i < 2; ++i) {
      const int k = i - (2 - s.axes);
      const Int size = k < 0 ? 1 : s.kernel[k], stride = k < 0 ? 1 : s.stride[k], pad = k < 0 ? 0 : s.pad_before[k];
      for (Int p = 0; p < out[i]; ++p)
        windows[i].push_back({std::max<Int>(0, p * stride - pad), std::min(in[i], p * stride - pad + size)});
      for (Int at = 0, first = 0, last = 0; at < in[i]; ++at) {
        while (last < out[i] && windows[i][static_cast<std::size_t>(last)].first <= at) ++last;
        while (first < last && windows[i][static_cast<std::size_t>(first)].last <= at) ++first;
        readers[i].push_back({first, last});
      }
    }
    for (Int row = 0; row < out[0]; ++row)
      for (Int column = 0; column < out[1]; ++column) {
        const Dims at = s.axes == 1 ? Dims{column} : Dims{row, column};
        shares.push_back(static_cast<float>(1.0 / static_cast<double>(op.divisor(s, at))));
      }
  }
  Int in_row() const { return in[1] * channels; }
  Int out_row() const { return out[1] * channels; }
  /// Calls f(image, row) for the rows of all images, some 64 KB of inputs a piece.
  template <class F> void for_each_row(Int rows, F&& f) const {
    parallel_for(images * rows, std::max<Int>(1, 16384 * rows / (in[0] * in_row())), [&](Int begin, Int end) {
      for (Int r = begin; r < end; ++r) f(r / rows, r % rows);
    });
  }
};

void run_avg_pool(const KernelCall& call) {
  const TensorView& x = call.in[0];
  const auto& op = call.attributes<op::AvgPool>();
  const Windows w(op, op.geometry(x.shape), x.shape[1]);
  w.for_each_row(w.out[0], [&](Int image, Int row) {
    const auto [first, last] = w.windows[0][static_cast<std::size_t>(row)];
    HWY_DYNAMIC_DISPATCH(AddWindows)
    ({.from = x.as<float>() + (image * w.in[0] + first) * w.in_row(), .rows = last - first, .row_step = w.in_row(),
      .columns = w.windows[1].data(), .results = w.out[1], .channels = w.channels, .weights = nullptr, .weight_step = 0,
      .shares = w.shares.data() + row * w.out[1], .to = call.out[0].as<float>() + (image * w.out[0] + row) * w.out_row()});
  });
}

void run_avg_pool_grad(const KernelCall& call) {
  const TensorView& g = call.in[0];
  const auto& op = call.attributes<op::AvgPoolGrad>();
  const Windows w(op.forward(), op.geometry(g.shape), g.shape[1]);
  w.for_each_row(w.in[0], [&](Int image, Int row) {
    const auto [first, last] = w.readers[0][static_cast<std::size_t>(row)];
    HWY_DYNAMIC_DISPATCH(AddWindows)
    ({.from = g.as<float>() + (image * w.out[0] + first) * w.out_row(), .rows = last - first, .row_step = w.out_row(),
      .columns = w.readers[1].data(), .results = w.in[1], .channels = w.channels, .weights = w.shares.data() + first * w.out[1],
      .weight_step = w.out[1], .shares = nullptr, .to = call.out[0].as<float>() + (image * w.in[0] + row) * w.in_row()});
  });
}

const char* decline(const KernelCall& call) {
  if (call.in[0].dtype != DType::f32) return "computes in f32";
  if (call.in[0].shape.rank() > 4) return "for one or two spatial axes";
  if (call.in[0].shape[1] < channel_step) return "for 16 channels or more";  // images of fewer mostly lie row-major around it
  return call.in[0].numel() == 0 ? "empty" : nullptr;
}

}  // namespace
}  // namespace cpu_kernels

void register_cpu_channels_last_avg_pool() {
  using namespace cpu_kernels;
  add_kernel(info_of<op::AvgPool>(), DeviceType::cpu, {"cpu.avg_pool_channels_last", &run_avg_pool, &decline, true, 1, 1});
  add_kernel(info_of<op::AvgPoolGrad>(), DeviceType::cpu, {"cpu.avg_pool_grad_channels_last", &run_avg_pool_grad, &decline, true, 1, 1});
}

}  // namespace weft
#endif
