#include <weft/kernels/ref/formula.h>
#include <weft/opdefs/elementwise.h>

namespace weft {

namespace {
using namespace reference;

/// ~x of a bool is !x, but eval computes -1 - x in integers.
void run_bitwise_not(const KernelCall& call) {
  if (call.in[0].dtype != DType::boolean) return run_formula_in<op::BitwiseNot, std::int64_t, 1>(call);
  run_formula_in<op::LogicalNot, std::int64_t, 1>(call);
}

template <class Op, std::size_t N> constexpr auto formula_of() {
  if constexpr (std::is_same_v<Op, op::BitwiseNot>) return &run_bitwise_not;
  else return &run_formula<Op, N>;
}

template <std::size_t N, class... Ops> void add_formulas(OpList<Ops...>) {
  (add_reference<Ops>(formula_of<Ops, N>()), ...);
}

}  // namespace

void register_ref_elementwise() {
  add_formulas<1>(op::Unary{});
  add_formulas<2>(op::Binary{});
  add_formulas<3>(op::Ternary{});
  add_reference<op::Cast>([](const KernelCall& call) { copy_elements(call.in[0], call.out[0]); });
}

}  // namespace weft
