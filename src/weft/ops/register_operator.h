// Operators of one's own: a struct, as Weft's own are written (docs/DESIGN.md, An operator).
#pragma once

#include <weft/kernels/ref/formula.h>
#include <weft/tensor/tape.h>

namespace weft {

/// Adds a user's operator to the table: it then has everything that a built-in one has (broadcasting, gradients of every
/// order from its `vjp`, saving, `weft ops`). Call it once, before the first use and before threads start; a name that is
/// already there is left as it is. Op computes by a formula per element, `eval`, of one to three arguments (of three, the
/// first is a condition), or by `static void run(const KernelCall&)`, which serves cpu and ref; faster kernels are added
/// with add_kernel(). Apply it with `apply(Mine{…}, x)`.
template <class Op> const OpInfo& register_operator(std::string_view family = "user") {
  if (const OpInfo* known = find_op(Op::signature.name())) return *known;
  add_ops(OpList<Op>{}, family);
  add_vjps(OpList<Op>{});
  if constexpr (requires(const KernelCall& call) { Op::run(call); }) reference::add_reference<Op>(&Op::run);
  else if constexpr (requires(const Op& op) { op.template eval<double>(0.0); })
    reference::add_reference<Op>(&reference::run_formula<Op, 1>);
  else if constexpr (requires(const Op& op) { op.template eval<double>(0.0, 0.0); })
    reference::add_reference<Op>(&reference::run_formula<Op, 2>);
  else if constexpr (requires(const Op& op) { op.template eval<double>(true, 0.0, 0.0); })
    reference::add_reference<Op>(&reference::run_formula<Op, 3>);
  else
    static_assert(sizeof(Op) == 0, "an operator needs `eval(x)` or `static void run(const KernelCall&)`");
  return info_of<Op>();
}

}  // namespace weft
