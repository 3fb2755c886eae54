// Fused steps of optimizers: new values out, nothing written in place. Not differentiable.
#pragma once

#include <weft/tensor/apply.h>

namespace weft {

/// Options of adam_update, as in PyTorch's Adam and AdamW.
struct AdamUpdateOptions {
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0;
  bool decoupled = false;  ///< AdamW
  std::int64_t step = 1;   ///< number of this update: 1, 2, …
};
/// {p, m, v} after one update with gradient g; m and v are the moving means of g and g^2, zeros before the first.
Tensors adam_update(Operand p, Operand g, Operand m, Operand v, const AdamUpdateOptions& options = {});

/// Options of sgd_update, as in PyTorch's SGD.
struct SgdUpdateOptions {
  double lr = 1e-2, momentum = 0, dampening = 0;
  bool nesterov = false;
  double weight_decay = 0;
};
/// {p, buffer} after one update with gradient g; the first update has no buffer (an undefined tensor), and without
/// momentum the result's is empty.
Tensors sgd_update(Operand p, Operand g, const Tensor& buffer = {}, const SgdUpdateOptions& options = {});

}  // namespace weft
