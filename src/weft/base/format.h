// Formatted numbers for text that people read. For .cpp files.
#pragma once

#include <cstdio>
#include <string>

namespace weft {

/// printf into a string of at most 255 bytes.
template <class... A> std::string format(const char* pattern, A... a) {
  char buffer[256];
  std::snprintf(buffer, sizeof buffer, pattern, a...);
  return buffer;
}

}  // namespace weft
