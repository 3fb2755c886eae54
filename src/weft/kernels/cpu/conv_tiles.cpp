#include <weft/kernels/cpu/conv_tiles.h>
#include <weft/kernels/cpu/targets.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "weft/kernels/cpu/conv_tiles.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <utility>

#include <weft/kernels/cpu/transpose-inl.h>

#include <weft/base/dtype.h>
#include <weft/kernels/cpu/pairs-inl.h>
#include <weft/kernels/cpu/pool-inl.h>

HWY_BEFORE_NAMESPACE();
namespace weft::cpu_kernels::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using Int = std::int64_t;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

Int lanes() { return static_cast<Int>(hn::Lanes(D())); }

// Accumulators of a tile: 32 vector registers hold 6 positions x 4 vectors, 16 hold 6 x 2.
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
constexpr int wide = 4, deep_sums = 24;
#else
constexpr int wide = 2, deep_sums = 12;
#endif
constexpr int most_positions = 12;
constexpr int positions_of(int vectors) { return std::min(most_positions, deep_sums / vectors); }

template <class E, int T, int J> HWY_NOINLINE void product_tile(const ProductRow<E>& r, Int position, Int column) {
  const D d;
  const hn::ScalableTag<E> de;
  const Int n = lanes();
  V sum[T][J];
#pragma GCC unroll 4
  for (int j = 0; j < J; ++j) {
    const V start = r.start ? hn::LoadU(d, r.start + column + j * n) : hn::Zero(d);
#pragma GCC unroll 12
    for (int t = 0; t < T; ++t) sum[t][j] = start;
  }
  const E* HWY_RESTRICT w = r.w + column;
  const E* const first = r.x + position * r.x_step;
  const Int step = r.x_step, columns = r.columns;
  for (Int i = 0; i < r.run_count; ++i) {
    const E* HWY_RESTRICT x = first + r.runs[i].x;
    for (Int k = r.runs[i].length; k > 0; --k, ++x, w += columns) {
      hn::Vec<hn::ScalableTag<E>> b[J];
#pragma GCC unroll 4
      for (int j = 0; j < J; ++j) b[j] = hn::LoadU(de, w + j * n);
#pragma GCC unroll 12
      for (int t = 0; t < T; ++t) {
        const auto a = hn::Set(de, x[t * step]);
#pragma GCC unroll 4
        for (int j = 0; j < J; ++j) sum[t][j] = multiply_add(a, b[j], sum[t][j]);
      }
    }
  }
  float* out = r.out + position * r.out_step + column;
#pragma GCC unroll 12
  for (int t = 0; t < T; ++t, out += r.out_step)
#pragma GCC unroll 4
    for (int j = 0; j < J; ++j) {
      V v = sum[t][j];
      if (r.add) v = hn::Add(hn::LoadU(d, out + j * n), v);
      if (r.relu) v = hn::Max(hn::Zero(d), v);  // in this order NaN stays
      hn::StoreU(v, d, out + j * n);
    }
}

template <class E> using Tile = void (*)(const ProductRow<E>&, Int, Int);
template <class E, int J> Tile<E> tile_of(Int positions) {
  static constexpr auto tiles = []<int... T>(std::integer_sequence<int, T...>) {
    return std::array<Tile<E>, sizeof...(T)>{&product_tile<E, T + 1, J>...};
  }(std::make_integer_sequence<int, positions_of(J)>());
  return tiles[static_cast<std::size_t>(positions - 1)];
}

/// The size of tiles that covers `positions` with the least to spare, not much below `most`.
Int tile_size(Int positions, Int most) {
  const auto covered = [&](Int size) { return (positions + size - 1) / size * size; };
  Int best = std::min(most, positions);
  for (Int size = best - 1; 3 * size >= 2 * most; --size)
    if (covered(size) < covered(best)) best = size;
  return best;
}

/// The block of J vectors at `column`: positions in tiles of one size; the last may go over some again.
template <int J, class E> void product_block(const ProductRow<E>& r, Int column) {
  const Int size = tile_size(r.positions, positions_of(J));
  const Tile<E> tile = tile_of<E, J>(size);
  Int p = 0;
  for (; p + size <= r.positions; p += size) tile(r, p, column);
  if (p == r.positions) return;
  if (r.add) tile_of<E, J>(r.positions - p)(r, p, column);
  else tile(r, r.positions - size, column);
}

template <class E> void product_row_of(const ProductRow<E>& r) {
  const Int n = lanes();
  Int column = 0;
  if (r.positions == 0) return;
  for (; column + wide * n <= r.columns; column += wide * n) product_block<wide>(r, column);
  for (; column + 2 * n <= r.columns; column += 2 * n) product_block<2>(r, column);
  for (; column < r.columns; column += n) product_block<1>(r, column);
}

}  // namespace

void ProductRowImpl(const ProductRow<float>& r) { product_row_of(r); }
void ProductPairsImpl(const ProductRow<Pair>& r) {
  if constexpr (has_pairs) product_row_of(r);
}

namespace {
/// W windows side by side.
template <class E, int W, int J> HWY_NOINLINE void pooled_tile(const PooledProduct<E>& p, Int window, Int column) {
  const D d;
  const hn::ScalableTag<E> de;
  const ProductRow<E>& r = p.row;
  const Int n = lanes(), step = r.x_step, columns = r.columns, x_row_step = p.x_row_step;
  V sum[W][J][4];
#pragma GCC unroll 4
  for (int j = 0; j < J; ++j) {
    const V start = r.start ? hn::LoadU(d, r.start + column + j * n) : hn::Zero(d);
#pragma GCC unroll 12
    for (int t = 0; t < 4 * W; ++t) sum[t / 4][j][t % 4] = start;
  }
  const E* HWY_RESTRICT w = r.w + column;
  const E* const first = r.x + 2 * window * step;
  for (Int i = 0; i < r.run_count; ++i) {
    const E* HWY_RESTRICT x = first + r.runs[i].x;
    for (Int k = r.runs[i].length; k > 0; --k, ++x, w += columns) {
      hn::Vec<hn::ScalableTag<E>> b[J];
#pragma GCC unroll 4
      for (int j = 0; j < J; ++j) b[j] = hn::LoadU(de, w + j * n);
#pragma GCC unroll 12
      for (int t = 0; t < 4 * W; ++t) {
        const auto a = hn::Set(de, x[t % 4 / 2 * x_row_step + (t / 4 * 2 + t % 2) * step]);
#pragma GCC unroll 4
        for (int j = 0; j < J; ++j) sum[t / 4][j][t % 4] = multiply_add(a, b[j], sum[t / 4][j][t % 4]);
      }
    }
  }
#pragma GCC unroll 4
  for (int t = 0; t < W; ++t)
#pragma GCC unroll 4
    for (int j = 0; j < J; ++j) put(best_of_four(sum[t][j], r.relu), r.out, p.index, (window + t) * columns + column + j * n);
}

template <int J, class E> void pooled_block(const PooledProduct<E>& p, Int column) {
  constexpr int most = std::min(most_positions, deep_sums / J) / 4;
  const Int windows = p.row.positions / 2, rest = windows % most;
  Int w = 0;
  for (; w + most <= windows; w += most) pooled_tile<E, most, J>(p, w, column);
  if constexpr (most > 2)
    if (rest == 2) return pooled_tile<E, 2, J>(p, w, column);
  if (rest > 0) pooled_tile<E, 1, J>(p, w, column);
}

template <class E> void pooled_product_of(const PooledProduct<E>& p) {
  const Int n = lanes();
  Int column = 0;
  for (; column + 2 * n <= p.row.columns; column += 2 * n) pooled_block<2>(p, column);
  for (; column < p.row.columns; column += n) pooled_block<1>(p, column);
}
}  // namespace

void PooledProductImpl(const PooledProduct<float>& p) { pooled_product_of(p); }
void PooledPairsImpl(const PooledProduct<Pair>& p) {
  if constexpr (has_pairs) pooled_product_of(p);
}

namespace {
/// Channels [c, c + lanes) of one window.
HWY_INLINE Best best_of_window(const PoolRow& r, const float* y) {
  const D d;
  if (r.height == 2 && r.width == 2) {
    const V four[4] = {hn::LoadU(d, y), hn::LoadU(d, y + r.step), hn::LoadU(d, y + r.row_step), hn::LoadU(d, y + r.row_step + r.step)};
    return best_of_four(four, r.relu);
  }
  Best best{r.relu ? hn::Zero(d) : hn::LoadU(d, y), hn::Zero(hn::RebindToSigned<D>())};
  int place = 0;
  for (Int h = 0; h < r.height; ++h)
    for (Int w = 0; w < r.width; ++w, ++place) offer(best, hn::LoadU(d, y + h * r.row_step + w * r.step), place);
  return best;
}
}  // namespace

void PoolRowImpl(const PoolRow& r) {
  for (Int w = 0; w < r.windows; ++w)
    for (Int c = 0; c < r.channels; c += lanes()) put(best_of_window(r, r.y + w * r.width * r.step + c), r.out, r.index, w * r.channels + c);
}

namespace {
template <class E, int T, int J> HWY_NOINLINE void weight_tile(const WeightSums<E>& s, Int k, Int column) {
  const D d;
  const hn::ScalableTag<E> de;
  const Int n = lanes();
  V sum[T][J];
#pragma GCC unroll 12
  for (int t = 0; t < T; ++t)
#pragma GCC unroll 4
    for (int j = 0; j < J; ++j) sum[t][j] = hn::LoadU(d, s.out + (k + t) * s.columns + column + j * n);
  const E* HWY_RESTRICT g = s.g + column;
  for (Int i = 0; i < s.images * s.rows; ++i) {
    const E* HWY_RESTRICT x = s.x + i / s.rows * s.x_image_step + i % s.rows * s.x_row_step + k;
    for (Int p = 0; p < s.positions; ++p, x += s.x_step, g += s.columns) {
      hn::Vec<hn::ScalableTag<E>> b[J];
#pragma GCC unroll 4
      for (int j = 0; j < J; ++j) b[j] = hn::LoadU(de, g + j * n);
#pragma GCC unroll 12
      for (int t = 0; t < T; ++t) {
        const auto a = hn::Set(de, x[t]);
#pragma GCC unroll 4
        for (int j = 0; j < J; ++j) sum[t][j] = multiply_add(a, b[j], sum[t][j]);
      }
    }
  }
#pragma GCC unroll 12
  for (int t = 0; t < T; ++t)
#pragma GCC unroll 4
    for (int j = 0; j < J; ++j) hn::StoreU(sum[t][j], d, s.out + (k + t) * s.columns + column + j * n);
}

template <int J, class E> void weight_block(const WeightSums<E>& s, Int column) {
  using Sums = void (*)(const WeightSums<E>&, Int, Int);
  static constexpr auto tiles = []<int... T>(std::integer_sequence<int, T...>) {
    return std::array<Sums, sizeof...(T)>{&weight_tile<E, T + 1, J>...};
  }(std::make_integer_sequence<int, positions_of(J)>());
  constexpr Int most = positions_of(J);
  const Int blocks = (s.length + most - 1) / most, size = (s.length + blocks - 1) / blocks;
  for (Int k = 0; k < s.length; k += size) tiles[static_cast<std::size_t>(std::min(size, s.length - k) - 1)](s, k, column);
}

template <class E> void weight_sums_of(const WeightSums<E>& s) {
  const Int n = lanes();
  Int column = 0;
  for (; column + wide * n <= s.columns; column += wide * n) weight_block<wide>(s, column);
  for (; column + 2 * n <= s.columns; column += 2 * n) weight_block<2>(s, column);
  for (; column < s.columns; column += n) weight_block<1>(s, column);
}
}  // namespace

void WeightSumsImpl(const WeightSums<float>& s) { weight_sums_of(s); }
void WeightPairsImpl(const WeightSums<Pair>& s) {
  if constexpr (has_pairs) weight_sums_of(s);
}

void TakeElementsImpl(const float* g, const std::uint8_t* index, int place, Int channels, float* to) {
  const D d;
  const hn::RebindToSigned<D> di;
  const hn::Rebind<std::uint8_t, D> d8;
  for (Int c = 0; c < channels; c += lanes()) {
    const auto here = hn::Eq(hn::PromoteTo(di, hn::LoadU(d8, index + c)), hn::Set(di, place));
    hn::StoreU(hn::IfThenElseZero(hn::RebindMask(d, here), hn::LoadU(d, g + c)), d, to + c);
  }
}

void JoinPairsImpl(const float* first, const float* second, Int n, Pair* to) {
  const D d;
  const hn::ScalableTag<Pair> dp;
  Int i = 0;
  for (; i + lanes() <= n; i += lanes())
    hn::StoreU(hn::Or(as_first(hn::LoadU(d, first + i)), second ? as_second(hn::LoadU(d, second + i)) : hn::Zero(dp)), dp, to + i);
  for (; i < n; ++i) to[i] = bfloat16(first[i]).bits | static_cast<Pair>(second ? bfloat16(second[i]).bits : 0) << 16;
}

void RoundPositionsImpl(const float* from, Int positions, Int channels, Pair* to) {
  const D d;
  const hn::Rebind<std::uint16_t, D> dh;
  auto* half = reinterpret_cast<std::uint16_t*>(to);
  if (channels % 2 == 0) {
    channels *= positions;
    positions = 1;
  }
  for (Int p = 0; p < positions; ++p, from += channels, half += channels + channels % 2) {
    Int c = 0;
    for (; c + lanes() <= channels; c += lanes()) hn::StoreU(round_to_bf16(hn::LoadU(d, from + c)), dh, half + c);
    if (c == channels) continue;
    const auto rest = hn::FirstN(d, static_cast<std::size_t>(channels - c));
    hn::StoreU(round_to_bf16(hn::MaskedLoad(rest, d, from + c)), dh, half + c);
  }
}

void TakePairsImpl(const float* g, const std::uint8_t* index, int place, Int channels, Pair* to) {
  const D d;
  const hn::RebindToSigned<D> di;
  const hn::Rebind<std::uint8_t, D> d8;
  const hn::ScalableTag<Pair> dp;
  for (Int c = 0; c < channels; c += lanes()) {
    const auto at = hn::PromoteTo(di, hn::LoadU(d8, index + c));
    const V v = hn::LoadU(d, g + c);
    const auto here = [&](int where) HWY_ATTR { return hn::RebindMask(dp, hn::Eq(at, hn::Set(di, where))); };
    hn::StoreU(hn::Or(hn::IfThenElseZero(here(place), as_first(v)), hn::IfThenElseZero(here(place + 1), as_second(v))), dp, to + c);
  }
}

void TransposePairsImpl(const Pair* from, Int rows, Int columns, Pair* to, Int step) {
  Int r = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::Full128<Pair> d;
  const hn::Full128<std::uint64_t> d2;
  for (; r + 4 <= rows; r += 4) {
    const Pair* x = from + r * columns;
    Int c = 0;
    for (; c + 4 <= columns; c += 4) {
      const auto x0 = hn::LoadU(d, x + c), x1 = hn::LoadU(d, x + columns + c), x2 = hn::LoadU(d, x + 2 * columns + c),
                 x3 = hn::LoadU(d, x + 3 * columns + c);
      const auto l01 = hn::BitCast(d2, hn::InterleaveLower(d, x0, x1)), l23 = hn::BitCast(d2, hn::InterleaveLower(d, x2, x3));
      const auto u01 = hn::BitCast(d2, hn::InterleaveUpper(d, x0, x1)), u23 = hn::BitCast(d2, hn::InterleaveUpper(d, x2, x3));
      Pair* t = to + c * step + r;
      hn::StoreU(hn::BitCast(d, hn::InterleaveLower(d2, l01, l23)), d, t);
      hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(d2, l01, l23)), d, t + step);
      hn::StoreU(hn::BitCast(d, hn::InterleaveLower(d2, u01, u23)), d, t + 2 * step);
      hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(d2, u01, u23)), d, t + 3 * step);
    }
    for (; c < columns; ++c)
      for (Int q = 0; q < 4; ++q) to[c * step + r + q] = x[q * columns + c];
  }
#endif
  for (; r < rows; ++r)
    for (Int c = 0; c < columns; ++c) to[c * step + r] = from[r * columns + c];
}

void GatherRowImpl(const float* from, Int step, Int n, float* to) {
  const D d;
  const hn::RebindToSigned<D> di;
  const auto places = hn::Mul(hn::Iota(di, 0), hn::Set(di, static_cast<std::int32_t>(step)));
  Int i = 0;
  for (; i + lanes() <= n; i += lanes()) hn::StoreU(hn::GatherIndex(d, from + i * step, places), d, to + i);
  for (; i < n; ++i) to[i] = from[i * step];
}

void TransposeImpl(const float* from, Int step, float* to) { transpose_square(from, step, channel_step, to); }

}  // namespace weft::cpu_kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::cpu_kernels {

HWY_EXPORT(ProductRowImpl);
HWY_EXPORT(ProductPairsImpl);
HWY_EXPORT(WeightPairsImpl);
HWY_EXPORT(JoinPairsImpl);
HWY_EXPORT(RoundPositionsImpl);
HWY_EXPORT(TakePairsImpl);
HWY_EXPORT(TransposePairsImpl);
HWY_EXPORT(PooledProductImpl);
HWY_EXPORT(PooledPairsImpl);
HWY_EXPORT(PoolRowImpl);
HWY_EXPORT(WeightSumsImpl);
HWY_EXPORT(TakeElementsImpl);
HWY_EXPORT(TransposeImpl);
HWY_EXPORT(GatherRowImpl);

void product_row(const ProductRow<float>& r) { HWY_DYNAMIC_DISPATCH(ProductRowImpl)(r); }
void product_row(const ProductRow<Pair>& r) { HWY_DYNAMIC_DISPATCH(ProductPairsImpl)(r); }
void pooled_product(const PooledProduct<float>& r) { HWY_DYNAMIC_DISPATCH(PooledProductImpl)(r); }
void pooled_product(const PooledProduct<Pair>& r) { HWY_DYNAMIC_DISPATCH(PooledPairsImpl)(r); }
void pool_row(const PoolRow& r) { HWY_DYNAMIC_DISPATCH(PoolRowImpl)(r); }
void weight_sums(const WeightSums<float>& s) { HWY_DYNAMIC_DISPATCH(WeightSumsImpl)(s); }
void weight_sums(const WeightSums<Pair>& s) { HWY_DYNAMIC_DISPATCH(WeightPairsImpl)(s); }
void join_pairs(const float* first, const float* second, std::int64_t n, Pair* to) {
  HWY_DYNAMIC_DISPATCH(JoinPairsImpl)(first, second, n, to);
}
void round_positions(const float* from, std::int64_t positions, std::int64_t channels, Pair* to) {
  HWY_DYNAMIC_DISPATCH(RoundPositionsImpl)(from, positions, channels, to);
}
void take_pairs(const float* g, const std::uint8_t* index, int place, std::int64_t channels, Pair* to) {
  HWY_DYNAMIC_DISPATCH(TakePairsImpl)(g, index, place, channels, to);
}
void take_elements(const float* g, const std::uint8_t* index, int place, std::int64_t channels, float* to) {
  HWY_DYNAMIC_DISPATCH(TakeElementsImpl)(g, index, place, channels, to);
}
void transpose_block(const float* from, std::int64_t step, float* to) { HWY_DYNAMIC_DISPATCH(TransposeImpl)(from, step, to); }
void transpose_pairs(const Pair* from, std::int64_t rows, std::int64_t columns, Pair* to, std::int64_t step) {
  HWY_DYNAMIC_DISPATCH(TransposePairsImpl)(from, rows, columns, to, step);
}
void gather_row(const float* from, std::int64_t step, std::int64_t n, float* to) {
  HWY_DYNAMIC_DISPATCH(GatherRowImpl)(from, step, n, to);
}

}  // namespace weft::cpu_kernels
#endif
