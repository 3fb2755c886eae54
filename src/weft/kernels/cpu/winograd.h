// Winograd's F(2x2, 3x3) and F(4x4, 3x3) (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016): a 3x3
// convolution in tiles of 2x2 results by 16 products instead of 36, or of 4x4 by 36 instead of 144. The transforms of
// channels-last images; the products are product_row's. Channels come in multiples of channel_step. The large tiles are
// for floats only: their transforms weigh inputs by up to 3.4, so that errors are about five times the small ones' (1e-6 of
// the largest result).
//
// And F(2x2, 2x2) for 4x4 kernels of stride 2: rows and columns by parity make four phases of the image and of the kernel,
// and the convolution is the sum of their four convolutions by 2x2 taps of stride 1, each in tiles of 2x2 results by 9
// products instead of 16. Along an axis two results of inputs x0 x1 x2 and taps w0 w1 are m0 + m1 and m1 - m2 where
// m0 = (x0 - x1) w0, m1 = x1 (w0 + w1), m2 = (x1 - x2) w1.
#pragma once

#include <cstdint>

#include <weft/kernels/cpu/conv_tiles.h>

namespace weft::cpu_kernels {

/// Results and taps along an axis of a tile.
enum class TileForm : std::uint8_t { two_of_three, four_of_three, two_of_two };
constexpr std::int64_t results(TileForm form) { return form == TileForm::four_of_three ? 4 : 2; }
/// Inputs along an axis of a tile, and products.
constexpr std::int64_t inputs(TileForm form) { return results(form) + (form == TileForm::two_of_two ? 1 : 2); }
/// Products of a tile.
constexpr std::int64_t planes(TileForm form) { return inputs(form) * inputs(form); }

/// Taps of the phases: a phase's number is 2 * row parity + column parity.
inline constexpr std::int64_t phases = 4, phase_planes = 9, phase_taps = 16;

/// u[plane][i] of w[3 * 3][i] for i in [begin, end), multiples of channel_step; planes and taps are `size` apart.
void winograd_weights(TileForm form, const float* w, std::int64_t size, std::int64_t begin, std::int64_t end, float* u);

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

/// A row of tiles in an image [height][width][channels], and where its transforms go. Tiles are results(form) columns apart;
/// what reaches over the image's edges is zero.
template <class E> struct WinogradRow {
  TileForm form = TileForm::two_of_three;  ///< this one for Pair
  const float* image = nullptr;
  std::int64_t height = 0, width = 0, channels = 0;
  std::int64_t row = 0, column = 0;  ///< of the first tile's first element; may be negative
  std::int64_t tiles = 0;
  const float* zeros = nullptr;   ///< `channels` of them
  WinogradTiles<E> to = {};
};
/// Tiles of inputs, inputs(form) rows and columns, to planes.
void winograd_input(const WinogradRow<float>& t);
void winograd_input(const WinogradRow<Pair>& t);
/// For the gradient of the weights: tiles of the results' gradient, results(form) rows and columns, to planes.
void winograd_gradient(const WinogradRow<float>& t);
void winograd_gradient(const WinogradRow<Pair>& t);

/// Results of a row of tiles from m, [plane][tile][filter]: `rows` rows of `columns` positions, plus bias, relu where asked;
/// or, where `index` is given, the largest of each window of 2x2 and its place, rows and columns counted in windows.
struct WinogradOutput {
  TileForm form = TileForm::two_of_three;
  const float* m = nullptr;
  std::int64_t plane_step = 0, filters = 0, tiles = 0;
  const float* bias = nullptr;    ///< null: zeros
  bool relu = false;
  std::int64_t rows = 0, columns = 0;
  float* y = nullptr;
  std::int64_t row_step = 0, column_step = 0;  ///< of y, from position to position
  std::uint8_t* index = nullptr;
};
void winograd_output(const WinogradOutput& t);

/// The input's transform turned round, for its gradient: a row of tiles of m, [plane][tile][channel], is added to
/// inputs(form) rows of x, where neighbouring tiles overlap by two columns. Three taps an axis.
struct WinogradInputBack {
  TileForm form = TileForm::two_of_three;
  const float* m = nullptr;
  std::int64_t plane_step = 0, channels = 0, tiles = 0;
  float* x = nullptr;
  std::int64_t row_step = 0;
};
void winograd_input_back(const WinogradInputBack& t);

/// w[3 * 3][i] of the sums of products s[plane][i], i < size, a multiple of channel_step. May be in place.
void winograd_weight_sums(TileForm form, const float* s, std::int64_t size, float* w);

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
