// Loops over a formula's vectors. Re-included per Highway target.
#if defined(WEFT_KERNELS_CPU_LOOPS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef WEFT_KERNELS_CPU_LOOPS_INL
#undef WEFT_KERNELS_CPU_LOOPS_INL
#else
#define WEFT_KERNELS_CPU_LOOPS_INL
#endif

#include <weft/kernels/cpu/vector-inl.h>

HWY_BEFORE_NAMESPACE();
namespace weft::cpu_kernels::HWY_NAMESPACE {

template <class T> HWY_INLINE void store_result(Vector<T> v, void* out, std::int64_t i) {
  v.store(static_cast<T*>(out) + i);
}
template <class T> HWY_INLINE void store_result(Mask<T> m, void* out, std::int64_t i) {
  store_mask(m, static_cast<bool*>(out) + i);
}

template <class Op, class T, int Arity>
void vector_loop(const void* p, const void* const* in, void* out, std::int64_t n) {
  using V = Vector<T>;
  const Op& op = *static_cast<const Op*>(p);
  for (std::int64_t i = 0; i < n; i += V::lanes()) {
    const V last = V::load(static_cast<const T*>(in[Arity - 1]) + i);
    if constexpr (Arity == 1) {
      store_result(op.template eval<V>(last), out, i);
    } else {
      if constexpr (Arity == 2) {
        store_result(op.template eval<V>(V::load(static_cast<const T*>(in[0]) + i), last), out, i);
      } else {
        store_result(op.template eval<V>(load_mask<T>(static_cast<const bool*>(in[0]) + i),
                                         V::load(static_cast<const T*>(in[1]) + i), last), out, i);
      }
    }
  }
}

template <class Op> constexpr bool vectorizes() {
  if constexpr (requires { Op::simd; }) return Op::simd;
  else return true;
}

/// The vector loops of a list of operators; those without get their scalar loops elsewhere.
template <int Arity, class... Ops> void fill_vector_loops(OpList<Ops...>, Loops* to) {
  const auto fill = [&to]<class Op>(std::type_identity<Op>) {
    if constexpr (vectorizes<Op>() && (Op::types == Types::numeric || Op::types == Types::floating)) {
      to->f32 = &vector_loop<Op, float, Arity>;
      to->f64 = &vector_loop<Op, double, Arity>;
    }
    ++to;
  };
  (fill(std::type_identity<Ops>{}), ...);
}

}  // namespace weft::cpu_kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
