// Reference kernels of reductions and scans (sum is in basic.cpp).
#include <weft/kernels/ref/reference.h>
#include <weft/opdefs/reduce.h>
#include <weft/opdefs/scan.h>

namespace weft {

namespace {
using namespace reference;

/// Calls f(out, offsets) for each output in row-major order: the input's offsets of the elements it combines, in order.
template <class F> void for_each_group(const TensorView& x, const Dims& axes, F&& f) {
  const Dims reduced = normalize_axes(axes, x.rank());
  Shape kept, inner;
  Dims kept_strides, inner_strides;
  for (int i = 0; i < x.rank(); ++i) {
    (reduced.contains(i) ? inner : kept).push_back(x.shape[i]);
    (reduced.contains(i) ? inner_strides : kept_strides).push_back(x.strides[i]);
  }
  std::vector<std::int64_t> offsets;
  std::int64_t out = 0;
  for_each_index(kept, [&](const Dims& at) {
    offsets.clear();
    const std::int64_t base = offset_of(at, kept_strides);
    for_each_index(inner, [&](const Dims& k) { offsets.push_back(base + offset_of(k, inner_strides)); });
    f(out++, static_cast<const std::vector<std::int64_t>&>(offsets));
  });
}

void run_prod(const KernelCall& call) {
  in_compute_type(call.in[0].dtype, [&]<class C>(C) {
    for_each_group(call.in[0], call.attributes<op::Prod>().axes, [&](std::int64_t out, const auto& offsets) {
      C total = 1;
      for (auto o : offsets) total *= load<C>(call.in[0], o);
      store(call.out[0], out, total);
    });
  });
}

/// True where a stands before b: larger (or smaller), with NaN before all numbers.
template <bool Smallest, class C> bool beats(C a, C b) {
  if (a != a || b != b) return a != a && b == b;
  return Smallest ? a < b : a > b;
}

template <class Op, bool Smallest, bool Index> void run_extreme(const KernelCall& call) {
  const TensorView& x = call.in[0];
  in_compute_type(x.dtype, [&]<class C>(C) {
    for_each_group(x, call.attributes<Op>().axes, [&](std::int64_t out, const auto& offsets) {
      std::size_t best = 0;
      for (std::size_t i = 1; i < offsets.size(); ++i)
        if (beats<Smallest>(load<C>(x, offsets[i]), load<C>(x, offsets[best]))) best = i;
      if constexpr (Index) store(call.out[0], out, static_cast<std::int64_t>(best));
      else store(call.out[0], out, load<C>(x, offsets[best]));
    });
  });
}

/// Calls f(line) for each line along the axis: the index of its first element.
template <class F> void for_each_line(const Shape& shape, int axis, F&& f) {
  Shape lines = shape;
  if (lines[axis] == 0) return;
  lines[axis] = 1;
  for_each_index(lines, f);
}

template <class Op, bool Product> void run_cumulative(const KernelCall& call) {
  const Op& op = call.attributes<Op>();
  const TensorView &x = call.in[0], &y = call.out[0];
  const int axis = normalize_axis(op.axis, x.rank());
  const std::int64_t n = x.shape[axis];
  in_compute_type(y.dtype, [&]<class C>(C) {
    for_each_line(x.shape, axis, [&](Dims at) {
      C total = Product;
      for (std::int64_t i = 0; i < n; ++i) {
        at[axis] = op.reverse ? n - 1 - i : i;
        const C v = get<C>(x, at), before = total;
        if constexpr (Product) total *= v;
        else total += v;
        put(y, at, op.exclusive ? before : total);
      }
    });
  });
}

void run_linear_scan(const KernelCall& call) {
  const auto& op = call.attributes<op::LinearScan>();
  const TensorView& y = call.out[0];
  const int axis = normalize_axis(op.axis, y.rank());
  const std::int64_t n = y.shape[axis];
  in_compute_type(y.dtype, [&]<class C>(C) {
    for_each_line(y.shape, axis, [&](Dims at) {
      C last = 0;
      for (std::int64_t i = 0; i < n; ++i) {
        at[axis] = op.reverse ? n - 1 - i : i;
        last = get<C>(call.in[0], at) * last + get<C>(call.in[1], at);
        put(y, at, last);
      }
    });
  });
}

}  // namespace

void register_ref_reduce() {
  add_reference<op::Prod>(&run_prod);
  add_reference<op::Amax>(&run_extreme<op::Amax, false, false>);
  add_reference<op::Amin>(&run_extreme<op::Amin, true, false>);
  add_reference<op::ArgMax>(&run_extreme<op::ArgMax, false, true>);
  add_reference<op::ArgMin>(&run_extreme<op::ArgMin, true, true>);
  add_reference<op::CumSum>(&run_cumulative<op::CumSum, false>);
  add_reference<op::CumProd>(&run_cumulative<op::CumProd, true>);
  add_reference<op::LinearScan>(&run_linear_scan);
}

}  // namespace weft
