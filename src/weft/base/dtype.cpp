#include <weft/base/dtype.h>

#include <weft/base/error.h>

namespace weft {

namespace {
constexpr std::string_view names[dtype_count] = {"bool", "u8", "i32", "i64", "f16", "bf16", "f32", "f64"};
constexpr std::string_view long_names[dtype_count] = {"boolean", "uint8",    "int32",   "int64",
                                                      "float16", "bfloat16", "float32", "float64"};
}  // namespace

std::string_view name_of(DType t) { return names[static_cast<int>(t)]; }

DType parse_dtype(std::string_view name) {
  for (int i = 0; i < dtype_count; ++i)
    if (name == names[i] || name == long_names[i]) return static_cast<DType>(i);
  std::vector<std::string> known(names, names + dtype_count);
  known.insert(known.end(), long_names, long_names + dtype_count);
  fail("unknown dtype '", name, "'; expected one of bool, u8, i32, i64, f16, bf16, f32, f64", suggestion(name, known));
}

half::half(float value) {
  const auto u = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (u >> 16) & 0x8000u, magnitude = u & 0x7fffffffu;
  if (magnitude >= 0x7f800000u) {  // infinity or NaN
    bits = static_cast<std::uint16_t>(sign | 0x7c00u | (magnitude > 0x7f800000u ? 0x200u : 0u));
  } else if (magnitude >= 0x477ff000u) {  // rounds beyond 65504
    bits = static_cast<std::uint16_t>(sign | 0x7c00u);
  } else if (magnitude < 0x38800000u) {  // subnormal: let the FPU round to a multiple of 2^-24
    const float scaled = std::bit_cast<float>(magnitude) + 0.5f;
    bits = static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(scaled) - 0x3f000000u));
  } else {
    const std::uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
    bits = static_cast<std::uint16_t>(sign | ((rounded - 0x38000000u) >> 13));
  }
}

half::operator float() const {
  const std::uint32_t sign = (bits & 0x8000u) << 16, exponent = (bits >> 10) & 0x1fu, fraction = bits & 0x3ffu;
  if (exponent == 0) {
    const float v = static_cast<float>(fraction) * 0x1p-24f;
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(v) | sign);
  }
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | (fraction << 13));
  return std::bit_cast<float>(sign | ((exponent + 112u) << 23) | (fraction << 13));
}

}  // namespace weft
