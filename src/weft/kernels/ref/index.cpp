// Reference kernels of the slicing, index and sort families.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <weft/kernels/ref/reference.h>
#include <weft/opdefs/index.h>
#include <weft/opdefs/slicing.h>
#include <weft/opdefs/sort.h>

namespace weft {

namespace {
using namespace reference;

/// Byte-wise copy of one element: both views have the same dtype.
void copy_element(const TensorView& from, std::int64_t i, const TensorView& to, std::int64_t o) {
  const std::size_t n = size_of(from.dtype);
  std::memcpy(static_cast<char*>(to.data) + o * static_cast<std::int64_t>(n),
              static_cast<const char*>(from.data) + i * static_cast<std::int64_t>(n), n);
}

template <class Op> void run_view(const KernelCall& call) {
  copy_elements(*call.attributes<Op>().view(call.in[0]), call.out[0]);
}

void run_slice_update(const KernelCall& call) {
  const auto& op = call.attributes<op::SliceUpdate>();
  copy_elements(call.in[0], call.out[0]);
  copy_elements(call.in[1], op::slice_view(call.out[0], op.axes, op.start, op.stop, op.step));
}

/// The part of y that starts at `start` along `axis` and has n elements there.
TensorView part(const TensorView& y, int axis, std::int64_t start, std::int64_t n) {
  return op::slice_view(y, {axis}, {start}, {start + n}, {1});
}

void run_concat(const KernelCall& call) {
  const TensorView& y = call.out[0];
  const int axis = normalize_axis(call.attributes<op::Concat>().axis, y.rank());
  std::int64_t at = 0;
  for (const TensorView& x : call.in) {
    copy_elements(x, part(y, axis, at, x.shape[axis]));
    at += x.shape[axis];
  }
}

void run_pad(const KernelCall& call) {
  const auto& op = call.attributes<op::Pad>();
  TensorView inside = call.out[0];
  for (std::int64_t i = 0, n = inside.numel(); i < n; ++i) store(inside, i, op.value);
  for (int i = 0; i < op.low.size(); ++i) inside = part(inside, i, op.low[i], call.in[0].shape[i]);
  copy_elements(call.in[0], inside);
}

/// For take and segment_sum: calls f(long, short) with the index into the tensor that has index's axes and the one that
/// has the single axis in their place.
template <class F>
void for_each_taken(const Shape& with_index, const TensorView& index, int axis, std::int64_t n, bool from_end, F&& f) {
  for_each_index(with_index, [&](const Dims& at) {
    Dims chosen, source;
    for (int i = 0; i < at.size(); ++i) {
      if (i == axis) source.push_back(0);
      if (i >= axis && i < axis + index.rank()) chosen.push_back(at[i]);
      else source.push_back(at[i]);
    }
    if (axis == at.size()) source.push_back(0);
    source[axis] = op::position_in(get<std::int64_t>(index, chosen), n, from_end);
    f(at, static_cast<const Dims&>(source));
  });
}

void run_take(const KernelCall& call) {
  const TensorView &x = call.in[0], &index = call.in[1], &y = call.out[0];
  const auto& op = call.attributes<op::Take>();
  const int axis = normalize_axis(op.axis, x.rank());
  for_each_taken(y.shape, index, axis, x.shape[axis], op.from_end, [&](const Dims& at, const Dims& source) {
    copy_element(x, offset_of(source, x.strides), y, offset_of(at, y.strides));
  });
}

void run_segment_sum(const KernelCall& call) {
  const auto& op = call.attributes<op::SegmentSum>();
  const TensorView &x = call.in[0], &index = call.in[1], &y = call.out[0];
  const int axis = normalize_axis(op.axis, y.rank());
  in_compute_type(y.dtype, [&]<class C>(C) {
    std::vector<C> total(static_cast<std::size_t>(y.numel()), C(0));
    for_each_taken(x.shape, index, axis, op.count, true, [&](const Dims& at, const Dims& to) {
      total[static_cast<std::size_t>(offset_of(to, y.strides))] += get<C>(x, at);
    });
    for (std::size_t i = 0; i < total.size(); ++i) store(y, static_cast<std::int64_t>(i), total[i]);
  });
}

void run_segment_max(const KernelCall& call) {
  const auto& op = call.attributes<op::SegmentMax>();
  const TensorView &x = call.in[0], &index = call.in[1], &y = call.out[0];
  visit_dtype(y.dtype, [&]<class E>(Type<E>) {
    const bool small = op.smallest;
    double empty = small ? HUGE_VAL : -HUGE_VAL;
    if constexpr (std::is_integral_v<E>)
      for (std::int64_t i = 0; i < y.numel(); ++i)
        y.as<E>()[i] = small ? std::numeric_limits<E>::max() : std::numeric_limits<E>::lowest();
    else
      for (std::int64_t i = 0; i < y.numel(); ++i) store(y, i, empty);
  });
  in_compute_type(y.dtype, [&]<class C>(C) {
    for_each_taken(x.shape, index, 0, op.count, true, [&](const Dims& at, const Dims& to) {
      const C v = get<C>(x, at), best = get<C>(y, to);
      if (v != v || (best == best && (op.smallest ? v < best : v > best))) put(y, to, v);
    });
  });
}

void run_gather(const KernelCall& call) {
  const TensorView &x = call.in[0], &index = call.in[1], &y = call.out[0];
  const int axis = normalize_axis(call.attributes<op::Gather>().axis, x.rank());
  for_each_index(y.shape, [&](const Dims& at) {
    Dims source = at;
    source[axis] = op::position_in(get<std::int64_t>(index, at), x.shape[axis]);
    copy_element(x, offset_of(source, x.strides), y, offset_of(at, y.strides));
  });
}

void run_scatter_add(const KernelCall& call) {
  const TensorView &x = call.in[0], &index = call.in[1], &src = call.in[2], &y = call.out[0];
  const int axis = normalize_axis(call.attributes<op::ScatterAdd>().axis, x.rank());
  in_compute_type(y.dtype, [&]<class C>(C) {
    std::vector<C> total(static_cast<std::size_t>(y.numel()));
    std::size_t k = 0;
    for_each_index(x.shape, [&](const Dims& at) { total[k++] = get<C>(x, at); });
    for_each_index(index.shape, [&](const Dims& at) {
      Dims to = at;
      to[axis] = op::position_in(get<std::int64_t>(index, at), x.shape[axis]);
      total[static_cast<std::size_t>(offset_of(to, y.strides))] += get<C>(src, at);
    });
    for (std::size_t i = 0; i < total.size(); ++i) store(y, static_cast<std::int64_t>(i), total[i]);
  });
}

void run_scatter(const KernelCall& call) {
  const TensorView &x = call.in[0], &index = call.in[1], &src = call.in[2], &y = call.out[0];
  const int axis = normalize_axis(call.attributes<op::Scatter>().axis, x.rank());
  copy_elements(x, y);
  for_each_index(index.shape, [&](const Dims& at) {
    Dims to = at;
    to[axis] = op::position_in(get<std::int64_t>(index, at), x.shape[axis]);
    copy_element(src, offset_of(at, src.strides), y, offset_of(to, y.strides));
  });
}

void run_nonzero(const KernelCall& call) {
  const TensorView &x = call.in[0], &y = call.out[0];
  const std::int64_t rank = x.rank(), expected = y.shape[0];
  std::int64_t found = 0;
  for_each_index(x.shape, [&](const Dims& at) {
    if (get<double>(x, at) == 0) return;
    if (found < expected)
      for (int i = 0; i < rank; ++i) store(y, found * rank + i, at[i]);
    ++found;
  });
  check(found == expected, "the input has ", found, " elements that are not zero; `count` says ", expected);
}

/// Ascending with NaN last.
template <class C> bool before(C a, C b) { return a < b || (b != b && a == a); }

void run_sort(const KernelCall& call) {
  const auto& op = call.attributes<op::Sort>();
  const TensorView &x = call.in[0], &values = call.out[0], &index = call.out[1];
  const int axis = normalize_axis(op.axis, x.rank());
  const std::int64_t n = x.shape[axis];
  Shape lines = x.shape;
  lines[axis] = n ? 1 : 0;
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  in_compute_type(x.dtype, [&]<class C>(C) {
    for_each_index(lines, [&](const Dims& start) {
      const std::int64_t base = offset_of(start, x.strides), step = x.strides[axis];
      const auto value = [&](std::int64_t i) { return load<C>(x, base + i * step); };
      std::iota(order.begin(), order.end(), 0);
      std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
        return op.descending ? before(value(b), value(a)) : before(value(a), value(b));
      });
      Dims at = start;
      for (std::int64_t i = 0; i < n; ++i) {
        at[axis] = i;
        put(values, at, value(order[static_cast<std::size_t>(i)]));
        put(index, at, order[static_cast<std::size_t>(i)]);
      }
    });
  });
}

void run_search(const KernelCall& call) {
  const bool right = call.attributes<op::SearchSorted>().right;
  const TensorView &sorted = call.in[0], &x = call.in[1], &y = call.out[0];
  in_compute_type(sorted.dtype, [&]<class C>(C) {
    for_each_index(x.shape, [&](const Dims& at) {
      const C v = get<C>(x, at);
      std::int64_t lo = 0, hi = sorted.shape[0];
      while (lo < hi) {
        const std::int64_t middle = lo + (hi - lo) / 2;
        const C s = load<C>(sorted, middle * sorted.strides[0]);
        if (right ? !before(v, s) : before(s, v)) lo = middle + 1;
        else hi = middle;
      }
      put(y, at, lo);
    });
  });
}

}  // namespace

void register_ref_index() {
  add_reference<op::Slice>(&run_view<op::Slice>);
  add_reference<op::Select>(&run_view<op::Select>);
  add_reference<op::SliceUpdate>(&run_slice_update);
  add_reference<op::Concat>(&run_concat);
  add_reference<op::Pad>(&run_pad);
  add_reference<op::Take>(&run_take);
  add_reference<op::SegmentSum>(&run_segment_sum);
  add_reference<op::SegmentMax>(&run_segment_max);
  add_reference<op::Gather>(&run_gather);
  add_reference<op::ScatterAdd>(&run_scatter_add);
  add_reference<op::Scatter>(&run_scatter);
  add_reference<op::NonZero>(&run_nonzero);
  add_reference<op::Sort>(&run_sort);
  add_reference<op::SearchSorted>(&run_search);
}

}  // namespace weft
