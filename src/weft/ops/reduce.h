// Combining elements along axes; `axes` empty means all.
#pragma once

#include <weft/tensor/tensor.h>

namespace weft {

/// The sum; bool and integers sum in i64.
Tensor sum(Operand x, const Dims& axes = {}, bool keepdim = false);
/// The mean; integers give f32.
Tensor mean(Operand x, const Dims& axes = {}, bool keepdim = false);

}  // namespace weft
