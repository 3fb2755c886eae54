// Files of data sets: fetching and unpacking them (reading and writing: base/files.h).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace weft::data {

/// Options of download().
struct DownloadOptions {
  std::string md5 = {}, sha256 = {};  ///< expected checksum in hexadecimal; empty: not checked
  int answer_seconds = 30;            ///< give up where the server has sent nothing after so many seconds
  int stall_seconds = 30;             ///< give up after so many seconds with under 100 bytes a second
  int attempts = 4;                   ///< a transfer that breaks off is resumed; so many times in all without progress
  std::function<void(std::int64_t done, std::int64_t total)> progress = {};  ///< total is 0 where it is not known
};
/// Fetches `url` into the file `path`, following redirects. Bytes arrive in `path`.part, which a later call goes on
/// with; it is checked and renamed when complete. Two processes may ask for the same file. Throws Error naming the
/// address and the cause (HTTP status, a proxy's refusal, no answer, stalled, broken off, wrong checksum).
void download(const std::string& url, const std::string& path, const DownloadOptions& options = {});

/// Unpacks an archive (tar, tar.gz, zip) into `folder`. An entry that is no file or folder, or that would lie outside
/// of it, is an Error. The entries are written beside the folder first: after an Error nothing is left.
void unpack(const std::string& archive, const std::string& folder);

/// The content of a file, uncompressed where it is gzip. Throws Error naming it.
std::vector<std::uint8_t> read_gzip(const std::string& path);

}  // namespace weft::data
