// The functions that formulas are written with, for plain numbers. SIMD kernels provide the same names for vectors.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

namespace weft::math {

inline double abs(double x) { return std::fabs(x); }
inline std::int64_t abs(std::int64_t x) { return x < 0 ? -x : x; }
#define WEFT_SCALAR_FUNCTION(name) \
  inline double name(double x) { return std::name(x); }
WEFT_SCALAR_FUNCTION(exp)
WEFT_SCALAR_FUNCTION(expm1)
WEFT_SCALAR_FUNCTION(log)
WEFT_SCALAR_FUNCTION(log1p)
WEFT_SCALAR_FUNCTION(log2)
WEFT_SCALAR_FUNCTION(sqrt)
WEFT_SCALAR_FUNCTION(sin)
WEFT_SCALAR_FUNCTION(cos)
WEFT_SCALAR_FUNCTION(tan)
WEFT_SCALAR_FUNCTION(asin)
WEFT_SCALAR_FUNCTION(acos)
WEFT_SCALAR_FUNCTION(atan)
WEFT_SCALAR_FUNCTION(sinh)
WEFT_SCALAR_FUNCTION(cosh)
WEFT_SCALAR_FUNCTION(tanh)
WEFT_SCALAR_FUNCTION(asinh)
WEFT_SCALAR_FUNCTION(acosh)
WEFT_SCALAR_FUNCTION(atanh)
WEFT_SCALAR_FUNCTION(erf)
WEFT_SCALAR_FUNCTION(floor)
WEFT_SCALAR_FUNCTION(ceil)
WEFT_SCALAR_FUNCTION(trunc)
#undef WEFT_SCALAR_FUNCTION
inline double round(double x) { return std::nearbyint(x); }
inline std::int64_t floor(std::int64_t x) { return x; }
inline std::int64_t ceil(std::int64_t x) { return x; }
inline std::int64_t trunc(std::int64_t x) { return x; }
inline std::int64_t round(std::int64_t x) { return x; }
/// NaN where either is NaN, as NumPy does.
inline double max(double a, double b) { return a > b || a != a ? a : b; }
inline double min(double a, double b) { return a < b || a != a ? a : b; }
inline std::int64_t max(std::int64_t a, std::int64_t b) { return a > b ? a : b; }
inline std::int64_t min(std::int64_t a, std::int64_t b) { return a < b ? a : b; }
template <class V> V select(bool mask, V a, V b) { return mask ? a : b; }
inline double pow(double a, double b) { return std::pow(a, b); }
inline double atan2(double a, double b) { return std::atan2(a, b); }
inline double hypot(double a, double b) { return std::hypot(a, b); }
/// Python's modulo: the sign of the divisor.
inline double mod(double a, double b) {
  const double r = std::fmod(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
inline std::int64_t mod(std::int64_t a, std::int64_t b) {
  if (b == 0 || b == -1) return 0;
  const std::int64_t r = a % b;
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
inline double floor_divide(double a, double b) { return std::floor(a / b); }
inline std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
  if (b == 0) return 0;
  if (b == -1) return static_cast<std::int64_t>(0u - static_cast<std::uint64_t>(a));
  const std::int64_t q = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}
/// Powers of integers; negative exponents give 0 (or ±1 for a base of ±1).
inline std::int64_t pow(std::int64_t a, std::int64_t n) {
  if (n < 0) return a == 1 ? 1 : a == -1 ? (n % 2 ? -1 : 1) : 0;
  std::uint64_t result = 1, base = static_cast<std::uint64_t>(a);
  for (; n; n >>= 1, base *= base)
    if (n & 1) result *= base;
  return static_cast<std::int64_t>(result);
}
/// Shifts by less than 0 or more than 63 places leave nothing but the sign, as PyTorch's.
inline std::int64_t shift_left(std::int64_t a, std::int64_t n) {
  return n < 0 || n > 63 ? 0 : static_cast<std::int64_t>(static_cast<std::uint64_t>(a) << n);
}
inline std::int64_t shift_right(std::int64_t a, std::int64_t n) { return a >> (n < 0 || n > 63 ? 63 : n); }
/// Inverse of erf: Giles, "Approximating the erfinv function" (GPU Computing Gems 2, 2011) refined by two Newton steps.
double erfinv(double x);

}  // namespace weft::math
