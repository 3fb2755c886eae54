// Shared by the files that define ops/nn.h.
#pragma once

#include <vector>

#include <weft/tensor/tensor.h>

namespace weft::detail {

/// x with `axis` multiplied by a matrix [out, size of the axis]: linear resizing and adaptive pooling.
Tensor resample_axis(const Tensor& x, int axis, const std::vector<double>& matrix, std::int64_t out);

}  // namespace weft::detail
