#include <weft/kernels/ref/reference.h>
#include <weft/opdefs/elementwise.h>

namespace weft {

namespace {
using namespace reference;

template <class Op, class C, std::size_t N> void run_formula(const KernelCall& call) {
  const Op& op = call.attributes<Op>();
  const TensorView& out = call.out[0];
  std::array<Dims, N + 1> strides;
  for (std::size_t i = 0; i < N; ++i) strides[i] = call.in[i].strides;
  strides[N] = out.strides;
  for_each_strided(out.shape, strides, [&](const auto& at) {
    if constexpr (N == 1) store(out, at[1], static_cast<C>(op.template eval<C>(load<C>(call.in[0], at[0]))));
    else if constexpr (N == 2)
      store(out, at[2], static_cast<C>(op.template eval<C>(load<C>(call.in[0], at[0]), load<C>(call.in[1], at[1]))));
    else
      store(out, at[3], static_cast<C>(op.template eval<C>(load<std::int64_t>(call.in[0], at[0]) != 0,
                                                          load<C>(call.in[1], at[1]), load<C>(call.in[2], at[2]))));
  });
}

template <std::size_t N, class... Ops> void add_formulas(OpList<Ops...>) {
  (add_reference<Ops>([](const KernelCall& call) {
     const bool floating = is_floating(call.in[N - 1].dtype);
     if constexpr (Ops::types == Types::floating) run_formula<Ops, double, N>(call);
     else if constexpr (Ops::types == Types::integral || Ops::types == Types::boolean)
       run_formula<Ops, std::int64_t, N>(call);
     else if (floating) run_formula<Ops, double, N>(call);
     else run_formula<Ops, std::int64_t, N>(call);
   }),
   ...);
}

/// ~x of a bool is !x, but eval computes -1 - x in integers.
void run_bitwise_not(const KernelCall& call) {
  if (call.in[0].dtype != DType::boolean) return run_formula<op::BitwiseNot, std::int64_t, 1>(call);
  run_formula<op::LogicalNot, std::int64_t, 1>(call);
}

}  // namespace

void register_ref_elementwise() {
  add_reference<op::BitwiseNot>(&run_bitwise_not);
  add_formulas<1>(op::Unary{});
  add_formulas<2>(op::Binary{});
  add_formulas<3>(op::Ternary{});
  add_reference<op::Cast>([](const KernelCall& call) { copy_elements(call.in[0], call.out[0]); });
}

}  // namespace weft
