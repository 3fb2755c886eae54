// Applying an operator to tensors: promotion, placement, kernel, tape, capture. Every operation passes here.
#pragma once

#include <array>

#include <weft/opdefs/define.h>
#include <weft/tensor/tensor.h>

namespace weft {

/// Applies an operator by its table entry. `op` is the operator struct.
Tensors apply_op(const OpInfo& info, const void* op, std::span<const Operand> inputs);

/// Applies an operator struct with one output: `apply(op::Exp{}, x)`.
template <class Op, class... A> Tensor apply(const Op& op, const A&... inputs) {
  const std::array<Operand, sizeof...(A)> list{Operand(inputs)...};
  return std::move(apply_op(info_of<Op>(), &op, list)[0]);
}
/// The same for operators with several outputs.
template <class Op, class... A> Tensors apply_all(const Op& op, const A&... inputs) {
  const std::array<Operand, sizeof...(A)> list{Operand(inputs)...};
  return apply_op(info_of<Op>(), &op, list);
}

}  // namespace weft
