// Plain loops over formulas: in int64, and in double for the operators that have no vector formula.
#pragma once

#include <weft/kernels/cpu/elementwise_loops.h>
#include <weft/opdefs/elementwise.h>

namespace weft::cpu_kernels {

template <class Op, class C, int Arity>
void scalar_loop(const void* p, const void* const* in, void* out, std::int64_t n) {
  const Op& op = *static_cast<const Op*>(p);
  const auto* last = static_cast<const C*>(in[Arity - 1]);
  for (std::int64_t i = 0; i < n; ++i) {
    const auto value = [&] {
      if constexpr (Arity == 1) return op.template eval<C>(last[i]);
      else if constexpr (Arity == 2) return op.template eval<C>(static_cast<const C*>(in[0])[i], last[i]);
      else return op.template eval<C>(static_cast<const bool*>(in[0])[i], static_cast<const C*>(in[1])[i], last[i]);
    }();
    if constexpr (requires { Op::result; }) static_cast<bool*>(out)[i] = value;
    else static_cast<C*>(out)[i] = value;
  }
}

/// The int64 loops of a list of operators, and double loops where `to` holds none yet.
template <int Arity, class... Ops> void fill_scalar_loops(OpList<Ops...>, Loops* to) {
  const auto fill = [&to]<class Op>(std::type_identity<Op>) {
    if constexpr (Op::types == Types::numeric || Op::types == Types::floating) {
      constexpr bool vectors = [] {
        if constexpr (requires { Op::simd; }) return Op::simd;
        else return true;
      }();
      if constexpr (!vectors) to->f64 = &scalar_loop<Op, double, Arity>;
    }
    if constexpr (Op::types != Types::floating) to->i64 = &scalar_loop<Op, std::int64_t, Arity>;
    ++to;
  };
  (fill(std::type_identity<Ops>{}), ...);
}

}  // namespace weft::cpu_kernels
