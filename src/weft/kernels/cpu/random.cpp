// Random numbers on the cpu: Philox4x32-10 for several counters at a time.
#include <weft/kernels/cpu/targets.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "weft/kernels/cpu/random.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include <weft/base/random.h>
#include <weft/base/thread_pool.h>
#include <weft/kernels/cpu/blocks.h>
#include <weft/kernels/registry.h>
#include <weft/opdefs/random.h>

HWY_BEFORE_NAMESPACE();
namespace weft::cpu_kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using Int = std::int64_t;

#if HWY_TARGET == HWY_SCALAR
template <int Pairs> void draw(std::uint64_t seed, std::uint64_t hi, std::uint64_t lo, Int n, std::uint64_t* to) {
  for (Int i = 0; i < n; ++i) {
    const auto w = philox(seed, hi, lo + static_cast<std::uint64_t>(i));
    for (std::size_t k = 0; k < Pairs; ++k) *to++ = static_cast<std::uint64_t>(w[2 * k + 1]) << 32 | w[2 * k];
  }
}
#else
/// The first `Pairs` pairs of words of the n counters from (hi, lo) on; n is a multiple of `counter_step`. A word is the
/// lower half of a lane, what lies above it is left over: products take lower halves alone.
template <int Pairs> void draw(std::uint64_t seed, std::uint64_t hi, std::uint64_t lo, Int n, std::uint64_t* to) {
  const hn::ScalableTag<std::uint64_t> d;
  const hn::RepartitionToNarrow<decltype(d)> half;
  const auto lanes = static_cast<Int>(hn::Lanes(d));
  const auto product = [&](auto word, std::uint64_t factor) HWY_ATTR {
    return hn::MulEven(hn::BitCast(half, word), hn::BitCast(half, hn::Set(d, factor)));
  };
  std::uint64_t keys[10][2];
  for (std::uint32_t r = 0; r < 10; ++r) {
    keys[r][0] = static_cast<std::uint32_t>(seed) + r * 0x9E3779B9u;
    keys[r][1] = static_cast<std::uint32_t>(seed >> 32) + r * 0xBB67AE85u;
  }
  auto counters = hn::Iota(d, lo);
  for (Int i = 0; i < n; i += lanes, to += Pairs * lanes, counters = hn::Add(counters, hn::Set(d, static_cast<std::uint64_t>(lanes)))) {
    auto c0 = counters, c2 = hn::Set(d, hi);
    auto c1 = hn::ShiftRight<32>(c0), c3 = hn::Set(d, hi >> 32);
    for (const auto& key : keys) {
      const auto p0 = product(c0, 0xD2511F53u), p1 = product(c2, 0xCD9E8D57u);
      c0 = hn::Xor3(hn::ShiftRight<32>(p1), c1, hn::Set(d, key[0]));
      c1 = p1;
      c2 = hn::Xor3(hn::ShiftRight<32>(p0), c3, hn::Set(d, key[1]));
      c3 = p0;
    }
    const auto pair = [&](auto low, auto high) HWY_ATTR {
      return hn::Or(hn::And(low, hn::Set(d, 0xFFFFFFFFu)), hn::ShiftLeft<32>(high));
    };
    if constexpr (Pairs == 1) hn::StoreU(pair(c0, c1), d, to);
    else hn::StoreInterleaved2(pair(c0, c1), pair(c2, c3), d, to);
  }
}
#endif

void Bits(const RandomStream& s, std::uint64_t first, Int n, std::uint64_t* to) { draw<1>(s.seed, s.counter, first, n, to); }
void Words(const RandomStream& s, std::uint64_t first, Int n, std::uint32_t* to) {
  draw<2>(s.seed, s.counter, first, n, reinterpret_cast<std::uint64_t*>(to));
}

/// Dropout of n elements, in double as the reference has it.
void Drop(const float* x, const std::uint32_t* words, std::uint32_t threshold, double scale, Int n, float* y) {
  Int i = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::ScalableTag<double> wide;
  const hn::Rebind<float, decltype(wide)> d;
  const hn::RebindToUnsigned<decltype(d)> du;
  const auto lanes = static_cast<Int>(hn::Lanes(wide));
  for (; i + lanes <= n; i += lanes) {
    const auto drops = hn::Lt(hn::LoadU(du, words + i), hn::Set(du, threshold));
    const auto scaled = hn::DemoteTo(d, hn::Mul(hn::PromoteTo(wide, hn::LoadU(d, x + i)), hn::Set(wide, scale)));
    hn::StoreU(hn::IfThenZeroElse(hn::RebindMask(d, drops), scaled), d, y + i);
  }
#endif
  for (; i < n; ++i) y[i] = words[i] < threshold ? 0.0f : static_cast<float>(static_cast<double>(x[i]) * scale);
}

}  // namespace weft::cpu_kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft {

namespace cpu_kernels {
namespace {
HWY_EXPORT(Bits);
HWY_EXPORT(Words);
HWY_EXPORT(Drop);

using Int = std::int64_t;

constexpr Int counter_step = 8;  // 64-bit lanes of the widest vector
static_assert(block_size % (4 * counter_step) == 0);

Int whole_steps(Int counters) { return (counters + counter_step - 1) / counter_step * counter_step; }

/// Calls f(first element, elements) for the blocks of n elements on Weft's threads.
template <class F> void by_blocks(Int n, Int grain, F&& f) {
  parallel_for(n, grain, [&](Int begin, Int end) {
    for (Int i = begin; i < end; i += block_size) f(i, std::min(block_size, end - i));
  });
}

void* element(const TensorView& y, Int i) { return static_cast<unsigned char*>(y.data) + i * static_cast<Int>(size_of(y.dtype)); }

/// Writes f(an element's bits) to every element.
template <class F> void generate(const TensorView& y, const RandomStream& stream, F&& f) {
  using Number = decltype(f(std::uint64_t{}));
  by_blocks(y.numel(), 2 * block_size, [&](Int first, Int n) {
    std::uint64_t bits[block_size];
    Number block[block_size];
    HWY_DYNAMIC_DISPATCH(Bits)(stream, static_cast<std::uint64_t>(first), whole_steps(n), bits);
    for (Int k = 0; k < n; ++k) block[k] = f(bits[k]);
    convert(block, dtype_of<Number>, element(y, first), y.dtype, n);
  });
}

void run_uniform(const KernelCall& call) {
  const auto& op = call.attributes<op::RandomUniform>();
  generate(call.out[0], op.stream, [&](std::uint64_t bits) { return op.lo + (op.hi - op.lo) * RandomStream::uniform_of(bits); });
}

void run_normal(const KernelCall& call) {
  const auto& op = call.attributes<op::RandomNormal>();
  generate(call.out[0], op.stream, [&](std::uint64_t bits) { return op.mean + op.stddev * RandomStream::normal_of(bits); });
}

void run_integer(const KernelCall& call) {
  const auto& op = call.attributes<op::RandomInteger>();
  const auto range = static_cast<std::uint64_t>(op.hi) - static_cast<std::uint64_t>(op.lo);
  generate(call.out[0], op.stream, [&](std::uint64_t bits) { return op.lo + static_cast<Int>(RandomStream::below_of(bits, range)); });
}

/// The words that decide on a block of elements.
struct BlockWords {
  alignas(64) std::uint32_t words[block_size];
  BlockWords(const RandomStream& stream, Int first, Int n) {
    HWY_DYNAMIC_DISPATCH(Words)(stream, static_cast<std::uint64_t>(first) / 4, whole_steps((n + 3) / 4), words);
  }
};

void run_dropout(const KernelCall& call) {
  const auto& op = call.attributes<op::Dropout>();
  const TensorView x = collapsed(call.in[0]), &y = call.out[0];
  const std::uint64_t threshold = op.threshold();
  const double scale = op.scale();
  const bool floats = x.dtype == DType::f32 && threshold <= UINT32_MAX, adjacent = x.contiguous();
  by_blocks(y.numel(), piece_size, [&](Int first, Int n) {
    const BlockWords chance(op.stream, first, n);
    if (floats) {
      float block[block_size];
      if (!adjacent) gather(x, first, n, block, DType::f32);
      const float* from = adjacent ? x.as<float>() + first : block;
      HWY_DYNAMIC_DISPATCH(Drop)(from, chance.words, static_cast<std::uint32_t>(threshold), scale, n, y.as<float>() + first);
      return;
    }
    double block[block_size];
    gather(x, first, n, block, DType::f64);
    for (Int k = 0; k < n; ++k) block[k] = chance.words[k] >= threshold ? block[k] * scale : 0.0;
    convert(block, DType::f64, element(y, first), y.dtype, n);
  });
}

}  // namespace
}  // namespace cpu_kernels

void register_cpu_random() {
  using namespace cpu_kernels;
  const auto add = [](const OpInfo& info, void (*run)(const KernelCall&)) {
    add_kernel(info, DeviceType::cpu, {"cpu." + info.name, run});
  };
  add(info_of<op::RandomUniform>(), &run_uniform);
  add(info_of<op::RandomNormal>(), &run_normal);
  add(info_of<op::RandomInteger>(), &run_integer);
  add(info_of<op::Dropout>(), &run_dropout);
}

}  // namespace weft
#endif
