// Geometry of channels-last images, shared by their kernels.
#pragma once

#include <algorithm>
#include <type_traits>

#include <weft/base/memory.h>
#include <weft/base/thread_pool.h>
#include <weft/kernels/cpu/conv_tiles.h>
#include <weft/kernels/registry.h>
#include <weft/opdefs/conv_block.h>

namespace weft::cpu_kernels {

/// A convolution of one or two spatial axes over images [height][width][channels]; of a result that is pooled, only the
/// part that the pool reads.
struct Images {
  std::int64_t batch, channels, filters;
  std::int64_t in[2], kernel[2], out[2], stride[2], pad[2], dilation[2], pool[2] = {1, 1};
  bool pooled;

  explicit Images(const op::ConvShape& s, const Dims& window = {});
  std::int64_t in_size() const { return in[0] * in[1] * channels; }
  std::int64_t taps() const { return kernel[0] * kernel[1]; }
  /// Rows and columns of windows (of results where nothing is pooled).
  std::int64_t windows(int axis) const { return out[axis] / pool[axis]; }
  std::int64_t y_size() const { return windows(0) * windows(1) * filters; }
  /// Inputs of adjacent taps lie side by side: a run is a whole kernel row, else one tap.
  bool whole_rows() const { return dilation[1] == 1; }
  std::int64_t run_count() const { return whole_rows() ? kernel[0] : taps(); }
  std::int64_t run_length() const { return whole_rows() ? kernel[1] * channels : channels; }
  /// Where run r begins in an image with rows `row_step` apart.
  std::int64_t run_at(std::int64_t r, std::int64_t row_step) const {
    return whole_rows() ? r * dilation[0] * row_step
                        : r / kernel[1] * dilation[0] * row_step + r % kernel[1] * dilation[1] * channels;
  }
  /// Reading all results along an axis stays inside the image.
  bool inside(int axis) const { return pad[axis] == 0 && reach(axis, windows(axis) * pool[axis]) <= in[axis]; }
  /// Rows or columns of input that `n` results read.
  std::int64_t reach(int axis, std::int64_t n) const { return (n - 1) * stride[axis] + (kernel[axis] - 1) * dilation[axis] + 1; }
};

/// Elements that hold the channels of a position: floats, or pairs of bf16, the last one of an odd number filled up.
template <class E> std::int64_t units(std::int64_t channels) { return std::is_same_v<E, Pair> ? (channels + 1) / 2 : channels; }

/// A part of an image that starts at a row and column, either of which may lie in the padding, with rows `row_step`
/// apart: the image itself where nothing is padded, else a copy with zeros around and behind it. Pairs of channels are
/// always a copy.
template <class E> class StageOf {
 public:
  /// For parts of at most rows x columns, `slots` at once. `copy` asks for a copy whatever the part (readable
  /// channel_step elements behind the end of the last slot).
  StageOf(const std::int64_t (&image)[2], std::int64_t channels, std::int64_t rows, std::int64_t columns, bool copy,
          std::int64_t slots = 1);
  const E* part(const float* image, std::int64_t row, std::int64_t column, std::int64_t rows, std::int64_t slot = 0);
  bool copies() const { return copy_; }
  std::int64_t row_step() const { return row_step_; }
  /// From a slot to the next, or from an image to the next where there is no copy.
  std::int64_t image_step() const { return image_step_; }

 private:
  std::int64_t height_, width_, channels_, columns_, row_step_, image_step_;
  bool copy_;
  Scratch<E> memory_;
};
using Stage = StageOf<float>;

/// What every channels-last convolution here declines; the second takes groups.
const char* decline_images(const KernelCall& call, const op::ConvShape& s);
const char* decline_any_groups(const KernelCall& call, const op::ConvShape& s);
/// The same and what makes no whole vectors of filters.
const char* decline_filters(const KernelCall& call, const op::ConvShape& s);
/// What does not fit an index of one byte.
const char* decline_pool(const Dims& pool);
/// What gradients behind a max_pool decline: they follow runs of taps that are one row apart.
const char* decline_behind_pool(const KernelCall& call, const op::ConvShape& s, const Dims& pool);

/// Where the rows of taps of an input's gradient add up: the result itself, or a copy where there is padding or where
/// whole vectors would reach behind a row.
class InputSums {
 public:
  InputSums(const Images& g, std::int64_t width, float* dx)
      : g_(g), dx_(dx), rows_(std::max(g.in[0] + g.pad[0], g.reach(0, g.out[0]))),
        columns_(std::max(g.in[1] + g.pad[1], g.reach(1, g.out[1]))),
        copy_(width != g.run_length() || rows_ != g.in[0] || columns_ != g.in[1] || g.pad[0] > 0 || g.pad[1] > 0),
        size_(copy_ ? rows_ * row_step() + channel_step : g.in_size()), memory_(copy_ ? size_ : 0) {}
  std::int64_t row_step() const { return columns_ * g_.channels; }
  /// Zeros for image n.
  float* begin(std::int64_t n) {
    float* to = copy_ ? memory_.data() : dx_ + n * g_.in_size();
    std::fill_n(to, size_, 0.0f);
    return to;
  }
  /// The sums are those of image n.
  void finish(std::int64_t n) const {
    for (std::int64_t row = 0; copy_ && row < g_.in[0]; ++row)
      std::copy_n(memory_.data() + (row + g_.pad[0]) * row_step() + g_.pad[1] * g_.channels, g_.in[1] * g_.channels,
                  dx_ + n * g_.in_size() + row * g_.in[1] * g_.channels);
  }

 private:
  const Images& g_;
  float* dx_;
  std::int64_t rows_, columns_;
  bool copy_;
  std::int64_t size_;
  Scratch<float> memory_;
};

/// to[tap][channel][filter] of weights [filter][channel][tap], for product_row.
void pack_by_input(const float* w, const Images& g, float* to);
/// dw[filter][channel][tap] of sums [tap][channel][filter].
void unpack_by_input(const float* from, const Images& g, float* dw);
/// to[run][filter][input of the run], rows of `width`, for gradients of the input.
void pack_by_filter(const float* w, const Images& g, std::int64_t width, float* to);

/// to[group][row / 2][column] = two neighbouring rows of [group][row][column] in pairs; the last of an odd number meets zeros.
void join_rows(const float* from, std::int64_t groups, std::int64_t rows, std::int64_t columns, Pair* to);

/// Pieces of a batch at least: an image each, or a part of its rows.
inline constexpr std::int64_t least_pieces = 16;
inline std::int64_t round_up(std::int64_t v, std::int64_t to) { return (v + to - 1) / to * to; }

/// What a convolution reads and fills.
struct Forward {
  const float *x, *packed, *bias;  ///< weights packed by input; bias may be null
  bool relu;
  float* y;
  std::uint8_t* index;  ///< null where nothing is pooled
};

/// Do tiles of Winograd's fit the geometry, and save work?
bool winograd_pays(const Images& g);
/// The products in E: the tiles are transformed in float and then rounded.
template <class E> void winograd_conv(const Images& g, const Forward& c);
/// The geometry of an input's gradient as a convolution of g with the kernel turned round.
Images turned_round(const Images& g);
/// Do tiles pay for the input's gradient?
bool winograd_input_grad_pays(const Images& g);
template <class E> void winograd_input_grad(const Images& g, const float* dy, const float* w, float* dx);
template <class E> void winograd_weight_grad(const Images& g, const float* x, const float* dy, float* dw);

/// The same for 4x4 kernels of stride 2, by the tiles of their phases; w as it lies, [filter][channel][tap].
bool phases_pay(const Images& g);
void phase_conv(const Images& g, const float* w, const Forward& c);
bool phase_input_grad_pays(const Images& g);
void phase_input_grad(const Images& g, const float* dy, const float* w, float* dx);
void phase_weight_grad(const Images& g, const float* x, const float* dy, float* dw);

/// `size` sums over the images of a batch, as a weight gradient takes: shards of a few images by themselves, then added in
/// their order.
class ShardSums {
 public:
  ShardSums(const Images& g, std::int64_t size);
  /// Calls add(first image, last, sums) for each shard, with sums of its own that are zero at first.
  template <class Add> void run(Add&& add) {
    parallel_for(batch_, shard_, [&](std::int64_t begin, std::int64_t end) {
      float* sums = buffers_ + begin / shard_ * size_;
      std::fill_n(sums, size_, 0.0f);
      add(begin, end, sums);
    });
    add_shards();
  }
  float* data() const { return buffers_; }  ///< the sums over the batch, after run()

 private:
  void add_shards();
  std::int64_t batch_, size_, shard_, shards_;
  Scratch<float> buffers_;
};

}  // namespace weft::cpu_kernels
