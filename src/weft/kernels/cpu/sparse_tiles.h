// The inner loops of gradients behind a max_pool, where one result of each window at most is not zero: lists of what is
// not zero, and sums over such lists. Sizes are in elements; channels come in multiples of channel_step.
#pragma once

#include <cstdint>

#include <weft/kernels/cpu/conv_tiles.h>

namespace weft::cpu_kernels {

/// Lists of places and factors, `capacity` apart. Behind the end of each stand three entries of factor 0 and place 0; up
/// to channel_step entries behind the end are overwritten.
struct SparseLists {
  std::int32_t* at = nullptr;
  float* factor = nullptr;
  std::int32_t* counts = nullptr;
  std::int64_t capacity = 0;
};

/// For each of `places` places p of one window a list of the channels with index == p and g != 0: their numbers times
/// `scale`, and g.
void list_by_place(const float* g, const std::uint8_t* index, std::int64_t places, std::int64_t channels, std::int32_t scale,
                   const SparseLists& lists);

/// For each channel of `windows` windows a list of those with g != 0: base[window] + offset[index], and g.
struct ChannelLists {
  const float* g = nullptr;             ///< [windows][channels]
  const std::uint8_t* index = nullptr;  ///< [windows][channels]
  std::int64_t windows = 0, channels = 0;
  const std::int32_t* base = nullptr;    ///< [windows], readable up to channel_step - 1 elements behind
  const std::int32_t* offset = nullptr;  ///< [places], readable up to channel_step - 1 elements behind
  std::int64_t places = 0;
};
void list_by_channel(const ChannelLists& c, const SparseLists& lists);

/// Sums of a few rows each: for every list l, out[out_at[l] + r * out_row_step + c] += sum over its entries of
/// factor * from[at + r * row_step + c], for `rows` rows of `length` elements. Whole vectors: up to channel_step - 1
/// elements behind a row of `from` are read and of `out` written. F is float, or std::uint16_t for bf16 in the order of
/// round_blocks, where factors are rounded too and length is a multiple of block_of_halves.
template <class F> struct SparseSums {
  SparseLists lists = {};
  std::int64_t count = 0;  ///< of lists
  const F* from = nullptr;
  std::int64_t rows = 0, row_step = 0, length = 0;
  float* out = nullptr;
  const std::int64_t* out_at = nullptr;
  std::int64_t out_row_step = 0;
  bool row_by_row = false;  ///< all lists meet one row before the next: where the rows are far larger than the lists
};
void sparse_sums(const SparseSums<float>& s);
void sparse_sums(const SparseSums<std::uint16_t>& s);

/// bf16 of n elements, a multiple of block_of_halves, in the order in which two rows of them interleave to pairs of
/// columns in order: of each block the first four columns, the first four of its second half, the second four, ….
inline constexpr std::int64_t block_of_halves = 32;
void round_blocks(const float* from, std::int64_t n, std::uint16_t* to);

}  // namespace weft::cpu_kernels
