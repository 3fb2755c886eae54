// The SHA-256 of bytes that a test holds.
#pragma once

#include <string>

#include <weft/data/digest.h>

namespace weft::testing {

/// Of a string, a vector or a span of bytes; as hexadecimal digits.
template <class Bytes> std::string sha256(const Bytes& bytes) {
  data::Digest digest("sha256");
  digest.add(bytes.data(), bytes.size());
  return digest.hex();
}

}  // namespace weft::testing
