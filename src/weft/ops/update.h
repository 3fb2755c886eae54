// Fused steps of optimizers: new values out, nothing written in place. Not differentiable.
#pragma once

#include <weft/tensor/tensor.h>

namespace weft {

/// Options of adam_update, as in PyTorch's Adam and AdamW.
struct AdamUpdateOptions {  /** Rate, decay of the means m and v, addend of the root, weight decay. */ /**@{*/
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0;  /**@}*/
  bool decoupled = false;  ///< AdamW
  std::int64_t step = 1;   ///< number of this update: 1, 2, …
};
/// {p, m, v} after one update with gradient g; m and v are the moving means of g and g^2, zeros before the first.
Tensors adam_update(Operand p, Operand g, Operand m, Operand v, const AdamUpdateOptions& options = {});

/// Options of sgd_update, as in PyTorch's SGD.
struct SgdUpdateOptions {
  double lr = 1e-2, /**< learning rate */ momentum = 0, /**< of the buffer */ dampening = 0;  ///< of g in the buffer
  bool nesterov = false;  ///< look ahead by one step of momentum
  double weight_decay = 0;  ///< added to g, times p
};
/// {p, buffer} after one update with gradient g; the first update has no buffer (an undefined tensor), and without
/// momentum the result's is empty.
Tensors sgd_update(Operand p, Operand g, const Tensor& buffer = {}, const SgdUpdateOptions& options = {});

}  // namespace weft
