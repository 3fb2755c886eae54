// In what products are computed, where that may differ from what tensors hold.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weft {

/// In what convolutions and matrix products compute. Tensors hold what they hold either way: weights, gradients and
/// optimizer slots stay f32, and so does everything that is not a sum of products.
enum class Precision : std::uint8_t {
  f32,   ///< as their tensors' dtype says
  bf16,  ///< the factors of f32 products are rounded to bf16 (nearest even) where that is faster; sums are f32
};

/// "f32" or "bf16"
std::string_view name_of(Precision p);
/// The names of all.
std::vector<std::string> precision_names();
/// The precision of that name; throws Error with a suggestion.
Precision parse_precision(std::string_view name);

}  // namespace weft
