// Sums and extremes on the cpu. A reduction is taken step by step: the innermost axes while they are adjacent memory
// (rows), or the axis before an adjacent one (columns); partial results are double. Work is cut by shape alone and
// combined in order, so the number of threads does not show.
#include <weft/kernels/cpu/targets.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "weft/kernels/cpu/reduce.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include <weft/base/memory.h>
#include <weft/base/small_vector.h>
#include <weft/base/thread_pool.h>
#include <weft/kernels/cpu/blocks.h>
#include <weft/kernels/cpu/vector-inl.h>
#include <weft/kernels/registry.h>
#include <weft/opdefs/reduce.h>

#ifndef WEFT_KERNELS_CPU_REDUCE_ONCE
#define WEFT_KERNELS_CPU_REDUCE_ONCE
namespace weft::cpu_kernels {
enum class Combine { sum, max, min };
/// The inner loops for one element type.
struct ReduceLoops {
  double (*row)(Combine, const void* x, std::int64_t n);  // of n adjacent elements
  /// out[c] = combination over `rows` rows, `stride` elements apart, of x[c].
  void (*columns)(Combine, const void* x, std::int64_t stride, std::int64_t rows, std::int64_t n, double* out);
};
}  // namespace weft::cpu_kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace weft::cpu_kernels::HWY_NAMESPACE {

using Int = std::int64_t;

template <Combine C, class V> HWY_INLINE V combine(V a, V b) {
  if constexpr (C == Combine::sum) return a + b;
  else if constexpr (C == Combine::max) return max(a, b);
  else return min(a, b);
}
template <Combine C> double combine_numbers(double a, double b) {
  if constexpr (C == Combine::sum) return a + b;
  else if constexpr (C == Combine::max) return a > b || a != a ? a : b;
  else return a < b || a != a ? a : b;
}
template <Combine C> constexpr double neutral() {
  return C == Combine::sum   ? 0
         : C == Combine::max ? -std::numeric_limits<double>::infinity()
                             : std::numeric_limits<double>::infinity();
}

template <Combine C, class T> double row_of(const T* x, Int n) {
  using V = Vector<T>;
  const Int lanes = V::lanes();
  V acc[4] = {V(neutral<C>()), V(neutral<C>()), V(neutral<C>()), V(neutral<C>())};
  Int i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes)
    for (int k = 0; k < 4; ++k) acc[k] = combine<C>(acc[k], V::load(x + i + k * lanes));
  for (; i + lanes <= n; i += lanes) acc[0] = combine<C>(acc[0], V::load(x + i));
  T lane[HWY_MAX_BYTES / sizeof(T)];
  double total = neutral<C>();
  for (int k = 0; k < 4; ++k) {
    acc[k].store(lane);
    for (Int j = 0; j < lanes; ++j) total = combine_numbers<C>(total, static_cast<double>(lane[j]));
  }
  for (; i < n; ++i) total = combine_numbers<C>(total, static_cast<double>(x[i]));
  return total;
}

template <Combine C, class T> void columns_of(const T* x, Int stride, Int rows, Int n, double* out) {
  using V = Vector<T>;
  const Int lanes = V::lanes();
  T lane[4 * HWY_MAX_BYTES / sizeof(T)];
  Int c = 0;
  for (; c + 4 * lanes <= n; c += 4 * lanes) {
    V acc[4] = {V(neutral<C>()), V(neutral<C>()), V(neutral<C>()), V(neutral<C>())};
    for (Int r = 0; r < rows; ++r)
      for (int k = 0; k < 4; ++k) acc[k] = combine<C>(acc[k], V::load(x + r * stride + c + k * lanes));
    for (int k = 0; k < 4; ++k) acc[k].store(lane + k * lanes);
    for (Int j = 0; j < 4 * lanes; ++j) out[c + j] = static_cast<double>(lane[j]);
  }
  for (; c + lanes <= n; c += lanes) {
    V acc(neutral<C>());
    for (Int r = 0; r < rows; ++r) acc = combine<C>(acc, V::load(x + r * stride + c));
    acc.store(lane);
    for (Int j = 0; j < lanes; ++j) out[c + j] = static_cast<double>(lane[j]);
  }
  for (; c < n; ++c) {  // the same order in the same type, so a column's bits do not depend on its place
    T total = static_cast<T>(neutral<C>());
    for (Int r = 0; r < rows; ++r) {
      const T v = x[r * stride + c];
      if constexpr (C == Combine::sum) total += v;
      else total = static_cast<T>(combine_numbers<C>(static_cast<double>(total), static_cast<double>(v)));
    }
    out[c] = static_cast<double>(total);
  }
}

template <class T> double row_loop(Combine c, const void* p, Int n) {
  const T* x = static_cast<const T*>(p);
  switch (c) {
    case Combine::sum: return row_of<Combine::sum>(x, n);
    case Combine::max: return row_of<Combine::max>(x, n);
    default: return row_of<Combine::min>(x, n);
  }
}
template <class T> void columns_loop(Combine c, const void* p, Int stride, Int rows, Int n, double* out) {
  const T* x = static_cast<const T*>(p);
  switch (c) {
    case Combine::sum: return columns_of<Combine::sum>(x, stride, rows, n, out);
    case Combine::max: return columns_of<Combine::max>(x, stride, rows, n, out);
    default: return columns_of<Combine::min>(x, stride, rows, n, out);
  }
}

void FillReduce(ReduceLoops* f32_loops, ReduceLoops* f64_loops) {
  *f32_loops = {&row_loop<float>, &columns_loop<float>};
  *f64_loops = {&row_loop<double>, &columns_loop<double>};
}

}  // namespace weft::cpu_kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::cpu_kernels {
HWY_EXPORT(FillReduce);
}  // namespace weft::cpu_kernels

namespace weft {

namespace {

using namespace cpu_kernels;

ReduceLoops loops[2];  // f32, f64

double combined(Combine c, double a, double b) {
  switch (c) {
    case Combine::sum: return a + b;
    case Combine::max: return a > b || a != a ? a : b;
    default: return a < b || a != a ? a : b;
  }
}

/// A tensor on its way through the steps: axes merged where they are alike, marked kept or reduced.
struct Stage {
  TensorView view;
  SmallVector<bool, 8> reduced;
};

/// Drops axes of size 1 and merges neighbours of one kind.
Stage merged(const TensorView& v, std::span<const bool> reduced) {
  Stage s{v, {}};
  s.view.shape = {};
  s.view.strides = {};
  for (int i = 0; i < v.rank(); ++i) {
    if (v.shape[i] == 1) continue;
    const int last = s.view.rank() - 1;
    if (last >= 0 && s.reduced.back() == reduced[static_cast<std::size_t>(i)] &&
        s.view.strides[last] == v.strides[i] * v.shape[i]) {
      s.view.shape[last] *= v.shape[i];
      s.view.strides[last] = v.strides[i];
    } else {
      s.view.shape.push_back(v.shape[i]);
      s.view.strides.push_back(v.strides[i]);
      s.reduced.push_back(reduced[static_cast<std::size_t>(i)]);
    }
  }
  return s;
}

std::int64_t offset(const TensorView& v, int axes, std::int64_t index) {
  std::int64_t at = 0;
  for (int i = axes - 1; i >= 0; --i) {
    at += index % v.shape[i] * v.strides[i];
    index /= v.shape[i];
  }
  return at;
}

const void* element(const TensorView& v, std::int64_t at) {
  return static_cast<const unsigned char*>(v.data) + at * static_cast<std::int64_t>(size_of(v.dtype));
}

/// Combines the last axis (adjacent) of every row: to[row].
void reduce_rows(Combine c, const ReduceLoops& l, const TensorView& v, double* to) {
  const int last = v.rank() - 1;
  const std::int64_t n = v.shape[last], rows = v.numel() / n, pieces = (n + piece_size - 1) / piece_size;
  Scratch<double> partial(pieces > 1 ? rows * pieces : 0);
  double* out = pieces > 1 ? partial.data() : to;
  parallel_for(rows * pieces, std::max<std::int64_t>(1, piece_size / n), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t first = i % pieces * piece_size;
      out[i] = l.row(c, element(v, offset(v, last, i / pieces) + first), std::min(piece_size, n - first));
    }
  });
  if (pieces == 1) return;
  for (std::int64_t r = 0; r < rows; ++r) {
    to[r] = out[r * pieces];
    for (std::int64_t p = 1; p < pieces; ++p) to[r] = combined(c, to[r], out[r * pieces + p]);
  }
}

/// Combines the axis before the last (adjacent) one: to[row][column].
void reduce_columns(Combine c, const ReduceLoops& l, const TensorView& v, double* to) {
  constexpr std::int64_t most_rows = 128;  // summed in the element type before they go into a double
  const int last = v.rank() - 1;
  const std::int64_t columns = v.shape[last], n = v.shape[last - 1], stride = v.strides[last - 1];
  const std::int64_t outer = v.numel() / (columns * n);
  // Wide rows are cut into blocks of columns, many rows into pieces whose results are combined in order.
  const std::int64_t width = std::min(columns, block_size), blocks = (columns + width - 1) / width;
  const std::int64_t pieces = std::clamp<std::int64_t>(n * columns / (4 * piece_size), 1, (n + most_rows - 1) / most_rows),
                     chunk = (n + pieces - 1) / pieces;
  Scratch<double> partial(pieces > 1 ? outer * pieces * columns : 0);
  double* sums = pieces > 1 ? partial.data() : to;
  const std::int64_t grain = std::max<std::int64_t>(1, piece_size / (std::min(chunk, n) * width));
  parallel_for(outer * pieces * blocks, grain, [&](std::int64_t begin, std::int64_t end) {
    double some[block_size];
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t row = i / blocks, c0 = i % blocks * width, count = std::min(width, columns - c0);
      const std::int64_t first = row % pieces * chunk, stop = std::min(n, first + chunk),
                         base = offset(v, last - 1, row / pieces) + c0;
      double* out = sums + row * columns + c0;
      std::fill_n(out, count, c == Combine::sum ? 0.0 : c == Combine::max ? -HUGE_VAL : HUGE_VAL);
      for (std::int64_t r = first; r < stop; r += most_rows) {
        l.columns(c, element(v, base + r * stride), stride, std::min(most_rows, stop - r), count, some);
        for (std::int64_t k = 0; k < count; ++k) out[k] = combined(c, out[k], some[k]);
      }
    }
  });
  if (pieces == 1) return;
  for (std::int64_t o = 0; o < outer; ++o)
    for (std::int64_t k = 0; k < columns; ++k) {
      double total = partial[o * pieces * columns + k];
      for (std::int64_t p = 1; p < pieces; ++p) total = combined(c, total, partial[(o * pieces + p) * columns + k]);
      to[o * columns + k] = total;
    }
}

/// The axes in the order in which they lie in memory, repeated ones outermost: any order of the reduced ones will do. As
/// they are where that would change the order of the kept ones.
Stage in_memory_order(const TensorView& v, std::span<const bool> reduced) {
  const auto far = [&](int axis) { return v.strides[axis] == 0 ? INT64_MAX : std::abs(v.strides[axis]); };
  SmallVector<int, 8> order;
  for (int i = 0; i < v.rank(); ++i)
    if (v.shape[i] != 1) order.push_back(i);
  std::sort(order.begin(), order.end(), [&](int a, int b) { return far(a) == far(b) ? a < b : far(a) > far(b); });
  Stage s{v, {}};
  s.view.shape = {};
  s.view.strides = {};
  int last_kept = -1;
  for (int i : order) {
    const bool kept = !reduced[static_cast<std::size_t>(i)];
    if (kept && i < last_kept) return merged(v, reduced);
    if (kept) last_kept = i;
    s.view.shape.push_back(v.shape[i]);
    s.view.strides.push_back(v.strides[i]);
    s.reduced.push_back(!kept);
  }
  return merged(s.view, s.reduced);
}

/// How many rows of columns too few to fill vectors are taken side by side, as if they were more columns.
std::int64_t rows_together(const TensorView& v) {
  constexpr std::int64_t enough_columns = 64, enough_rows = 16;
  const int last = v.rank() - 1;
  const std::int64_t columns = v.shape[last], rows = v.shape[last - 1];
  std::int64_t together = 1;
  if (v.strides[last - 1] == columns)
    while (2 * together * columns <= enough_columns && rows % (2 * together) == 0 && rows >= 2 * together * enough_rows) together *= 2;
  return together;
}

/// The stage's shape with `left` elements along axis `axis`, in contiguous doubles.
Stage after_step(const Stage& s, int axis, std::int64_t left, double* data) {
  Shape shape = s.view.shape;
  shape[axis] = left;
  return merged(TensorView::of(data, DType::f64, shape), s.reduced);
}

/// Kept axes first, then the reduced ones, in contiguous memory of `dtype`.
Stage packed(const Stage& s, DType dtype, void* data) {
  TensorView from = s.view;
  from.shape = {};
  from.strides = {};
  SmallVector<bool, 8> reduced;
  for (bool which : {false, true})
    for (int i = 0; i < s.view.rank(); ++i)
      if (s.reduced[static_cast<std::size_t>(i)] == which) {
        from.shape.push_back(s.view.shape[i]);
        from.strides.push_back(s.view.strides[i]);
        reduced.push_back(which);
      }
  const TensorView to = TensorView::of(data, dtype, from.shape);
  parallel_copy(from, to);
  return merged(to, reduced);
}

template <class Op, Combine C> void run_reduce(const KernelCall& call) {
  const TensorView &x = call.in[0], &y = call.out[0];
  SmallVector<bool, 8> reduced;
  reduced.resize(static_cast<std::size_t>(x.rank()));
  for (auto axis : normalize_axes(call.attributes<Op>().axes, x.rank())) reduced[static_cast<std::size_t>(axis)] = true;
  Stage s = in_memory_order(x, reduced);
  const DType compute = x.dtype == DType::f64 ? DType::f64 : DType::f32;
  // Intermediate results: each step's is smaller than its input, so two buffers take turns.
  std::optional<Scratch<unsigned char>> copy;
  std::optional<Scratch<double>> result[2];
  const auto any_reduced = [&] { return std::find(s.reduced.begin(), s.reduced.end(), true) != s.reduced.end(); };
  for (int turn = 0; any_reduced(); turn ^= 1) {
    const int last = s.view.rank() - 1;
    const bool usable = s.view.dtype == DType::f64 || s.view.dtype == DType::f32;
    const bool rows = usable && s.view.strides[last] == 1 && s.reduced[static_cast<std::size_t>(last)];
    const bool columns = usable && !rows && s.view.strides[last] == 1 && s.reduced[static_cast<std::size_t>(last - 1)];
    if (!rows && !columns) {
      copy.emplace(s.view.numel() * static_cast<std::int64_t>(size_of(compute)));
      s = packed(s, compute, copy->data());
      continue;
    }
    const int axis = rows ? last : last - 1;
    const std::int64_t left = rows ? 1 : rows_together(s.view);
    TensorView from = s.view;
    if (left > 1) {
      from.shape[axis] /= left;
      from.strides[axis] *= left;
      from.shape[last] *= left;
    }
    auto& buffer = result[turn];
    buffer.reset();
    buffer.emplace(from.numel() / from.shape[axis]);
    (rows ? reduce_rows : reduce_columns)(C, loops[from.dtype == DType::f64], from, buffer->data());
    s = after_step(s, axis, left, buffer->data());
  }
  parallel_copy(s.view, y);  // what is left has y's elements in their order
}

/// Integers, and nothing to combine: the reference.
const char* not_floating(const KernelCall& call) {
  if (!is_floating(call.in[0].dtype)) return "not a floating dtype";
  return call.in[0].shape.numel() == 0 ? "no elements" : nullptr;
}

}  // namespace

void register_cpu_reduce() {
  HWY_DYNAMIC_DISPATCH(FillReduce)(&loops[0], &loops[1]);
  add_kernel(info_of<op::Sum>(), DeviceType::cpu, {"cpu.sum", &run_reduce<op::Sum, Combine::sum>, &not_floating});
  add_kernel(info_of<op::Amax>(), DeviceType::cpu, {"cpu.amax", &run_reduce<op::Amax, Combine::max>, &not_floating});
  add_kernel(info_of<op::Amin>(), DeviceType::cpu, {"cpu.amin", &run_reduce<op::Amin, Combine::min>, &not_floating});
}

}  // namespace weft
#endif
