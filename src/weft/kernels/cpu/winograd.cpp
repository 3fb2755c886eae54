#include <weft/kernels/cpu/winograd.h>
#include <weft/kernels/cpu/targets.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "weft/kernels/cpu/winograd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <type_traits>

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

/// y = T x T' for the transform T that `along` applies to a line: get(row, column) of x, give(row, column, value) of y. Of
/// six rows of y two at a time, so that they stay in registers; what they do not need the compiler leaves out.
template <int in, int out, void (*along)(const V*, V*), class Get, class Give>
HWY_INLINE void both_axes(const Get& get, const Give& give) {
  constexpr int together = out == 6 ? 2 : out;
  constexpr int of_six[] = {0, 5, 1, 2, 3, 4};  // those that share most of what they read
#pragma GCC unroll 3
  for (int first = 0; first < out; first += together) {
    V half[together][in];
#pragma GCC unroll 6
    for (int b = 0; b < in; ++b) {
      V x[in], r[out];
#pragma GCC unroll 6
      for (int a = 0; a < in; ++a) x[a] = get(a, b);
      along(x, r);
#pragma GCC unroll 6
      for (int a = 0; a < together; ++a) half[a][b] = r[out == 6 ? of_six[first + a] : a];
    }
#pragma GCC unroll 6
    for (int a = 0; a < together; ++a) {
      V r[out];
      along(half[a], r);
#pragma GCC unroll 6
      for (int b = 0; b < out; ++b) give(out == 6 ? of_six[first + a] : a, b, r[b]);
    }
  }
}

/// The transforms of a line of a tile.
template <int results, int taps> struct Lines;

/// Points 0, 1, -1 and infinity.
template <> struct Lines<2, 3> {
  static HWY_INLINE void input(const V* x, V* r) {
    r[0] = hn::Sub(x[0], x[2]);
    r[1] = hn::Add(x[1], x[2]);
    r[2] = hn::Sub(x[2], x[1]);
    r[3] = hn::Sub(x[1], x[3]);
  }
  static HWY_INLINE void output(const V* m, V* y) {
    y[0] = hn::Add(hn::Add(m[0], m[1]), m[2]);
    y[1] = hn::Sub(hn::Sub(m[1], m[2]), m[3]);
  }
  static HWY_INLINE void weights(const V* w, V* r) {
    const V half = hn::Set(D(), 0.5f), sum = hn::Add(w[0], w[2]);
    r[0] = w[0];
    r[1] = hn::Mul(half, hn::Add(sum, w[1]));
    r[2] = hn::Mul(half, hn::Sub(sum, w[1]));
    r[3] = w[2];
  }
  /// output's turned round.
  static HWY_INLINE void gradient(const V* g, V* r) {
    r[0] = g[0];
    r[1] = hn::Add(g[0], g[1]);
    r[2] = hn::Sub(g[0], g[1]);
    r[3] = hn::Neg(g[1]);
  }
  /// input's turned round.
  static HWY_INLINE void input_back(const V* m, V* x) {
    x[0] = m[0];
    x[1] = hn::Add(hn::Sub(m[1], m[2]), m[3]);
    x[2] = hn::Sub(hn::Add(m[1], m[2]), m[0]);
    x[3] = hn::Neg(m[3]);
  }
  /// weights' turned round.
  static HWY_INLINE void weights_back(const V* m, V* r) {
    const V half = hn::Set(D(), 0.5f);
    const V sum = hn::Mul(half, hn::Add(m[1], m[2]));
    r[0] = hn::Add(m[0], sum);
    r[1] = hn::Mul(half, hn::Sub(m[1], m[2]));
    r[2] = hn::Add(sum, m[3]);
  }
};

/// Points 0, a, -a, b, -b and infinity. With 3/4 and 3/2, exact in float to the third power, results are four times as
/// exact as with 1 and 2.
template <> struct Lines<4, 3> {
  static constexpr float a = 0.75f, b = 1.5f, a2 = a * a, b2 = b * b, a3 = a2 * a, b3 = b2 * b;
  /// What a point's value of the weights is divided by: the product of its distances from the other points.
  static constexpr float share_0 = 1 / (a2 * b2), share_a = 1 / (2 * a2 * (a2 - b2)), share_b = 1 / (2 * b2 * (b2 - a2));
  static HWY_INLINE V times(float f, V v) { return hn::Mul(hn::Set(D(), f), v); }
  static HWY_INLINE V plus(V to, float f, V v) { return hn::MulAdd(hn::Set(D(), f), v, to); }
  static HWY_INLINE V minus(V from, float f, V v) { return hn::NegMulAdd(hn::Set(D(), f), v, from); }

  static HWY_INLINE void input(const V* x, V* r) {
    const V even_a = minus(x[4], b2, x[2]), odd_a = minus(x[3], b2, x[1]);
    const V even_b = minus(x[4], a2, x[2]), odd_b = minus(x[3], a2, x[1]);
    r[0] = plus(minus(x[4], a2 + b2, x[2]), a2 * b2, x[0]);
    r[1] = plus(even_a, a, odd_a);
    r[2] = minus(even_a, a, odd_a);
    r[3] = plus(even_b, b, odd_b);
    r[4] = minus(even_b, b, odd_b);
    r[5] = plus(minus(x[5], a2 + b2, x[3]), a2 * b2, x[1]);
  }
  static HWY_INLINE void output(const V* m, V* y) {
    const V sum_a = hn::Add(m[1], m[2]), sum_b = hn::Add(m[3], m[4]);
    const V difference_a = hn::Sub(m[1], m[2]), difference_b = hn::Sub(m[3], m[4]);
    y[0] = hn::Add(m[0], hn::Add(sum_a, sum_b));
    y[1] = plus(times(a, difference_a), b, difference_b);
    y[2] = plus(times(a2, sum_a), b2, sum_b);
    y[3] = plus(plus(m[5], a3, difference_a), b3, difference_b);
  }
  static HWY_INLINE void weights(const V* w, V* r) {
    const V even_a = times(share_a, plus(w[0], a2, w[2])), even_b = times(share_b, plus(w[0], b2, w[2]));
    r[0] = times(share_0, w[0]);
    r[1] = plus(even_a, share_a * a, w[1]);
    r[2] = minus(even_a, share_a * a, w[1]);
    r[3] = plus(even_b, share_b * b, w[1]);
    r[4] = minus(even_b, share_b * b, w[1]);
    r[5] = w[2];
  }
  static HWY_INLINE void gradient(const V* g, V* r) {
    const V even_a = plus(g[0], a2, g[2]), odd_a = plus(g[1], a2, g[3]);
    const V even_b = plus(g[0], b2, g[2]), odd_b = plus(g[1], b2, g[3]);
    r[0] = g[0];
    r[1] = plus(even_a, a, odd_a);
    r[2] = minus(even_a, a, odd_a);
    r[3] = plus(even_b, b, odd_b);
    r[4] = minus(even_b, b, odd_b);
    r[5] = g[3];
  }
  static HWY_INLINE void input_back(const V* m, V* x) {
    const V sum_a = hn::Add(m[1], m[2]), sum_b = hn::Add(m[3], m[4]);
    const V difference_a = times(a, hn::Sub(m[1], m[2])), difference_b = times(b, hn::Sub(m[3], m[4]));
    x[0] = times(a2 * b2, m[0]);
    x[1] = minus(minus(times(a2 * b2, m[5]), b2, difference_a), a2, difference_b);
    x[2] = minus(minus(times(-a2 - b2, m[0]), b2, sum_a), a2, sum_b);
    x[3] = minus(hn::Add(difference_a, difference_b), a2 + b2, m[5]);
    x[4] = hn::Add(m[0], hn::Add(sum_a, sum_b));
    x[5] = m[5];
  }
  static HWY_INLINE void weights_back(const V* m, V* r) {
    const V sum_a = times(share_a, hn::Add(m[1], m[2])), sum_b = times(share_b, hn::Add(m[3], m[4]));
    const V difference_a = hn::Sub(m[1], m[2]), difference_b = hn::Sub(m[3], m[4]);
    r[0] = plus(hn::Add(sum_a, sum_b), share_0, m[0]);
    r[1] = plus(times(share_a * a, difference_a), share_b * b, difference_b);
    r[2] = plus(plus(m[5], a2, sum_a), b2, sum_b);
  }
};

/// Points 0, 1 and infinity; x0 - x1, x1, x1 - x2 of the inputs.
template <> struct Lines<2, 2> {
  static HWY_INLINE void output(const V* m, V* y) {
    y[0] = hn::Add(m[0], m[1]);
    y[1] = hn::Sub(m[1], m[2]);
  }
  /// Of taps too.
  static HWY_INLINE void gradient(const V* g, V* r) {
    r[0] = g[0];
    r[1] = hn::Add(g[0], g[1]);
    r[2] = g[1];
  }
};

/// The largest of each window of a tile's results and its place.
template <int results> HWY_INLINE void pool_tile(const WinogradOutput& t, const V (&y)[results][results], Int tile, Int c) {
  constexpr int windows = results / 2;
#pragma GCC unroll 2
  for (int a = 0; a < windows; ++a)
#pragma GCC unroll 2
    for (int b = 0; b < windows; ++b) {
      if (a >= t.rows || windows * tile + b >= t.columns) continue;
      const V four[4] = {y[2 * a][2 * b], y[2 * a][2 * b + 1], y[2 * a + 1][2 * b], y[2 * a + 1][2 * b + 1]};
      put(best_of_four(four, t.relu), t.y, t.index, a * t.row_step + (windows * tile + b) * t.column_step + c);
    }
}

template <int results, int taps> void output_tiles(const WinogradOutput& t) {
  constexpr int size = results + taps - 1;
  const D d;
  const Int filters = t.filters, plane_step = t.plane_step;
  for (Int tile = 0; tile < t.tiles; ++tile)
    for (Int c = 0; c < filters; c += lanes()) {
      const float* from = t.m + tile * filters + c;
      const V bias = t.bias ? hn::LoadU(d, t.bias + c) : hn::Zero(d);
      V y[results][results];
      both_axes<size, results, Lines<results, taps>::output>(
          [&](int a, int b) HWY_ATTR { return hn::LoadU(d, from + (a * size + b) * plane_step); },
          [&](int a, int b, V v) HWY_ATTR { y[a][b] = t.bias ? hn::Add(v, bias) : v; });
      if (t.index) {
        pool_tile(t, y, tile, c);
        continue;
      }
      float* const to = t.y + results * tile * t.column_step + c;
#pragma GCC unroll 4
      for (int a = 0; a < results; ++a)
#pragma GCC unroll 4
        for (int b = 0; b < results; ++b)
          if (a < t.rows && results * tile + b < t.columns)
            hn::StoreU(t.relu ? hn::Max(hn::Zero(d), y[a][b]) : y[a][b], d, to + a * t.row_step + b * t.column_step);
    }
}

template <int results> void weight_planes(const float* w, Int size, Int begin, Int end, float* u) {
  const D d;
  for (Int i = begin; i < end; i += lanes())
    both_axes<3, results + 2, Lines<results, 3>::weights>(
        [&](int a, int b) HWY_ATTR { return hn::LoadU(d, w + (3 * a + b) * size + i); },
        [&](int a, int b, V v) HWY_ATTR { hn::StoreU(v, d, u + (a * (results + 2) + b) * size + i); });
}
}  // namespace

void OutputImpl(const WinogradOutput& t) {
  switch (t.form) {
    case TileForm::two_of_three: return output_tiles<2, 3>(t);
    case TileForm::four_of_three: return output_tiles<4, 3>(t);
    case TileForm::two_of_two: return output_tiles<2, 2>(t);
  }
}
void WeightsImpl(TileForm form, const float* w, Int size, Int begin, Int end, float* u) {
  form == TileForm::two_of_three ? weight_planes<2>(w, size, begin, end, u) : weight_planes<4>(w, size, begin, end, u);
}

namespace {
/// Puts one vector of a transformed tile where it belongs.
template <class E> struct Put {
  const WinogradTiles<E> to;  // by value, as all that the loops read: stores of vectors might change anything in memory
  const Int channels;
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

/// `out` x `out` planes of the tiles, size x size elements each and `step` columns apart, of a row.
template <int step, int size, int out, void (*along)(const V*, V*), class E> void tiles_to_planes(const WinogradRow<E>& t) {
  const D d;
  const Put<E> put{t.to, t.channels};
  const Int channels = t.channels, row_step = t.width * channels;
  const auto transform = [&](Int tile, Int c, const auto& get) HWY_ATTR {
    both_axes<size, out, along>(get, [&](int a, int b, V v) HWY_ATTR { put(v, a * out + b, tile, c); });
  };
  // Tiles that lie in the image: [first, last).
  const bool whole_rows = t.row >= 0 && t.row + size <= t.height;
  const Int first = std::clamp<Int>((step - 1 - t.column) / step, 0, t.tiles);
  const Int fitting = t.width - size < t.column ? 0 : (t.width - size - t.column) / step + 1;
  const Int last = whole_rows ? std::clamp(fitting, first, t.tiles) : first;
  for (Int tile = 0; tile < t.tiles; ++tile) {  // in order: the second of a pair joins the first
    if (tile == first && first < last) {
      for (Int c = 0; c < channels; c += lanes()) {
        const float* from = t.image + t.row * row_step + (t.column + step * first) * channels + c;
        for (tile = first; tile < last; ++tile, from += step * channels)
          transform(tile, c, [&](int a, int b) HWY_ATTR { return hn::LoadU(d, from + a * row_step + b * channels); });
      }
      if (tile == t.tiles) break;
    }
    const float* at[size][size];
    for (int a = 0; a < size; ++a)
      for (int b = 0; b < size; ++b) {
        const Int row = t.row + a, column = t.column + step * tile + b;
        const bool inside = row >= 0 && row < t.height && column >= 0 && column < t.width;
        at[a][b] = inside ? t.image + row * row_step + column * channels : t.zeros;
      }
    for (Int c = 0; c < channels; c += lanes())
      transform(tile, c, [&](int a, int b) HWY_ATTR { return hn::LoadU(d, at[a][b] + c); });
  }
}
template <int results, class E> void input_tiles(const WinogradRow<E>& t) {
  tiles_to_planes<results, results + 2, results + 2, Lines<results, 3>::input>(t);
}
template <int results, int taps, class E> void gradient_tiles(const WinogradRow<E>& t) {
  tiles_to_planes<results, results, results + taps - 1, Lines<results, taps>::gradient>(t);
}

template <int results> void input_tiles_back(const WinogradInputBack& t) {
  constexpr int size = results + 2;
  const D d;
  const Int channels = t.channels, plane_step = t.plane_step, row_step = t.row_step;
  for (Int tile = 0; tile < t.tiles; ++tile)
    for (Int c = 0; c < channels; c += lanes()) {
      const float* from = t.m + tile * channels + c;
      float* const to = t.x + results * tile * channels + c;
      both_axes<size, size, Lines<results, 3>::input_back>(
          [&](int a, int b) HWY_ATTR { return hn::LoadU(d, from + (a * size + b) * plane_step); },
          [&](int a, int b, V v) HWY_ATTR {
            float* const at = to + a * row_step + b * channels;
            hn::StoreU(hn::Add(hn::LoadU(d, at), v), d, at);
          });
    }
}

template <int results> void weights_of_sums(const float* s, Int size, float* w) {
  const D d;
  for (Int i = 0; i < size; i += lanes())
    both_axes<results + 2, 3, Lines<results, 3>::weights_back>(
        [&](int a, int b) HWY_ATTR { return hn::LoadU(d, s + (a * (results + 2) + b) * size + i); },
        [&](int a, int b, V v) HWY_ATTR { hn::StoreU(v, d, w + (3 * a + b) * size + i); });
}
}  // namespace

void InputImpl(const WinogradRow<float>& t) { t.form == TileForm::two_of_three ? input_tiles<2>(t) : input_tiles<4>(t); }
void InputPairsImpl(const WinogradRow<Pair>& t) {
  if constexpr (has_pairs) input_tiles<2>(t);
}
void GradientImpl(const WinogradRow<float>& t) {
  switch (t.form) {
    case TileForm::two_of_three: return gradient_tiles<2, 3>(t);
    case TileForm::four_of_three: return gradient_tiles<4, 3>(t);
    case TileForm::two_of_two: return gradient_tiles<2, 2>(t);
  }
}
void GradientPairsImpl(const WinogradRow<Pair>& t) {
  if constexpr (has_pairs) gradient_tiles<2, 3>(t);
}
void InputBackImpl(const WinogradInputBack& t) {
  t.form == TileForm::two_of_three ? input_tiles_back<2>(t) : input_tiles_back<4>(t);
}
void ProductSumsImpl(TileForm form, const float* s, Int size, float* w) {
  form == TileForm::two_of_three ? weights_of_sums<2>(s, size, w) : weights_of_sums<4>(s, size, w);
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
      const auto tap = [&](int row, int column) HWY_ATTR {
        if (turned) row = 1 - row, column = 1 - column;
        return hn::LoadU(d, taps + ((2 * row + phase / 2) * 4 + 2 * column + phase % 2) * channel_step + i);
      };
      both_axes<2, 3, Lines<2, 2>::gradient>(tap, [&](int a, int b, V v) HWY_ATTR {
        hn::StoreU(v, d, u + (3 * a + b) * places.plane_step + phase * places.phase_step + i);
      });
    }
}

void PhaseSumsImpl(const float* s, const PhasePlaces& places, float* taps) {
  const D d;
  for (int phase = 0; phase < phases; ++phase)
    for (Int i = 0; i < channel_step; i += lanes()) {
      both_axes<3, 2, Lines<2, 2>::output>(
          [&](int a, int b) HWY_ATTR { return hn::LoadU(d, s + (3 * a + b) * places.plane_step + phase * places.phase_step + i); },
          [&](int a, int b, V v) HWY_ATTR {
            hn::StoreU(v, d, taps + ((2 * a + phase / 2) * 4 + 2 * b + phase % 2) * channel_step + i);
          });
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
HWY_EXPORT(InputBackImpl);
HWY_EXPORT(ProductSumsImpl);
HWY_EXPORT(PhaseTilesImpl);
HWY_EXPORT(PhaseWeightsImpl);
HWY_EXPORT(PhaseSumsImpl);

void winograd_weights(TileForm form, const float* w, std::int64_t size, std::int64_t begin, std::int64_t end, float* u) {
  HWY_DYNAMIC_DISPATCH(WeightsImpl)(form, w, size, begin, end, u);
}
void winograd_input(const WinogradRow<float>& t) { HWY_DYNAMIC_DISPATCH(InputImpl)(t); }
void winograd_input(const WinogradRow<Pair>& t) { HWY_DYNAMIC_DISPATCH(InputPairsImpl)(t); }
void winograd_output(const WinogradOutput& t) { HWY_DYNAMIC_DISPATCH(OutputImpl)(t); }
void winograd_gradient(const WinogradRow<float>& t) { HWY_DYNAMIC_DISPATCH(GradientImpl)(t); }
void winograd_gradient(const WinogradRow<Pair>& t) { HWY_DYNAMIC_DISPATCH(GradientPairsImpl)(t); }
void winograd_input_back(const WinogradInputBack& t) { HWY_DYNAMIC_DISPATCH(InputBackImpl)(t); }
void winograd_weight_sums(TileForm form, const float* s, std::int64_t size, float* w) {
  HWY_DYNAMIC_DISPATCH(ProductSumsImpl)(form, s, size, w);
}
void phase_tiles(const PhaseTiles& t) { HWY_DYNAMIC_DISPATCH(PhaseTilesImpl)(t); }
void phase_weights(const float* taps, bool turned, float* u, const PhasePlaces& places) {
  HWY_DYNAMIC_DISPATCH(PhaseWeightsImpl)(taps, turned, u, places);
}
void phase_weight_sums(const float* s, const PhasePlaces& places, float* taps) { HWY_DYNAMIC_DISPATCH(PhaseSumsImpl)(s, places, taps); }

}  // namespace weft::cpu_kernels
#endif
