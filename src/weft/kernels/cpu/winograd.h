// Winograd's F(2x2, 3x3) (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016): a 3x3 convolution
// in tiles of 2x2 results by 16 products instead of 36. The transforms of channels-last images; the products are
// product_row's. Channels come in multiples of channel_step.
#pragma once

#include <cstdint>

namespace weft::cpu_kernels {

/// Products of a tile.
inline constexpr std::int64_t winograd_planes = 16;

/// u[plane][channel][filter] of w[3 * 3][channel][filter].
void winograd_weights(const float* w, std::int64_t channels, std::int64_t filters, float* u);

/// v[plane * plane_step + tile * channels + c] of a row of tiles: four rows of x, tiles two columns apart.
struct WinogradInput {
  const float* x = nullptr;
  std::int64_t row_step = 0, channels = 0, tiles = 0;
  float* v = nullptr;
  std::int64_t plane_step = 0;
};
void winograd_input(const WinogradInput& t);

/// Results of a row of tiles from m, laid out like v: two rows of `columns` positions, plus bias, relu where asked; or
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

/// The other way, for the gradient of the weights: g's tiles of 2x2 to 16 planes, laid out like v.
struct WinogradGradient {
  const float* g = nullptr;
  std::int64_t row_step = 0, filters = 0, tiles = 0;  ///< two rows of g, tiles two columns apart
  float* v = nullptr;
  std::int64_t plane_step = 0;
};
void winograd_gradient(const WinogradGradient& t);
/// w[3 * 3][i] of the sums of products s[plane][i], i < size, a multiple of channel_step. May be in place.
void winograd_weight_sums(const float* s, std::int64_t size, float* w);

}  // namespace weft::cpu_kernels
