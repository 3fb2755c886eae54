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
#include <weft/base/memory.h>
#include <weft/kernels/cpu/pairs-inl.h>

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
/// Channels [c, c + lanes) of one window.
HWY_INLINE void pool_window(const PoolRow& r, Int window, Int c) {
  const D d;
  const hn::RebindToSigned<D> di;
  const hn::Rebind<std::uint8_t, D> d8;
  const float* y = r.y + window * r.width * r.step + c;
  V best = r.relu ? hn::Zero(d) : hn::LoadU(d, y);
  auto at = hn::Zero(di);
  int place = 0;
  for (Int h = 0; h < r.height; ++h)
    for (Int w = 0; w < r.width; ++w, ++place) {
      const V v = hn::LoadU(d, y + h * r.row_step + w * r.step);
      const auto wins = hn::Or(hn::Gt(v, best), hn::Not(hn::Eq(v, v)));
      best = hn::IfThenElse(wins, v, best);
      at = hn::IfThenElse(hn::RebindMask(di, wins), hn::Set(di, place), at);
    }
  hn::StoreU(best, d, r.out + window * r.channels + c);
  hn::StoreU(hn::DemoteTo(d8, at), d8, r.index + window * r.channels + c);
}
}  // namespace

void PoolRowImpl(const PoolRow& r) {
  for (Int w = 0; w < r.windows; ++w)
    for (Int c = 0; c < r.channels; c += lanes()) pool_window(r, w, c);
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

namespace {
/// U entries of a list at a time, so that sums do not wait for each other.
template <int R, int N, int U> HWY_NOINLINE void sparse_tile(const SparseSums<float>& s, Int list, Int row, Int column) {
  const D d;
  const Int n = lanes();
  float* const out = s.out + s.out_at[list] + row * s.out_row_step + column;
  const float* const from = s.from + row * s.row_step + column;
  const std::int32_t* const at = s.at + list * s.capacity;
  const float* const factor = s.factor + list * s.capacity;
  V sum[U][R][N];
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
    for (int j = 0; j < N; ++j) {
      sum[0][r][j] = hn::LoadU(d, out + r * s.out_row_step + j * n);
#pragma GCC unroll 4
      for (int u = 1; u < U; ++u) sum[u][r][j] = hn::Zero(d);
    }
  const Int count = s.counts[list], row_step = s.row_step;
  for (Int i = 0; i < count; i += U)
#pragma GCC unroll 4
    for (int u = 0; u < U; ++u) {
      const V f = hn::Set(d, factor[i + u]);
      const float* HWY_RESTRICT x = from + at[i + u];
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
        for (int j = 0; j < N; ++j) sum[u][r][j] = hn::MulAdd(f, hn::LoadU(d, x + r * row_step + j * n), sum[u][r][j]);
    }
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
    for (int j = 0; j < N; ++j) {
      V v = sum[0][r][j];
      if constexpr (U == 2) v = hn::Add(v, sum[1][r][j]);
      if constexpr (U == 4) v = hn::Add(hn::Add(v, sum[1][r][j]), hn::Add(sum[2][r][j], sum[3][r][j]));
      hn::StoreU(v, d, out + r * s.out_row_step + j * n);
    }
}

constexpr int most_rows = 3;
using Sparse = void (*)(const SparseSums<float>&, Int, Int, Int);
template <int R, int N> constexpr Sparse sparse() {
  if constexpr (R * N > deep_sums) return nullptr;
  else return &sparse_tile<R, N, R * N <= 3 ? 4 : R * N <= 6 ? 2 : 1>;
}
Sparse sparse_of(Int rows, Int vectors) {
  static constexpr Sparse table[most_rows][6] = {
      {sparse<1, 1>(), sparse<1, 2>(), sparse<1, 3>(), sparse<1, 4>(), sparse<1, 5>(), sparse<1, 6>()},
      {sparse<2, 1>(), sparse<2, 2>(), sparse<2, 3>(), sparse<2, 4>(), sparse<2, 5>(), sparse<2, 6>()},
      {sparse<3, 1>(), sparse<3, 2>(), sparse<3, 3>(), sparse<3, 4>(), sparse<3, 5>(), sparse<3, 6>()}};
  return table[rows - 1][vectors - 1];
}
}  // namespace

void SparseSumsImpl(const SparseSums<float>& s) {
  const Int n = lanes(), vectors = (s.length + n - 1) / n;
  const Int tall = s.rows <= most_rows ? s.rows : 1;
  const Int most = std::min<Int>(6, deep_sums / tall);
  const Int blocks = (vectors + most - 1) / most, size = (vectors + blocks - 1) / blocks;
  for (Int row = 0; row < s.rows; row += tall)
    for (Int v = 0; v < vectors; v += size) {
      const Sparse tile = sparse_of(tall, std::min(size, vectors - v));
      for (Int list = 0; list < s.lists; ++list)
        if (s.counts[list] > 0) tile(s, list, row, v * n);
    }
}

using Half = std::uint16_t;
#if HWY_TARGET == HWY_AVX3
namespace {

/// Two entries of a list at once: their rows interleave to pairs. N blocks of halves, U pairs at a time.
template <int R, int N, int U>
HWY_NOINLINE void sparse_pairs_tile(const SparseSums<Half>& s, Int list, const Pair* factor, Int row, Int column) {
  const D d;
  const hn::ScalableTag<Half> dh;
  const hn::ScalableTag<Pair> dp;
  const Int n = lanes();
  float* const out = s.out + s.out_at[list] + row * s.out_row_step + column;
  const Half* const from = s.from + row * s.row_step + column;
  const std::int32_t* const at = s.at + list * s.capacity;
  V sum[U][R][2 * N];
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
    for (int j = 0; j < 2 * N; ++j) {
      sum[0][r][j] = hn::LoadU(d, out + r * s.out_row_step + j * n);
      if constexpr (U == 2) sum[1][r][j] = hn::Zero(d);
    }
  const Int count = s.counts[list], row_step = s.row_step;
  for (Int i = 0; i < count; i += 2 * U)
#pragma GCC unroll 2
    for (int u = 0; u < U; ++u) {
      const auto f = hn::Set(dp, factor[i / 2 + u]);
      const Half *HWY_RESTRICT first = from + at[i + 2 * u], *HWY_RESTRICT second = from + at[i + 2 * u + 1];
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int j = 0; j < N; ++j) {
          const auto a = hn::LoadU(dh, first + r * row_step + 2 * j * n), b = hn::LoadU(dh, second + r * row_step + 2 * j * n);
          sum[u][r][2 * j] = multiply_add(hn::BitCast(dp, hn::InterleaveLower(dh, a, b)), f, sum[u][r][2 * j]);
          sum[u][r][2 * j + 1] = multiply_add(hn::BitCast(dp, hn::InterleaveUpper(dh, a, b)), f, sum[u][r][2 * j + 1]);
        }
    }
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
    for (int j = 0; j < 2 * N; ++j) {
      V v = sum[0][r][j];
      if constexpr (U == 2) v = hn::Add(v, sum[1][r][j]);
      hn::StoreU(v, d, out + r * s.out_row_step + j * n);
    }
}

using SparsePairs = void (*)(const SparseSums<Half>&, Int, const Pair*, Int, Int);
template <int R, int N> constexpr SparsePairs sparse_pairs() { return &sparse_pairs_tile<R, N, R * N <= 3 ? 2 : 1>; }
constexpr SparsePairs sparse_pairs_table[most_rows][3] = {{sparse_pairs<1, 1>(), sparse_pairs<1, 2>(), sparse_pairs<1, 3>()},
                                                          {sparse_pairs<2, 1>(), sparse_pairs<2, 2>(), sparse_pairs<2, 3>()},
                                                          {sparse_pairs<3, 1>(), sparse_pairs<3, 2>(), sparse_pairs<3, 3>()}};

void sparse_pairs_of(const SparseSums<Half>& s) {
  const D d;
  const Int tall = s.rows <= most_rows ? s.rows : 1, blocks = s.length / block_of_halves;
  Scratch<Pair> factors(s.capacity / 2 + channel_step);
  for (Int list = 0; list < s.lists; ++list) {
    const Int count = (s.counts[list] + 3) / 4 * 4;  // zeros behind the end
    for (Int i = 0; i < count; i += lanes())
      hn::StoreU(round_to_bf16(hn::MaskedLoad(hn::FirstN(d, static_cast<std::size_t>(count - i)), d, s.factor + list * s.capacity + i)),
                 hn::Rebind<Half, D>(), reinterpret_cast<Half*>(factors.data()) + i);
    for (Int row = 0; count > 0 && row < s.rows; row += tall)
      for (Int b = 0; b < blocks; b += 3)
        sparse_pairs_table[tall - 1][std::min<Int>(3, blocks - b) - 1](s, list, factors, row, b * block_of_halves);
  }
}

void round_blocks_of(const float* from, Int n, Half* to) {
  const D d;
  const hn::Rebind<Half, D> dh;
  const hn::Repartition<std::uint64_t, decltype(dh)> d4;
  for (Int i = 0; i < n; i += block_of_halves) {
    const auto first = hn::BitCast(d4, round_to_bf16(hn::LoadU(d, from + i)));
    const auto second = hn::BitCast(d4, round_to_bf16(hn::LoadU(d, from + i + lanes())));
    const auto lower = hn::InterleaveLower(d4, first, second), upper = hn::InterleaveUpper(d4, first, second);
    hn::StoreU(hn::BitCast(dh, hn::ConcatLowerLower(d4, upper, lower)), dh, to + i);
    hn::StoreU(hn::BitCast(dh, hn::ConcatUpperUpper(d4, upper, lower)), dh, to + i + lanes());
  }
}
}  // namespace

void SparsePairsImpl(const SparseSums<Half>& s) { sparse_pairs_of(s); }
void RoundBlocksImpl(const float* from, Int n, Half* to) { round_blocks_of(from, n, to); }
#else
void SparsePairsImpl(const SparseSums<Half>&) {}
void RoundBlocksImpl(const float*, Int, Half*) {}
#endif

Int TakeWhereImpl(const float* g, const std::uint8_t* index, int place, Int channels, std::int32_t scale, std::int32_t* at, float* factor) {
  const D d;
  const hn::RebindToSigned<D> di;
  const hn::Rebind<std::uint8_t, D> d8;
  const Int n = lanes();
  Int count = 0;
  for (Int c = 0; c < channels; c += n) {
    const V v = hn::LoadU(d, g + c);
    const auto here = hn::Eq(hn::PromoteTo(di, hn::LoadU(d8, index + c)), hn::Set(di, place));
    const auto some = hn::AndNot(hn::Eq(v, hn::Zero(d)), hn::RebindMask(d, here));
    const auto numbers = hn::Mul(hn::Iota(di, static_cast<std::int32_t>(c)), hn::Set(di, scale));
    // Whole vectors: compressing straight to memory takes a hundred cycles on some processors.
    hn::StoreU(hn::Compress(numbers, hn::RebindMask(di, some)), di, at + count);
    hn::StoreU(hn::Compress(v, some), d, factor + count);
    count += static_cast<Int>(hn::CountTrue(d, some));
  }
  return count;
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

void TransposeImpl(const float* from, Int step, float* to) {
  for (Int j = 0; j < channel_step; j += 4)
    for (Int i = 0; i < channel_step; i += 4) transpose_four(from + j * step + i, step, to + i * channel_step + j, channel_step);
}

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
HWY_EXPORT(SparsePairsImpl);
HWY_EXPORT(RoundBlocksImpl);
HWY_EXPORT(TransposePairsImpl);
HWY_EXPORT(PoolRowImpl);
HWY_EXPORT(WeightSumsImpl);
HWY_EXPORT(SparseSumsImpl);
HWY_EXPORT(TakeWhereImpl);
HWY_EXPORT(TakeElementsImpl);
HWY_EXPORT(TransposeImpl);
HWY_EXPORT(GatherRowImpl);

void product_row(const ProductRow<float>& r) { HWY_DYNAMIC_DISPATCH(ProductRowImpl)(r); }
void product_row(const ProductRow<Pair>& r) { HWY_DYNAMIC_DISPATCH(ProductPairsImpl)(r); }
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
void sparse_sums(const SparseSums<float>& s) { HWY_DYNAMIC_DISPATCH(SparseSumsImpl)(s); }
void sparse_sums(const SparseSums<std::uint16_t>& s) { HWY_DYNAMIC_DISPATCH(SparsePairsImpl)(s); }
void round_blocks(const float* from, std::int64_t n, std::uint16_t* to) { HWY_DYNAMIC_DISPATCH(RoundBlocksImpl)(from, n, to); }
std::int64_t take_where(const float* g, const std::uint8_t* index, int place, std::int64_t channels, std::int32_t scale,
                        std::int32_t* at, float* factor) {
  return HWY_DYNAMIC_DISPATCH(TakeWhereImpl)(g, index, place, channels, scale, at, factor);
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
