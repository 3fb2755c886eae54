// Loops over strided arrays in row-major order of their common shape. For kernels (.cpp files), not public headers.
#pragma once

#include <array>

#include <weft/base/view.h>

namespace weft {

/// Calls f(offsets) for every index of `shape` in row-major order; offsets[k] is the element offset under strides[k].
template <std::size_t N, class F> void for_each_strided(const Shape& shape, const std::array<Dims, N>& strides, F&& f) {
  const int rank = shape.rank();
  std::array<std::int64_t, N> at{};
  if (shape.numel() == 0) return;
  if (rank == 0) return f(at);
  const std::int64_t inner = shape[rank - 1];
  Dims index = Dims::filled(rank, 0);
  for (;;) {
    auto run = at;
    for (std::int64_t i = 0; i < inner; ++i) {
      f(run);
      for (std::size_t k = 0; k < N; ++k) run[k] += strides[k][rank - 1];
    }
    int axis = rank - 2;
    for (; axis >= 0; --axis) {
      for (std::size_t k = 0; k < N; ++k) at[k] += strides[k][axis];
      if (++index[axis] < shape[axis]) break;
      for (std::size_t k = 0; k < N; ++k) at[k] -= strides[k][axis] * shape[axis];
      index[axis] = 0;
    }
    if (axis < 0) return;
  }
}

/// Strides that read an array of `from` as if it had the broadcast shape `to`.
inline Dims broadcast_strides(const Shape& from, const Dims& strides, const Shape& to) {
  Dims out = Dims::filled(to.rank(), 0);
  const int shift = to.rank() - from.rank();
  for (int i = 0; i < from.rank(); ++i) out[i + shift] = from[i] == 1 ? 0 : strides[i];
  return out;
}

/// `v` seen with the broadcast shape `to`.
inline TensorView broadcast_view(const TensorView& v, const Shape& to) {
  return {v.data, v.dtype, v.device, to, broadcast_strides(v.shape, v.strides, to)};
}

}  // namespace weft
