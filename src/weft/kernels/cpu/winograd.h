// Winograd's F(2x2, 3x3) (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016): a 3x3 convolution
// in tiles of 2x2 results by 16 products instead of 36. The transforms of channels-last images; the products are
// product_row's. Channels come in multiples of channel_step.
//
// And F(2x2, 2x2) for 4x4 kernels of stride 2: rows and columns by parity make four phases of the image and of the kernel,
// and the convolution is the sum of their four convolutions by 2x2 taps of stride 1, each in tiles of 2x2 results by 9
// products instead of 16. Along an axis two results of inputs x0 x1 x2 and taps w0 w1 are m0 + m1 and m1 - m2 where
// m0 = (x0 - x1) w0, m1 = x1 (w0 + w1), m2 = (x1 - x2) w1.
#pragma once

#include <cstdint>

#include <weft/kernels/cpu/conv_tiles.h>

namespace weft::cpu_kernels {

/// Products of a tile.
inline constexpr std::int64_t winograd_planes = 16;

/// Taps of the phases: a phase's number is 2 * row parity + column parity.
inline constexpr std::int64_t phases = 4, phase_planes = 9, phase_taps = 16;

/// u[plane][channel][filter] of w[3 * 3][channel][filter].
void winograd_weights(const float* w, std::int64_t channels, std::int64_t filters, float* u);

/// Where transformed tiles go.
template <class E> struct WinogradTiles {
  E* v = nullptr;
  std::int64_t plane_step = 0;  ///< in elements of E
  std::int64_t first = 0;       ///< number of the first tile
  /// Floats: v[plane * plane_step + tile * channels + c]. Pairs: the same of two channels each, or where
  /// `tile_pairs` the two are neighbouring tiles: v[plane * plane_step + tile / 2 * channels + c]; the second one of a
  /// pair that is missing is zero.
  bool tile_pairs = false;
};

/// A row of tiles: four rows of x, tiles two columns apart.
template <class E> struct WinogradInput {
  const float* x = nullptr;
  std::int64_t row_step = 0, channels = 0, tiles = 0;
  WinogradTiles<E> to = {};
};
void winograd_input(const WinogradInput<float>& t);
void winograd_input(const WinogradInput<Pair>& t);

/// Results of a row of tiles from m, [plane][tile][filter]: two rows of `columns` positions, plus bias, relu where asked; or
/// the largest of each tile and its place where `index` is given.
struct WinogradOutput {
  int size = 4;                   ///< products along an axis of a tile: 4, or 3 of F(2x2, 2x2)
  const float* m = nullptr;
  std::int64_t plane_step = 0, filters = 0, tiles = 0;
  const float* bias = nullptr;    ///< null: zeros
  bool relu = false;
  std::int64_t columns = 0;
  float* y = nullptr;
  float* second_row = nullptr;    ///< null: there is one row only
  std::int64_t column_step = 0;   ///< from position to position of y
  std::uint8_t* index = nullptr;
};
void winograd_output(const WinogradOutput& t);

/// The other way, for the gradient of the weights: g's tiles of 2x2 to size * size planes.
template <class E> struct WinogradGradient {
  int size = 4;
  const float* g = nullptr;
  std::int64_t row_step = 0, filters = 0, tiles = 0;  ///< two rows of g, tiles two columns apart
  WinogradTiles<E> to = {};
};
void winograd_gradient(const WinogradGradient<float>& t);
void winograd_gradient(const WinogradGradient<Pair>& t);
/// w[3 * 3][i] of the sums of products s[plane][i], i < size, a multiple of channel_step. May be in place.
void winograd_weight_sums(const float* s, std::int64_t size, float* w);

/// A row of tiles of 3x3 inputs for F(2x2, 2x2), v[plane * plane_step + tile * v_step + c]: 3 planes an axis, x0 - x1, x1,
/// x1 - x2. Where `wide` 5 of 4 inputs, also x2, x2 - x3: the last three are those of a tile one input on.
struct PhaseTiles {
  const float* x = nullptr;
  std::int64_t row_step = 0, column_step = 0, tile_step = 0, channels = 0, tiles = 0;
  bool wide_rows = false, wide_columns = false;
  float* v = nullptr;
  std::int64_t plane_step = 0, v_step = 0;
};
void phase_tiles(const PhaseTiles& t);

/// Where the transformed taps of channel_step filters (or channels) lie: u[plane * plane_step + phase * phase_step + i].
struct PhasePlaces {
  std::int64_t plane_step = 0, phase_step = 0;
};
/// u of taps[4 * 4][channel_step]; `turned`: of the taps of each phase turned round.
void phase_weights(const float* taps, bool turned, float* u, const PhasePlaces& places);
/// taps[4 * 4][channel_step] of sums of products that lie as u does.
void phase_weight_sums(const float* s, const PhasePlaces& places, float* taps);

}  // namespace weft::cpu_kernels
