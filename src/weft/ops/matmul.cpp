#include <weft/ops/matmul.h>

#include <weft/opdefs/matmul.h>
#include <weft/ops/ops.h>
#include <weft/tensor/tape.h>

namespace weft {

Tensor matmul(Operand a, Operand b, bool transpose_a, bool transpose_b) {
  return apply(op::MatMul{transpose_a, transpose_b}, a, b);
}

void register_matmul_gradients() { add_vjps(op::Products{}); }

}  // namespace weft
