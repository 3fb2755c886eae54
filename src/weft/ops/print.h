// Tensors as text.
#pragma once

#include <weft/tensor/tensor.h>

namespace weft {

/// How to_string writes a tensor.
struct PrintOptions {
  int precision = 4;               ///< digits after the point
  std::int64_t threshold = 1000;   ///< tensors of more elements are summarised …
  std::int64_t edge_items = 3;     ///< … by so many at each end of an axis
  int line_width = 80;  ///< columns after which a row is broken
};

/// Values as NumPy writes them, columns aligned, large tensors summarised with "…"; then, in parentheses, what is not
/// the default: the shape of an empty tensor, a dtype other than f32, i64 and bool, a device other than the default
/// one.
std::string to_string(const Tensor& t, const PrintOptions& options);

/// `std::cout << x`
template <class Stream>
  requires requires(Stream& s, const std::string& text) { s << text; s.flush(); }
Stream& operator<<(Stream& stream, const Tensor& t) {
  stream << to_string(t);
  return stream;
}

}  // namespace weft
