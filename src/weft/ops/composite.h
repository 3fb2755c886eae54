// What functions made of several operators share. For ops/'s own .cpp files.
#pragma once

#include <weft/ops/create.h>
#include <weft/ops/elementwise.h>
#include <weft/ops/shape_ops.h>

namespace weft::detail {

/// check(), whose error bears the caller's line.
template <class... A> void check_at(SourceLocation where, bool ok, const A&... parts) {
  if (!ok) [[unlikely]] throw Error(cat(parts...)).at(where);
}

/// normalize_axis(), whose error names the function and the caller's line.
inline int axis_at(SourceLocation where, const char* function, std::int64_t axis, int rank) {
  check_at(where, axis >= -rank && axis < rank, function, ": axis ", axis, " is out of range for a tensor of rank ",
           rank);
  return normalize_axis(axis, rank);
}

/// The operand itself, numbers as scalars.
inline Tensor tensor_from(const Operand& x) {
  return x.kind() == Operand::Kind::tensor ? x.tensor() : full({}, x.number());
}

/// Runs f on x; f16 and bf16 go through it in f32 and are rounded once, at its end. A sum or a count on the way may be
/// more than they hold.
template <class F> Tensor in_f32(const Operand& x, F&& f) {
  const Tensor t = tensor_from(x);
  const bool narrow = t.dtype() == DType::f16 || t.dtype() == DType::bf16;
  if (!narrow) return f(Operand(t, x.where()));
  const Tensor wide = cast({t, x.where()}, DType::f32);
  return cast(f(Operand(wide, x.where())), t.dtype());
}

/// The scalar x as a vector of one element where `axis` is 0 or -1, as PyTorch takes it; anything else as it is.
inline Tensor at_least_vector(const Operand& x, int axis) {
  const Tensor& t = x.tensor();
  return t.rank() == 0 && (axis == 0 || axis == -1) ? reshape(x, {1}) : t;
}

/// f along an axis, in x's shape; a scalar has an axis of one element.
template <class F> Tensor along_axis(const Operand& x, int axis, F&& f) {
  if (x.tensor().rank() > 0) return f(x);
  const Tensor vector = at_least_vector(x, axis);
  const Tensor y = f(Operand(vector, x.where()));
  return reshape({y, x.where()}, {});
}

}  // namespace weft::detail
