// Operators of two and three arguments with a formula per element.
// Included once with plain numbers (elementwise.h) and once per SIMD target: each struct is the whole operator, and
// `eval` is its formula for V = double, std::int64_t, or a vector. No include guard on purpose.

namespace weft::op::WEFT_TARGET {

struct Add {
  static constexpr auto signature = sig("add(a, b) -> y");
  static constexpr auto doc = "y = a + b";
  static constexpr Types types = Types::numeric;
  template <class V> V eval(V a, V b) const { return a + b; }
  template <class T> Grads<T> vjp(const Saved<T>& s, T g) const {
    return {s.needs(0) ? g : T(), s.needs(1) ? g : T()};
  }
};

struct Sub {
  static constexpr auto signature = sig("sub(a, b) -> y");
  static constexpr auto doc = "y = a - b";
  static constexpr Types types = Types::numeric;
  template <class V> V eval(V a, V b) const { return a - b; }
  template <class T> Grads<T> vjp(const Saved<T>& s, T g) const {
    return {s.needs(0) ? g : T(), s.needs(1) ? -g : T()};
  }
};

struct Mul {
  static constexpr auto signature = sig("mul(a, b) -> y");
  static constexpr auto doc = "y = a * b";
  static constexpr Types types = Types::numeric;
  template <class V> V eval(V a, V b) const { return a * b; }
  template <class T> Grads<T> vjp(const Saved<T>& s, T g) const {
    return {s.needs(0) ? g * s.in(1) : T(), s.needs(1) ? g * s.in(0) : T()};
  }
  static constexpr Saves saves = saves_inputs(0, 1);
};

struct Div {
  static constexpr auto signature = sig("div(a, b) -> y");
  static constexpr auto doc = "y = a / b; integers divide to f32";
  static constexpr Types types = Types::floating;
  static constexpr Range range[] = {{-2, 2}, {0.5, 3}};
  template <class V> V eval(V a, V b) const { return a / b; }
  template <class T> Grads<T> vjp(const Saved<T>& s, T g) const {
    return {s.needs(0) ? g / s.in(1) : T(), s.needs(1) ? -g * s.out(0) / s.in(1) : T()};
  }
  static constexpr Saves saves = saves_inputs(1) | saves_outputs(0);
};

struct Pow {
  static constexpr auto signature = sig("pow(a, b) -> y");
  static constexpr auto doc = "y = a^b";
  static constexpr Types types = Types::numeric;
  static constexpr Range range[] = {{0.3, 2}, {-2, 2}};
  static constexpr bool simd = false;
  template <class V> V eval(V a, V b) const { return pow(a, b); }
  template <class T> Grads<T> vjp(const Saved<T>& s, T g) const {
    T da, db;
    if (s.needs(0)) {
      const T b = s.in(1), varies = b != 0.0;  // a^0 is 1 everywhere; 0 * 0^-1 would be NaN
      da = g * b * pow(s.in(0), where(varies, b - 1.0, 0.0));
    }
    if (s.needs(1)) db = g * s.out(0) * log(where(s.in(0) > 0.0, s.in(0), 1.0));
    return {da, db};
  }
  static constexpr Saves saves = saves_inputs(0, 1) | saves_outputs(0);
};

struct Mod {
  static constexpr auto signature = sig("mod(a, b) -> y");
  static constexpr auto doc = "the remainder with the sign of b (Python, NumPy)";
  static constexpr Types types = Types::numeric;
  static constexpr Range range[] = {{0.1, 0.9}, {1, 2}};
  static constexpr bool simd = false;
  template <class V> V eval(V a, V b) const { return mod(a, b); }
  template <class T> Grads<T> vjp(const Saved<T>& s, T g) const {
    return {s.needs(0) ? g : T(), s.needs(1) ? -g * floor(s.in(0) / s.in(1)) : T()};
  }
  static constexpr Saves saves = saves_inputs(0, 1);
};

struct FloorDivide {
  static constexpr auto signature = sig("floor_divide(a, b) -> y");
  static constexpr auto doc = "the quotient rounded down";
  static constexpr Types types = Types::numeric;
  static constexpr Range range[] = {{-2, 2}, {0.5, 3}};
  static constexpr bool simd = false;
  template <class V> V eval(V a, V b) const { return floor_divide(a, b); }
};

struct Maximum {
  static constexpr auto signature = sig("maximum(a, b) -> y");
  static constexpr auto doc = "the larger; NaN where either is NaN";
  static constexpr Types types = Types::numeric;
  template <class V> V eval(V a, V b) const { return max(a, b); }
  template <class T> Grads<T> vjp(const Saved<T>& s, T g) const {
    return {s.needs(0) ? where(s.in(0) > s.in(1), g, where(s.in(0) == s.in(1), g * 0.5, 0.0)) : T(), s.needs(1) ? where(s.in(1) > s.in(0), g, where(s.in(0) == s.in(1), g * 0.5, 0.0)) : T()};
  }
  static constexpr Saves saves = saves_inputs(0, 1);
};

struct Minimum {
  static constexpr auto signature = sig("minimum(a, b) -> y");
  static constexpr auto doc = "the smaller; NaN where either is NaN";
  static constexpr Types types = Types::numeric;
  template <class V> V eval(V a, V b) const { return min(a, b); }
  template <class T> Grads<T> vjp(const Saved<T>& s, T g) const {
    return {s.needs(0) ? where(s.in(0) < s.in(1), g, where(s.in(0) == s.in(1), g * 0.5, 0.0)) : T(), s.needs(1) ? where(s.in(1) < s.in(0), g, where(s.in(0) == s.in(1), g * 0.5, 0.0)) : T()};
  }
  static constexpr Saves saves = saves_inputs(0, 1);
};

struct Atan2 {
  static constexpr auto signature = sig("atan2(a, b) -> y");
  static constexpr auto doc = "the angle of the point (b, a)";
  static constexpr Types types = Types::floating;
  static constexpr Range range[] = {{0.5, 2}, {0.5, 2}};
  static constexpr bool simd = false;
  template <class V> V eval(V a, V b) const { return atan2(a, b); }
  template <class T> Grads<T> vjp(const Saved<T>& s, T g) const {
    return {s.needs(0) ? g * s.in(1) / (square(s.in(0)) + square(s.in(1))) : T(), s.needs(1) ? -g * s.in(0) / (square(s.in(0)) + square(s.in(1))) : T()};
  }
  static constexpr Saves saves = saves_inputs(0, 1);
};

struct Hypot {
  static constexpr auto signature = sig("hypot(a, b) -> y");
  static constexpr auto doc = "y = (a^2 + b^2)^(1/2), without overflow";
  static constexpr Types types = Types::floating;
  static constexpr Range range[] = {{0.5, 2}, {0.5, 2}};
  static constexpr bool simd = false;
  template <class V> V eval(V a, V b) const { return hypot(a, b); }
  template <class T> Grads<T> vjp(const Saved<T>& s, T g) const {
    return {s.needs(0) ? g * s.in(0) / s.out(0) : T(), s.needs(1) ? g * s.in(1) / s.out(0) : T()};
  }
  static constexpr Saves saves = saves_inputs(0, 1) | saves_outputs(0);
};

struct Logaddexp {
  static constexpr auto signature = sig("logaddexp(a, b) -> y");
  static constexpr auto doc = "y = ln(e^a + e^b), without overflow";
  static constexpr Types types = Types::floating;
  template <class V> V eval(V a, V b) const { return max(a, b) + log1p(exp(-abs(a - b))); }
  template <class T> Grads<T> vjp(const Saved<T>& s, T g) const {
    return {s.needs(0) ? g * exp(s.in(0) - s.out(0)) : T(), s.needs(1) ? g * exp(s.in(1) - s.out(0)) : T()};
  }
  static constexpr Saves saves = saves_inputs(0, 1) | saves_outputs(0);
};

struct Equal {
  static constexpr auto signature = sig("equal(a, b) -> y");
  static constexpr auto doc = "true where a = b";
  static constexpr Types types = Types::numeric;
  static constexpr DType result = DType::boolean;
  template <class V> auto eval(V a, V b) const { return a == b; }
};

struct NotEqual {
  static constexpr auto signature = sig("not_equal(a, b) -> y");
  static constexpr auto doc = "true where a differs from b";
  static constexpr Types types = Types::numeric;
  static constexpr DType result = DType::boolean;
  template <class V> auto eval(V a, V b) const { return a != b; }
};

struct Less {
  static constexpr auto signature = sig("less(a, b) -> y");
  static constexpr auto doc = "true where a < b";
  static constexpr Types types = Types::numeric;
  static constexpr DType result = DType::boolean;
  template <class V> auto eval(V a, V b) const { return a < b; }
};

struct LessEqual {
  static constexpr auto signature = sig("less_equal(a, b) -> y");
  static constexpr auto doc = "true where a <= b";
  static constexpr Types types = Types::numeric;
  static constexpr DType result = DType::boolean;
  template <class V> auto eval(V a, V b) const { return a <= b; }
};

struct Greater {
  static constexpr auto signature = sig("greater(a, b) -> y");
  static constexpr auto doc = "true where a > b";
  static constexpr Types types = Types::numeric;
  static constexpr DType result = DType::boolean;
  template <class V> auto eval(V a, V b) const { return a > b; }
};

struct GreaterEqual {
  static constexpr auto signature = sig("greater_equal(a, b) -> y");
  static constexpr auto doc = "true where a >= b";
  static constexpr Types types = Types::numeric;
  static constexpr DType result = DType::boolean;
  template <class V> auto eval(V a, V b) const { return a >= b; }
};

struct LogicalAnd {
  static constexpr auto signature = sig("logical_and(a, b) -> y");
  static constexpr auto doc = "true where both are true";
  static constexpr Types types = Types::boolean;
  static constexpr DType result = DType::boolean;
  static constexpr bool simd = false;
  template <class V> auto eval(V a, V b) const { return (a != V(0)) & (b != V(0)); }
};

struct LogicalOr {
  static constexpr auto signature = sig("logical_or(a, b) -> y");
  static constexpr auto doc = "true where either is true";
  static constexpr Types types = Types::boolean;
  static constexpr DType result = DType::boolean;
  static constexpr bool simd = false;
  template <class V> auto eval(V a, V b) const { return (a != V(0)) | (b != V(0)); }
};

struct LogicalXor {
  static constexpr auto signature = sig("logical_xor(a, b) -> y");
  static constexpr auto doc = "true where one alone is true";
  static constexpr Types types = Types::boolean;
  static constexpr DType result = DType::boolean;
  static constexpr bool simd = false;
  template <class V> auto eval(V a, V b) const { return (a != V(0)) != (b != V(0)); }
};

struct BitwiseAnd {
  static constexpr auto signature = sig("bitwise_and(a, b) -> y");
  static constexpr auto doc = "bits set in both";
  static constexpr Types types = Types::integral;
  static constexpr bool simd = false;
  template <class V> V eval(V a, V b) const { return a & b; }
};

struct BitwiseOr {
  static constexpr auto signature = sig("bitwise_or(a, b) -> y");
  static constexpr auto doc = "bits set in either";
  static constexpr Types types = Types::integral;
  static constexpr bool simd = false;
  template <class V> V eval(V a, V b) const { return a | b; }
};

struct BitwiseXor {
  static constexpr auto signature = sig("bitwise_xor(a, b) -> y");
  static constexpr auto doc = "bits set in one alone";
  static constexpr Types types = Types::integral;
  static constexpr bool simd = false;
  template <class V> V eval(V a, V b) const { return a ^ b; }
};

struct LeftShift {
  static constexpr auto signature = sig("left_shift(a, b) -> y");
  static constexpr auto doc = "a times 2^b; 0 where b is negative or no less than the width";
  static constexpr Types types = Types::integral;
  static constexpr Range range[] = {{0, 9}, {0, 5}};
  static constexpr bool simd = false;
  template <class V> V eval(V a, V b) const { return shift_left(a, b); }
};

struct RightShift {
  static constexpr auto signature = sig("right_shift(a, b) -> y");
  static constexpr auto doc =
      "a divided by 2^b, rounded down; a's sign (0 or -1) where b is negative or no less than the width";
  static constexpr Types types = Types::integral;
  static constexpr Range range[] = {{0, 200}, {0, 5}};
  static constexpr bool simd = false;
  template <class V> V eval(V a, V b) const { return shift_right(a, b); }
};

struct ReluGrad {
  static constexpr auto signature = sig("relu_grad(y, g) -> dx");
  static constexpr auto doc = "g where y > 0, else 0: the gradient of relu";
  static constexpr Types types = Types::numeric;
  template <class V> V eval(V y, V g) const { return select(y > V(0), g, V(0)); }
  template <class T> Grads<T> vjp(const Saved<T>& s, T g) const { return {T(), relu_grad(s.in(0), g)}; }
  static constexpr Saves saves = saves_inputs(0);
};

struct Where {
  static constexpr auto signature = sig("where(condition:bool, a, b) -> y");
  static constexpr auto doc = "a where condition is true, else b";
  static constexpr Types types = Types::numeric;
  template <class V, class M> V eval(M condition, V a, V b) const { return select(condition, a, b); }
  template <class T> Grads<T> vjp(const Saved<T>& s, T g) const {
    return {T(), s.needs(1) ? where(s.in(0), g, 0.0) : T(), s.needs(2) ? where(s.in(0), 0.0, g) : T()};
  }
  static constexpr Saves saves = saves_inputs(0);
};

using Binary = OpList<Add, Sub, Mul, Div, Pow, Mod, FloorDivide, Maximum, Minimum, Atan2, Hypot, Logaddexp, Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual, LogicalAnd, LogicalOr, LogicalXor, BitwiseAnd, BitwiseOr, BitwiseXor, LeftShift, RightShift, ReluGrad>;
using Ternary = OpList<Where>;

}  // namespace weft::op::WEFT_TARGET
