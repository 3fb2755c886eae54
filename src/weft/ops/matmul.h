// Matrix products.
#pragma once

#include <weft/tensor/tensor.h>

namespace weft {

/// y[..., i, j] = sum over k of a[..., i, k] * b[..., k, j]; leading axes broadcast; a flag reads the last two axes swapped.
Tensor matmul(Operand a, Operand b, bool transpose_a = false, bool transpose_b = false);

}  // namespace weft
