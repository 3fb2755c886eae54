// The reference of operators with a formula per element: `eval` over strided arrays.
#pragma once

#include <weft/kernels/ref/reference.h>

namespace weft::reference {

/// Computes the formula of Op, of N inputs, in C (double or std::int64_t).
template <class Op, class C, std::size_t N> void run_formula_in(const KernelCall& call) {
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

/// The same in the type that the operator and the inputs ask for.
template <class Op, std::size_t N> void run_formula(const KernelCall& call) {
  if constexpr (Op::types == Types::floating) run_formula_in<Op, double, N>(call);
  else if constexpr (Op::types == Types::integral || Op::types == Types::boolean)
    run_formula_in<Op, std::int64_t, N>(call);
  else if (is_floating(call.in[N - 1].dtype)) run_formula_in<Op, double, N>(call);
  else run_formula_in<Op, std::int64_t, N>(call);
}

}  // namespace weft::reference
