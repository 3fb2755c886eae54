// Tensor's methods that are free functions of ops/.
#include <weft/ops/ops.h>

namespace weft {

Tensor Tensor::to(DType dtype) const { return cast(*this, dtype); }
Tensor Tensor::reshape(const Shape& shape) const { return weft::reshape(*this, shape); }
Tensor Tensor::flatten(int start_axis, int end_axis) const { return weft::flatten(*this, start_axis, end_axis); }
Tensor Tensor::permute(const Dims& axes) const { return weft::permute(*this, axes); }
Tensor Tensor::transpose(int a, int b) const { return weft::transpose(*this, a, b); }
Tensor Tensor::squeeze(const Dims& axes) const { return weft::squeeze(*this, axes); }
Tensor Tensor::unsqueeze(int axis) const { return weft::unsqueeze(*this, axis); }
Tensor Tensor::sum(const Dims& axes, bool keepdim) const { return weft::sum(*this, axes, keepdim); }
Tensor Tensor::mean(const Dims& axes, bool keepdim) const { return weft::mean(*this, axes, keepdim); }
Tensor Tensor::max(const Dims& axes, bool keepdim) const { return weft::max(*this, axes, keepdim); }
Tensor Tensor::min(const Dims& axes, bool keepdim) const { return weft::min(*this, axes, keepdim); }
Tensor Tensor::argmax(std::optional<int> axis, bool keepdim) const { return weft::argmax(*this, axis, keepdim); }
Tensor Tensor::matmul(const Tensor& other) const { return weft::matmul(*this, other); }
Tensor Tensor::abs() const { return weft::abs(*this); }
Tensor Tensor::exp() const { return weft::exp(*this); }
Tensor Tensor::log() const { return weft::log(*this); }
Tensor Tensor::sqrt() const { return weft::sqrt(*this); }
Tensor Tensor::pow(double exponent) const { return weft::pow(*this, exponent); }

}  // namespace weft
