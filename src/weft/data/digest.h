// Checksums, by OpenSSL.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace weft::data {

/// A checksum of bytes that arrive in pieces.
class Digest {
 public:
  /// "md5" or "sha256". Throws Error where OpenSSL refuses the algorithm (FIPS mode knows no MD5).
  explicit Digest(const char* algorithm);
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;
  ~Digest();
  /// Takes the next bytes.
  void add(const void* bytes, std::size_t size);
  /// The checksum, as hexadecimal digits; ends it.
  std::string hex();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

/// The checksum of a file, as hexadecimal digits. Throws Error where it cannot be read.
std::string digest_of_file(const char* algorithm, const std::string& path);

}  // namespace weft::data
