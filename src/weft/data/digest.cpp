#include <weft/data/digest.h>

#include <algorithm>
#include <vector>

#include <openssl/evp.h>

#include <weft/base/error.h>
#include <weft/base/files.h>

namespace weft::data {

struct Digest::Context {
  EVP_MD_CTX* evp = EVP_MD_CTX_new();
  ~Context() { EVP_MD_CTX_free(evp); }
};

Digest::Digest(const char* algorithm) : context_(std::make_unique<Context>()) {
  const EVP_MD* kind = EVP_get_digestbyname(algorithm);
  check(kind && context_->evp && EVP_DigestInit_ex(context_->evp, kind, nullptr) == 1, "checksum: this OpenSSL has no ",
        algorithm, " (FIPS mode knows no MD5)");
}
Digest::~Digest() = default;

void Digest::add(const void* bytes, std::size_t size) { EVP_DigestUpdate(context_->evp, bytes, size); }

std::string Digest::hex() {
  unsigned char value[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_DigestFinal_ex(context_->evp, value, &size);
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    text += "0123456789abcdef"[value[i] >> 4];
    text += "0123456789abcdef"[value[i] & 15];
  }
  return text;
}

std::string digest_of_file(const char* algorithm, const std::string& path) {
  const InputFile file(path);
  Digest digest(algorithm);
  std::vector<unsigned char> buffer(1 << 18);
  for (std::uint64_t at = 0; at < file.size();) {
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), file.size() - at));
    file.read(at, buffer.data(), n);
    digest.add(buffer.data(), n);
    at += n;
  }
  return digest.hex();
}

}  // namespace weft::data
