// Batch normalisation and standardised rows in f32 and f64: a channel or a row at a time, sums over adjacent memory in
// vectors, between pieces in double.
#include <weft/kernels/cpu/targets.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "weft/kernels/cpu/norm.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <type_traits>

#include <weft/base/thread_pool.h>
#include <weft/kernels/cpu/blocks.h>
#include <weft/kernels/cpu/vector-inl.h>
#include <weft/kernels/registry.h>
#include <weft/opdefs/norm.h>

HWY_BEFORE_NAMESPACE();
namespace weft::cpu_kernels::HWY_NAMESPACE {

using Int = std::int64_t;

template <class T> HWY_INLINE double lanes_total(Vector<T> a, Vector<T> b) {
  T lane[HWY_MAX_BYTES / sizeof(T)];
  (a + b).store(lane);
  double total = 0;
  for (Int j = 0; j < Vector<T>::lanes(); ++j) total += static_cast<double>(lane[j]);
  return total;
}

/// Sum of n terms, in pieces of at most 1024 so that a long row keeps its digits: `vector(i)` is the terms from i on that
/// fill a vector, `one(i)` term i alone, in double.
template <class T, class Vectors, class One> double total_of(Int n, Vectors vector, One one) {
  using V = Vector<T>;
  const Int lanes = V::lanes();
  double total = 0;
  for (Int from = 0; from < n; from += block_size) {
    const Int to = std::min(n, from + block_size);
    V a(0), b(0);
    Int i = from;
    for (; i + 2 * lanes <= to; i += 2 * lanes) {
      a = a + vector(i);
      b = b + vector(i + lanes);
    }
    total += lanes_total(a, b);
    for (; i < to; ++i) total += one(i);
  }
  return total;
}

/// Sum of n adjacent elements.
template <class T> double sum_of(const T* x, Int n) {
  return total_of<T>(n, [=](Int i) { return Vector<T>::load(x + i); }, [=](Int i) { return static_cast<double>(x[i]); });
}

/// Sum of g * (x - shift).
template <class T> double dot_of(const T* g, const T* x, double shift, Int n) {
  using V = Vector<T>;
  const V s(shift);
  return total_of<T>(n, [=](Int i) { return V::load(g + i) * (V::load(x + i) - s); },
                     [=](Int i) { return static_cast<double>(g[i]) * (static_cast<double>(x[i]) - shift); });
}

/// Sum of (x - shift)^2.
template <class T> double squares_of(const T* x, double shift, Int n) {
  using V = Vector<T>;
  const V s(shift);
  return total_of<T>(
      n,
      [=](Int i) {
        const V d = V::load(x + i) - s;
        return d * d;
      },
      [=](Int i) {
        const double d = static_cast<double>(x[i]) - shift;
        return d * d;
      });
}

/// y = (x - shift) * scale + offset; not below 0 where `relu`.
template <bool relu = false, class T> void normalise(const T* x, double shift, double scale, double offset, T* y, Int n) {
  using V = Vector<T>;
  const V s(shift), f(scale), o(offset), zero(0);
  Int i = 0;
  for (; i + V::lanes() <= n; i += V::lanes()) {
    const V v = (V::load(x + i) - s) * f + o;
    (relu ? select(v <= zero, zero, v) : v).store(y + i);
  }
  for (; i < n; ++i) {
    const T v = (x[i] - static_cast<T>(shift)) * static_cast<T>(scale) + static_cast<T>(offset);
    y[i] = relu && v <= 0 ? 0 : v;
  }
}

/// The gradient g behind a relu whose argument is (x - shift) * scale + offset, to `to`.
template <class T> void mask_gradient(const T* g, const T* x, double shift, double scale, double offset, T* to, Int n) {
  using V = Vector<T>;
  const V s(shift), f(scale), o(offset), zero(0);
  Int i = 0;
  for (; i + V::lanes() <= n; i += V::lanes())
    select((V::load(x + i) - s) * f + o <= zero, zero, V::load(g + i)).store(to + i);
  for (; i < n; ++i)
    to[i] = (x[i] - static_cast<T>(shift)) * static_cast<T>(scale) + static_cast<T>(offset) <= 0 ? 0 : g[i];
}

/// y = g * a - (x - shift) * b - c.
template <class T> void denormalise(const T* g, const T* x, double shift, double a, double b, double c, T* y, Int n) {
  using V = Vector<T>;
  const V s(shift), va(a), vb(b), vc(c);
  Int i = 0;
  for (; i + V::lanes() <= n; i += V::lanes()) (V::load(g + i) * va - (V::load(x + i) - s) * vb - vc).store(y + i);
  for (; i < n; ++i)
    y[i] = g[i] * static_cast<T>(a) - (x[i] - static_cast<T>(shift)) * static_cast<T>(b) - static_cast<T>(c);
}

/// A channel's planes: `count` of them, `stride` elements apart, each `n` adjacent elements.
struct Planes {
  Int count, n, stride;
  template <class F> void operator()(Int channel, F&& f) const {
    for (Int k = 0; k < count; ++k) f(k * stride + channel * n);
  }
};

Planes planes_of(const Shape& x) {
  Int n = 1;
  for (int i = 2; i < x.rank(); ++i) n *= x[i];
  return {x[0], n, x[1] * n};
}

/// Channels of one piece: enough work for a thread to be worth waking.
Int channels_a_piece(const Planes& p) { return std::max<Int>(1, piece_size / std::max<Int>(1, p.count * p.n)); }

template <class T, class Op> void batch_norm(const KernelCall& call) {
  constexpr bool relu = std::is_same_v<Op, op::BatchNormRelu>;
  const TensorView& view = call.in[0];
  const Planes planes = planes_of(view.shape);
  const double eps = call.attributes<Op>().eps, count = op::norm_detail::elements_a_channel(view.shape);
  const T *x = view.as<T>(), *weight = call.in.size() > 1 ? call.in[1].as<T>() : nullptr;
  const T* bias = call.in.size() > 2 ? call.in[2].as<T>() : nullptr;
  T* y = call.out[0].as<T>();
  parallel_for(view.shape[1], channels_a_piece(planes), [&](Int begin, Int end) {
    for (Int c = begin; c < end; ++c) {
      double mean = 0, var = 0;
      planes(c, [&](Int at) { mean += sum_of(x + at, planes.n); });
      mean /= count;
      planes(c, [&](Int at) { var += squares_of(x + at, mean, planes.n); });
      var /= count;
      const double scale = (weight ? weight[c] : 1) / std::sqrt(var + eps), offset = bias ? bias[c] : 0;
      planes(c, [&](Int at) { normalise<relu>(x + at, mean, scale, offset, y + at, planes.n); });
      call.out[1].as<T>()[c] = static_cast<T>(mean);
      call.out[2].as<T>()[c] = static_cast<T>(var);
    }
  });
}

template <class T, class Op> void batch_norm_grad(const KernelCall& call) {
  constexpr bool relu = std::is_same_v<Op, op::BatchNormReluGrad>;
  const TensorView& view = call.in[0];
  const Planes planes = planes_of(view.shape);
  const double eps = call.attributes<Op>().eps, count = op::norm_detail::elements_a_channel(view.shape);
  const T *x = view.as<T>(), *all_g = call.in[1].as<T>(), *weight = call.in.size() > 4 ? call.in[4].as<T>() : nullptr;
  const T* bias = call.in.size() > 5 ? call.in[5].as<T>() : nullptr;
  T* dx = call.out[0].as<T>();
  const T* g = relu ? dx : all_g;  // what relu lets through waits in dx
  parallel_for(view.shape[1], channels_a_piece(planes), [&](Int begin, Int end) {
    for (Int c = begin; c < end; ++c) {
      const double mean = call.in[2].as<T>()[c], r = 1 / std::sqrt(call.in[3].as<T>()[c] + eps);
      double total = 0, along = 0;  // sum of g, sum of g * xhat
      planes(c, [&](Int at) {
        if (relu) mask_gradient(all_g + at, x + at, mean, (weight ? weight[c] : 1) * r, bias ? bias[c] : 0, dx + at, planes.n);
        total += sum_of(g + at, planes.n);
        along += dot_of(g + at, x + at, mean, planes.n);
      });
      along *= r;
      const double a = (weight ? weight[c] : 1) * r, b = a * r * along / count, shift = a * total / count;
      planes(c, [&](Int at) { denormalise(g + at, x + at, mean, a, b, shift, dx + at, planes.n); });
      call.out[1].as<T>()[c] = static_cast<T>(along);
      call.out[2].as<T>()[c] = static_cast<T>(total);
    }
  });
}

/// Elements of a row of the last `axes` axes.
Int row_length(const Shape& s, Int axes) {
  Int n = 1;
  for (int i = s.rank() - static_cast<int>(axes); i < s.rank(); ++i) n *= s[i];
  return n;
}

template <class T> void standardize(const KernelCall& call) {
  const auto& op = call.attributes<op::Standardize>();
  const Int n = row_length(call.in[0].shape, op.axes), rows = call.out[1].numel();
  const T* x = call.in[0].as<T>();
  T *y = call.out[0].as<T>(), *rstd = call.out[1].as<T>();
  parallel_for(rows, std::max<Int>(1, piece_size / n), [&](Int begin, Int end) {
    for (Int k = begin; k < end; ++k) {
      const T* row = x + k * n;
      const double mean = op.center ? sum_of(row, n) / static_cast<double>(n) : 0;
      const double r = 1 / std::sqrt(squares_of(row, mean, n) / static_cast<double>(n) + op.eps);
      normalise(row, mean, r, 0, y + k * n, n);
      rstd[k] = static_cast<T>(r);
    }
  });
}

template <class T> void standardize_grad(const KernelCall& call) {
  const auto& op = call.attributes<op::StandardizeGrad>();
  const Int n = row_length(call.in[0].shape, op.axes), rows = call.in[1].numel();
  const T *y = call.in[0].as<T>(), *rstd = call.in[1].as<T>(), *g = call.in[2].as<T>();
  T* dx = call.out[0].as<T>();
  parallel_for(rows, std::max<Int>(1, piece_size / n), [&](Int begin, Int end) {
    for (Int k = begin; k < end; ++k) {
      const double r = rstd[k], mean_g = op.center ? sum_of(g + k * n, n) / static_cast<double>(n) : 0;
      const double mean_gy = dot_of(g + k * n, y + k * n, 0, n) / static_cast<double>(n);
      denormalise(g + k * n, y + k * n, 0, r, r * mean_gy, r * mean_g, dx + k * n, n);
    }
  });
}

template <class Op> void in_dtype(const KernelCall& call) {
  call.in[0].dtype == DType::f32 ? batch_norm<float, Op>(call) : batch_norm<double, Op>(call);
}
template <class Op> void grad_in_dtype(const KernelCall& call) {
  call.in[0].dtype == DType::f32 ? batch_norm_grad<float, Op>(call) : batch_norm_grad<double, Op>(call);
}
void run_batch_norm(const KernelCall& call) { in_dtype<op::BatchNorm>(call); }
void run_batch_norm_relu(const KernelCall& call) { in_dtype<op::BatchNormRelu>(call); }
void run_batch_norm_grad(const KernelCall& call) { grad_in_dtype<op::BatchNormGrad>(call); }
void run_batch_norm_relu_grad(const KernelCall& call) { grad_in_dtype<op::BatchNormReluGrad>(call); }
void run_standardize(const KernelCall& call) {
  call.in[0].dtype == DType::f32 ? standardize<float>(call) : standardize<double>(call);
}
void run_standardize_grad(const KernelCall& call) {
  call.in[0].dtype == DType::f32 ? standardize_grad<float>(call) : standardize_grad<double>(call);
}

}  // namespace weft::cpu_kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft {

namespace cpu_kernels {
namespace {
HWY_EXPORT(run_batch_norm);
HWY_EXPORT(run_batch_norm_grad);
HWY_EXPORT(run_batch_norm_relu);
HWY_EXPORT(run_batch_norm_relu_grad);
HWY_EXPORT(run_standardize);
HWY_EXPORT(run_standardize_grad);

const char* decline(const KernelCall& call) {
  if (call.in[0].dtype != DType::f32 && call.in[0].dtype != DType::f64) return "computes in f32 and f64";
  return call.in[0].numel() == 0 ? "empty" : nullptr;
}
}  // namespace
}  // namespace cpu_kernels

void register_cpu_norm() {
  using namespace cpu_kernels;
  const auto add = [](const OpInfo& info, void (*run)(const KernelCall&)) {
    add_kernel(info, DeviceType::cpu, {"cpu." + info.name, run, &decline, true});
  };
  add(info_of<op::BatchNorm>(), [](const KernelCall& call) { HWY_DYNAMIC_DISPATCH(run_batch_norm)(call); });
  add(info_of<op::BatchNormGrad>(), [](const KernelCall& call) { HWY_DYNAMIC_DISPATCH(run_batch_norm_grad)(call); });
  add(info_of<op::BatchNormRelu>(), [](const KernelCall& call) { HWY_DYNAMIC_DISPATCH(run_batch_norm_relu)(call); });
  add(info_of<op::BatchNormReluGrad>(), [](const KernelCall& call) { HWY_DYNAMIC_DISPATCH(run_batch_norm_relu_grad)(call); });
  add(info_of<op::Standardize>(), [](const KernelCall& call) { HWY_DYNAMIC_DISPATCH(run_standardize)(call); });
  add(info_of<op::StandardizeGrad>(), [](const KernelCall& call) { HWY_DYNAMIC_DISPATCH(run_standardize_grad)(call); });
}

}  // namespace weft
#endif
