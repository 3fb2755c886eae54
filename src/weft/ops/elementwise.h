// Element-wise operations. Tensors broadcast as in NumPy; numbers are weak (see Operand).
#pragma once

#include <weft/tensor/tensor.h>

namespace weft {

/// y = -x
Tensor neg(Operand x);
/// y = |x|
Tensor abs(Operand x);
/// y = -1, 0 or 1 as x is negative, zero or positive; NaN stays
Tensor sign(Operand x);
/// y = e^x
Tensor exp(Operand x);
/// y = e^x - 1, accurate near 0
Tensor expm1(Operand x);
/// y = ln x
Tensor log(Operand x);
/// y = ln(1 + x), accurate near 0
Tensor log1p(Operand x);
/// y = log2 x
Tensor log2(Operand x);
/// y = x^(1/2)
Tensor sqrt(Operand x);
/// y = x^(-1/2)
Tensor rsqrt(Operand x);
/// y = x^2
Tensor square(Operand x);
/// y = 1 / x
Tensor reciprocal(Operand x);
/// y = sin x
Tensor sin(Operand x);
/// y = cos x
Tensor cos(Operand x);
/// y = tan x
Tensor tan(Operand x);
/// y = arcsin x
Tensor asin(Operand x);
/// y = arccos x
Tensor acos(Operand x);
/// y = arctan x
Tensor atan(Operand x);
/// y = sinh x
Tensor sinh(Operand x);
/// y = cosh x
Tensor cosh(Operand x);
/// y = tanh x
Tensor tanh(Operand x);
/// y = arsinh x
Tensor asinh(Operand x);
/// y = arcosh x
Tensor acosh(Operand x);
/// y = artanh x
Tensor atanh(Operand x);
/// y = 2/sqrt(pi) * integral of e^(-t^2) from 0 to x
Tensor erf(Operand x);
/// the x for which erf(y) = x
Tensor erfinv(Operand x);
/// the largest integer not above x
Tensor floor(Operand x);
/// the smallest integer not below x
Tensor ceil(Operand x);
/// the nearest integer; halves go to the even one
Tensor round(Operand x);
/// the integer part
Tensor trunc(Operand x);
/// true where x is NaN
Tensor isnan(Operand x);
/// true where x is infinite
Tensor isinf(Operand x);
/// true where x is neither infinite nor NaN
Tensor isfinite(Operand x);
/// true where x is false
Tensor logical_not(Operand x);
/// every bit inverted (bool: logical not)
Tensor bitwise_not(Operand x);
/// y = max(x, 0)
Tensor relu(Operand x);
/// y = 1 / (1 + e^-x)
Tensor sigmoid(Operand x);
/// y = x * sigmoid(x) (swish)
Tensor silu(Operand x);
/// y = x * Phi(x), the exact form with erf
Tensor gelu(Operand x);
/// y = ln(1 + e^x), without overflow
Tensor softplus(Operand x);
/// y = x where x > 0, slope * x elsewhere
Tensor leaky_relu(Operand x, double slope = 0.01);
/// y = x where x > 0, alpha * (e^x - 1) elsewhere
Tensor elu(Operand x, double alpha = 1.0);
/// y = min(max(x, lo), hi)
Tensor clip(Operand x, double lo, double hi);
/// y = a + b
Tensor add(Operand a, Operand b);
/// y = a - b
Tensor sub(Operand a, Operand b);
/// y = a * b
Tensor mul(Operand a, Operand b);
/// y = a / b; integers divide to f32
Tensor div(Operand a, Operand b);
/// y = a^b
Tensor pow(Operand a, Operand b);
/// the remainder with the sign of b (Python, NumPy)
Tensor mod(Operand a, Operand b);
/// the quotient rounded down
Tensor floor_divide(Operand a, Operand b);
/// the larger; NaN where either is NaN
Tensor maximum(Operand a, Operand b);
/// the smaller; NaN where either is NaN
Tensor minimum(Operand a, Operand b);
/// the angle of the point (b, a)
Tensor atan2(Operand a, Operand b);
/// y = (a^2 + b^2)^(1/2), without overflow
Tensor hypot(Operand a, Operand b);
/// y = ln(e^a + e^b), without overflow
Tensor logaddexp(Operand a, Operand b);
/// true where a = b
Tensor equal(Operand a, Operand b);
/// true where a differs from b
Tensor not_equal(Operand a, Operand b);
/// true where a < b
Tensor less(Operand a, Operand b);
/// true where a <= b
Tensor less_equal(Operand a, Operand b);
/// true where a > b
Tensor greater(Operand a, Operand b);
/// true where a >= b
Tensor greater_equal(Operand a, Operand b);
/// true where both are true
Tensor logical_and(Operand a, Operand b);
/// true where either is true
Tensor logical_or(Operand a, Operand b);
/// true where one alone is true
Tensor logical_xor(Operand a, Operand b);
/// bits set in both
Tensor bitwise_and(Operand a, Operand b);
/// bits set in either
Tensor bitwise_or(Operand a, Operand b);
/// bits set in one alone
Tensor bitwise_xor(Operand a, Operand b);
/// a times 2^b
Tensor left_shift(Operand a, Operand b);
/// a divided by 2^b, rounded down
Tensor right_shift(Operand a, Operand b);
/// g where y > 0, else 0: the gradient of relu
Tensor relu_grad(Operand y, Operand g);
/// a where condition is true, else b
Tensor where(Operand condition, Operand a, Operand b);
/// x in another dtype; floating to integer truncates, anything to bool is x != 0
Tensor cast(Operand x, DType to);

/// equal(a, b)
Tensor operator==(Operand a, Operand b);
/// not_equal(a, b)
Tensor operator!=(Operand a, Operand b);
/// less(a, b)
Tensor operator<(Operand a, Operand b);
/// less_equal(a, b)
Tensor operator<=(Operand a, Operand b);
/// greater(a, b)
Tensor operator>(Operand a, Operand b);
/// greater_equal(a, b)
Tensor operator>=(Operand a, Operand b);
/// add(a, b)
Tensor operator+(Operand a, Operand b);
/// sub(a, b)
Tensor operator-(Operand a, Operand b);
/// mul(a, b)
Tensor operator*(Operand a, Operand b);
/// div(a, b)
Tensor operator/(Operand a, Operand b);
/// bitwise_and(a, b)
Tensor operator&(Operand a, Operand b);
/// bitwise_or(a, b)
Tensor operator|(Operand a, Operand b);
/// bitwise_xor(a, b)
Tensor operator^(Operand a, Operand b);
/// neg(x)
Tensor operator-(Operand x);
/// logical_not(x)
Tensor operator!(Operand x);
/// Rebinds a to a + b; no other handle sees it.
Tensor& operator+=(Tensor& a, Operand b);
/// Rebinds a to a - b.
Tensor& operator-=(Tensor& a, Operand b);
/// Rebinds a to a * b.
Tensor& operator*=(Tensor& a, Operand b);
/// Rebinds a to a / b.
Tensor& operator/=(Tensor& a, Operand b);

}  // namespace weft
