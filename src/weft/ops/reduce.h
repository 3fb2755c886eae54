// Combining elements along axes; `axes` empty means all. `keepdim` leaves axes of size 1 in their place.
#pragma once

#include <weft/tensor/tensor.h>

namespace weft {

/// The sum; bool and integers sum in i64.
Tensor sum(Operand x, const Dims& axes = {}, bool keepdim = false);
/// The mean; integers give f32.
Tensor mean(Operand x, const Dims& axes = {}, bool keepdim = false);
/// The product; bool and integers multiply in i64.
Tensor prod(Operand x, const Dims& axes = {}, bool keepdim = false);
/// The largest element (PyTorch: amax); NaN where any is. Equal winners share the gradient. Throws Error for no
/// elements.
Tensor max(Operand x, const Dims& axes = {}, bool keepdim = false);
/// The smallest element (PyTorch: amin), as max.
Tensor min(Operand x, const Dims& axes = {}, bool keepdim = false);
/// max and min by PyTorch's names.
Tensor amax(Operand x, const Dims& axes = {}, bool keepdim = false);
Tensor amin(Operand x, const Dims& axes = {}, bool keepdim = false);
/// The index (i64) of the largest element along an axis, or in the flattened tensor; the first of equals.
Tensor argmax(Operand x, std::optional<int> axis = {}, bool keepdim = false);
/// The index (i64) of the smallest element, as argmax.
Tensor argmin(Operand x, std::optional<int> axis = {}, bool keepdim = false);
/// The variance: the sum of squared distances from the mean over (count - correction). PyTorch's default is 1 (the
/// sample's estimate); Keras and NumPy use 0.
Tensor var(Operand x, const Dims& axes = {}, double correction = 1, bool keepdim = false);
/// The standard deviation: sqrt(var). Write weft::std(x): after `using namespace weft`, `std` alone is ambiguous.
Tensor std(Operand x, const Dims& axes = {}, double correction = 1, bool keepdim = false);
/// The value below which a share q of the elements lies, 0 <= q <= 1, linear between neighbours (NumPy's and PyTorch's
/// default); integers give f32; NaN where any element is.
Tensor quantile(Operand x, double q, const Dims& axes = {}, bool keepdim = false);
/// quantile(x, 0.5), so the mean of the two in the middle, as NumPy (PyTorch: the lower one).
Tensor median(Operand x, const Dims& axes = {}, bool keepdim = false);
/// True where any element is not zero.
Tensor any(Operand x, const Dims& axes = {}, bool keepdim = false);
/// True where no element is zero.
Tensor all(Operand x, const Dims& axes = {}, bool keepdim = false);
/// How many elements are not zero (i64).
Tensor count_nonzero(Operand x, const Dims& axes = {}, bool keepdim = false);
/// ln(sum(e^x)), without overflow.
Tensor logsumexp(Operand x, const Dims& axes = {}, bool keepdim = false);
/// (sum |x|^p)^(1/p); p = 0 counts the elements that are not zero, p = infinity is max |x|, p = -infinity min |x|. For
/// p = 2 the gradient at 0 is 0.
Tensor norm(Operand x, double p = 2, const Dims& axes = {}, bool keepdim = false);
/// The sum of the elements that are not NaN.
Tensor nansum(Operand x, const Dims& axes = {}, bool keepdim = false);
/// The mean of the elements that are not NaN; NaN where there is none.
Tensor nanmean(Operand x, const Dims& axes = {}, bool keepdim = false);
/// The product, variance and standard deviation of the elements that are not NaN, as prod, var and std.
Tensor nanprod(Operand x, const Dims& axes = {}, bool keepdim = false);
Tensor nanvar(Operand x, const Dims& axes = {}, double correction = 1, bool keepdim = false);
Tensor nanstd(Operand x, const Dims& axes = {}, double correction = 1, bool keepdim = false);
/// The largest or smallest of the elements that are not NaN; NaN where there is none.
Tensor nanmax(Operand x, const Dims& axes = {}, bool keepdim = false);
Tensor nanmin(Operand x, const Dims& axes = {}, bool keepdim = false);

/// y[i] = x[0] + … + x[i] along an axis; bool and integers sum in i64. `reverse`: from the end; `exclusive`: without
/// x[i].
Tensor cumsum(Operand x, int axis, bool reverse = false, bool exclusive = false);
/// y[i] = x[0] * … * x[i] along an axis, as cumsum.
Tensor cumprod(Operand x, int axis, bool reverse = false, bool exclusive = false);
/// y[i] = a[i] * y[i - 1] + b[i] along an axis, with y[-1] = 0; `reverse`: from the end.
Tensor linear_scan(Operand a, Operand b, int axis, bool reverse = false);

}  // namespace weft
