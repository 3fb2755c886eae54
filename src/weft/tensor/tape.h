// The tape: nodes that remember what their gradient rules read.
#pragma once

#include <weft/opdefs/define.h>
#include <weft/tensor/apply.h>
#include <weft/tensor/tensor_impl.h>

namespace weft {

/// An operator applied to tensors that require gradients.
struct TapeNode final : Node {
  TapeNode() : Node(NodeKind::tape) {}
  SmallVector<Meta, 2> input_metas;  ///< shapes and dtypes of the inputs
  SmallVector<Tensor, 2> saved;  ///< chosen inputs, then chosen outputs (off the tape), in order
  SourceLocation where;          ///< the caller's line
  std::uint32_t needs = 0;       ///< bit i: input i requires a gradient (all beyond 31 do)
  bool released = false;         ///< backward has freed `saved`
};

/// What a gradient rule reads of the call it differentiates.
template <> class Saved<Tensor> {
 public:
  /// Of the call that `node` records.
  explicit Saved(TapeNode& node) : node_(&node) {}
  /// Input i; the rule's `saves` must name it.
  Tensor in(int i) const;
  /// Output i; the rule's `saves` must name it.
  Tensor out(int i) const;
  /// Shape and dtype of input i.
  const Meta& in_meta(int i) const { return node_->input_metas[static_cast<std::size_t>(i)]; }
  /// Shape and dtype of output i.
  const Meta& out_meta(int i) const { return node_->outputs[static_cast<std::size_t>(i)]; }
  /// Number of inputs.
  int inputs() const { return static_cast<int>(node_->input_metas.size()); }
  /// True where a gradient for input i is wanted.
  bool needs(int i) const { return i > 31 || (node_->needs >> i & 1); }

 private:
  TapeNode* node_;
};

/// A call of a gradient rule: cotangents of the outputs in, gradients of the inputs out.
struct VjpCall {
  Saved<Tensor> saved;                 ///< inputs and outputs of the call
  std::span<const Tensor> cotangents;  ///< undefined where none flows
  std::vector<Tensor> gradients;       ///< to be filled: one an input; undefined where none flows
};

namespace detail {
template <class Op> void call_vjp(const void* op, VjpCall& call) {
  const Op& o = as<Op>(op);
  if constexpr (requires { { o.template vjp<Tensor>(call.saved, call.cotangents[0]) } -> std::same_as<Tensor>; })
    call.gradients.push_back(o.template vjp<Tensor>(call.saved, call.cotangents[0]));
  else if constexpr (requires { o.template vjp<Tensor>(call.saved, call.cotangents[0]); })
    call.gradients = o.template vjp<Tensor>(call.saved, call.cotangents[0]);
  else
    call.gradients = o.template vjp<Tensor>(call.saved, call.cotangents);
}
}  // namespace detail

/// Attaches the gradient rules of a list of operators; called by ops/, where the functions they use are declared.
template <class... Ops> void add_vjps(OpList<Ops...>) {
  const auto add = []<class Op>(std::type_identity<Op>) {
    if constexpr (detail::HasVjp<Op>) const_cast<OpInfo&>(info_of<Op>()).vjp = &detail::call_vjp<Op>;
  };
  (add(std::type_identity<Ops>{}), ...);
}

}  // namespace weft
