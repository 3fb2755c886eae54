#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <unistd.h>

#include <openssl/evp.h>
#include <zlib.h>

#include <weft/base/error.h>
#include <weft/data/files.h>

namespace weft::data {

namespace {

struct CloseFile {
  void operator()(std::FILE* f) const { std::fclose(f); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

File open_file(const std::string& path, const char* mode) {
  std::error_code ec;
  check(!std::filesystem::is_directory(path, ec), path, ": it is a folder; expected a file");
  File f(std::fopen(path.c_str(), mode));
  check(static_cast<bool>(f), path, ": ", std::strerror(errno));
  return f;
}

/// A checksum by OpenSSL.
class Digest {
 public:
  explicit Digest(const EVP_MD* kind) : context_(EVP_MD_CTX_new()) {
    check(context_ && EVP_DigestInit_ex(context_.get(), kind, nullptr) == 1,
          "checksum: this OpenSSL refuses the algorithm (FIPS mode knows no MD5)");
  }
  void add(const void* bytes, std::size_t n) { EVP_DigestUpdate(context_.get(), bytes, n); }
  std::string hex() {
    unsigned char value[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_DigestFinal_ex(context_.get(), value, &size);
    std::string text;
    for (unsigned i = 0; i < size; ++i) {
      text += "0123456789abcdef"[value[i] >> 4];
      text += "0123456789abcdef"[value[i] & 15];
    }
    return text;
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* c) const { EVP_MD_CTX_free(c); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

std::string digest_of_file(const std::string& path, const EVP_MD* kind) {
  const File f = open_file(path, "rb");
  Digest d(kind);
  std::vector<unsigned char> buffer(1 << 18);
  while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), f.get())) d.add(buffer.data(), n);
  check(!std::ferror(f.get()), path, ": it cannot be read");
  return d.hex();
}

}  // namespace

std::string md5_of_file(const std::string& path) { return digest_of_file(path, EVP_md5()); }
std::string sha256_of_file(const std::string& path) { return digest_of_file(path, EVP_sha256()); }
std::string sha256(const void* bytes, std::size_t size) {
  Digest d(EVP_sha256());
  d.add(bytes, size);
  return d.hex();
}

std::vector<std::uint8_t> read_file(const std::string& path) {
  const File f = open_file(path, "rb");
  std::vector<std::uint8_t> bytes;
  std::error_code ec;
  const auto expected = std::filesystem::file_size(path, ec);
  if (!ec) bytes.resize(expected);
  bytes.resize(std::fread(bytes.data(), 1, bytes.size(), f.get()));
  check(!std::ferror(f.get()), path, ": it cannot be read");
  return bytes;
}

std::vector<std::uint8_t> read_gzip(const std::string& path) {
  open_file(path, "rb");  // for its message: zlib's is poor
  struct Close {
    void operator()(gzFile f) const { gzclose(f); }
  };
  std::unique_ptr<gzFile_s, Close> f(gzopen(path.c_str(), "rb"));
  check(static_cast<bool>(f), path, ": it cannot be read");
  gzbuffer(f.get(), 1 << 17);
  std::vector<std::uint8_t> bytes;
  constexpr std::size_t piece = 1 << 20;
  for (int n = 1; n > 0;) {
    const std::size_t have = bytes.size();
    bytes.resize(have + piece);
    n = gzread(f.get(), bytes.data() + have, piece);
    bytes.resize(have + static_cast<std::size_t>(std::max(n, 0)));
    int code = Z_OK;
    const char* text = gzerror(f.get(), &code);
    check(n >= 0 && (n > 0 || code == Z_OK || code == Z_STREAM_END), path, ": damaged gzip data (",
          text && *text ? text : "unexpected end of file", "); delete it and fetch it again");
  }
  return bytes;
}

void write_file(const std::string& path, const void* bytes, std::size_t size) {
  const std::string aside = cat(path, ".part", static_cast<std::int64_t>(::getpid()));
  try {
    File f = open_file(aside, "wb");
    const bool written =
        std::fwrite(bytes, 1, size, f.get()) == size && std::fflush(f.get()) == 0 && ::fsync(::fileno(f.get())) == 0;
    check(written, path, ": it cannot be written (", std::strerror(errno), ")");
    f.reset();
    check(std::rename(aside.c_str(), path.c_str()) == 0, path, ": ", std::strerror(errno));
  } catch (...) {
    std::remove(aside.c_str());
    throw;
  }
}

}  // namespace weft::data
