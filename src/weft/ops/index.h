// Elements by integer or boolean tensors, order and search.
#pragma once

#include <weft/tensor/tensor.h>

namespace weft {

/// Slices of x along an axis at the positions of index, whose axes replace that axis (PyTorch: index_select). Negative
/// positions count from the end; others outside throw Error.
Tensor take(Operand x, Operand index, int axis = 0);
/// y[i, j, k] = x[i, index[i, j, k], k] for axis 1: index has x's rank, and sizes within x's but along the axis.
Tensor gather(Operand x, Operand index, int axis);
/// gather with an index that broadcasts against x's other axes (NumPy, Keras).
Tensor take_along_axis(Operand x, Operand index, int axis);
/// x with src[i, j, k] written to [i, index[i, j, k], k] for axis 1. A number is written everywhere.
Tensor scatter(Operand x, Operand index, Operand src, int axis);
/// x with src[i, j, k] added there.
Tensor scatter_add(Operand x, Operand index, Operand src, int axis);
/// Slices of x along the axes of index (from `axis` on) added into `count` segments: the gradient of take.
Tensor segment_sum(Operand x, Operand index, std::int64_t count, int axis = 0);
/// The mean of the slices of x along axis 0 in each segment; 0 for an empty one.
Tensor segment_mean(Operand x, Operand index, std::int64_t count);
/// The largest and the smallest in each segment; an empty one gets the dtype's lowest (highest) number.
Tensor segment_max(Operand x, Operand index, std::int64_t count);
Tensor segment_min(Operand x, Operand index, std::int64_t count);
/// The elements of x where mask (broadcast to x) is true, as a vector.
Tensor masked_select(Operand x, Operand mask);
/// x with `value` where mask is true.
Tensor masked_fill(Operand x, Operand mask, Operand value);
/// Positions of the elements that are not zero, row-major: i64 [count, rank].
Tensor nonzero(Operand x);

/// Result of sort and topk.
struct SortResult {
  Tensor values;  ///< in order
  Tensor index;  ///< where each value came from (i64)
};
/// The elements along an axis in order; equal elements keep their order, NaN is the largest.
SortResult sort(Operand x, int axis = -1, bool descending = false);
/// sort(…).index
Tensor argsort(Operand x, int axis = -1, bool descending = false);
/// The k largest (or smallest) along an axis, in order.
SortResult topk(Operand x, std::int64_t k, int axis = -1, bool largest = true);
/// For each x the place in the ascending vector `sorted` where it keeps the order: before equal elements, or after
/// (`right`).
Tensor searchsorted(Operand sorted, Operand x, bool right = false);

/// Result of unique.
struct UniqueResult {
  Tensor values;   ///< each once, ascending
  Tensor inverse;  ///< for each element of x its place in values, in x's shape
  Tensor counts;   ///< how often each value occurs
};
/// The different elements of x.
UniqueResult unique(Operand x);
/// How often each of 0, 1, … occurs in x (i64), or the sum of the weights of its occurrences.
Tensor bincount(Operand x, Operand weights = std::nullopt, std::int64_t min_length = 0);

}  // namespace weft
