// The largest result of a window, by vectors. Re-included per Highway target.
#if defined(WEFT_KERNELS_CPU_POOL_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef WEFT_KERNELS_CPU_POOL_INL
#undef WEFT_KERNELS_CPU_POOL_INL
#else
#define WEFT_KERNELS_CPU_POOL_INL
#endif

#include <cstdint>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace weft::cpu_kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// The largest result so far and its place.
struct Best {
  hn::Vec<hn::ScalableTag<float>> value;
  hn::Vec<hn::ScalableTag<std::int32_t>> place;
};
/// NaN is the largest, unless `numbers` promises that there is none.
template <bool numbers = false> HWY_INLINE void offer(Best& best, hn::Vec<hn::ScalableTag<float>> v, int place) {
  const hn::ScalableTag<std::int32_t> di;
  auto wins = hn::Gt(v, best.value);
  if constexpr (!numbers) wins = hn::Or(wins, hn::Not(hn::Eq(v, v)));
  best.value = hn::IfThenElse(wins, v, best.value);
  best.place = hn::IfThenElse(hn::RebindMask(di, wins), hn::Set(di, place), best.place);
}

/// Of y[0..4), and with `relu` of 0 at place 0. One look for NaN serves all four.
HWY_INLINE Best best_of_four(const hn::Vec<hn::ScalableTag<float>>* y, bool relu) {
  const hn::ScalableTag<float> d;
  Best best{relu ? hn::Zero(d) : y[0], hn::Zero(hn::ScalableTag<std::int32_t>())};
  const auto sum = hn::Add(hn::Add(y[0], y[1]), hn::Add(y[2], y[3]));
  if (HWY_LIKELY(hn::AllTrue(d, hn::Eq(sum, sum)))) {
#pragma GCC unroll 4
    for (int q = 0; q < 4; ++q) offer<true>(best, y[q], q);
  } else {
    for (int q = 0; q < 4; ++q) offer(best, y[q], q);
  }
  return best;
}

/// To element `at` of results and places, and behind it.
HWY_INLINE void put(const Best& best, float* values, std::uint8_t* places, std::int64_t at) {
  const hn::Rebind<std::uint8_t, hn::ScalableTag<float>> d8;
  hn::StoreU(best.value, hn::ScalableTag<float>(), values + at);
  hn::StoreU(hn::DemoteTo(d8, best.place), d8, places + at);
}

}  // namespace weft::cpu_kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
