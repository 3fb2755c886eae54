// Rearranging tensors.
#pragma once

#include <weft/tensor/tensor.h>

namespace weft {

/// The elements in row-major order with other sizes; one size may be -1. A view where strides allow it.
Tensor reshape(Operand x, const Shape& shape);
/// Axes in another order: y's axis i is x's axis axes[i]. A view.
Tensor permute(Operand x, const Dims& axes);
/// Two axes swapped. A view.
Tensor transpose(Operand x, int a = -2, int b = -1);
/// x repeated along axes of size 1 and new leading axes, without copying.
Tensor broadcast_to(Operand x, const Shape& shape);
/// Sums the axes along which `shape` broadcasts to x: the gradient of broadcast_to.
Tensor sum_to(Operand x, const Shape& shape);
/// Joins axes start..end into one.
Tensor flatten(Operand x, int start_axis = 0, int end_axis = -1);
/// Removes axes of size 1 (all where none is named).
Tensor squeeze(Operand x, const Dims& axes = {});
/// A new axis of size 1 before `axis` (Keras, NumPy: expand_dims).
Tensor unsqueeze(Operand x, int axis);

}  // namespace weft
