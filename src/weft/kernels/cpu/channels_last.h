// Geometry of channels-last images, shared by their kernels.
#pragma once

#include <algorithm>

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
  /// Rows or columns of input that `n` results read.
  /// Reading all results along an axis stays inside the image.
  bool inside(int axis) const { return pad[axis] == 0 && reach(axis, windows(axis) * pool[axis]) <= in[axis]; }
  std::int64_t reach(int axis, std::int64_t n) const { return (n - 1) * stride[axis] + (kernel[axis] - 1) * dilation[axis] + 1; }
};

/// A part of an image that starts at a row and column, either of which may lie in the padding, with rows `row_step`
/// apart: the image itself where nothing is padded, else a copy with zeros around and behind it.
class Stage {
 public:
  /// For parts of at most rows x columns. `copy` asks for a copy whatever the part (readable channel_step elements
  /// behind its end).
  Stage(const std::int64_t (&image)[2], std::int64_t channels, std::int64_t rows, std::int64_t columns, bool copy);
  const float* part(const float* image, std::int64_t row, std::int64_t column, std::int64_t rows);
  std::int64_t row_step() const { return row_step_; }

 private:
  std::int64_t height_, width_, channels_, columns_, row_step_;
  bool copy_;
  Scratch<float> memory_;
};

/// What every channels-last convolution here declines.
const char* decline_images(const KernelCall& call, const op::ConvShape& s);

/// to[tap][channel][filter] of weights [filter][channel][tap], for product_row.
void pack_by_input(const float* w, const Images& g, float* to);
/// to[run][filter][input of the run], rows of `width`, for gradients of the input.
void pack_by_filter(const float* w, const Images& g, std::int64_t width, float* to);

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
void winograd_conv(const Images& g, const Forward& c);
/// False where tiles do not pay: nothing is done.
bool winograd_input_grad(const Images& g, const float* dy, const float* w, float* dx);
void winograd_weight_grad(const Images& g, const float* x, const float* dy, float* dw);

/// Images of a shard of a weight gradient, whose sums take `size` elements; shards are added in their order.
std::int64_t shard_images(const Images& g, std::int64_t size);
/// buffers[i] += buffers[k * size + i] for k = 1, 2, …
void add_shards(float* buffers, std::int64_t shards, std::int64_t size);
/// dw[filter][channel][tap] = from[at(filter, channel, tap)].
template <class At> void unpack_weights(const Images& g, const float* from, float* dw, At&& at) {
  const std::int64_t taps = g.taps();
  parallel_for(g.filters, std::max<std::int64_t>(1, 2048 / (taps * g.channels)), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t o = begin; o < end; ++o)
      for (std::int64_t t = 0; t < taps; ++t)
        for (std::int64_t c = 0; c < g.channels; ++c) dw[(o * g.channels + c) * taps + t] = from[at(o, c, t)];
  });
}

}  // namespace weft::cpu_kernels
