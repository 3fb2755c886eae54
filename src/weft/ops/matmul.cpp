#include <weft/ops/matmul.h>

#include <weft/opdefs/matmul.h>
#include <weft/ops/ops.h>
#include <weft/tensor/tape.h>

namespace weft {

Tensor matmul(Operand a, Operand b, bool transpose_a, bool transpose_b) {
  const op::MatMul product{transpose_a, transpose_b};
  const bool row = a.kind() == Operand::Kind::tensor && a.present() && a.tensor().rank() == 1;
  const bool column = b.kind() == Operand::Kind::tensor && b.present() && b.tensor().rank() == 1;
  if (!row && !column) return apply(product, a, b);
  // A flag that swaps the axes of a vector would make it a column on the left; it stays what it is.
  const Tensor y = apply(op::MatMul{transpose_a && !row, transpose_b && !column}, row ? unsqueeze(a, 0) : a.tensor(),
                         column ? unsqueeze(b, 1) : b.tensor());
  Shape shape = y.shape();
  if (column) shape.pop_back();
  if (row) shape.erase(column ? shape.rank() - 1 : shape.rank() - 2);
  return reshape(y, shape);
}

void register_matmul_gradients() { add_vjps(op::Products{}); }

}  // namespace weft
