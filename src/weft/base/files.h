// Files whole: read, written so that a failure loses nothing. Every Error names the path and the system's reason.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace weft {

/// A file open for reading at any offset.
class InputFile {
 public:
  /// Throws Error where the file is missing, a folder, or unreadable.
  explicit InputFile(std::string path);
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  ~InputFile();
  const std::string& path() const { return path_; }
  /// Its size in bytes when it was opened.
  std::uint64_t size() const { return size_; }
  /// Reads exactly `bytes` bytes; throws Error where the file ends before.
  void read(std::uint64_t offset, void* to, std::size_t bytes) const;

 private:
  std::string path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

/// The bytes of a file.
std::string read_file(const std::string& path);

/// Puts `parts`, joined, into the file `path`: written aside in the same folder, flushed to the disk, then renamed over
/// the old file. On any failure (folder missing or unwritable, disk full) the old file stays as it was, nothing new is
/// left behind, and Error is thrown. A link is followed; a device or pipe is written to directly.
void write_file_atomically(const std::string& path, std::span<const std::string_view> parts);
/// The same for one piece.
void write_file_atomically(const std::string& path, std::string_view bytes);

/// Makes the folder and its parents where they are missing, and checks that files can be made in it.
void make_folder(const std::string& path);

/// Removes what write_file_atomically left unfinished in a folder because its process was killed. Nobody may be writing
/// there now.
void remove_parts(const std::string& folder);

/// True for an existing file of any kind but a folder.
bool file_exists(const std::string& path);

}  // namespace weft
