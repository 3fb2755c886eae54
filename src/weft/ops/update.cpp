#include <weft/ops/update.h>

#include <weft/tensor/apply.h>

#include <weft/opdefs/update.h>

namespace weft {

Tensors adam_update(Operand p, Operand g, Operand m, Operand v, const AdamUpdateOptions& o) {
  return apply_all(op::AdamUpdate{o.lr, o.beta1, o.beta2, o.eps, o.weight_decay, o.decoupled, o.step}, p, g, m, v);
}

Tensors sgd_update(Operand p, Operand g, const Tensor& buffer, const SgdUpdateOptions& o) {
  return apply_all(op::SgdUpdate{o.lr, o.momentum, o.dampening, o.nesterov, o.weight_decay}, p, g, buffer);
}

}  // namespace weft
