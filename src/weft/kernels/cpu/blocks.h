// Reading and converting elements in blocks: what lets every kernel be written for adjacent memory of one type.
#pragma once

#include <span>

#include <weft/base/view.h>

namespace weft::cpu_kernels {

/// Elements of a block: small enough that a kernel's blocks stay in the first-level cache.
inline constexpr std::int64_t block_size = 1024;
/// Elements of one piece of parallel_for for cheap formulas.
inline constexpr std::int64_t piece_size = 16 * block_size;

/// `v` with axes of size 1 dropped and neighbouring axes merged where strides allow: the same elements in the same
/// row-major order.
TensorView collapsed(const TensorView& v);
/// The same for several views of one shape at once, so that their axes stay equal. Returns the common shape.
Shape collapse(std::span<TensorView> views);

/// Converts n adjacent elements (see copy_elements for the rules). The memories must not overlap.
void convert(const void* from, DType from_type, void* to, DType to_type, std::int64_t n);

/// Writes elements first .. first + n - 1 of `v` in row-major order to `to`, converted.
void gather(const TensorView& v, std::int64_t first, std::int64_t n, void* to, DType type);

/// Copies the elements of `from` to those of `to`, both in row-major order, on Weft's threads, converting the dtype. A
/// `to` that is not contiguous has the dtype and shape of `from`.
void parallel_copy(const TensorView& from, const TensorView& to);

}  // namespace weft::cpu_kernels
