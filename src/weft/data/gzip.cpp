#include <algorithm>
#include <memory>

#include <zlib.h>

#include <weft/base/error.h>
#include <weft/base/files.h>
#include <weft/data/files.h>

namespace weft::data {

std::vector<std::uint8_t> read_gzip(const std::string& path) {
  const InputFile readable(path);  // for its message: zlib's is poor
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

}  // namespace weft::data
