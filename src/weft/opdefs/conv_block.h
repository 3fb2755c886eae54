// Convolution with what usually follows it, in one operator each way. Compiled steps put these in the place of conv,
// relu and max_pool and of their gradients; they have no gradient rules of their own.
#pragma once

#include <weft/opdefs/conv.h>

namespace weft::op {

/// y = max_pool(relu(conv(x, weight, bias))); `relu` and `pool` say which parts there are. The windows of the pool lie
/// side by side: its stride is its size.
struct ConvBlock {
  Dims stride, pad_before, pad_after, dilation;  ///< as in Conv
  std::int64_t groups = 1;
  bool relu = true;
  Dims pool;  ///< one number a spatial axis; empty: no max_pool, and `index` has no elements
  static constexpr auto signature = sig("conv_block(x, weight, bias?) -> y, index");
  static constexpr auto doc = "conv, then relu and max_pool where asked for; index as max_pool gives it";
  static constexpr Types types = Types::floating;
  ConvShape geometry(const Shape& x, const Shape& w) const;
  /// Sizes of y for the convolution's.
  Dims pooled(const Dims& out) const;
  Metas infer(Inputs in) const;
  Axes axes_of(Inputs in) const;
  std::int64_t macs(Inputs in, std::span<const Meta>) const { return geometry(in[0].shape, in[1].shape).macs(); }
  static std::vector<Case<ConvBlock>> domain();
};

/// conv_input_grad(max_pool_grad(g, index), weight).
struct ConvBlockInputGrad {
  Dims stride, pad_before, pad_after, dilation;
  std::int64_t groups = 1;
  Dims size;  ///< spatial sizes of the result
  Dims pool;  ///< of the max_pool
  static constexpr auto signature = sig("conv_block_input_grad(g, index:any, weight) -> dx");
  static constexpr auto doc = "the gradient of a convolution for its input, from that of the max_pool behind it";
  static constexpr Types types = Types::floating;
  ConvShape geometry(const Shape& g, const Shape& w) const;
  Metas infer(Inputs in) const;
  Axes axes_of(Inputs in) const;
  std::int64_t macs(Inputs in, std::span<const Meta>) const;
  static std::vector<Case<ConvBlockInputGrad>> domain();
};

/// conv_weight_grad(x, max_pool_grad(g, index)).
struct ConvBlockWeightGrad {
  Dims stride, pad_before, pad_after, dilation;
  std::int64_t groups = 1;
  Dims kernel;  ///< spatial sizes of the result
  Dims pool;    ///< of the max_pool
  static constexpr auto signature = sig("conv_block_weight_grad(x, g, index:any) -> dw");
  static constexpr auto doc = "the gradient of a convolution for its weight, from that of the max_pool behind it";
  static constexpr Types types = Types::floating;
  ConvShape geometry(const Shape& x, const Shape& g) const;
  Metas infer(Inputs in) const;
  Axes axes_of(Inputs in) const;
  std::int64_t macs(Inputs in, std::span<const Meta>) const;
  static std::vector<Case<ConvBlockWeightGrad>> domain();
};

using ConvBlocks = OpList<ConvBlock, ConvBlockInputGrad, ConvBlockWeightGrad>;

}  // namespace weft::op

namespace weft {
/// Puts this family into the operator table.
void register_conv_block_ops();
}  // namespace weft
