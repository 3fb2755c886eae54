// Tensor's methods that are free functions of ops/.
#include <weft/ops/ops.h>

namespace weft {

Tensor Tensor::to(DType dtype, Where w) const { return cast({*this, w}, dtype); }
Tensor Tensor::reshape(const Shape& shape, Where w) const { return weft::reshape({*this, w}, shape); }
Tensor Tensor::flatten(int start_axis, int end_axis, Where w) const {
  return weft::flatten({*this, w}, start_axis, end_axis);
}
Tensor Tensor::permute(const Dims& axes, Where w) const { return weft::permute({*this, w}, axes); }
Tensor Tensor::transpose(int a, int b, Where w) const { return weft::transpose({*this, w}, a, b); }
Tensor Tensor::squeeze(const Dims& axes, Where w) const { return weft::squeeze({*this, w}, axes); }
Tensor Tensor::unsqueeze(int axis, Where w) const { return weft::unsqueeze({*this, w}, axis); }
Tensor Tensor::sum(const Dims& axes, bool keepdim, Where w) const { return weft::sum({*this, w}, axes, keepdim); }
Tensor Tensor::mean(const Dims& axes, bool keepdim, Where w) const { return weft::mean({*this, w}, axes, keepdim); }
Tensor Tensor::max(const Dims& axes, bool keepdim, Where w) const { return weft::max({*this, w}, axes, keepdim); }
Tensor Tensor::min(const Dims& axes, bool keepdim, Where w) const { return weft::min({*this, w}, axes, keepdim); }
Tensor Tensor::argmax(std::optional<int> axis, bool keepdim, Where w) const {
  return weft::argmax({*this, w}, axis, keepdim);
}
Tensor Tensor::matmul(const Tensor& other, Where w) const { return weft::matmul({*this, w}, other); }
Tensor Tensor::abs(Where w) const { return weft::abs({*this, w}); }
Tensor Tensor::exp(Where w) const { return weft::exp({*this, w}); }
Tensor Tensor::log(Where w) const { return weft::log({*this, w}); }
Tensor Tensor::sqrt(Where w) const { return weft::sqrt({*this, w}); }
Tensor Tensor::pow(Operand exponent) const { return weft::pow({*this, exponent.where()}, exponent); }

}  // namespace weft
