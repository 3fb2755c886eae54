#include <weft/kernels/cpu/winograd.h>
#include <weft/kernels/cpu/targets.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "weft/kernels/cpu/winograd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <type_traits>

#include <weft/kernels/cpu/pairs-inl.h>

HWY_BEFORE_NAMESPACE();
namespace weft::cpu_kernels::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using Int = std::int64_t;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

Int lanes() { return static_cast<Int>(hn::Lanes(D())); }

/// The largest of four results and its place.
struct Best {
  V value;
  hn::Vec<hn::RebindToSigned<D>> place;
};
HWY_INLINE void offer(Best& best, V v, int place) {
  const hn::RebindToSigned<D> di;
  const auto wins = hn::Or(hn::Gt(v, best.value), hn::Not(hn::Eq(v, v)));
  best.value = hn::IfThenElse(wins, v, best.value);
  best.place = hn::IfThenElse(hn::RebindMask(di, wins), hn::Set(di, place), best.place);
}

/// r0, r1 of m[0..N): the inverse transform along one axis.
template <int N> HWY_INLINE void inverse(const V* m, Int step, V& r0, V& r1) {
  r0 = hn::Add(m[0], m[step]);
  r1 = hn::Sub(m[step], m[2 * step]);
  if constexpr (N == 4) {
    r0 = hn::Add(r0, m[2 * step]);
    r1 = hn::Sub(r1, m[3 * step]);
  }
}

template <int N> HWY_INLINE void output_tile(const WinogradOutput& t, Int tile, Int c) {
  const D d;
  const hn::RebindToSigned<D> di;
  const hn::Rebind<std::uint8_t, D> d8;
  V m[N * N], half[2 * N], y[4];
  const float* from = t.m + tile * t.filters + c;
#pragma GCC unroll 16
  for (int p = 0; p < N * N; ++p) m[p] = hn::LoadU(d, from + p * t.plane_step);
#pragma GCC unroll 4
  for (int b = 0; b < N; ++b) inverse<N>(m + b, N, half[b], half[N + b]);
  inverse<N>(half, 1, y[0], y[1]);
  inverse<N>(half + N, 1, y[2], y[3]);
  if (t.bias) {
    const V bias = hn::LoadU(d, t.bias + c);
#pragma GCC unroll 4
    for (int q = 0; q < 4; ++q) y[q] = hn::Add(y[q], bias);
  }
  if (t.index) {
    Best best{t.relu ? hn::Zero(d) : y[0], hn::Zero(di)};
#pragma GCC unroll 4
    for (int q = 0; q < 4; ++q) offer(best, y[q], q);
    hn::StoreU(best.value, d, t.y + tile * t.filters + c);
    hn::StoreU(hn::DemoteTo(d8, best.place), d8, t.index + tile * t.filters + c);
    return;
  }
  if (t.relu)
#pragma GCC unroll 4
    for (int q = 0; q < 4; ++q) y[q] = hn::Max(hn::Zero(d), y[q]);
  const bool second = 2 * tile + 1 < t.columns;
  float* to = t.y + 2 * tile * t.column_step + c;
  hn::StoreU(y[0], d, to);
  if (second) hn::StoreU(y[1], d, to + t.column_step);
  if (!t.second_row) return;
  to = t.second_row + 2 * tile * t.column_step + c;
  hn::StoreU(y[2], d, to);
  if (second) hn::StoreU(y[3], d, to + t.column_step);
}
}  // namespace

void WeightsImpl(const float* w, Int channels, Int filters, float* u) {
  const D d;
  const Int size = channels * filters;
  const V half = hn::Set(d, 0.5f);
  for (Int i = 0; i < size; i += lanes()) {
    V rows[4][3];
#pragma GCC unroll 3
    for (int b = 0; b < 3; ++b) {
      const V g0 = hn::LoadU(d, w + b * size + i), g1 = hn::LoadU(d, w + (3 + b) * size + i), g2 = hn::LoadU(d, w + (6 + b) * size + i);
      const V sum = hn::Add(g0, g2);
      rows[0][b] = g0;
      rows[1][b] = hn::Mul(half, hn::Add(sum, g1));
      rows[2][b] = hn::Mul(half, hn::Sub(sum, g1));
      rows[3][b] = g2;
    }
#pragma GCC unroll 4
    for (int a = 0; a < 4; ++a) {
      const V sum = hn::Add(rows[a][0], rows[a][2]);
      hn::StoreU(rows[a][0], d, u + (4 * a) * size + i);
      hn::StoreU(hn::Mul(half, hn::Add(sum, rows[a][1])), d, u + (4 * a + 1) * size + i);
      hn::StoreU(hn::Mul(half, hn::Sub(sum, rows[a][1])), d, u + (4 * a + 2) * size + i);
      hn::StoreU(rows[a][2], d, u + (4 * a + 3) * size + i);
    }
  }
}

namespace {
/// Puts one vector of a transformed tile where it belongs.
template <class E> struct Put {
  const WinogradTiles<E>& to;
  Int channels;
  HWY_INLINE void operator()(V v, Int plane, Int tile, Int c) const {
    E* const at = to.v + plane * to.plane_step;
    tile += to.first;
    if constexpr (std::is_same_v<E, float>) {
      hn::StoreU(v, D(), at + tile * channels + c);
    } else if (!to.tile_pairs) {
      hn::StoreU(round_to_bf16(v), hn::Rebind<std::uint16_t, D>(), reinterpret_cast<std::uint16_t*>(at) + tile * channels + c);
    } else {
      const hn::ScalableTag<Pair> d;
      Pair* const pair = at + tile / 2 * channels + c;
      hn::StoreU(tile % 2 ? hn::Or(hn::LoadU(d, pair), as_second(v)) : as_first(v), d, pair);
    }
  }
};

template <class E> void input_tiles(const WinogradInput<E>& t) {
  const D d;
  const Put<E> put{t.to, t.channels};
  for (Int tile = 0; tile < t.tiles; ++tile)
    for (Int c = 0; c < t.channels; c += lanes()) {
      const float* from = t.x + 2 * tile * t.channels + c;
      V x[4][4], r[4][4];
#pragma GCC unroll 4
      for (int a = 0; a < 4; ++a)
#pragma GCC unroll 4
        for (int b = 0; b < 4; ++b) x[a][b] = hn::LoadU(d, from + a * t.row_step + b * t.channels);
#pragma GCC unroll 4
      for (int b = 0; b < 4; ++b) {
        r[0][b] = hn::Sub(x[0][b], x[2][b]);
        r[1][b] = hn::Add(x[1][b], x[2][b]);
        r[2][b] = hn::Sub(x[2][b], x[1][b]);
        r[3][b] = hn::Sub(x[1][b], x[3][b]);
      }
#pragma GCC unroll 4
      for (int a = 0; a < 4; ++a) {
        put(hn::Sub(r[a][0], r[a][2]), 4 * a, tile, c);
        put(hn::Add(r[a][1], r[a][2]), 4 * a + 1, tile, c);
        put(hn::Sub(r[a][2], r[a][1]), 4 * a + 2, tile, c);
        put(hn::Sub(r[a][1], r[a][3]), 4 * a + 3, tile, c);
      }
    }
}
}  // namespace

void InputImpl(const WinogradInput<float>& t) { input_tiles(t); }
void InputPairsImpl(const WinogradInput<Pair>& t) {
  if constexpr (has_pairs) input_tiles(t);
}

namespace {
template <int N> void output_tiles(const WinogradOutput& t) {
  for (Int tile = 0; tile < t.tiles; ++tile)
    for (Int c = 0; c < t.filters; c += lanes()) output_tile<N>(t, tile, c);
}
}  // namespace
void OutputImpl(const WinogradOutput& t) { t.size == 4 ? output_tiles<4>(t) : output_tiles<3>(t); }

namespace {
/// r[0..N) of two neighbours along an axis.
template <int N> HWY_INLINE void spread(V first, V second, V* r, Int step) {
  r[0] = first;
  r[step] = hn::Add(first, second);
  if constexpr (N == 3) {
    r[2 * step] = second;
  } else {
    r[2 * step] = hn::Sub(first, second);
    r[3 * step] = hn::Neg(second);
  }
}

template <int N, class E> void gradient_tiles(const WinogradGradient<E>& t) {
  const D d;
  const Put<E> put{t.to, t.filters};
  for (Int tile = 0; tile < t.tiles; ++tile)
    for (Int c = 0; c < t.filters; c += lanes()) {
      const float* from = t.g + 2 * tile * t.filters + c;
      V rows[2 * N], r[N];
#pragma GCC unroll 2
      for (int b = 0; b < 2; ++b)
        spread<N>(hn::LoadU(d, from + b * t.filters), hn::LoadU(d, from + t.row_step + b * t.filters), rows + b, 2);
#pragma GCC unroll 4
      for (int a = 0; a < N; ++a) {
        spread<N>(rows[2 * a], rows[2 * a + 1], r, 1);
#pragma GCC unroll 4
        for (int b = 0; b < N; ++b) put(r[b], N * a + b, tile, c);
      }
    }
}
}  // namespace

void GradientImpl(const WinogradGradient<float>& t) { t.size == 4 ? gradient_tiles<4>(t) : gradient_tiles<3>(t); }
void GradientPairsImpl(const WinogradGradient<Pair>& t) {
  if constexpr (has_pairs) gradient_tiles<4>(t);
}

/// r[0..3) of m[0..4): the weights' transform turned round, along one axis.
HWY_INLINE void weights_back(const V* m, Int step, V* r) {
  const V half = hn::Set(D(), 0.5f);
  const V sum = hn::Mul(half, hn::Add(m[step], m[2 * step])), difference = hn::Mul(half, hn::Sub(m[step], m[2 * step]));
  r[0] = hn::Add(m[0], sum);
  r[1] = difference;
  r[2] = hn::Add(sum, m[3 * step]);
}

void ProductSumsImpl(const float* s, Int size, float* w) {
  const D d;
  for (Int i = 0; i < size; i += lanes()) {
    V m[16], columns[12], r[3];
#pragma GCC unroll 16
    for (int p = 0; p < 16; ++p) m[p] = hn::LoadU(d, s + p * size + i);
#pragma GCC unroll 4
    for (int b = 0; b < 4; ++b) {
      weights_back(m + b, 4, r);
      columns[b] = r[0];
      columns[4 + b] = r[1];
      columns[8 + b] = r[2];
    }
#pragma GCC unroll 3
    for (int a = 0; a < 3; ++a) {
      weights_back(columns + 4 * a, 1, r);
#pragma GCC unroll 3
      for (int b = 0; b < 3; ++b) hn::StoreU(r[b], d, w + (3 * a + b) * size + i);
    }
  }
}

namespace {
/// r[0..N) of the inputs of N == 3 ? 3 : 4 along an axis, for F(2x2, 2x2).
template <int N> HWY_INLINE void differences(const V* x, V* r, Int step) {
  r[0] = hn::Sub(x[0], x[1]);
  r[step] = x[1];
  r[2 * step] = hn::Sub(x[1], x[2]);
  if constexpr (N == 5) {
    r[3 * step] = x[2];
    r[4 * step] = hn::Sub(x[2], x[3]);
  }
}

template <int Rows, int Columns> void phase_tiles_of(const PhaseTiles& t) {
  const D d;
  constexpr int height = Rows == 3 ? 3 : 4, width = Columns == 3 ? 3 : 4;
  for (Int tile = 0; tile < t.tiles; ++tile)
    for (Int c = 0; c < t.channels; c += lanes()) {
      const float* from = t.x + tile * t.tile_step + c;
      float* to = t.v + tile * t.v_step + c;
      V x[height], r[Rows * width], planes[Columns];
#pragma GCC unroll 4
      for (int b = 0; b < width; ++b) {
#pragma GCC unroll 4
        for (int a = 0; a < height; ++a) x[a] = hn::LoadU(d, from + a * t.row_step + b * t.column_step);
        differences<Rows>(x, r + b, width);
      }
#pragma GCC unroll 5
      for (int a = 0; a < Rows; ++a) {
        differences<Columns>(r + a * width, planes, 1);
#pragma GCC unroll 5
        for (int b = 0; b < Columns; ++b) hn::StoreU(planes[b], d, to + (a * Columns + b) * t.plane_step);
      }
    }
}
}  // namespace

void PhaseTilesImpl(const PhaseTiles& t) {
  if (t.wide_rows) t.wide_columns ? phase_tiles_of<5, 5>(t) : phase_tiles_of<5, 3>(t);
  else t.wide_columns ? phase_tiles_of<3, 5>(t) : phase_tiles_of<3, 3>(t);
}

void PhaseWeightsImpl(const float* taps, bool turned, float* u, const PhasePlaces& places) {
  const D d;
  for (int phase = 0; phase < phases; ++phase)
    for (Int i = 0; i < channel_step; i += lanes()) {
      const auto tap = [&](int row, int column) {
        if (turned) row = 1 - row, column = 1 - column;
        return hn::LoadU(d, taps + ((2 * row + phase / 2) * 4 + 2 * column + phase % 2) * channel_step + i);
      };
      V rows[6], r[3];
      spread<3>(tap(0, 0), tap(1, 0), rows, 2);
      spread<3>(tap(0, 1), tap(1, 1), rows + 1, 2);
#pragma GCC unroll 3
      for (int a = 0; a < 3; ++a) {
        spread<3>(rows[2 * a], rows[2 * a + 1], r, 1);
#pragma GCC unroll 3
        for (int b = 0; b < 3; ++b) hn::StoreU(r[b], d, u + (3 * a + b) * places.plane_step + phase * places.phase_step + i);
      }
    }
}

void PhaseSumsImpl(const float* s, const PhasePlaces& places, float* taps) {
  const D d;
  for (int phase = 0; phase < phases; ++phase)
    for (Int i = 0; i < channel_step; i += lanes()) {
      V m[9], half[6], w[4];
#pragma GCC unroll 9
      for (int p = 0; p < 9; ++p) m[p] = hn::LoadU(d, s + p * places.plane_step + phase * places.phase_step + i);
#pragma GCC unroll 3
      for (int b = 0; b < 3; ++b) inverse<3>(m + b, 3, half[b], half[3 + b]);
      inverse<3>(half, 1, w[0], w[1]);
      inverse<3>(half + 3, 1, w[2], w[3]);
#pragma GCC unroll 4
      for (int k = 0; k < 4; ++k)
        hn::StoreU(w[k], d, taps + ((k / 2 * 2 + phase / 2) * 4 + k % 2 * 2 + phase % 2) * channel_step + i);
    }
}

}  // namespace weft::cpu_kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::cpu_kernels {

HWY_EXPORT(WeightsImpl);
HWY_EXPORT(InputImpl);
HWY_EXPORT(InputPairsImpl);
HWY_EXPORT(GradientPairsImpl);
HWY_EXPORT(OutputImpl);
HWY_EXPORT(GradientImpl);
HWY_EXPORT(ProductSumsImpl);
HWY_EXPORT(PhaseTilesImpl);
HWY_EXPORT(PhaseWeightsImpl);
HWY_EXPORT(PhaseSumsImpl);

void winograd_weights(const float* w, std::int64_t channels, std::int64_t filters, float* u) {
  HWY_DYNAMIC_DISPATCH(WeightsImpl)(w, channels, filters, u);
}
void winograd_input(const WinogradInput<float>& t) { HWY_DYNAMIC_DISPATCH(InputImpl)(t); }
void winograd_input(const WinogradInput<Pair>& t) { HWY_DYNAMIC_DISPATCH(InputPairsImpl)(t); }
void winograd_output(const WinogradOutput& t) { HWY_DYNAMIC_DISPATCH(OutputImpl)(t); }
void winograd_gradient(const WinogradGradient<float>& t) { HWY_DYNAMIC_DISPATCH(GradientImpl)(t); }
void winograd_gradient(const WinogradGradient<Pair>& t) { HWY_DYNAMIC_DISPATCH(GradientPairsImpl)(t); }
void winograd_weight_sums(const float* s, std::int64_t size, float* w) { HWY_DYNAMIC_DISPATCH(ProductSumsImpl)(s, size, w); }
void phase_tiles(const PhaseTiles& t) { HWY_DYNAMIC_DISPATCH(PhaseTilesImpl)(t); }
void phase_weights(const float* taps, bool turned, float* u, const PhasePlaces& places) {
  HWY_DYNAMIC_DISPATCH(PhaseWeightsImpl)(taps, turned, u, places);
}
void phase_weight_sums(const float* s, const PhasePlaces& places, float* taps) { HWY_DYNAMIC_DISPATCH(PhaseSumsImpl)(s, places, taps); }

}  // namespace weft::cpu_kernels
#endif
