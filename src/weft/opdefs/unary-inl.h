// Operators of one argument with a formula per element.
// Included once with plain numbers (elementwise.h) and once per SIMD target: each struct is the whole operator, and
// `eval` is its formula for V = double, std::int64_t, or a vector. No include guard on purpose.

namespace weft::op::WEFT_TARGET {

struct Neg {
  static constexpr auto signature = sig("neg(x) -> y");
  static constexpr auto doc = "y = -x";
  static constexpr Types types = Types::numeric;
  template <class V> V eval(V x) const { return -x; }
  template <class T> T vjp(const Saved<T>& , T g) const { return -g; }
};

struct Abs {
  static constexpr auto signature = sig("abs(x) -> y");
  static constexpr auto doc = "y = |x|";
  static constexpr Types types = Types::numeric;
  template <class V> V eval(V x) const { return abs(x); }
  template <class T> T vjp(const Saved<T>& s, T g) const { return g * sign(s.in(0)); }
  static constexpr Saves saves = saves_inputs(0);
};

struct Sign {
  static constexpr auto signature = sig("sign(x) -> y");
  static constexpr auto doc = "y = -1, 0 or 1 as x is negative, zero or positive; NaN stays";
  static constexpr Types types = Types::numeric;
  template <class V> V eval(V x) const { return select(x > V(0), V(1), select(x < V(0), V(-1), x)); }
  template <class T> T vjp(const Saved<T>& , T g) const { return zeros_like(g); }
};

struct Exp {
  static constexpr auto signature = sig("exp(x) -> y");
  static constexpr auto doc = "y = e^x";
  static constexpr Types types = Types::floating;
  template <class V> V eval(V x) const { return exp(x); }
  template <class T> T vjp(const Saved<T>& s, T g) const { return g * s.out(0); }
  static constexpr Saves saves = saves_outputs(0);
};

struct Expm1 {
  static constexpr auto signature = sig("expm1(x) -> y");
  static constexpr auto doc = "y = e^x - 1, accurate near 0";
  static constexpr Types types = Types::floating;
  template <class V> V eval(V x) const { return expm1(x); }
  template <class T> T vjp(const Saved<T>& s, T g) const { return g * (s.out(0) + 1.0); }
  static constexpr Saves saves = saves_outputs(0);
};

struct Log {
  static constexpr auto signature = sig("log(x) -> y");
  static constexpr auto doc = "y = ln x";
  static constexpr Types types = Types::floating;
  static constexpr Range range[] = {{0.1, 4}};
  template <class V> V eval(V x) const { return log(x); }
  template <class T> T vjp(const Saved<T>& s, T g) const { return g / s.in(0); }
  static constexpr Saves saves = saves_inputs(0);
};

struct Log1p {
  static constexpr auto signature = sig("log1p(x) -> y");
  static constexpr auto doc = "y = ln(1 + x), accurate near 0";
  static constexpr Types types = Types::floating;
  static constexpr Range range[] = {{-0.8, 4}};
  template <class V> V eval(V x) const { return log1p(x); }
  template <class T> T vjp(const Saved<T>& s, T g) const { return g / (s.in(0) + 1.0); }
  static constexpr Saves saves = saves_inputs(0);
};

struct Log2 {
  static constexpr auto signature = sig("log2(x) -> y");
  static constexpr auto doc = "y = log2 x";
  static constexpr Types types = Types::floating;
  static constexpr Range range[] = {{0.1, 4}};
  template <class V> V eval(V x) const { return log2(x); }
  template <class T> T vjp(const Saved<T>& s, T g) const { return g / (s.in(0) * 0.69314718055994530942); }
  static constexpr Saves saves = saves_inputs(0);
};

struct Sqrt {
  static constexpr auto signature = sig("sqrt(x) -> y");
  static constexpr auto doc = "y = x^(1/2)";
  static constexpr Types types = Types::floating;
  static constexpr Range range[] = {{0.1, 4}};
  template <class V> V eval(V x) const { return sqrt(x); }
  template <class T> T vjp(const Saved<T>& s, T g) const { return g / (s.out(0) * 2.0); }
  static constexpr Saves saves = saves_outputs(0);
};

struct Rsqrt {
  static constexpr auto signature = sig("rsqrt(x) -> y");
  static constexpr auto doc = "y = x^(-1/2)";
  static constexpr Types types = Types::floating;
  static constexpr Range range[] = {{0.2, 4}};
  template <class V> V eval(V x) const { return V(1) / sqrt(x); }
  template <class T> T vjp(const Saved<T>& s, T g) const { return g * -0.5 * s.out(0) * s.out(0) * s.out(0); }
  static constexpr Saves saves = saves_outputs(0);
};

struct Square {
  static constexpr auto signature = sig("square(x) -> y");
  static constexpr auto doc = "y = x^2";
  static constexpr Types types = Types::numeric;
  template <class V> V eval(V x) const { return x * x; }
  template <class T> T vjp(const Saved<T>& s, T g) const { return g * s.in(0) * 2.0; }
  static constexpr Saves saves = saves_inputs(0);
};

struct Reciprocal {
  static constexpr auto signature = sig("reciprocal(x) -> y");
  static constexpr auto doc = "y = 1 / x";
  static constexpr Types types = Types::floating;
  static constexpr Range range[] = {{0.3, 3}};
  template <class V> V eval(V x) const { return V(1) / x; }
  template <class T> T vjp(const Saved<T>& s, T g) const { return -g * s.out(0) * s.out(0); }
  static constexpr Saves saves = saves_outputs(0);
};

struct Sin {
  static constexpr auto signature = sig("sin(x) -> y");
  static constexpr auto doc = "y = sin x";
  static constexpr Types types = Types::floating;
  template <class V> V eval(V x) const { return sin(x); }
  template <class T> T vjp(const Saved<T>& s, T g) const { return g * cos(s.in(0)); }
  static constexpr Saves saves = saves_inputs(0);
};

struct Cos {
  static constexpr auto signature = sig("cos(x) -> y");
  static constexpr auto doc = "y = cos x";
  static constexpr Types types = Types::floating;
  template <class V> V eval(V x) const { return cos(x); }
  template <class T> T vjp(const Saved<T>& s, T g) const { return -g * sin(s.in(0)); }
  static constexpr Saves saves = saves_inputs(0);
};

struct Tan {
  static constexpr auto signature = sig("tan(x) -> y");
  static constexpr auto doc = "y = tan x";
  static constexpr Types types = Types::floating;
  static constexpr Range range[] = {{-1, 1}};
  template <class V> V eval(V x) const { return tan(x); }
  template <class T> T vjp(const Saved<T>& s, T g) const { return g * (square(s.out(0)) + 1.0); }
  static constexpr Saves saves = saves_outputs(0);
};

struct Asin {
  static constexpr auto signature = sig("asin(x) -> y");
  static constexpr auto doc = "y = arcsin x";
  static constexpr Types types = Types::floating;
  static constexpr Range range[] = {{-0.8, 0.8}};
  template <class V> V eval(V x) const { return asin(x); }
  template <class T> T vjp(const Saved<T>& s, T g) const { return g * rsqrt(1.0 - square(s.in(0))); }
  static constexpr Saves saves = saves_inputs(0);
};

struct Acos {
  static constexpr auto signature = sig("acos(x) -> y");
  static constexpr auto doc = "y = arccos x";
  static constexpr Types types = Types::floating;
  static constexpr Range range[] = {{-0.8, 0.8}};
  template <class V> V eval(V x) const { return acos(x); }
  template <class T> T vjp(const Saved<T>& s, T g) const { return -g * rsqrt(1.0 - square(s.in(0))); }
  static constexpr Saves saves = saves_inputs(0);
};

struct Atan {
  static constexpr auto signature = sig("atan(x) -> y");
  static constexpr auto doc = "y = arctan x";
  static constexpr Types types = Types::floating;
  template <class V> V eval(V x) const { return atan(x); }
  template <class T> T vjp(const Saved<T>& s, T g) const { return g / (square(s.in(0)) + 1.0); }
  static constexpr Saves saves = saves_inputs(0);
};

struct Sinh {
  static constexpr auto signature = sig("sinh(x) -> y");
  static constexpr auto doc = "y = sinh x";
  static constexpr Types types = Types::floating;
  template <class V> V eval(V x) const { return sinh(x); }
  template <class T> T vjp(const Saved<T>& s, T g) const { return g * cosh(s.in(0)); }
  static constexpr Saves saves = saves_inputs(0);
};

struct Cosh {
  static constexpr auto signature = sig("cosh(x) -> y");
  static constexpr auto doc = "y = cosh x";
  static constexpr Types types = Types::floating;
  template <class V> V eval(V x) const { return cosh(x); }
  template <class T> T vjp(const Saved<T>& s, T g) const { return g * sinh(s.in(0)); }
  static constexpr Saves saves = saves_inputs(0);
};

struct Tanh {
  static constexpr auto signature = sig("tanh(x) -> y");
  static constexpr auto doc = "y = tanh x";
  static constexpr Types types = Types::floating;
  template <class V> V eval(V x) const { return tanh(x); }
  template <class T> T vjp(const Saved<T>& s, T g) const { return g * (1.0 - square(s.out(0))); }
  static constexpr Saves saves = saves_outputs(0);
};

struct Asinh {
  static constexpr auto signature = sig("asinh(x) -> y");
  static constexpr auto doc = "y = arsinh x";
  static constexpr Types types = Types::floating;
  template <class V> V eval(V x) const { return asinh(x); }
  template <class T> T vjp(const Saved<T>& s, T g) const { return g * rsqrt(square(s.in(0)) + 1.0); }
  static constexpr Saves saves = saves_inputs(0);
};

struct Acosh {
  static constexpr auto signature = sig("acosh(x) -> y");
  static constexpr auto doc = "y = arcosh x";
  static constexpr Types types = Types::floating;
  static constexpr Range range[] = {{1.3, 4}};
  template <class V> V eval(V x) const { return acosh(x); }
  template <class T> T vjp(const Saved<T>& s, T g) const { return g * rsqrt(square(s.in(0)) - 1.0); }
  static constexpr Saves saves = saves_inputs(0);
};

struct Atanh {
  static constexpr auto signature = sig("atanh(x) -> y");
  static constexpr auto doc = "y = artanh x";
  static constexpr Types types = Types::floating;
  static constexpr Range range[] = {{-0.8, 0.8}};
  template <class V> V eval(V x) const { return atanh(x); }
  template <class T> T vjp(const Saved<T>& s, T g) const { return g / (1.0 - square(s.in(0))); }
  static constexpr Saves saves = saves_inputs(0);
};

struct Erf {
  static constexpr auto signature = sig("erf(x) -> y");
  static constexpr auto doc = "y = 2/sqrt(pi) * integral of e^(-t^2) from 0 to x";
  static constexpr Types types = Types::floating;
  template <class V> V eval(V x) const { return erf(x); }
  template <class T> T vjp(const Saved<T>& s, T g) const { return g * 1.12837916709551257390 * exp(-square(s.in(0))); }
  static constexpr Saves saves = saves_inputs(0);
};

struct Erfinv {
  static constexpr auto signature = sig("erfinv(x) -> y");
  static constexpr auto doc = "the x for which erf(y) = x";
  static constexpr Types types = Types::floating;
  static constexpr Range range[] = {{-0.9, 0.9}};
  static constexpr bool simd = false;
  template <class V> V eval(V x) const { return erfinv(x); }
  template <class T> T vjp(const Saved<T>& s, T g) const { return g * 0.88622692545275801365 * exp(square(s.out(0))); }
  static constexpr Saves saves = saves_outputs(0);
};

struct Floor {
  static constexpr auto signature = sig("floor(x) -> y");
  static constexpr auto doc = "the largest integer not above x";
  static constexpr Types types = Types::numeric;
  template <class V> V eval(V x) const { return floor(x); }
  template <class T> T vjp(const Saved<T>& , T g) const { return zeros_like(g); }
};

struct Ceil {
  static constexpr auto signature = sig("ceil(x) -> y");
  static constexpr auto doc = "the smallest integer not below x";
  static constexpr Types types = Types::numeric;
  template <class V> V eval(V x) const { return ceil(x); }
  template <class T> T vjp(const Saved<T>& , T g) const { return zeros_like(g); }
};

struct Round {
  static constexpr auto signature = sig("round(x) -> y");
  static constexpr auto doc = "the nearest integer; halves go to the even one";
  static constexpr Types types = Types::numeric;
  template <class V> V eval(V x) const { return round(x); }
  template <class T> T vjp(const Saved<T>& , T g) const { return zeros_like(g); }
};

struct Trunc {
  static constexpr auto signature = sig("trunc(x) -> y");
  static constexpr auto doc = "the integer part";
  static constexpr Types types = Types::numeric;
  template <class V> V eval(V x) const { return trunc(x); }
  template <class T> T vjp(const Saved<T>& , T g) const { return zeros_like(g); }
};

struct IsNan {
  static constexpr auto signature = sig("isnan(x) -> y");
  static constexpr auto doc = "true where x is NaN";
  static constexpr Types types = Types::floating;
  static constexpr DType result = DType::boolean;
  template <class V> auto eval(V x) const { return x != x; }
};

struct IsInf {
  static constexpr auto signature = sig("isinf(x) -> y");
  static constexpr auto doc = "true where x is infinite";
  static constexpr Types types = Types::floating;
  static constexpr DType result = DType::boolean;
  template <class V> auto eval(V x) const { return abs(x) == V(std::numeric_limits<double>::infinity()); }
};

struct IsFinite {
  static constexpr auto signature = sig("isfinite(x) -> y");
  static constexpr auto doc = "true where x is neither infinite nor NaN";
  static constexpr Types types = Types::floating;
  static constexpr DType result = DType::boolean;
  template <class V> auto eval(V x) const { return abs(x) < V(std::numeric_limits<double>::infinity()); }
};

struct LogicalNot {
  static constexpr auto signature = sig("logical_not(x) -> y");
  static constexpr auto doc = "true where x is false";
  static constexpr Types types = Types::boolean;
  static constexpr DType result = DType::boolean;
  template <class V> auto eval(V x) const { return x == V(0); }
};

struct BitwiseNot {
  static constexpr auto signature = sig("bitwise_not(x) -> y");
  static constexpr auto doc = "every bit inverted (bool: logical not)";
  static constexpr Types types = Types::integral;
  static constexpr bool simd = false;
  template <class V> V eval(V x) const { return V(-1) - x; }
};

struct Relu {
  static constexpr auto signature = sig("relu(x) -> y");
  static constexpr auto doc = "y = max(x, 0)";
  static constexpr Types types = Types::numeric;
  template <class V> V eval(V x) const { return max(x, V(0)); }
  template <class T> T vjp(const Saved<T>& s, T g) const { return relu_grad(s.out(0), g); }
  static constexpr Saves saves = saves_outputs(0);
};

struct Sigmoid {
  static constexpr auto signature = sig("sigmoid(x) -> y");
  static constexpr auto doc = "y = 1 / (1 + e^-x)";
  static constexpr Types types = Types::floating;
  template <class V> V eval(V x) const { return V(1) / (V(1) + exp(-x)); }
  template <class T> T vjp(const Saved<T>& s, T g) const { return g * s.out(0) * (1.0 - s.out(0)); }
  static constexpr Saves saves = saves_outputs(0);
};

struct Silu {
  static constexpr auto signature = sig("silu(x) -> y");
  static constexpr auto doc = "y = x * sigmoid(x) (swish)";
  static constexpr Types types = Types::floating;
  template <class V> V eval(V x) const { return x / (V(1) + exp(-x)); }
  template <class T> T vjp(const Saved<T>& s, T g) const { return g * sigmoid(s.in(0)) * (s.in(0) * (1.0 - sigmoid(s.in(0))) + 1.0); }
  static constexpr Saves saves = saves_inputs(0);
};

struct Gelu {
  static constexpr auto signature = sig("gelu(x) -> y");
  static constexpr auto doc = "y = x * Phi(x), the exact form with erf";
  static constexpr Types types = Types::floating;
  template <class V> V eval(V x) const { return V(0.5) * x * (V(1) + erf(x * V(0.70710678118654752440))); }
  template <class T> T vjp(const Saved<T>& s, T g) const { return g * ((erf(s.in(0) * 0.70710678118654752440) + 1.0) * 0.5 + s.in(0) * exp(square(s.in(0)) * -0.5) * 0.39894228040143267794); }
  static constexpr Saves saves = saves_inputs(0);
};

struct Softplus {
  static constexpr auto signature = sig("softplus(x) -> y");
  static constexpr auto doc = "y = ln(1 + e^x), without overflow";
  static constexpr Types types = Types::floating;
  template <class V> V eval(V x) const { return max(x, V(0)) + log1p(exp(-abs(x))); }
  template <class T> T vjp(const Saved<T>& s, T g) const { return g * sigmoid(s.in(0)); }
  static constexpr Saves saves = saves_inputs(0);
};

struct LeakyRelu {
  double slope = 0.01;  ///< factor for negative x
  static constexpr auto signature = sig("leaky_relu(x) -> y");
  static constexpr auto doc = "y = x where x > 0, slope * x elsewhere";
  static constexpr Types types = Types::floating;
  template <class V> V eval(V x) const { return select(x > V(0), x, x * V(slope)); }
  template <class T> T vjp(const Saved<T>& s, T g) const { return where(s.in(0) > 0.0, g, g * slope); }
  static constexpr Saves saves = saves_inputs(0);
};

struct Elu {
  double alpha = 1;  ///< the limit for x -> -infinity is -alpha
  static constexpr auto signature = sig("elu(x) -> y");
  static constexpr auto doc = "y = x where x > 0, alpha * (e^x - 1) elsewhere";
  static constexpr Types types = Types::floating;
  template <class V> V eval(V x) const { return select(x > V(0), x, V(alpha) * expm1(min(x, V(0)))); }
  template <class T> T vjp(const Saved<T>& s, T g) const {
    return where(s.in(0) > 0.0, g, g * exp(minimum(s.in(0), 0.0)) * alpha);
  }
  static constexpr Saves saves = saves_inputs(0);
};

struct Clip {
  double lo = 0, hi = 1;
  static constexpr auto signature = sig("clip(x) -> y");
  static constexpr auto doc = "y = min(max(x, lo), hi)";
  static constexpr Types types = Types::numeric;
  template <class V> V eval(V x) const { return min(max(x, V(lo)), V(hi)); }
  template <class T> T vjp(const Saved<T>& s, T g) const {
    return where(logical_and(s.in(0) >= lo, s.in(0) <= hi), g, 0.0);
  }
  static constexpr Saves saves = saves_inputs(0);
};

using Unary = OpList<Neg, Abs, Sign, Exp, Expm1, Log, Log1p, Log2, Sqrt, Rsqrt, Square, Reciprocal, Sin, Cos, Tan, Asin, Acos, Atan, Sinh, Cosh, Tanh, Asinh, Acosh, Atanh, Erf, Erfinv, Floor, Ceil, Round, Trunc, IsNan, IsInf, IsFinite, LogicalNot, BitwiseNot, Relu, Sigmoid, Silu, Gelu, Softplus, LeakyRelu, Elu, Clip>;

}  // namespace weft::op::WEFT_TARGET
