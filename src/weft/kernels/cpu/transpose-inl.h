// Transposing copies of f32 in registers. Re-included per Highway target.
#if defined(WEFT_KERNELS_CPU_TRANSPOSE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef WEFT_KERNELS_CPU_TRANSPOSE_INL
#undef WEFT_KERNELS_CPU_TRANSPOSE_INL
#else
#define WEFT_KERNELS_CPU_TRANSPOSE_INL
#endif

#include <cstdint>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace weft::cpu_kernels::HWY_NAMESPACE {

/// to[i * to_step + j] = from[j * step + i] for i, j < 4.
HWY_INLINE void transpose_four(const float* from, std::int64_t step, float* to, std::int64_t to_step) {
#if HWY_TARGET == HWY_SCALAR
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j) to[i * to_step + j] = from[j * step + i];
#else
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::Full128<float> d;
  const hn::Repartition<double, decltype(d)> dd;
  const auto r0 = hn::LoadU(d, from), r1 = hn::LoadU(d, from + step), r2 = hn::LoadU(d, from + 2 * step),
             r3 = hn::LoadU(d, from + 3 * step);
  const auto l01 = hn::BitCast(dd, hn::InterleaveLower(d, r0, r1)), l23 = hn::BitCast(dd, hn::InterleaveLower(d, r2, r3));
  const auto u01 = hn::BitCast(dd, hn::InterleaveUpper(d, r0, r1)), u23 = hn::BitCast(dd, hn::InterleaveUpper(d, r2, r3));
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(dd, l01, l23)), d, to);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(dd, l01, l23)), d, to + to_step);
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(dd, u01, u23)), d, to + 2 * to_step);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(dd, u01, u23)), d, to + 3 * to_step);
#endif
}

/// to[i][j] = from[j][i] of a square of `size`, a multiple of 4; rows of `step` in `from`.
HWY_INLINE void transpose_square(const float* from, std::int64_t step, std::int64_t size, float* to) {
  for (std::int64_t j = 0; j < size; j += 4)
    for (std::int64_t i = 0; i < size; i += 4) transpose_four(from + j * step + i, step, to + i * size + j, size);
}

}  // namespace weft::cpu_kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
