#include <weft/ops/elementwise.h>

#include <weft/opdefs/elementwise.h>
#include <weft/ops/ops.h>
#include <weft/tensor/tape.h>

namespace weft {

Tensor neg(Operand x) { return apply(op::Neg{}, x); }
Tensor abs(Operand x) { return apply(op::Abs{}, x); }
Tensor sign(Operand x) { return apply(op::Sign{}, x); }
Tensor exp(Operand x) { return apply(op::Exp{}, x); }
Tensor expm1(Operand x) { return apply(op::Expm1{}, x); }
Tensor log(Operand x) { return apply(op::Log{}, x); }
Tensor log1p(Operand x) { return apply(op::Log1p{}, x); }
Tensor log2(Operand x) { return apply(op::Log2{}, x); }
Tensor sqrt(Operand x) { return apply(op::Sqrt{}, x); }
Tensor rsqrt(Operand x) { return apply(op::Rsqrt{}, x); }
Tensor square(Operand x) { return apply(op::Square{}, x); }
Tensor reciprocal(Operand x) { return apply(op::Reciprocal{}, x); }
Tensor sin(Operand x) { return apply(op::Sin{}, x); }
Tensor cos(Operand x) { return apply(op::Cos{}, x); }
Tensor tan(Operand x) { return apply(op::Tan{}, x); }
Tensor asin(Operand x) { return apply(op::Asin{}, x); }
Tensor acos(Operand x) { return apply(op::Acos{}, x); }
Tensor atan(Operand x) { return apply(op::Atan{}, x); }
Tensor sinh(Operand x) { return apply(op::Sinh{}, x); }
Tensor cosh(Operand x) { return apply(op::Cosh{}, x); }
Tensor tanh(Operand x) { return apply(op::Tanh{}, x); }
Tensor asinh(Operand x) { return apply(op::Asinh{}, x); }
Tensor acosh(Operand x) { return apply(op::Acosh{}, x); }
Tensor atanh(Operand x) { return apply(op::Atanh{}, x); }
Tensor erf(Operand x) { return apply(op::Erf{}, x); }
Tensor erfinv(Operand x) { return apply(op::Erfinv{}, x); }
Tensor floor(Operand x) { return apply(op::Floor{}, x); }
Tensor ceil(Operand x) { return apply(op::Ceil{}, x); }
Tensor round(Operand x) { return apply(op::Round{}, x); }
Tensor trunc(Operand x) { return apply(op::Trunc{}, x); }
Tensor isnan(Operand x) { return apply(op::IsNan{}, x); }
Tensor isinf(Operand x) { return apply(op::IsInf{}, x); }
Tensor isfinite(Operand x) { return apply(op::IsFinite{}, x); }
Tensor logical_not(Operand x) { return apply(op::LogicalNot{}, x); }
Tensor bitwise_not(Operand x) { return apply(op::BitwiseNot{}, x); }
Tensor relu(Operand x) { return apply(op::Relu{}, x); }
Tensor sigmoid(Operand x) { return apply(op::Sigmoid{}, x); }
Tensor silu(Operand x) { return apply(op::Silu{}, x); }
Tensor gelu(Operand x) { return apply(op::Gelu{}, x); }
Tensor softplus(Operand x) { return apply(op::Softplus{}, x); }
Tensor leaky_relu(Operand x, double slope) { return apply(op::LeakyRelu{slope}, x); }
Tensor elu(Operand x, double alpha) { return apply(op::Elu{alpha}, x); }
Tensor clip(Operand x, double lo, double hi) { return apply(op::Clip{lo, hi}, x); }
Tensor add(Operand a, Operand b) { return apply(op::Add{}, a, b); }
Tensor sub(Operand a, Operand b) { return apply(op::Sub{}, a, b); }
Tensor mul(Operand a, Operand b) { return apply(op::Mul{}, a, b); }
Tensor div(Operand a, Operand b) { return apply(op::Div{}, a, b); }
Tensor pow(Operand a, Operand b) { return apply(op::Pow{}, a, b); }
Tensor mod(Operand a, Operand b) { return apply(op::Mod{}, a, b); }
Tensor floor_divide(Operand a, Operand b) { return apply(op::FloorDivide{}, a, b); }
Tensor maximum(Operand a, Operand b) { return apply(op::Maximum{}, a, b); }
Tensor minimum(Operand a, Operand b) { return apply(op::Minimum{}, a, b); }
Tensor atan2(Operand a, Operand b) { return apply(op::Atan2{}, a, b); }
Tensor hypot(Operand a, Operand b) { return apply(op::Hypot{}, a, b); }
Tensor logaddexp(Operand a, Operand b) { return apply(op::Logaddexp{}, a, b); }
Tensor equal(Operand a, Operand b) { return apply(op::Equal{}, a, b); }
Tensor not_equal(Operand a, Operand b) { return apply(op::NotEqual{}, a, b); }
Tensor less(Operand a, Operand b) { return apply(op::Less{}, a, b); }
Tensor less_equal(Operand a, Operand b) { return apply(op::LessEqual{}, a, b); }
Tensor greater(Operand a, Operand b) { return apply(op::Greater{}, a, b); }
Tensor greater_equal(Operand a, Operand b) { return apply(op::GreaterEqual{}, a, b); }
Tensor logical_and(Operand a, Operand b) { return apply(op::LogicalAnd{}, a, b); }
Tensor logical_or(Operand a, Operand b) { return apply(op::LogicalOr{}, a, b); }
Tensor logical_xor(Operand a, Operand b) { return apply(op::LogicalXor{}, a, b); }
Tensor bitwise_and(Operand a, Operand b) { return apply(op::BitwiseAnd{}, a, b); }
Tensor bitwise_or(Operand a, Operand b) { return apply(op::BitwiseOr{}, a, b); }
Tensor bitwise_xor(Operand a, Operand b) { return apply(op::BitwiseXor{}, a, b); }
Tensor left_shift(Operand a, Operand b) { return apply(op::LeftShift{}, a, b); }
Tensor right_shift(Operand a, Operand b) { return apply(op::RightShift{}, a, b); }
Tensor relu_grad(Operand y, Operand g) { return apply(op::ReluGrad{}, y, g); }
Tensor where(Operand condition, Operand a, Operand b) { return apply(op::Where{}, condition, a, b); }
Tensor cast(Operand x, DType to) {
  if (x.kind() == Operand::Kind::tensor && x.tensor().dtype() == to) return x.tensor();
  return apply(op::Cast{to}, x);
}

Tensor operator==(Operand a, Operand b) { return equal(a, b); }
Tensor operator!=(Operand a, Operand b) { return not_equal(a, b); }
Tensor operator<(Operand a, Operand b) { return less(a, b); }
Tensor operator<=(Operand a, Operand b) { return less_equal(a, b); }
Tensor operator>(Operand a, Operand b) { return greater(a, b); }
Tensor operator>=(Operand a, Operand b) { return greater_equal(a, b); }
Tensor operator+(Operand a, Operand b) { return add(a, b); }
Tensor operator-(Operand a, Operand b) { return sub(a, b); }
Tensor operator*(Operand a, Operand b) { return mul(a, b); }
Tensor operator/(Operand a, Operand b) { return div(a, b); }
Tensor operator&(Operand a, Operand b) { return bitwise_and(a, b); }
Tensor operator|(Operand a, Operand b) { return bitwise_or(a, b); }
Tensor operator^(Operand a, Operand b) { return bitwise_xor(a, b); }
Tensor operator-(Operand x) { return neg(x); }
Tensor operator!(Operand x) { return logical_not(x); }
Tensor& operator+=(Tensor& a, Operand b) { return a = add(a, b); }
Tensor& operator-=(Tensor& a, Operand b) { return a = sub(a, b); }
Tensor& operator*=(Tensor& a, Operand b) { return a = mul(a, b); }
Tensor& operator/=(Tensor& a, Operand b) { return a = div(a, b); }

void register_elementwise_gradients() {
  add_vjps(op::Unary{});
  add_vjps(op::Binary{});
  add_vjps(op::Ternary{});
  add_vjps(op::Casts{});
}

}  // namespace weft
