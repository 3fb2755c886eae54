// For ops/'s own .cpp files: operations along an axis take a scalar as an axis of one element, as PyTorch's do.
#pragma once

#include <weft/ops/shape_ops.h>

namespace weft::detail {

/// The scalar x as a vector of one element where `axis` is 0 or -1; anything else as it is.
inline Tensor at_least_vector(const Operand& x, int axis) {
  const Tensor& t = x.tensor();
  return t.rank() == 0 && (axis == 0 || axis == -1) ? reshape(x, {1}) : t;
}

/// f along an axis, in x's shape.
template <class F> Tensor along_axis(const Operand& x, int axis, F&& f) {
  if (x.tensor().rank() > 0) return f(x);
  const Tensor vector = at_least_vector(x, axis);
  const Tensor y = f(Operand(vector, x.where()));
  return reshape({y, x.where()}, {});
}

}  // namespace weft::detail
