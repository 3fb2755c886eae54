// Taking, replacing, joining and repeating parts of tensors.
#pragma once

#include <limits>

#include <weft/tensor/tensor.h>

namespace weft {

/// x[start:stop:step] along one axis as in Python: negative positions count from the end, all are clamped, a negative
/// step walks backwards (`slice(x, 0, -1, slice_begin, -1)` is all of it). A view.
inline constexpr std::int64_t slice_end = std::numeric_limits<std::int64_t>::max();
inline constexpr std::int64_t slice_begin = std::numeric_limits<std::int64_t>::min();
Tensor slice(Operand x, int axis, std::int64_t start, std::int64_t stop = slice_end, std::int64_t step = 1);
/// The same along several axes at once; the lists are of equal length.
Tensor slice(Operand x, const Dims& axes, const Dims& start, const Dims& stop, const Dims& step);
/// x with that part replaced by `value`, which broadcasts to it (PyTorch: slice_scatter; Keras: slice_update).
Tensor slice_update(Operand x, Operand value, const Dims& axes, const Dims& start, const Dims& stop, const Dims& step);
/// Element `index` of an axis, which goes away. A view.
Tensor select(Operand x, int axis, std::int64_t index);
/// `length` elements of an axis from `start` on (PyTorch: narrow). A view.
Tensor narrow(Operand x, int axis, std::int64_t start, std::int64_t length);

/// The tensors one after another along an axis; other sizes must agree (PyTorch: cat, concat; Keras: concatenate).
Tensor concat(const std::vector<Tensor>& xs, int axis = 0);
/// The tensors, all of one shape, along a new axis.
Tensor stack(const std::vector<Tensor>& xs, int axis = 0);
/// The parts of an axis, each `size` long but the last. Views.
std::vector<Tensor> split(Operand x, std::int64_t size, int axis = 0);
/// Parts of the sizes given, which add up to the axis.
std::vector<Tensor> split(Operand x, const std::vector<std::int64_t>& sizes, int axis = 0);
/// At most n parts of equal size; the last may be smaller.
std::vector<Tensor> chunk(Operand x, std::int64_t n, int axis = 0);
/// The elements of an axis, each without it.
std::vector<Tensor> unbind(Operand x, int axis = 0);

/// What pad puts around x.
enum class PadMode : unsigned char {
  constant,  ///< a value
  edge,      ///< the outermost element again (PyTorch: replicate)
  reflect,   ///< mirrored without the outermost element
  wrap,      ///< from the other side (PyTorch: circular)
};
/// low[i] elements before axis i and high[i] after it; lists shorter than the rank are for the last axes.
Tensor pad(Operand x, const Dims& low, const Dims& high, double value = 0, PadMode mode = PadMode::constant);
/// x repeated times[i] along axis i; missing leading axes are added (PyTorch: tile, repeat).
Tensor tile(Operand x, const Dims& times);
Tensor repeat(Operand x, const Dims& times);
/// Each element of an axis n times (NumPy, Keras: repeat).
Tensor repeat_interleave(Operand x, std::int64_t n, int axis);
/// The axes walked backwards (all where none is named). A view.
Tensor flip(Operand x, const Dims& axes = {});
/// x moved by shift[i] places along axes[i]; what leaves at an end enters at the other. Without axes: by one shift in
/// row-major order.
Tensor roll(Operand x, const Dims& shift, const Dims& axes = {});
/// x moved by `by` places along an axis; what leaves is lost and `fill` enters.
Tensor shift(Operand x, std::int64_t by, int axis, double fill = 0);
/// Axes `from` put at places `to`, the others keep their order. A view.
Tensor moveaxis(Operand x, const Dims& from, const Dims& to);
/// A new axis of size 1 before `axis` (PyTorch: unsqueeze).
Tensor expand_dims(Operand x, int axis);

}  // namespace weft
