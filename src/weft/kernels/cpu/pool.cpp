// Pooling, a plane (one channel of one image) at a time. Windows of 2x2 with stride 2 have a vector form.
#include <weft/kernels/cpu/targets.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "weft/kernels/cpu/pool.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <limits>

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

}  // namespace weft::cpu_kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft {

namespace cpu_kernels {
namespace {
HWY_EXPORT(max_pool_2x2);
HWY_EXPORT(max_pool_2x2_grad);

using Int = std::int64_t;
using op::PoolShape;

/// A pooling of three spatial axes; missing ones have size 1.
struct Windows {
  Int planes, in[3], out[3], kernel[3], stride[3], pad[3], dilation[3];
  Int in_size = 1, out_size = 1;
  bool two_by_two = true;  ///< windows of 2x2 with stride 2 inside the image

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
    }
  }
  /// Element `k` of window `p` along axis i.
  Int at(int i, Int p, Int k) const { return p * stride[i] + k * dilation[i] - pad[i]; }
  /// The window elements inside the image: [first, last) along axis i of window p.
  std::pair<Int, Int> inside(int i, Int p) const {
    const Int start = at(i, p, 0);
    const Int first = start >= 0 ? 0 : (-start + dilation[i] - 1) / dilation[i];
    const Int last = std::clamp<Int>((in[i] - start + dilation[i] - 1) / dilation[i], 0, kernel[i]);
    return {std::min(first, last), last};
  }
  /// Calls f(output, its coordinates) for every window of a plane.
  template <class F> void for_each(F&& f) const {
    Int p[3], o = 0;
    for (p[0] = 0; p[0] < out[0]; ++p[0])
      for (p[1] = 0; p[1] < out[1]; ++p[1])
        for (p[2] = 0; p[2] < out[2]; ++p[2]) f(o++, p);
  }
  /// Calls f(place in the window, offset in the plane) for the elements of window p inside the image.
  template <class F> void for_each_element(const Int* p, F&& f) const {
    const auto [d0, d1] = inside(0, p[0]);
    const auto [h0, h1] = inside(1, p[1]);
    const auto [w0, w1] = inside(2, p[2]);
    for (Int d = d0; d < d1; ++d)
      for (Int h = h0; h < h1; ++h) {
        const Int row = (at(0, p[0], d) * in[1] + at(1, p[1], h)) * in[2];
        const Int place = (d * kernel[1] + h) * kernel[2];
        for (Int w = w0; w < w1; ++w) f(place + w, row + at(2, p[2], w));
      }
  }
  /// Offset in the plane of a place in window p; -1 where that is padding.
  Int offset(const Int* p, Int place) const {
    const Int w = at(2, p[2], place % kernel[2]), h = at(1, p[1], place / kernel[2] % kernel[1]);
    const Int d = at(0, p[0], place / (kernel[2] * kernel[1]));
    if (w < 0 || w >= in[2] || h < 0 || h >= in[1] || d < 0 || d >= in[0]) return -1;
    return (d * in[1] + h) * in[2] + w;
  }
  /// Runs f(plane) for all planes on Weft's threads.
  template <class F> void run(F&& f) const {
    parallel_for(planes, std::max<Int>(1, piece_size / std::max<Int>(1, in_size)), [&](Int begin, Int end) {
      for (Int k = begin; k < end; ++k) f(k);
    });
  }
};

template <class T, class I> void max_pool(const KernelCall& call, const Windows& s) {
  const T* x = call.in[0].as<T>();
  T* y = call.out[0].as<T>();
  I* place = call.out[1].as<I>();
  s.run([&](Int plane) {
    const T* from = x + plane * s.in_size;
    const Int base = plane * s.out_size;
    if constexpr (std::is_same_v<T, float> && std::is_same_v<I, std::uint8_t>)
      if (s.two_by_two && s.in[0] == 1)
        return HWY_DYNAMIC_DISPATCH(max_pool_2x2)(from, s.in[2], s.out[1], s.out[2], y + base, place + base);
    s.for_each([&](Int o, const Int* p) {
      T best = -std::numeric_limits<T>::infinity();
      Int at = -1;
      s.for_each_element(p, [&](Int k, Int offset) {
        const T v = from[offset];
        if (at >= 0 && !(v > best) && v == v) return;
        best = v;
        at = k;
      });
      y[base + o] = best;
      place[base + o] = static_cast<I>(std::max<Int>(at, 0));
    });
  });
}

template <class T, class I> void max_pool_grad(const KernelCall& call, const Windows& s) {
  const T* g = call.in[0].as<T>();
  const I* place = call.in[1].as<I>();
  T* dx = call.out[0].as<T>();
  s.run([&](Int plane) {
    T* to = dx + plane * s.in_size;
    const Int base = plane * s.out_size;
    if constexpr (std::is_same_v<T, float> && std::is_same_v<I, std::uint8_t>)
      if (s.two_by_two && s.in[0] == 1)
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
  s.run([&](Int plane) {
    const Int base = plane * s.out_size;
    s.for_each([&](Int o, const Int* p) {
      const Int at = s.offset(p, place[base + o]);
      y[base + o] = at >= 0 ? x[plane * s.in_size + at] : T(0);
    });
  });
}

/// 1 / divisor of each window of a plane.
template <class T> std::vector<T> shares(const op::AvgPool& op, const PoolShape& shape, const Windows& s) {
  std::vector<T> list(static_cast<std::size_t>(s.out_size));
  s.for_each([&](Int o, const Int* p) {
    const Dims at(std::span<const Int>(p + 3 - shape.axes, p + 3));
    list[static_cast<std::size_t>(o)] = static_cast<T>(1.0 / static_cast<double>(op.divisor(shape, at)));
  });
  return list;
}

template <class T> void avg_pool(const KernelCall& call, const op::AvgPool& op, const PoolShape& shape) {
  const Windows s(shape);
  const std::vector<T> share = shares<T>(op, shape, s);
  const T* x = call.in[0].as<T>();
  T* y = call.out[0].as<T>();
  s.run([&](Int plane) {
    const T* from = x + plane * s.in_size;
    s.for_each([&](Int o, const Int* p) {
      T total = 0;
      s.for_each_element(p, [&](Int, Int offset) { total += from[offset]; });
      y[plane * s.out_size + o] = total * share[static_cast<std::size_t>(o)];
    });
  });
}

template <class T> void avg_pool_grad(const KernelCall& call, const op::AvgPool& op, const PoolShape& shape) {
  const Windows s(shape);
  const std::vector<T> share = shares<T>(op, shape, s);
  const T* g = call.in[0].as<T>();
  T* dx = call.out[0].as<T>();
  s.run([&](Int plane) {
    T* to = dx + plane * s.in_size;
    std::fill_n(to, s.in_size, T(0));
    s.for_each([&](Int o, const Int* p) {
      const T v = g[plane * s.out_size + o] * share[static_cast<std::size_t>(o)];
      s.for_each_element(p, [&](Int, Int offset) { to[offset] += v; });
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
