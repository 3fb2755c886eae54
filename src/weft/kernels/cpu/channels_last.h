// Geometry of channels-last images, shared by their kernels.
#pragma once

#include <cstring>

#include <weft/base/memory.h>
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

}  // namespace weft::cpu_kernels
