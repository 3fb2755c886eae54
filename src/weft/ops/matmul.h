// Matrix products.
#pragma once

#include <weft/tensor/tensor.h>

namespace weft {

/// y[..., i, j] = sum over k of a[..., i, k] * b[..., k, j]; leading axes broadcast; a flag reads the last two axes swapped.
/// A vector is a row on the left and a column on the right; its axis is missing in the result.
Tensor matmul(Operand a, Operand b, bool transpose_a = false, bool transpose_b = false);

}  // namespace weft
