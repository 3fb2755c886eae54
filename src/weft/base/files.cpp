#include <weft/base/files.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>
#include <vector>

#include <weft/base/error.h>

namespace weft {

namespace {

constexpr const char* writable_mend = "; choose a folder that you may write to";

std::string reason(int code) { return std::strerror(code); }

/// A descriptor that is closed at the end of its scope.
struct Descriptor {
  int value = -1;
  explicit Descriptor(int v) : value(v) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value >= 0) ::close(value);
  }
};

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// The file that `path` stands for, so that writing through a link keeps the link.
std::string follow_links(const std::string& path) {
  char* resolved = ::realpath(path.c_str(), nullptr);
  if (!resolved) return path;
  std::string s = resolved;
  std::free(resolved);
  return s;
}

/// 0, or the errno of the write that failed.
int write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(descriptor, bytes.data(), std::min<std::size_t>(bytes.size(), 1u << 30));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return 0;
}

int write_parts(int descriptor, std::span<const std::string_view> parts) {
  for (std::string_view part : parts)
    if (const int code = write_all(descriptor, part)) return code;
  return 0;
}

/// 0, or the errno of the step that failed; the new file is gone then.
int write_aside(const std::string& target, const std::string& aside, mode_t mode, bool keep_mode,
                std::span<const std::string_view> parts) {
  Descriptor file(::open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (file.value < 0) return errno;
  int code = keep_mode && ::fchmod(file.value, mode & 07777) != 0 ? errno : 0;
  if (!code) code = write_parts(file.value, parts);
  if (!code && ::fsync(file.value) != 0) code = errno;
  const int closed = ::close(std::exchange(file.value, -1));
  if (!code && closed != 0) code = errno;
  if (!code && ::rename(aside.c_str(), target.c_str()) != 0) code = errno;
  if (code) ::unlink(aside.c_str());
  return code;
}

/// The name of a file that is being written: no other ends like this one.
std::string part_name(const std::string& target) {
  static std::atomic<unsigned> count{0};
  return cat(target, ".", ::getpid(), "-", count.fetch_add(1), ".part");
}

/// True for what part_name() makes: "NAME.123-4.part".
bool is_part(const std::string& name) {
  if (!name.ends_with(".part")) return false;
  const auto dot = name.rfind('.', name.size() - 6);
  if (dot == std::string::npos || dot == 0) return false;
  unsigned process, count;
  int end = 0;
  return std::sscanf(name.c_str() + dot, ".%u-%u.part%n", &process, &count, &end) == 2 &&
         dot + static_cast<std::size_t>(end) == name.size();
}

std::string mend(int code) {
  switch (code) {
    case ENOENT: return "; make the folder first";
    case EACCES:
    case EPERM:
    case EROFS: return writable_mend;
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return "; free some space or choose another folder. The old file, if any, is unchanged";
    default: return "";
  }
}

}  // namespace

InputFile::InputFile(std::string path) : path_(std::move(path)) {
  Descriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  check(file.value >= 0, path_, ": cannot be opened: ", reason(errno));
  struct stat status;
  check(::fstat(file.value, &status) == 0, path_, ": ", reason(errno));
  check(!S_ISDIR(status.st_mode), path_, ": is a folder; expected a file");
  check(S_ISREG(status.st_mode), path_, ": is a device or a pipe; expected a file");
  size_ = static_cast<std::uint64_t>(status.st_size);
  descriptor_ = std::exchange(file.value, -1);
}

InputFile::~InputFile() { ::close(descriptor_); }

void InputFile::read(std::uint64_t offset, void* to, std::size_t bytes) const {
  char* p = static_cast<char*>(to);
  while (bytes > 0) {
    const ssize_t n = ::pread(descriptor_, p, std::min<std::size_t>(bytes, 1u << 30), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    check(n >= 0, path_, ": cannot be read: ", reason(errno));
    check(n > 0, path_, ": ends at byte ", offset, "; expected ", bytes, " more. The file is truncated");
    p += n;
    offset += static_cast<std::uint64_t>(n);
    bytes -= static_cast<std::size_t>(n);
  }
}

std::string read_file(const std::string& path) {
  const InputFile file(path);
  std::string bytes(file.size(), '\0');
  file.read(0, bytes.data(), bytes.size());
  return bytes;
}

void write_file_atomically(const std::string& path, std::span<const std::string_view> parts) {
  const std::string target = follow_links(path);
  struct stat status;
  const bool exists = ::stat(target.c_str(), &status) == 0;
  check(!exists || !S_ISDIR(status.st_mode), path, ": is a folder; expected the name of a file");
  if (exists && !S_ISREG(status.st_mode)) {
    const Descriptor device(::open(target.c_str(), O_WRONLY | O_CLOEXEC));
    const int code = device.value < 0 ? errno : write_parts(device.value, parts);
    check(code == 0, path, ": cannot be written: ", reason(code));
    return;
  }
  const std::string aside = part_name(target);
  const int code = write_aside(target, aside, exists ? status.st_mode : 0, exists, parts);
  check(code == 0, path, ": cannot be written: ", reason(code), mend(code));
  // The rename itself must survive a power cut; where the folder cannot be flushed, the file is still whole.
  const Descriptor folder(::open(folder_of(target).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.value >= 0) ::fsync(folder.value);
}

void write_file_atomically(const std::string& path, std::string_view bytes) {
  write_file_atomically(path, std::span<const std::string_view>(&bytes, 1));
}

void make_folder(const std::string& path) {
  check(!path.empty(), "make_folder: received an empty name; expected a folder");
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    struct stat status;
    const int code = ::mkdir(part.c_str(), 0777) == 0 ? 0 : errno;
    if (code && code != EEXIST && ::stat(part.c_str(), &status) != 0)
      fail(path, ": the folder ", part == path ? "" : "'" + part + "' ", "cannot be made: ", reason(code),
           writable_mend);
    check(::stat(part.c_str(), &status) == 0 && S_ISDIR(status.st_mode), path, ": '", part,
          "' is a file; expected a folder");
    if (end == std::string::npos) break;
  }
  check(::faccessat(AT_FDCWD, path.c_str(), W_OK | X_OK, AT_EACCESS) == 0, path, ": the folder is not writable: ",
        reason(errno), writable_mend);
}

void remove_parts(const std::string& folder) {
  std::error_code ec;
  std::vector<std::filesystem::path> parts;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ec))
    if (is_part(entry.path().filename().string())) parts.push_back(entry.path());
  for (const auto& part : parts) std::filesystem::remove(part, ec);  // where it cannot be, it does no harm
}

bool file_exists(const std::string& path) {
  struct stat status;
  return ::stat(path.c_str(), &status) == 0 && !S_ISDIR(status.st_mode);
}

}  // namespace weft
