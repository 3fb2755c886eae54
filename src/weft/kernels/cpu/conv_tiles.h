// The inner loops of convolutions of channels-last images. Plain arguments, so that one type serves every instruction
// set; sizes are in elements. Factors of products are floats or, where bf16_products(), pairs of bf16: an instruction
// multiplies two pairs and adds both products to a float, so that a pair takes a float's place everywhere. Channels of a result (`columns`) come in multiples of `channel_step`.
#pragma once

#include <cstdint>

namespace weft::cpu_kernels {

/// Columns of packed weights are padded to a multiple of this: whole vectors on every instruction set.
inline constexpr std::int64_t channel_step = 16;

/// Two bf16, the first in the lower half.
using Pair = std::uint32_t;

/// A stretch of adjacent inputs that meets adjacent rows of packed weights: the taps of one kernel row.
struct TapRun {
  std::int64_t x = 0;       ///< where it begins, from the first tap of the position
  std::int64_t length = 0;  ///< inputs
};

/// out[p][c] = start[c] + sum over the runs of x[p * x_step + run.x + k] * w[row][c], rows of w counted on through the
/// runs; or out[p][c] += the sum where `add`. E is float or Pair.
template <class E> struct ProductRow {
  const E* x = nullptr;
  std::int64_t x_step = 0;
  const TapRun* runs = nullptr;
  std::int64_t run_count = 0;
  const E* w = nullptr;
  std::int64_t columns = 0;       ///< of w, start and out
  const float* start = nullptr;   ///< null: zeros
  float* out = nullptr;
  std::int64_t out_step = 0;      ///< from position to position; rows may overlap where `add`
  std::int64_t positions = 0;
  bool add = false, relu = false;
};
void product_row(const ProductRow<float>& r);
void product_row(const ProductRow<Pair>& r);

/// Two rows of results, x_row_step apart in x, as ProductRow makes them, and of each window of 2x2 the largest and its place,
/// as PoolRow does: without a trip through memory. `out_step` and `add` of the row are not used, `out` and `relu` are those
/// of the windows.
template <class E> struct PooledProduct {
  ProductRow<E> row = {};
  std::int64_t x_row_step = 0;
  std::uint8_t* index = nullptr;
};
void pooled_product(const PooledProduct<float>& r);
void pooled_product(const PooledProduct<Pair>& r);

/// One row of windows of height x width side by side over `rows` rows of y: the largest (0 among the candidates where
/// `relu`) and its place.
struct PoolRow {
  const float* y = nullptr;
  std::int64_t row_step = 0, step = 0;  ///< of y, from row to row and from position to position
  std::int64_t height = 0, width = 0, windows = 0, channels = 0;
  bool relu = false;
  float* out = nullptr;
  std::uint8_t* index = nullptr;
};
void pool_row(const PoolRow& r);

/// out[k][c] += sum over images, rows and positions of
/// x[image * x_image_step + row * x_row_step + position * x_step + k] * g[image][row][position][c].
/// Where E is Pair the two of a pair are two positions.
template <class E> struct WeightSums {
  const E* x = nullptr;
  std::int64_t x_row_step = 0, x_step = 0;
  const E* g = nullptr;
  std::int64_t rows = 0, positions = 0, columns = 0;
  std::int64_t length = 0;  ///< k
  float* out = nullptr;
  std::int64_t images = 1, x_image_step = 0;
};
void weight_sums(const WeightSums<float>& s);
void weight_sums(const WeightSums<Pair>& s);

/// to[c] = g[c] where index[c] == place, else 0.
void take_elements(const float* g, const std::uint8_t* index, int place, std::int64_t channels, float* to);

/// to[i * channel_step + j] = from[j * step + i] for a block of channel_step x channel_step.
void transpose_block(const float* from, std::int64_t step, float* to);
/// to[i] = {first[i], second[i]} rounded to bf16, for i < n; null: zeros.
void join_pairs(const float* first, const float* second, std::int64_t n, Pair* to);
/// Channels of each position side by side in pairs, the last one of an odd number filled up with zero. Up to channel_step
/// elements of `to` behind the end are overwritten.
void round_positions(const float* from, std::int64_t positions, std::int64_t channels, Pair* to);
/// to[c] = {g[c] where index[c] == place, g[c] where index[c] == place + 1}, else zeros: two neighbours of a window.
void take_pairs(const float* g, const std::uint8_t* index, int place, std::int64_t channels, Pair* to);

/// to[column * step + row] = from[row * columns + column].
void transpose_pairs(const Pair* from, std::int64_t rows, std::int64_t columns, Pair* to, std::int64_t step);

/// to[i] = from[i * step] for i < n.
void gather_row(const float* from, std::int64_t step, std::int64_t n, float* to);

}  // namespace weft::cpu_kernels
