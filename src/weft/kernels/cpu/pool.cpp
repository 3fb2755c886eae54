// Pooling, a plane (one channel of one image) at a time. Windows of 2x2 with stride 2 have a vector form.
#include <weft/kernels/cpu/targets.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "weft/kernels/cpu/pool.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <limits>

#include <weft/base/memory.h>
#include <weft/base/thread_pool.h>
#include <weft/kernels/cpu/blocks.h>
#include <weft/kernels/registry.h>
#include <weft/opdefs/pool.h>

HWY_BEFORE_NAMESPACE();
namespace weft::cpu_kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using Int = std::int64_t;

/// `lanes` outputs of a 2x2 window from column o on; at most the lanes of D.
template <class D> HWY_INLINE void max_of_pairs(D d, const float* top, const float* low, Int o, float* y, std::uint8_t* place) {
  const hn::RebindToSigned<D> di;
  const hn::Rebind<std::uint8_t, decltype(di)> d8;
  hn::Vec<D> a, b, e, f;
  hn::LoadInterleaved2(d, top + 2 * o, a, b);
  hn::LoadInterleaved2(d, low + 2 * o, e, f);
  auto best = a;
  auto at = hn::Zero(di);
  const auto offer = [&](hn::Vec<D> v, int k) HWY_ATTR {
    const auto wins = hn::Or(hn::Gt(v, best), hn::Not(hn::Eq(v, v)));
    best = hn::IfThenElse(wins, v, best);
    at = hn::IfThenElse(hn::RebindMask(di, wins), hn::Set(di, k), at);
  };
  offer(b, 1);
  offer(e, 2);
  offer(f, 3);
  hn::StoreU(best, d, y + o);
  hn::StoreU(hn::DemoteTo(d8, at), d8, place + o);
}

/// The gradients of `lanes` windows, spread to two rows.
template <class D> HWY_INLINE void spread_pairs(D d, const float* g, const std::uint8_t* place, Int o, float* top, float* low) {
  const hn::RebindToSigned<D> di;
  const hn::Rebind<std::uint8_t, decltype(di)> d8;
  const auto v = hn::LoadU(d, g + o);
  const auto at = hn::PromoteTo(di, hn::LoadU(d8, place + o));
  const auto where = [&](int k) HWY_ATTR { return hn::IfThenElseZero(hn::RebindMask(d, hn::Eq(at, hn::Set(di, k))), v); };
  hn::StoreInterleaved2(where(0), where(1), d, top + 2 * o);
  hn::StoreInterleaved2(where(2), where(3), d, low + 2 * o);
}

/// Calls step(tag, o) so that [0, n) is covered by whole vectors, the last one overlapping; false where n is below four.
template <class F> HWY_INLINE bool cover(Int n, F&& step) {
  const hn::CappedTag<float, 8> d;
  const hn::CappedTag<float, 4> small;
  const auto lanes = static_cast<Int>(hn::Lanes(d)), few = static_cast<Int>(hn::Lanes(small));
  if (n >= lanes) {
    for (Int o = 0; o < n; o += lanes) step(d, std::min(o, n - lanes));
    return true;
  }
  if (n < few) return false;
  for (Int o = 0; o < n; o += few) step(small, std::min(o, n - few));
  return true;
}

void max_pool_2x2(const float* x, Int width, Int out_h, Int out_w, float* y, std::uint8_t* place) {
  for (Int r = 0; r < out_h; ++r, y += out_w, place += out_w) {
    const float *top = x + 2 * r * width, *low = top + width;
    if (cover(out_w, [&](auto d, Int o) HWY_ATTR { max_of_pairs(d, top, low, o, y, place); })) continue;
    for (Int o = 0; o < out_w; ++o) {
      const float v[4] = {top[2 * o], top[2 * o + 1], low[2 * o], low[2 * o + 1]};
      int at = 0;
      for (int k = 1; k < 4; ++k)
        if (v[k] > v[at] || v[k] != v[k]) at = k;
      y[o] = v[at];
      place[o] = static_cast<std::uint8_t>(at);
    }
  }
}

void max_pool_2x2_grad(const float* g, const std::uint8_t* place, Int height, Int width, Int out_h, Int out_w, float* dx) {
  for (Int r = 0; r < out_h; ++r, g += out_w, place += out_w) {
    float *top = dx + 2 * r * width, *low = top + width;
    if (!cover(out_w, [&](auto d, Int o) HWY_ATTR { spread_pairs(d, g, place, o, top, low); }))
      for (Int o = 0; o < out_w; ++o) {
        top[2 * o] = top[2 * o + 1] = low[2 * o] = low[2 * o + 1] = 0;
        (place[o] < 2 ? top : low)[2 * o + place[o] % 2] = g[o];
      }
    for (float* row : {top, low}) std::fill(row + 2 * out_w, row + width, 0.0f);
  }
  std::fill(dx + 2 * out_h * width, dx + height * width, 0.0f);
}

void avg_pool_2x2(const float* x, Int width, Int out_h, Int out_w, float share, float* y) {
  for (Int r = 0; r < out_h; ++r, y += out_w) {
    const float *top = x + 2 * r * width, *low = top + width;
    const auto means = [&](auto d, Int o) HWY_ATTR {
      hn::Vec<decltype(d)> a, b, e, f;
      hn::LoadInterleaved2(d, top + 2 * o, a, b);
      hn::LoadInterleaved2(d, low + 2 * o, e, f);
      hn::StoreU(hn::Mul(hn::Add(hn::Add(hn::Add(a, b), e), f), hn::Set(d, share)), d, y + o);
    };
    if (cover(out_w, means)) continue;
    for (Int o = 0; o < out_w; ++o) y[o] = (top[2 * o] + top[2 * o + 1] + low[2 * o] + low[2 * o + 1]) * share;
  }
}

void avg_pool_2x2_grad(const float* g, Int height, Int width, Int out_h, Int out_w, float share, float* dx) {
  for (Int r = 0; r < out_h; ++r, g += out_w) {
    float *top = dx + 2 * r * width, *low = top + width;
    const auto spread = [&](auto d, Int o) HWY_ATTR {
      const auto v = hn::Mul(hn::LoadU(d, g + o), hn::Set(d, share));
      hn::StoreInterleaved2(v, v, d, top + 2 * o);
      hn::StoreInterleaved2(v, v, d, low + 2 * o);
    };
    if (!cover(out_w, spread))
      for (Int o = 0; o < out_w; ++o) top[2 * o] = top[2 * o + 1] = low[2 * o] = low[2 * o + 1] = g[o] * share;
    for (float* row : {top, low}) std::fill(row + 2 * out_w, row + width, 0.0f);
  }
  std::fill(dx + 2 * out_h * width, dx + height * width, 0.0f);
}

/// Where v is larger than best, it and its place k win. Scalar code would guess at every comparison.
template <class T> HWY_INLINE void offer(const T* v, T k, Int n, T* best, T* at) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<Int>(hn::Lanes(d));
  const auto place = hn::Set(d, k);
  Int i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto x = hn::LoadU(d, v + i), top = hn::LoadU(d, best + i);
    const auto wins = hn::Or(hn::Gt(x, top), hn::Not(hn::Eq(x, x)));
    hn::StoreU(hn::IfThenElse(wins, x, top), d, best + i);
    hn::StoreU(hn::IfThenElse(wins, place, hn::LoadU(d, at + i)), d, at + i);
  }
  for (; i < n; ++i)
    if (v[i] > best[i] || v[i] != v[i]) {
      best[i] = v[i];
      at[i] = k;
    }
}
void offer_f32(const float* v, float k, Int n, float* best, float* at) { offer(v, k, n, best, at); }
void offer_f64(const double* v, double k, Int n, double* best, double* at) { offer(v, k, n, best, at); }

}  // namespace weft::cpu_kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft {

namespace cpu_kernels {
namespace {
HWY_EXPORT(max_pool_2x2);
HWY_EXPORT(max_pool_2x2_grad);
HWY_EXPORT(avg_pool_2x2);
HWY_EXPORT(avg_pool_2x2_grad);
HWY_EXPORT(offer_f32);
HWY_EXPORT(offer_f64);

using Int = std::int64_t;
using op::PoolShape;

/// A pooling of three spatial axes; missing ones have size 1. What each window reads is worked out once, an axis at a
/// time, not for every plane.
struct Windows {
  /// A window along one axis: where it starts in the image, and its elements inside: [first, last).
  struct Span {
    Int start, first, last;
  };
  Int planes, in[3], out[3], kernel[3], stride[3], pad[3], dilation[3];
  Int in_size = 1, out_size = 1;
  bool two_by_two = true;  ///< flat windows of 2x2 with stride 2 inside the image
  ScratchVector<Span> spans[3];
  ScratchVector<std::pair<Int, Int>> runs;   ///< the outputs of a row for which element kw of the window is inside
  ScratchVector<std::array<Int, 3>> places;  ///< distance of each element of a window from its start

  explicit Windows(const PoolShape& s) : planes(s.planes) {
    for (int i = 0; i < 3; ++i) {
      const int k = i - (3 - s.axes);
      in[i] = k < 0 ? 1 : s.in[k];
      out[i] = k < 0 ? 1 : s.out[k];
      kernel[i] = k < 0 ? 1 : s.kernel[k];
      stride[i] = k < 0 ? 1 : s.stride[k];
      pad[i] = k < 0 ? 0 : s.pad_before[k];
      dilation[i] = k < 0 ? 1 : s.dilation[k];
      in_size *= in[i];
      out_size *= out[i];
      const Int wanted = i == 0 ? 1 : 2;
      two_by_two &= kernel[i] == wanted && stride[i] == wanted && pad[i] == 0 && dilation[i] == 1 && out[i] * wanted <= in[i];
      for (Int p = 0; p < out[i]; ++p) spans[i].push_back(span(i, p * stride[i] - pad[i]));
    }
    for (Int w = 0; w < kernel[2]; ++w) {
      const Int first = pad[2] - w * dilation[2], last = in[2] + first;  // first <= output * stride < last
      const Int begin = first <= 0 ? 0 : (first + stride[2] - 1) / stride[2];
      const Int end = std::clamp<Int>(last <= 0 ? 0 : (last + stride[2] - 1) / stride[2], 0, out[2]);
      runs.emplace_back(std::min(begin, end), end);
    }
    two_by_two &= in[0] == 1;
    for (Int d = 0; d < kernel[0]; ++d)
      for (Int h = 0; h < kernel[1]; ++h)
        for (Int w = 0; w < kernel[2]; ++w) places.push_back({d * dilation[0], h * dilation[1], w * dilation[2]});
  }
  Span span(int i, Int start) const {
    const Int first = start >= 0 ? 0 : (-start + dilation[i] - 1) / dilation[i];
    const Int last = std::clamp<Int>((in[i] - start + dilation[i] - 1) / dilation[i], 0, kernel[i]);
    return {start, std::min(first, last), last};
  }
  /// Calls f(output, its coordinates) for every window of a plane.
  template <class F> void for_each(F&& f) const {
    Int p[3], o = 0;
    for (p[0] = 0; p[0] < out[0]; ++p[0])
      for (p[1] = 0; p[1] < out[1]; ++p[1])
        for (p[2] = 0; p[2] < out[2]; ++p[2]) f(o++, p);
  }
  const Span& along(int i, const Int* p) const { return spans[i][static_cast<std::size_t>(p[i])]; }
  /// The place of the first element of window p inside the image (0 where there is none).
  Int first_place(const Int* p) const {
    const Span &d = along(0, p), &h = along(1, p), &w = along(2, p);
    if (d.first == d.last || h.first == h.last || w.first == w.last) return 0;
    return (d.first * kernel[1] + h.first) * kernel[2] + w.first;
  }
  /// For every element of the windows of an output row, calls f(place in the window, begin, end, offset): outputs
  /// begin..end - 1 of the row read the plane at offset + their number * stride[2].
  template <class F> void for_each_run(Int od, Int oh, F&& f) const {
    const Span &d = spans[0][static_cast<std::size_t>(od)], &h = spans[1][static_cast<std::size_t>(oh)];
    for (Int kd = d.first; kd < d.last; ++kd)
      for (Int kh = h.first; kh < h.last; ++kh) {
        const Int row = ((d.start + kd * dilation[0]) * in[1] + h.start + kh * dilation[1]) * in[2];
        for (Int kw = 0; kw < kernel[2]; ++kw) {
          const auto [begin, end] = runs[static_cast<std::size_t>(kw)];
          f((kd * kernel[1] + kh) * kernel[2] + kw, begin, end, row + kw * dilation[2] - pad[2]);
        }
      }
  }
  /// Calls f(first output, od, oh) for every output row of a plane.
  template <class F> void for_each_row(F&& f) const {
    for (Int od = 0; od < out[0]; ++od)
      for (Int oh = 0; oh < out[1]; ++oh) f((od * out[1] + oh) * out[2], od, oh);
  }
  /// Offset in the plane of a place in window p; -1 where that is padding or no place at all.
  Int offset(const Int* p, Int place) const {
    if (static_cast<std::size_t>(place) >= places.size()) return -1;
    const auto& at = places[static_cast<std::size_t>(place)];
    const Int d = along(0, p).start + at[0], h = along(1, p).start + at[1], w = along(2, p).start + at[2];
    if (w < 0 || w >= in[2] || h < 0 || h >= in[1] || d < 0 || d >= in[0]) return -1;
    return (d * in[1] + h) * in[2] + w;
  }
  /// Runs f(begin, end) over all planes on Weft's threads.
  template <class F> void run(F&& f) const {
    parallel_for(planes, std::max<Int>(1, piece_size / std::max<Int>(1, in_size)), f);
  }
  /// Runs f(plane) for all planes on Weft's threads.
  template <class F> void run_planes(F&& f) const {
    run([&](Int begin, Int end) {
      for (Int k = begin; k < end; ++k) f(k);
    });
  }
};

void offer(const float* v, float k, Int n, float* best, float* at) { HWY_DYNAMIC_DISPATCH(offer_f32)(v, k, n, best, at); }
void offer(const double* v, double k, Int n, double* best, double* at) { HWY_DYNAMIC_DISPATCH(offer_f64)(v, k, n, best, at); }

/// One plane, an output row at a time; places are kept as numbers of type T (exact) beside the values they belong to.
template <class T, class I>
void max_pool_plane(const Windows& s, const T* x, const ScratchVector<T>& first_places, T* row, T* y, I* place) {
  T* const at = row + s.out[2];
  s.for_each_row([&](Int output, Int od, Int oh) {
    T* const best = y + output;
    std::fill_n(best, s.out[2], -std::numeric_limits<T>::infinity());
    std::copy_n(first_places.data() + output, s.out[2], at);
    s.for_each_run(od, oh, [&](Int k, Int begin, Int end, Int offset) {
      const T* v = x + offset + begin;
      if (s.stride[2] != 1) {
        for (Int o = begin; o < end; ++o) row[o - begin] = x[offset + o * s.stride[2]];
        v = row;
      }
      offer(v, static_cast<T>(k), end - begin, best + begin, at + begin);
    });
    for (Int o = 0; o < s.out[2]; ++o) place[output + o] = static_cast<I>(at[o]);
  });
}

template <class T, class I> void max_pool(const KernelCall& call, const Windows& s) {
  const T* x = call.in[0].as<T>();
  T* y = call.out[0].as<T>();
  I* place = call.out[1].as<I>();
  if constexpr (std::is_same_v<T, float> && std::is_same_v<I, std::uint8_t>)
    if (s.two_by_two)
      return s.run([&](Int begin, Int end) {
        for (Int k = begin; k < end; ++k)
          HWY_DYNAMIC_DISPATCH(max_pool_2x2)
          (x + k * s.in_size, s.in[2], s.out[1], s.out[2], y + k * s.out_size, place + k * s.out_size);
      });
  ScratchVector<T> first_places;
  s.for_each([&](Int, const Int* p) { first_places.push_back(static_cast<T>(s.first_place(p))); });
  s.run([&](Int begin, Int end) {
    Scratch<T> row(2 * s.out[2]);
    for (Int k = begin; k < end; ++k)
      max_pool_plane(s, x + k * s.in_size, first_places, row.data(), y + k * s.out_size, place + k * s.out_size);
  });
}

template <class T, class I> void max_pool_grad(const KernelCall& call, const Windows& s) {
  const T* g = call.in[0].as<T>();
  const I* place = call.in[1].as<I>();
  T* dx = call.out[0].as<T>();
  s.run_planes([&](Int plane) {
    T* to = dx + plane * s.in_size;
    const Int base = plane * s.out_size;
    if constexpr (std::is_same_v<T, float> && std::is_same_v<I, std::uint8_t>)
      if (s.two_by_two)
        return HWY_DYNAMIC_DISPATCH(max_pool_2x2_grad)(g + base, place + base, s.in[1], s.in[2], s.out[1], s.out[2], to);
    std::fill_n(to, s.in_size, T(0));
    s.for_each([&](Int o, const Int* p) {
      const Int at = s.offset(p, place[base + o]);
      if (at >= 0) to[at] += g[base + o];
    });
  });
}

template <class T, class I> void max_pool_take(const KernelCall& call, const Windows& s) {
  const T* x = call.in[0].as<T>();
  const I* place = call.in[1].as<I>();
  T* y = call.out[0].as<T>();
  s.run_planes([&](Int plane) {
    const Int base = plane * s.out_size;
    s.for_each([&](Int o, const Int* p) {
      const Int at = s.offset(p, place[base + o]);
      y[base + o] = at >= 0 ? x[plane * s.in_size + at] : T(0);
    });
  });
}

/// 1 / divisor of each window of a plane.
template <class T> ScratchVector<T> shares(const op::AvgPool& op, const PoolShape& shape, const Windows& s) {
  ScratchVector<T> list(static_cast<std::size_t>(s.out_size));
  s.for_each([&](Int o, const Int* p) {
    const Dims at(std::span<const Int>(p + 3 - shape.axes, p + 3));
    list[static_cast<std::size_t>(o)] = static_cast<T>(1.0 / static_cast<double>(op.divisor(shape, at)));
  });
  return list;
}

template <class T> void avg_pool(const KernelCall& call, const op::AvgPool& op, const PoolShape& shape) {
  const Windows s(shape);
  const ScratchVector<T> share = shares<T>(op, shape, s);
  const T* x = call.in[0].as<T>();
  T* y = call.out[0].as<T>();
  s.run_planes([&](Int plane) {
    const T* from = x + plane * s.in_size;
    T* to = y + plane * s.out_size;
    if constexpr (std::is_same_v<T, float>)
      if (s.two_by_two) return HWY_DYNAMIC_DISPATCH(avg_pool_2x2)(from, s.in[2], s.out[1], s.out[2], share[0], to);
    std::fill_n(to, s.out_size, T(0));
    s.for_each_row([&](Int row, Int od, Int oh) {
      s.for_each_run(od, oh, [&, step = s.stride[2]](Int, Int begin, Int end, Int offset) {
        for (Int o = begin; o < end; ++o) to[row + o] += from[offset + o * step];
      });
    });
    for (Int o = 0; o < s.out_size; ++o) to[o] *= share[static_cast<std::size_t>(o)];
  });
}

template <class T> void avg_pool_grad(const KernelCall& call, const op::AvgPool& op, const PoolShape& shape) {
  const Windows s(shape);
  const ScratchVector<T> share = shares<T>(op, shape, s);
  const T* g = call.in[0].as<T>();
  T* dx = call.out[0].as<T>();
  s.run_planes([&](Int plane) {
    T* to = dx + plane * s.in_size;
    const T* from = g + plane * s.out_size;
    if constexpr (std::is_same_v<T, float>)
      if (s.two_by_two) return HWY_DYNAMIC_DISPATCH(avg_pool_2x2_grad)(from, s.in[1], s.in[2], s.out[1], s.out[2], share[0], to);
    std::fill_n(to, s.in_size, T(0));
    s.for_each_row([&](Int row, Int od, Int oh) {
      s.for_each_run(od, oh, [&, step = s.stride[2]](Int, Int begin, Int end, Int offset) {
        for (Int o = begin; o < end; ++o) to[offset + o * step] += from[row + o] * share[static_cast<std::size_t>(row + o)];
      });
    });
  });
}

const char* decline(const KernelCall& call) {
  if (call.in[0].dtype != DType::f32 && call.in[0].dtype != DType::f64) return "computes in f32 and f64";
  return call.in[0].numel() == 0 ? "empty" : nullptr;
}

/// Calls f(element, place) with values of the types that the call has.
template <class F> void with_types(const KernelCall& call, DType place, F&& f) {
  const auto with_place = [&](auto element) {
    place == DType::u8 ? f(element, std::uint8_t{}) : f(element, std::int32_t{});
  };
  call.in[0].dtype == DType::f32 ? with_place(float{}) : with_place(double{});
}

template <class Op> Windows windows_of(const KernelCall& call) {
  return Windows(call.attributes<Op>().geometry(call.in[0].shape));
}

void run_max_pool(const KernelCall& call) {
  with_types(call, call.out[1].dtype, [&]<class T, class I>(T, I) { max_pool<T, I>(call, windows_of<op::MaxPool>(call)); });
}
void run_max_pool_grad(const KernelCall& call) {
  with_types(call, call.in[1].dtype, [&]<class T, class I>(T, I) { max_pool_grad<T, I>(call, windows_of<op::MaxPoolGrad>(call)); });
}
void run_max_pool_take(const KernelCall& call) {
  with_types(call, call.in[1].dtype, [&]<class T, class I>(T, I) { max_pool_take<T, I>(call, windows_of<op::MaxPoolTake>(call)); });
}
void run_avg_pool(const KernelCall& call) {
  const auto& op = call.attributes<op::AvgPool>();
  const PoolShape s = op.geometry(call.in[0].shape);
  call.in[0].dtype == DType::f32 ? avg_pool<float>(call, op, s) : avg_pool<double>(call, op, s);
}
void run_avg_pool_grad(const KernelCall& call) {
  const auto& op = call.attributes<op::AvgPoolGrad>();
  const PoolShape s = op.geometry(call.in[0].shape);
  call.in[0].dtype == DType::f32 ? avg_pool_grad<float>(call, op.forward(), s) : avg_pool_grad<double>(call, op.forward(), s);
}

}  // namespace
}  // namespace cpu_kernels

void register_cpu_pool() {
  using namespace cpu_kernels;
  const auto add = [](const OpInfo& info, void (*run)(const KernelCall&)) {
    add_kernel(info, DeviceType::cpu, {"cpu." + info.name, run, &decline, true});
  };
  add(info_of<op::MaxPool>(), &run_max_pool);
  add(info_of<op::MaxPoolGrad>(), &run_max_pool_grad);
  add(info_of<op::MaxPoolTake>(), &run_max_pool_take);
  add(info_of<op::AvgPool>(), &run_avg_pool);
  add(info_of<op::AvgPoolGrad>(), &run_avg_pool_grad);
}

}  // namespace weft
#endif
