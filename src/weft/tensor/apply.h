// Applying an operator to tensors: promotion, placement, kernel, tape, capture. Every operation passes here.
#pragma once

#include <array>

#include <weft/base/small_vector.h>
#include <weft/opdefs/define.h>
#include <weft/tensor/tensor.h>

namespace weft {

using Tensors = SmallVector<Tensor, 2>;

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

/// Calls back after every operator that this thread applies: profiles, captured steps, debugging. Nests.
class Observer {
 public:
  Observer();
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;
  virtual ~Observer();
  /// What was applied, to what, with what result, in how long.
  virtual void applied(const OpInfo& info, const void* op, std::span<const Tensor> in, std::span<const Tensor> out,
                       double seconds) = 0;

 private:
  Observer* outer_;
};

/// While it lives, the first NaN or infinity that an operator makes from finite inputs on this thread, forward or
/// backward, throws Error naming the operator and the caller's line.
class DetectAnomaly {
 public:
  DetectAnomaly();
  DetectAnomaly(const DetectAnomaly&) = delete;
  DetectAnomaly& operator=(const DetectAnomaly&) = delete;
  ~DetectAnomaly();

 private:
  bool outer_;
};

}  // namespace weft
