// Formatted numbers for text that people read. For .cpp files.
#pragma once

#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>
#include <type_traits>

namespace weft {

/// The value; a NaN without its sign, which printf would show as "-nan".
template <class T> T printable(T v) {
  if constexpr (std::is_floating_point_v<T>)
    if (v != v) return std::numeric_limits<T>::quiet_NaN();
  return v;
}

/// printf into a string of at most 255 bytes.
template <class... A> std::string format(const char* pattern, A... a) {
  char buffer[256];
  std::snprintf(buffer, sizeof buffer, pattern, printable(a)...);
  return buffer;
}

/// 1234567 as "1,234,567".
inline std::string grouped(std::int64_t n) {
  std::string s = std::to_string(n);
  for (int i = static_cast<int>(s.size()) - 3; i > (n < 0 ? 1 : 0); i -= 3) s.insert(static_cast<std::size_t>(i), ",");
  return s;
}

}  // namespace weft
