#include <weft/ops/index.h>

#include <algorithm>

#include <weft/opdefs/index.h>
#include <weft/opdefs/sort.h>
#include <weft/ops/composite.h>
#include <weft/ops/ops.h>
#include <weft/tensor/tape.h>

namespace weft {

Tensor take(Operand x, Operand index, int axis) {
  const Tensor t = detail::at_least_vector(x, axis);
  return apply(op::Take{axis}, Operand(t, x.where()), index);
}
Tensor gather(Operand x, Operand index, int axis) { return apply(op::Gather{axis}, x, index); }
Tensor take_along_axis(Operand x, Operand index, int axis) {
  Shape xs = x.tensor().shape(), is = index.tensor().shape();
  detail::check_at(x.where(), xs.rank() == is.rank(), "take_along_axis: x is ", xs, ", index is ", is,
                   "; expected the same rank");
  const int a = detail::axis_at(x.where(), "take_along_axis", axis, xs.rank());
  const std::int64_t n = xs[a], k = is[a];
  xs[a] = is[a] = 1;
  Shape both = broadcast(xs, is);
  both[a] = n;
  const Tensor wide = broadcast_to(x, both);
  both[a] = k;
  return gather(wide, broadcast_to(index, both), a);
}
namespace {
/// src as a tensor of index's shape.
Tensor source(const Tensor& x, const Tensor& index, const Operand& src) {
  if (src.kind() == Operand::Kind::tensor) return broadcast_to(src, index.shape());
  return new_full(x, index.shape(), src.number());
}
}  // namespace
Tensor scatter(Operand x, Operand index, Operand src, int axis) {
  return apply(op::Scatter{axis}, x, index, source(x.tensor(), index.tensor(), src));
}
Tensor scatter_add(Operand x, Operand index, Operand src, int axis) {
  return apply(op::ScatterAdd{axis}, x, index, source(x.tensor(), index.tensor(), src));
}
Tensor segment_sum(Operand x, Operand index, std::int64_t count, int axis) {
  return apply(op::SegmentSum{axis, count}, x, index);
}
Tensor segment_mean(Operand x, Operand index, std::int64_t count) {
  return detail::in_f32(x, [&](Operand t) {
    const Tensor total = segment_sum(t, index, count);
    Tensor n =
        segment_sum(ones_like(cast(index, is_floating(total.dtype()) ? total.dtype() : DType::f32)), index, count);
    while (n.rank() < total.rank()) n = unsqueeze(n, -1);
    return total / maximum(n, 1);
  });
}
Tensor segment_max(Operand x, Operand index, std::int64_t count) {
  return apply(op::SegmentMax{count, false}, x, index);
}
Tensor segment_min(Operand x, Operand index, std::int64_t count) {
  return apply(op::SegmentMax{count, true}, x, index);
}
Tensor masked_select(Operand x, Operand mask) {
  const Shape both = broadcast(x.tensor().shape(), mask.tensor().shape());
  const Tensor places = nonzero(reshape(broadcast_to(mask, both), {-1}));
  return take(reshape(broadcast_to(x, both), {-1}), reshape(places, {-1}));
}
Tensor masked_fill(Operand x, Operand mask, Operand value) { return where(mask, value, x); }
Tensor nonzero(Operand x) {
  const auto count = count_nonzero(x).item<std::int64_t>();
  return apply(op::NonZero{count}, x);
}

SortResult sort(Operand x, int axis, bool descending) {
  const Tensor t = detail::at_least_vector(x, axis);
  Tensors out = apply_all(op::Sort{axis, descending}, Operand(t, x.where()));
  if (t.rank() == x.tensor().rank()) return {out[0], out[1]};
  return {reshape(out[0], {}), reshape(out[1], {})};
}
Tensor argsort(Operand x, int axis, bool descending) { return sort(x, axis, descending).index; }
SortResult topk(Operand x, std::int64_t k, int axis, bool largest) {
  const Tensor t = detail::at_least_vector(x, axis);
  const std::int64_t n = t.shape()[detail::axis_at(x.where(), "topk", axis, t.rank())];
  detail::check_at(x.where(), k >= 0 && k <= n, "topk: k is ", k, "; expected 0 to ", n, ", the size of axis ", axis);
  const SortResult all = sort(Operand(t, x.where()), axis, largest);
  const SortResult top{slice(all.values, axis, 0, k), slice(all.index, axis, 0, k)};
  if (t.rank() == x.tensor().rank() || k == 0) return top;
  return {reshape(top.values, {}), reshape(top.index, {})};
}
Tensor searchsorted(Operand sorted, Operand x, bool right) { return apply(op::SearchSorted{right}, sorted, x); }

UniqueResult unique(Operand x) {
  const Tensor& t = x.tensor();
  const std::int64_t n = t.numel();
  if (n == 0) {
    const Tensor none = zeros({0}, {.dtype = DType::i64, .device = t.device()});
    return {reshape(x, {0}), reshape(none, t.shape()), none};
  }
  const SortResult sorted = sort(reshape(x, {n}), 0);
  const Tensor first = ones({1}, {.dtype = DType::boolean, .device = t.device()});
  const Tensor starts = concat({first, slice(sorted.values, 0, 1) != slice(sorted.values, 0, 0, n - 1)});
  const Tensor rank = cumsum(starts, 0) - 1;
  const Tensor inverse = scatter(zeros_like(rank), sorted.index, rank, 0);
  const Tensor values = masked_select(sorted.values, starts);
  return {values, reshape(inverse, t.shape()), bincount(inverse, std::nullopt, values.numel())};
}
Tensor bincount(Operand x, Operand weights, std::int64_t min_length) {
  const Tensor flat = reshape(x, {-1});
  std::int64_t count = min_length;
  if (flat.numel()) {
    detail::check_at(x.where(), min(flat).item<std::int64_t>() >= 0,
                     "bincount: received a negative number; expected 0 or more");
    count = std::max(count, max(flat).item<std::int64_t>() + 1);
  }
  if (weights.present()) return segment_sum(reshape(weights, {-1}), flat, count);
  return segment_sum(ones_like(cast(flat, DType::i64)), flat, count);
}

void register_index_gradients() {
  add_vjps(op::Indexing{});
  add_vjps(op::Sorting{});
}

}  // namespace weft
