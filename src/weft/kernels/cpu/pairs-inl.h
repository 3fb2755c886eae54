// Vectors of pairs of bf16 (conv_tiles.h). Re-included per Highway target.
#if defined(WEFT_KERNELS_CPU_PAIRS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef WEFT_KERNELS_CPU_PAIRS_INL
#undef WEFT_KERNELS_CPU_PAIRS_INL
#else
#define WEFT_KERNELS_CPU_PAIRS_INL
#endif

#include <cstdint>

#include <hwy/highway.h>

#include <weft/kernels/cpu/conv_tiles.h>

HWY_BEFORE_NAMESPACE();
namespace weft::cpu_kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Lanes of float, and the same number of bf16 and of pairs.
using Floats = hn::Vec<hn::ScalableTag<float>>;
using Halves = hn::Vec<hn::Rebind<std::uint16_t, hn::ScalableTag<float>>>;
using Pairs = hn::Vec<hn::ScalableTag<Pair>>;

/// sum + a * b, lane by lane.
HWY_INLINE Floats multiply_add(Floats a, Floats b, Floats sum) { return hn::MulAdd(a, b, sum); }

#if HWY_TARGET == HWY_AVX3
// In assembly because this Highway's targets do not know AVX512-BF16; whoever comes here has asked bf16_products().
inline constexpr bool has_pairs = true;
/// sum + a.first * b.first + a.second * b.second
HWY_INLINE Floats multiply_add(Pairs a, Pairs b, Floats sum) {
  asm("vdpbf16ps %2, %1, %0" : "+v"(sum.raw) : "v"(a.raw), "v"(b.raw));
  return sum;
}
/// To nearest even; NaN stays.
HWY_INLINE Halves round_to_bf16(Floats v) {
  Halves half;
  asm("vcvtneps2bf16 %1, %0" : "=v"(half.raw) : "v"(v.raw));
  return half;
}
#else  // these processors never come here
inline constexpr bool has_pairs = false;
HWY_INLINE Floats multiply_add(Pairs, Pairs, Floats sum) { return sum; }
HWY_INLINE Halves round_to_bf16(Floats) { return hn::Zero(hn::Rebind<std::uint16_t, hn::ScalableTag<float>>()); }
#endif

/// Pairs {first, 0}, and {0, second}.
HWY_INLINE Pairs as_first(Floats v) { return hn::PromoteTo(hn::ScalableTag<Pair>(), round_to_bf16(v)); }
HWY_INLINE Pairs as_second(Floats v) { return hn::ShiftLeft<16>(as_first(v)); }

}  // namespace weft::cpu_kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
