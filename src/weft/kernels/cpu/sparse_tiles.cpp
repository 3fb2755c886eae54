#include <weft/kernels/cpu/sparse_tiles.h>
#include <weft/kernels/cpu/targets.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "weft/kernels/cpu/sparse_tiles.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include <weft/kernels/cpu/transpose-inl.h>

#include <weft/kernels/cpu/pairs-inl.h>

HWY_BEFORE_NAMESPACE();
namespace weft::cpu_kernels::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using Int = std::int64_t;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
using DI = hn::RebindToSigned<D>;
using D8 = hn::Rebind<std::uint8_t, D>;

Int lanes() { return static_cast<Int>(hn::Lanes(D())); }

// ---- lists ----

/// The lanes of `some` behind the `count` entries of a list. Whole vectors: compressing straight to memory takes a hundred
/// cycles on some processors.
HWY_INLINE void append(std::int32_t* at, float* factor, Int& count, hn::Vec<DI> places, V factors, hn::Mask<D> some) {
  hn::StoreU(hn::Compress(places, hn::RebindMask(DI(), some)), DI(), at + count);
  hn::StoreU(hn::Compress(factors, some), D(), factor + count);
  count += static_cast<Int>(hn::CountTrue(D(), some));
}
HWY_INLINE void close(std::int32_t* at, float* factor, Int count) {
  for (Int i = count; i < count + 3; i += lanes()) {
    hn::StoreU(hn::Zero(DI()), DI(), at + i);
    hn::StoreU(hn::Zero(D()), D(), factor + i);
  }
}

/// Places [first, first + P) of a window: their counts stay in registers and do not wait for each other.
template <int P>
HWY_INLINE void list_places(const float* g, const std::uint8_t* index, int first, Int channels, std::int32_t scale, const SparseLists& lists) {
  const D d;
  const DI di;
  std::int32_t* const at = lists.at + first * lists.capacity;
  float* const factor = lists.factor + first * lists.capacity;
  const Int capacity = lists.capacity;
  Int count[P] = {};
  const auto step = hn::Set(di, static_cast<std::int32_t>(lanes()) * scale);
  auto numbers = hn::Mul(hn::Iota(di, 0), hn::Set(di, scale));
  for (Int c = 0; c < channels; c += lanes(), numbers = hn::Add(numbers, step)) {
    const V v = hn::LoadU(d, g + c);
    const auto place = hn::PromoteTo(di, hn::LoadU(D8(), index + c));
    const auto zero = hn::Eq(v, hn::Zero(d));
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p)
      append(at + p * capacity, factor + p * capacity, count[p], numbers, v,
             hn::AndNot(zero, hn::RebindMask(d, hn::Eq(place, hn::Set(di, first + p)))));
  }
#pragma GCC unroll 4
  for (int p = 0; p < P; ++p) {
    close(at + p * capacity, factor + p * capacity, count[p]);
    lists.counts[first + p] = static_cast<std::int32_t>(count[p]);
  }
}

/// to[i][j] = from[j][i], rows of `step` in `from`, for channel_step x channel_step.
void turn(const float* from, Int step, float* to) { transpose_square(from, step, channel_step, to); }
void turn(const std::uint8_t* from, Int step, std::uint8_t* to) {
#if HWY_TARGET == HWY_SCALAR
  for (Int j = 0; j < channel_step; ++j)
    for (Int i = 0; i < channel_step; ++i) to[i * channel_step + j] = from[j * step + i];
#else
  // Interleaving row i with row i + 8 four times over puts every byte where it belongs.
  static_assert(channel_step == 16);
  const hn::Full128<std::uint8_t> d;
  hn::Vec<hn::Full128<std::uint8_t>> rows[16], next[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) rows[i] = hn::LoadU(d, from + i * step);
#pragma GCC unroll 4
  for (int round = 0; round < 4; ++round) {
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) {
      next[2 * i] = hn::InterleaveLower(d, rows[i], rows[i + 8]);
      next[2 * i + 1] = hn::InterleaveUpper(d, rows[i], rows[i + 8]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) rows[i] = next[i];
  }
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) hn::StoreU(rows[i], d, to + i * channel_step);
#endif
}

/// A block of channel_step windows and channels, turned round: a channel's windows side by side. Missing windows are zeros.
struct Turned {
  alignas(64) float g[channel_step * channel_step];
  alignas(64) std::uint8_t index[channel_step * channel_step];

  void take(const ChannelLists& c, Int window, Int channel) {
    const Int n = std::min(channel_step, c.windows - window), from = window * c.channels + channel;
    if (n == channel_step) {
      turn(c.g + from, c.channels, g);
      turn(c.index + from, c.channels, index);
      return;
    }
    float edge[channel_step * channel_step] = {};
    std::uint8_t places[channel_step * channel_step] = {};
    for (Int w = 0; w < n; ++w) {
      std::copy_n(c.g + from + w * c.channels, channel_step, edge + w * channel_step);
      std::copy_n(c.index + from + w * c.channels, channel_step, places + w * channel_step);
    }
    turn(edge, channel_step, g);
    turn(places, channel_step, index);
  }
};

}  // namespace

void ListByPlaceImpl(const float* g, const std::uint8_t* index, Int places, Int channels, std::int32_t scale, const SparseLists& lists) {
  int p = 0;
  for (; p + 4 <= places; p += 4) list_places<4>(g, index, p, channels, scale, lists);
  for (; p + 2 <= places; p += 2) list_places<2>(g, index, p, channels, scale, lists);
  if (p < places) list_places<1>(g, index, p, channels, scale, lists);
}

void ListByChannelImpl(const ChannelLists& c, const SparseLists& lists) {
  const D d;
  const DI di;
  const bool in_register = c.places <= lanes();
  const auto table = hn::LoadU(di, c.offset);
  Turned block;
  for (Int channel = 0; channel < c.channels; channel += channel_step) {
    Int counts[channel_step] = {};
    for (Int window = 0; window < c.windows; window += channel_step) {
      block.take(c, window, channel);
      for (Int k = 0; k < channel_step; ++k)
        for (Int w = 0; w < channel_step; w += lanes()) {
          const V v = hn::LoadU(d, block.g + k * channel_step + w);
          const auto place = hn::PromoteTo(di, hn::LoadU(D8(), block.index + k * channel_step + w));
          const auto offset =
              in_register ? hn::TableLookupLanes(table, hn::IndicesFromVec(di, place)) : hn::GatherIndex(di, c.offset, place);
          const Int list = (channel + k) * lists.capacity;
          append(lists.at + list, lists.factor + list, counts[k], hn::Add(hn::LoadU(di, c.base + window + w), offset), v,
                 hn::Not(hn::Eq(v, hn::Zero(d))));  // Ne is false for NaN on some targets
        }
    }
    for (Int k = 0; k < channel_step; ++k) {
      close(lists.at + (channel + k) * lists.capacity, lists.factor + (channel + k) * lists.capacity, counts[k]);
      lists.counts[channel + k] = static_cast<std::int32_t>(counts[k]);
    }
  }
}

// ---- sums ----

namespace {

/// Vectors of sums that fit in registers beside a row's loads, as in conv_tiles.
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
constexpr int deep_sums = 24;
#else
constexpr int deep_sums = 12;
#endif
constexpr int most_rows = 3;

/// U entries of a list at a time, so that sums do not wait for each other.
template <int R, int N, int U> HWY_NOINLINE void sparse_tile(const SparseSums<float>& s, Int row, Int column) {
  const D d;
  const Int n = lanes(), row_step = s.row_step, out_step = s.out_row_step;
  const float* const from = s.from + row * row_step + column;
  float* const first_out = s.out + row * out_step + column;
  for (Int list = 0; list < s.count; ++list) {
    const Int count = s.lists.counts[list];
    if (count == 0) continue;
    float* const out = first_out + s.out_at[list];
    const std::int32_t* const at = s.lists.at + list * s.lists.capacity;
    const float* const factor = s.lists.factor + list * s.lists.capacity;
    V sum[U][R][N];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
      for (int j = 0; j < N; ++j) {
        sum[0][r][j] = hn::LoadU(d, out + r * out_step + j * n);
#pragma GCC unroll 4
        for (int u = 1; u < U; ++u) sum[u][r][j] = hn::Zero(d);
      }
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
        hn::StoreU(v, d, out + r * out_step + j * n);
      }
  }
}

using Sparse = void (*)(const SparseSums<float>&, Int, Int);
template <int R, int N> constexpr Sparse sparse() {
  if constexpr (R * N > deep_sums) return nullptr;
  else return &sparse_tile<R, N, R * N <= 3 ? 4 : R * N <= 5 ? 2 : 1>;
}
Sparse sparse_of(Int rows, Int vectors) {
  static constexpr Sparse table[most_rows][6] = {
      {sparse<1, 1>(), sparse<1, 2>(), sparse<1, 3>(), sparse<1, 4>(), sparse<1, 5>(), sparse<1, 6>()},
      {sparse<2, 1>(), sparse<2, 2>(), sparse<2, 3>(), sparse<2, 4>(), sparse<2, 5>(), sparse<2, 6>()},
      {sparse<3, 1>(), sparse<3, 2>(), sparse<3, 3>(), sparse<3, 4>(), sparse<3, 5>(), sparse<3, 6>()}};
  return table[rows - 1][vectors - 1];
}
/// Rows that a pass over the lists takes in.
template <class F> Int rows_a_pass(const SparseSums<F>& s) { return s.row_by_row || s.rows > most_rows ? 1 : s.rows; }
}  // namespace

void SparseSumsImpl(const SparseSums<float>& s) {
  const Int n = lanes(), vectors = (s.length + n - 1) / n, tall = rows_a_pass(s);
  const Int most = std::min<Int>(6, deep_sums / tall);
  const Int blocks = (vectors + most - 1) / most, size = (vectors + blocks - 1) / blocks;
  for (Int row = 0; row < s.rows; row += tall)
    for (Int v = 0; v < vectors; v += size) sparse_of(tall, std::min(size, vectors - v))(s, row, v * n);
}

using Half = std::uint16_t;
#if HWY_TARGET == HWY_AVX3
namespace {

/// Two entries of a list at once: their rows interleave to pairs. N blocks of halves, U pairs at a time.
template <int R, int N, int U>
HWY_NOINLINE void sparse_pairs_tile(const SparseSums<Half>& s, Int row, Int column) {
  const D d;
  const hn::ScalableTag<Half> dh;
  const hn::ScalableTag<Pair> dp;
  const Int n = lanes(), row_step = s.row_step, out_step = s.out_row_step;
  const Half* const from = s.from + row * row_step + column;
  float* const first_out = s.out + row * out_step + column;
  for (Int list = 0; list < s.count; ++list) {
    const Int count = s.lists.counts[list];
    if (count == 0) continue;
    float* const out = first_out + s.out_at[list];
    const std::int32_t* const at = s.lists.at + list * s.lists.capacity;
    const auto* const factor = reinterpret_cast<const Pair*>(s.lists.factor + list * s.lists.capacity);
    V sum[U][R][2 * N];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
      for (int j = 0; j < 2 * N; ++j) {
        sum[0][r][j] = hn::LoadU(d, out + r * out_step + j * n);
        if constexpr (U == 2) sum[1][r][j] = hn::Zero(d);
      }
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
        hn::StoreU(v, d, out + r * out_step + j * n);
      }
  }
}

using SparsePairs = void (*)(const SparseSums<Half>&, Int, Int);
template <int R, int N> constexpr SparsePairs sparse_pairs() { return &sparse_pairs_tile<R, N, R * N <= 2 ? 2 : 1>; }
constexpr SparsePairs sparse_pairs_table[most_rows][3] = {{sparse_pairs<1, 1>(), sparse_pairs<1, 2>(), sparse_pairs<1, 3>()},
                                                          {sparse_pairs<2, 1>(), sparse_pairs<2, 2>(), sparse_pairs<2, 3>()},
                                                          {sparse_pairs<3, 1>(), sparse_pairs<3, 2>(), sparse_pairs<3, 3>()}};

/// The factors of a list as pairs, over themselves: zeros stand behind their end.
void round_factors(const SparseLists& lists, Int list) {
  const D d;
  float* const from = lists.factor + list * lists.capacity;
  const Int count = (lists.counts[list] + 3) / 4 * 4;
  for (Int i = 0; i < count; i += lanes())
    hn::StoreU(round_to_bf16(hn::MaskedLoad(hn::FirstN(d, static_cast<std::size_t>(count - i)), d, from + i)), hn::Rebind<Half, D>(),
               reinterpret_cast<Half*>(from) + i);
}

void sparse_pairs_of(const SparseSums<Half>& s) {
  const Int tall = rows_a_pass(s), blocks = s.length / block_of_halves;
  for (Int list = 0; list < s.count; ++list) round_factors(s.lists, list);
  for (Int row = 0; row < s.rows; row += tall)
    for (Int b = 0; b < blocks; b += 3) sparse_pairs_table[tall - 1][std::min<Int>(3, blocks - b) - 1](s, row, b * block_of_halves);
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

}  // namespace weft::cpu_kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::cpu_kernels {

HWY_EXPORT(ListByPlaceImpl);
HWY_EXPORT(ListByChannelImpl);
HWY_EXPORT(SparseSumsImpl);
HWY_EXPORT(SparsePairsImpl);
HWY_EXPORT(RoundBlocksImpl);

void list_by_place(const float* g, const std::uint8_t* index, std::int64_t places, std::int64_t channels, std::int32_t scale,
                   const SparseLists& lists) {
  HWY_DYNAMIC_DISPATCH(ListByPlaceImpl)(g, index, places, channels, scale, lists);
}
void list_by_channel(const ChannelLists& c, const SparseLists& lists) { HWY_DYNAMIC_DISPATCH(ListByChannelImpl)(c, lists); }
void sparse_sums(const SparseSums<float>& s) { HWY_DYNAMIC_DISPATCH(SparseSumsImpl)(s); }
void sparse_sums(const SparseSums<std::uint16_t>& s) { HWY_DYNAMIC_DISPATCH(SparsePairsImpl)(s); }
void round_blocks(const float* from, std::int64_t n, std::uint16_t* to) { HWY_DYNAMIC_DISPATCH(RoundBlocksImpl)(from, n, to); }

}  // namespace weft::cpu_kernels
#endif
