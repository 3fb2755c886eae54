// Element types of tensors, and the one promotion rule.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace weft {

/// Element type of a tensor. The order is the order of promotion within a category.
enum class DType : std::uint8_t { boolean, u8, i32, i64, f16, bf16, f32, f64 };

inline constexpr DType boolean = DType::boolean, u8 = DType::u8, i32 = DType::i32, i64 = DType::i64,
                       f16 = DType::f16, bf16 = DType::bf16, f32 = DType::f32, f64 = DType::f64;

inline constexpr int dtype_count = 8;

/// Bytes of one element.
constexpr std::size_t size_of(DType t) {
  constexpr std::uint8_t sizes[dtype_count] = {1, 1, 4, 8, 2, 2, 4, 8};
  return sizes[static_cast<int>(t)];
}
/// True for f16, bf16, f32 and f64.
constexpr bool is_floating(DType t) { return t >= DType::f16; }
/// True for u8, i32 and i64 (not bool).
constexpr bool is_integral(DType t) { return t > DType::boolean && t < DType::f16; }

/// "f32", "i64", "bool", …
std::string_view name_of(DType t);
/// The dtype of that name (also NumPy's and PyTorch's: "float32", "int64", …). Throws Error with a suggestion.
DType parse_dtype(std::string_view name);

/// The dtype of a result of operands a and b, both strong: the larger category (bool < integer < floating) wins;
/// within one category the wider; f16 with bf16 gives f32; u8 with i32 gives i32.
constexpr DType promote(DType a, DType b) {
  if (a == b) return a;
  if ((a == DType::f16 && b == DType::bf16) || (a == DType::bf16 && b == DType::f16)) return DType::f32;
  return a > b ? a : b;
}

/// IEEE 754 binary16, stored as its bits; arithmetic is done in float.
struct half {
  std::uint16_t bits = 0;  ///< the encoding
  half() = default;
  /// Rounds to nearest even.
  explicit half(float v);
  /// Exact.
  explicit operator float() const;
};

/// The upper half of a binary32, rounded to nearest even.
struct bfloat16 {
  std::uint16_t bits = 0;  ///< the encoding
  bfloat16() = default;
  /// Rounds to nearest even; a NaN stays one.
  explicit bfloat16(float v) {
    auto u = std::bit_cast<std::uint32_t>(v);
    bits = (u & 0x7fffffffu) > 0x7f800000u ? static_cast<std::uint16_t>((u >> 16) | 0x40u)
                                           : static_cast<std::uint16_t>((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
  }
  /// Exact.
  explicit operator float() const { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }
};

/// True for the C++ types of elements.
template <class T> inline constexpr bool is_element = false;
/// The dtype whose C++ type is T.
template <class T> inline constexpr DType dtype_of = DType::f32;
#define WEFT_ELEMENT(T, D)                       \
  template <> inline constexpr bool is_element<T> = true; \
  template <> inline constexpr DType dtype_of<T> = DType::D;
WEFT_ELEMENT(bool, boolean)
WEFT_ELEMENT(std::uint8_t, u8)
WEFT_ELEMENT(std::int32_t, i32)
WEFT_ELEMENT(std::int64_t, i64)
WEFT_ELEMENT(half, f16)
WEFT_ELEMENT(bfloat16, bf16)
WEFT_ELEMENT(float, f32)
WEFT_ELEMENT(double, f64)
#undef WEFT_ELEMENT

/// Names a type as an argument.
template <class T> struct Type {
  using type = T;  ///< T
};

/// Calls f(Type<T>{}) with the C++ type of dtype t: `visit_dtype(t, [&]<class T>(Type<T>) { … })`.
template <class F> decltype(auto) visit_dtype(DType t, F&& f) {
  switch (t) {
    case DType::boolean: return f(Type<bool>{});
    case DType::u8: return f(Type<std::uint8_t>{});
    case DType::i32: return f(Type<std::int32_t>{});
    case DType::i64: return f(Type<std::int64_t>{});
    case DType::f16: return f(Type<half>{});
    case DType::bf16: return f(Type<bfloat16>{});
    case DType::f32: return f(Type<float>{});
    default: return f(Type<double>{});
  }
}

}  // namespace weft
