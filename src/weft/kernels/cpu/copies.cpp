// Kernels of the cpu that move elements: copies, fills, joins, look-ups.
#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include <weft/base/small_vector.h>
#include <weft/base/thread_pool.h>
#include <weft/kernels/cpu/blocks.h>
#include <weft/kernels/registry.h>
#include <weft/opdefs/create.h>
#include <weft/opdefs/index.h>
#include <weft/opdefs/shape_ops.h>
#include <weft/opdefs/slicing.h>

namespace weft {

namespace {

using namespace cpu_kernels;
using Int = std::int64_t;

unsigned char* element(const TensorView& v, Int at) {
  return static_cast<unsigned char*>(v.data) + at * static_cast<Int>(size_of(v.dtype));
}

void fill(const TensorView& to, double value) {
  alignas(64) unsigned char block[block_size * 8];
  TensorView one = TensorView::of(&value, DType::f64, {block_size});
  one.strides = {0};
  gather(one, 0, std::min(block_size, to.numel()), block, to.dtype);
  const std::size_t size = size_of(to.dtype);
  parallel_for(to.numel(), piece_size, [&](Int begin, Int end) {
    for (Int i = begin; i < end; i += block_size)
      std::memcpy(element(to, i), block, static_cast<std::size_t>(std::min(block_size, end - i)) * size);
  });
}

void run_full(const KernelCall& call) { fill(call.out[0], call.attributes<op::Full>().value); }

void run_contiguous(const KernelCall& call) { parallel_copy(call.in[0], call.out[0]); }

TensorView part(const TensorView& y, int axis, Int start, Int n) {
  return op::slice_view(y, {axis}, {start}, {start + n}, {1});
}

void run_concat(const KernelCall& call) {
  const TensorView& y = call.out[0];
  const int axis = normalize_axis(call.attributes<op::Concat>().axis, y.rank());
  Int at = 0;
  for (const TensorView& x : call.in) {
    parallel_copy(x, part(y, axis, at, x.shape[axis]));
    at += x.shape[axis];
  }
}

void run_pad(const KernelCall& call) {
  const auto& op = call.attributes<op::Pad>();
  TensorView inside = call.out[0];
  fill(inside, op.value);
  for (int i = 0; i < op.low.size(); ++i) inside = part(inside, i, op.low[i], call.in[0].shape[i]);
  parallel_copy(call.in[0], inside);
}

void run_slice_update(const KernelCall& call) {
  const auto& op = call.attributes<op::SliceUpdate>();
  parallel_copy(call.in[0], call.out[0]);
  parallel_copy(call.in[1], op::slice_view(call.out[0], op.axes, op.start, op.stop, op.step));
}

/// Positions of an axis of n elements, negative ones counted from its end where that is allowed.
SmallVector<Int, 64> positions(const TensorView& index, Int n, bool from_end = true) {
  SmallVector<Int, 64> at;
  at.resize(static_cast<std::size_t>(index.numel()));
  gather(index, 0, index.numel(), at.data(), DType::i64);
  for (Int& p : at) p = op::position_in(p, n, from_end);
  return at;
}

Int product(const Shape& s, int begin, int end) {
  Int n = 1;
  for (int i = begin; i < end; ++i) n *= s[i];
  return n;
}

/// x [outer, axis, inner] (contiguous), y [outer, positions, inner]. Calls row(first of x's slices, position, slices,
/// first of y's) for stretches of positions.
template <class Row> void by_positions(Int outer, Int n, Int inner, std::span<const Int> at, Row&& row) {
  const Int chosen = static_cast<Int>(at.size());
  parallel_for(outer * chosen, std::max<Int>(1, piece_size / inner), [&](Int begin, Int end) {
    for (Int i = begin; i < end;) {
      const Int o = i / chosen, first = i % chosen, count = std::min(end - i, chosen - first);
      row(o * n, at.data() + first, count, i);
      i += count;
    }
  });
}

void run_take(const KernelCall& call) {
  const TensorView &x = call.in[0], &y = call.out[0];
  const auto& op = call.attributes<op::Take>();
  const int axis = normalize_axis(op.axis, x.rank());
  const auto at = positions(call.in[1], x.shape[axis], op.from_end);
  const Int outer = product(x.shape, 0, axis), n = x.shape[axis], inner = product(x.shape, axis + 1, x.rank());
  const std::size_t bytes = static_cast<std::size_t>(inner) * size_of(x.dtype);
  if (bytes == 0) return;
  const auto small = [&]<class Slice>(Slice) {
    by_positions(outer, n, inner, at, [&](Int from, const Int* p, Int count, Int to) {
      const Slice* in = static_cast<const Slice*>(x.data) + from;
      Slice* out = static_cast<Slice*>(y.data) + to;
      for (Int k = 0; k < count; ++k) out[k] = in[p[k]];
    });
  };
  switch (bytes) {
    case 1: return small(std::uint8_t{});
    case 2: return small(std::uint16_t{});
    case 4: return small(std::uint32_t{});
    case 8: return small(std::uint64_t{});
    default:
      by_positions(outer, n, inner, at, [&](Int from, const Int* p, Int count, Int to) {
        for (Int k = 0; k < count; ++k) std::memcpy(element(y, (to + k) * inner), element(x, (from + p[k]) * inner), bytes);
      });
  }
}

/// Adds columns c0 .. c1 - 1 of the slices x [position][inner] to those of y [segment][inner], in the order of the positions.
template <class T> void add_slices(const T* x, std::span<const Int> at, Int inner, Int c0, Int c1, T* y) {
  const Int chosen = static_cast<Int>(at.size());
  for (Int i = 0; i < chosen; ++i) {
    const T* from = x + i * inner;
    T* to = y + at[static_cast<std::size_t>(i)] * inner;
    for (Int c = c0; c < c1; ++c) to[c] += from[c];
  }
}
/// The same of slices of one element, for several arrays at once: one alone would wait for each sum that it has just stored.
template <int Rows, class T> void add_rows(const T* x, std::span<const Int> at, Int segments, T* y) {
  const Int chosen = static_cast<Int>(at.size());
  for (Int i = 0; i < chosen; ++i)
    for (int r = 0; r < Rows; ++r) y[r * segments + at[static_cast<std::size_t>(i)]] += x[r * chosen + i];
}

/// The gradient of take; threads share the elements of a slice and the outer axes.
void run_segment_sum(const KernelCall& call) {
  const auto& op = call.attributes<op::SegmentSum>();
  const TensorView &x = call.in[0], &y = call.out[0];
  const int axis = normalize_axis(op.axis, y.rank());
  const auto at = positions(call.in[1], op.count);
  const Int outer = product(y.shape, 0, axis), inner = product(y.shape, axis + 1, y.rank());
  const Int chosen = static_cast<Int>(at.size()), segments = op.count;
  const auto add = [&]<class T>(T) {
    const T* from = x.as<T>();
    T* to = y.as<T>();
    if (inner == 1) {
      constexpr int few = 4;
      parallel_for(outer, std::max<Int>(1, piece_size / few / std::max<Int>(1, chosen + segments)) * few, [&](Int begin, Int end) {
        std::fill(to + begin * segments, to + end * segments, T(0));
        Int o = begin;
        for (; o + few <= end; o += few) add_rows<few>(from + o * chosen, at, segments, to + o * segments);
        for (; o < end; ++o) add_rows<1>(from + o * chosen, at, segments, to + o * segments);
      });
      return;
    }
    const Int width = 64, columns = (inner + width - 1) / width;
    parallel_for(outer * columns, std::max<Int>(1, piece_size / (width * std::max<Int>(1, chosen))), [&](Int begin, Int end) {
      for (Int task = begin; task < end; ++task) {
        const Int o = task / columns, c0 = task % columns * width, c1 = std::min(inner, c0 + width);
        T* sums = to + o * segments * inner;
        for (Int s = 0; s < segments; ++s) std::fill(sums + s * inner + c0, sums + s * inner + c1, T(0));
        add_slices(from + o * chosen * inner, at, inner, c0, c1, sums);
      }
    });
  };
  if (y.dtype == DType::f32) add(float{});
  else if (y.dtype == DType::f64) add(double{});
  else add(Int{});
}

const char* wide_only(const KernelCall& call) {
  const DType t = call.out[0].dtype;
  return t == DType::f32 || t == DType::f64 || t == DType::i64 ? nullptr : "not f32, f64 or i64";
}

template <class Op> void add(void (*run)(const KernelCall&), bool contiguous = false,
                             const char* (*decline)(const KernelCall&) = nullptr) {
  add_kernel(info_of<Op>(), DeviceType::cpu, {"cpu." + info_of<Op>().name, run, decline, contiguous});
}

}  // namespace

void register_cpu_copies() {
  add<op::Full>(&run_full);
  add<op::Contiguous>(&run_contiguous);
  add<op::Concat>(&run_concat);
  add<op::Pad>(&run_pad);
  add<op::SliceUpdate>(&run_slice_update);
  add<op::Take>(&run_take, true);
  add<op::SegmentSum>(&run_segment_sum, true, &wide_only);
}

}  // namespace weft
