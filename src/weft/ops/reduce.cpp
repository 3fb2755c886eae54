#include <weft/ops/reduce.h>

#include <weft/opdefs/reduce.h>
#include <weft/ops/ops.h>
#include <weft/tensor/tape.h>

namespace weft {

Tensor sum(Operand x, const Dims& axes, bool keepdim) { return apply(op::Sum{axes, keepdim}, x); }
Tensor mean(Operand x, const Dims& axes, bool keepdim) {
  const Tensor& t = x.tensor();
  const Shape& s = t.shape();
  double count = 1;
  for (auto a : normalize_axes(axes, s.rank())) count *= static_cast<double>(s[static_cast<int>(a)]);
  return sum(x, axes, keepdim) / count;
}

void register_reduce_gradients() { add_vjps(op::Reductions{}); }

}  // namespace weft
