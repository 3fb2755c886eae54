// Softmax, its logarithm and its cross-entropy on the cpu: row by row, where they lie or in a buffer, so that any axis and strides do.
#include <weft/kernels/cpu/targets.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "weft/kernels/cpu/softmax.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>

#include <weft/base/memory.h>
#include <weft/base/thread_pool.h>
#include <weft/kernels/cpu/blocks.h>
#include <weft/kernels/cpu/vector-inl.h>
#include <weft/kernels/registry.h>
#include <weft/opdefs/softmax.h>

#ifndef WEFT_KERNELS_CPU_SOFTMAX_ONCE
#define WEFT_KERNELS_CPU_SOFTMAX_ONCE
namespace weft::cpu_kernels {
/// What the rows of n elements need, for one element type.
struct SoftmaxLoops {
  /// e = e^(x - top); returns {top, the sum}.
  void (*exponentials)(const void* x, void* e, std::int64_t n, double* top, double* total);
  /// to = x * scale + shift.
  void (*linear)(const void* x, void* to, std::int64_t n, double scale, double shift);
  /// to = y * (g - sum(g * y)).
  void (*gradient)(const void* y, const void* g, void* to, std::int64_t n);
};
}  // namespace weft::cpu_kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace weft::cpu_kernels::HWY_NAMESPACE {

using Int = std::int64_t;

/// e^x for x up to 0: half the work of exp, which must not overflow either. 0 below -87.3, where f32 has no normal numbers
/// left. With x = n ln 2 + r it is 2^n e^r; the polynomial was fitted to minimise the largest relative error (3e-9), which
/// rounding hides.
HWY_INLINE Vector<float> exp_up_to_0(Vector<float> x) {
  using F = Vector<float>;
  const F to_whole(12582912.0 + 127);  // of this size a float has no fraction: its lowest bits are n + 127, the exponent of 2^n
  const F k = hn::MulAdd(x.v, F(1.4426950408889634).v, to_whole.v), n = k - to_whole;
  const F high = hn::NegMulAdd(n.v, F(0.693359375).v, x.v), r = hn::NegMulAdd(n.v, F(-2.12194440054690583e-4).v, high.v);
  const F p = polynomial<float>(r, {1.381446869e-03, 8.368780374e-03, 4.166839418e-02, 1.666652011e-01, 4.999999341e-01});
  const F e = F(1) + F(hn::MulAdd(p.v, (r * r).v, r.v));
  const F power = hn::BitCast(hn::ScalableTag<float>(), hn::ShiftLeft<23>(hn::BitCast(hn::ScalableTag<std::int32_t>(), k.v)));
  return select(x < F(-87.3), F(0), e * power);
}
HWY_INLINE Vector<double> exp_up_to_0(Vector<double> x) { return exp(x); }

template <class T> HWY_INLINE T sum_lanes(Vector<T> v) {
  const hn::ScalableTag<T> d;
  return hn::GetLane(hn::SumOfLanes(d, v.v));
}
/// NaN where a lane is.
template <class T> HWY_INLINE T largest_lane(Vector<T> v) {
  const hn::ScalableTag<T> d;
  return hn::AllTrue(d, (v == v).m) ? hn::GetLane(hn::MaxOfLanes(d, v.v)) : std::numeric_limits<T>::quiet_NaN();
}

/// How the elements from i on are read and written: all lanes, or the first few (others read `fill`).
template <class T> struct WholeVector {
  HWY_INLINE Vector<T> load(const void* p, Int i, double) const { return Vector<T>::load(static_cast<const T*>(p) + i); }
  HWY_INLINE void store(Vector<T> v, void* p, Int i) const { v.store(static_cast<T*>(p) + i); }
};
template <class T> struct PartOfVector {
  Int count;
  HWY_INLINE Vector<T> load(const void* p, Int i, double fill) const {
    return load_first(static_cast<const T*>(p) + i, count, static_cast<T>(fill));
  }
  HWY_INLINE void store(Vector<T> v, void* p, Int i) const { store_first(v, static_cast<T*>(p) + i, count); }
};
/// Calls f(first element, access) for the vectors of a row, the last of them in part.
template <class T, class Call> HWY_INLINE void for_vectors(Int n, Call&& f) {
  Int i = 0;
  for (; i + Vector<T>::lanes() <= n; i += Vector<T>::lanes()) f(i, WholeVector<T>());
  if (i < n) f(i, PartOfVector<T>{n - i});
}

template <class T> void exponentials(const void* x, void* to, Int n, double* top, double* total) {
  using V = Vector<T>;
  V most(-infinity<T>), sum(0);
  for_vectors<T>(n, [&](Int i, auto access) HWY_ATTR { most = max(most, access.load(x, i, -infinity<T>)); });
  *top = static_cast<double>(largest_lane(most));
  const V shift(*top);
  for_vectors<T>(n, [&](Int i, auto access) HWY_ATTR {
    const V e = exp_up_to_0(access.load(x, i, -infinity<T>) - shift);
    access.store(e, to, i);
    sum = sum + e;
  });
  *total = static_cast<double>(sum_lanes(sum));
}

template <class T> void linear(const void* x, void* to, Int n, double scale, double shift) {
  const Vector<T> a(scale), b(shift);
  for_vectors<T>(n, [&](Int i, auto access) HWY_ATTR { access.store(access.load(x, i, 0) * a + b, to, i); });
}

template <class T> void gradient(const void* y, const void* g, void* to, Int n) {
  using V = Vector<T>;
  V sum(0);
  for_vectors<T>(n, [&](Int i, auto access) HWY_ATTR { sum = sum + access.load(y, i, 0) * access.load(g, i, 0); });
  const V total(static_cast<double>(sum_lanes(sum)));
  for_vectors<T>(n, [&](Int i, auto access) HWY_ATTR { access.store(access.load(y, i, 0) * (access.load(g, i, 0) - total), to, i); });
}

void FillSoftmax(SoftmaxLoops* of_f32, SoftmaxLoops* of_f64) {
  *of_f32 = {&exponentials<float>, &linear<float>, &gradient<float>};
  *of_f64 = {&exponentials<double>, &linear<double>, &gradient<double>};
}

}  // namespace weft::cpu_kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::cpu_kernels {
HWY_EXPORT(FillSoftmax);
}  // namespace weft::cpu_kernels

namespace weft {

namespace {

using namespace cpu_kernels;
using Int = std::int64_t;

SoftmaxLoops loops[2];  // f32, f64

/// An input with the axis of its rows last.
struct AxisLast {
  TensorView view;
  bool adjacent;  ///< its rows follow each other in memory
  AxisLast(const TensorView& v, int axis) : view(v) {
    view.shape.erase(axis);
    view.strides.erase(axis);
    view.shape.push_back(v.shape[axis]);
    view.strides.push_back(v.strides[axis]);
    adjacent = view.contiguous();
  }
};

/// The rows along one axis of a call, and where a row of the result lies.
struct Rows {
  DType type;  ///< computed in
  Int n, count, inner;
  const SoftmaxLoops& l;
  Rows(const TensorView& shaped, int axis)
      : type(shaped.dtype == DType::f64 ? DType::f64 : DType::f32), n(shaped.shape[axis]), count(n ? shaped.numel() / n : 0), inner(1),
        l(loops[type == DType::f64]) {
    for (int i = axis + 1; i < shaped.rank(); ++i) inner *= shaped.shape[i];
  }
  /// Row `row`: as it lies, or a copy in `buffer`.
  template <class T> const T* read(const AxisLast& from, Int row, T* buffer) const {
    if (from.adjacent && from.view.dtype == type) return from.view.as<T>() + row * n;
    gather(from.view, row * n, n, buffer, type);
    return buffer;
  }
  /// Where to make a row of the result, before write(): in its place or in `buffer`.
  template <class T> T* place(const TensorView& to, Int row, T* buffer) const {
    return inner == 1 && to.dtype == type ? to.as<T>() + row * n : buffer;
  }
  /// Writes a row of the result, whose axis is followed by `inner` elements.
  template <class T> void write(const T* row_data, Int row, const TensorView& to) const {
    if (inner == 1 && to.dtype == type) return;  // made in its place
    const Int first = row / inner * n * inner + row % inner;
    visit_dtype(to.dtype, [&]<class Out>(Type<Out>) {
      if constexpr (!std::is_same_v<Out, bool>) {
        Out* out = to.as<Out>() + first;
        for (Int k = 0; k < n; ++k) {
          if constexpr (sizeof(Out) == 2) out[k * inner] = Out(static_cast<float>(row_data[k]));
          else out[k * inner] = static_cast<Out>(row_data[k]);
        }
      }
    });
  }
  /// Calls f(T{}, first row, last row, memory for `buffers` rows) on Weft's threads.
  template <class F> void run(int buffers, F&& f) const {
    const auto typed = [&]<class T>(T) {
      parallel_for(count, std::max<Int>(1, piece_size / 4 / std::max<Int>(1, n)), [&](Int begin, Int end) {
        Scratch<T> memory(buffers * n);
        f(T{}, begin, end, memory.data());
      });
    };
    if (type == DType::f64) typed(double{});
    else typed(float{});
  }
};

template <class Op, bool Logarithm> void run_softmax(const KernelCall& call) {
  const int axis = normalize_axis(call.attributes<Op>().axis, call.in[0].rank());
  const AxisLast x(call.in[0], axis);
  const Rows rows(call.in[0], axis);
  rows.run(2, [&]<class T>(T, Int begin, Int end, T* e) {
    for (Int row = begin; row < end; ++row) {
      double top, total;
      const T* plain = rows.read(x, row, e + rows.n);
      T* to = rows.place(call.out[0], row, e);
      rows.l.exponentials(plain, e, rows.n, &top, &total);
      if constexpr (Logarithm) {
        rows.l.linear(plain, to, rows.n, 1, -top);
        rows.l.linear(to, to, rows.n, 1, -std::log(total));
      } else {
        rows.l.linear(e, to, rows.n, 1 / total, 0);
      }
      rows.write(to, row, call.out[0]);
    }
  });
}

void run_softmax_grad(const KernelCall& call) {
  const int axis = normalize_axis(call.attributes<op::SoftmaxGrad>().axis, call.in[0].rank());
  const AxisLast y(call.in[0], axis), g(call.in[1], axis);
  const Rows rows(call.in[0], axis);
  rows.run(2, [&]<class T>(T, Int begin, Int end, T* ys) {
    T* gs = ys + rows.n;
    for (Int row = begin; row < end; ++row) {
      T* to = rows.place(call.out[0], row, gs);
      rows.l.gradient(rows.read(y, row, ys), rows.read(g, row, gs), to, rows.n);
      rows.write(to, row, call.out[0]);
    }
  });
}

/// A sample's label, checked; false where it is to be ignored.
template <class Op> bool label_of(const Op& op, const TensorView& labels, Int row, Int classes, std::int64_t& label) {
  gather(labels, row, 1, &label, DType::i64);
  if (label == op.ignore_index) return false;
  check(label >= 0 && label < classes, "label ", label, "; expected 0 to ", classes - 1, " (logits have ", classes,
        " classes) or ignore_index ", op.ignore_index);
  return true;
}

void run_cross_entropy(const KernelCall& call) {
  const auto& op = call.attributes<op::SoftmaxCrossEntropy>();
  const AxisLast z(call.in[0], 1);
  const Rows rows(call.in[0], 1);
  const double smoothing = op.label_smoothing;
  rows.run(2, [&]<class T>(T, Int begin, Int end, T* e) {
    for (Int row = begin; row < end; ++row) {
      std::int64_t label = 0;
      double loss = 0;
      if (label_of(op, call.in[1], row, rows.n, label)) {
        double top, total, spread = 0;
        const T* plain = rows.read(z, row, e + rows.n);
        rows.l.exponentials(plain, e, rows.n, &top, &total);
        const double log_sum = top + std::log(total);
        if (smoothing != 0)
          for (Int k = 0; k < rows.n; ++k)
            spread += (log_sum - static_cast<double>(plain[k])) / static_cast<double>(rows.n);
        loss = (1 - smoothing) * (std::log(total) - (static_cast<double>(plain[label]) - top)) + smoothing * spread;
      }
      convert(&loss, DType::f64,
              static_cast<unsigned char*>(call.out[0].data) + row * static_cast<Int>(size_of(call.out[0].dtype)),
              call.out[0].dtype, 1);
    }
  });
}

void run_cross_entropy_grad(const KernelCall& call) {
  const auto& op = call.attributes<op::SoftmaxCrossEntropyGrad>();
  const AxisLast z(call.in[0], 1);
  const Rows rows(call.in[0], 1);
  rows.run(1, [&]<class T>(T, Int begin, Int end, T* e) {
    for (Int row = begin; row < end; ++row) {
      std::int64_t label = 0;
      double g = 0, top, total;
      T* to = rows.place(call.out[0], row, e);
      if (label_of(op, call.in[1], row, rows.n, label)) {
        gather(call.in[2], row, 1, &g, DType::f64);
        rows.l.exponentials(rows.read(z, row, e), to, rows.n, &top, &total);
        rows.l.linear(to, to, rows.n, 1 / total, -op.label_smoothing / static_cast<double>(rows.n));
        to[label] -= static_cast<T>(1 - op.label_smoothing);
        rows.l.linear(to, to, rows.n, g, 0);
      } else {
        std::fill_n(to, rows.n, T(0));
      }
      rows.write(to, row, call.out[0]);
    }
  });
}

template <class Op> void add(void (*run)(const KernelCall&)) {
  add_kernel(info_of<Op>(), DeviceType::cpu, {"cpu." + info_of<Op>().name, run});
}

}  // namespace

void register_cpu_softmax() {
  HWY_DYNAMIC_DISPATCH(FillSoftmax)(&loops[0], &loops[1]);
  add<op::Softmax>(&run_softmax<op::Softmax, false>);
  add<op::LogSoftmax>(&run_softmax<op::LogSoftmax, true>);
  add<op::SoftmaxGrad>(&run_softmax_grad);
  add<op::SoftmaxCrossEntropy>(&run_cross_entropy);
  add<op::SoftmaxCrossEntropyGrad>(&run_cross_entropy_grad);
}

}  // namespace weft
#endif
