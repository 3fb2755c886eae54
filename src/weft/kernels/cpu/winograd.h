// Winograd's F(2x2, 3x3) (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016): a 3x3 convolution
// in tiles of 2x2 results by 16 products instead of 36. The transforms of channels-last images; the products are
// product_row's. Channels come in multiples of channel_step.
#pragma once

#include <cstdint>

#include <weft/kernels/cpu/conv_tiles.h>

namespace weft::cpu_kernels {

/// Products of a tile.
inline constexpr std::int64_t winograd_planes = 16;

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
  const float* m = nullptr;
  std::int64_t plane_step = 0, filters = 0, tiles = 0;
  const float* bias = nullptr;    ///< null: zeros
  bool relu = false;
  std::int64_t columns = 0;
  float* y = nullptr;
  float* second_row = nullptr;    ///< null: there is one row only
  std::uint8_t* index = nullptr;
};
void winograd_output(const WinogradOutput& t);

/// The other way, for the gradient of the weights: g's tiles of 2x2 to 16 planes.
template <class E> struct WinogradGradient {
  const float* g = nullptr;
  std::int64_t row_step = 0, filters = 0, tiles = 0;  ///< two rows of g, tiles two columns apart
  WinogradTiles<E> to = {};
};
void winograd_gradient(const WinogradGradient<float>& t);
void winograd_gradient(const WinogradGradient<Pair>& t);
/// w[3 * 3][i] of the sums of products s[plane][i], i < size, a multiple of channel_step. May be in place.
void winograd_weight_sums(const float* s, std::int64_t size, float* w);

}  // namespace weft::cpu_kernels
