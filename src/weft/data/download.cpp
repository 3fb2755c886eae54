#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <curl/curl.h>

#include <weft/base/error.h>
#include <weft/data/digest.h>
#include <weft/data/files.h>

namespace weft::data {

namespace fs = std::filesystem;
using clock = std::chrono::steady_clock;

namespace {

struct FreeCurl {
  void operator()(CURL* c) const { curl_easy_cleanup(c); }
};

/// The file that bytes arrive in, locked against other processes that fetch the same one.
class PartFile {
 public:
  explicit PartFile(const std::string& path) : path_(path) {
    for (;;) {
      fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
      check(fd_ >= 0, path, ": it cannot be written (", std::strerror(errno), "); name another folder with WEFT_DATA");
      while (::flock(fd_, LOCK_EX) != 0 && errno == EINTR) {
      }
      // Another process may have completed and renamed the file while this one waited: then it is not ours.
      struct stat here, there;
      if (::fstat(fd_, &here) == 0 && ::stat(path.c_str(), &there) == 0 && here.st_ino == there.st_ino) break;
      ::close(fd_);
    }
  }
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;
  ~PartFile() { ::close(fd_); }

  std::int64_t size() const { return ::lseek(fd_, 0, SEEK_END); }
  void clear() {
    check(::ftruncate(fd_, 0) == 0, path_, ": ", std::strerror(errno));
    ::lseek(fd_, 0, SEEK_SET);
  }
  bool append(const char* bytes, std::size_t n) {
    while (n) {
      const ssize_t w = ::write(fd_, bytes, n);
      if (w < 0 && errno == EINTR) continue;
      if (w <= 0) return false;
      bytes += w;
      n -= static_cast<std::size_t>(w);
    }
    return true;
  }

 private:
  std::string path_;
  int fd_ = -1;
};

/// One request, and what came of it.
struct Transfer {
  PartFile& part;
  const DownloadOptions& options;
  CURL* curl = nullptr;
  std::int64_t offset = 0;  ///< bytes that were there before
  clock::time_point asked = clock::now();
  bool answered = false, started = false, disk_full = false;
  int disk_error = 0;

  /// A server that ignores the range sends everything again.
  std::size_t receive(const char* bytes, std::size_t n) {
    if (!started) {
      started = true;
      long status = 0;
      curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
      if (offset && status != 206) {
        part.clear();
        offset = 0;
      }
    }
    if (part.append(bytes, n)) return n;
    disk_full = true;
    disk_error = errno;
    return 0;
  }
};

std::size_t on_bytes(char* bytes, std::size_t size, std::size_t n, void* self) {
  return static_cast<Transfer*>(self)->receive(bytes, size * n);
}
std::size_t on_header(char*, std::size_t size, std::size_t n, void* self) {
  static_cast<Transfer*>(self)->answered = true;
  return size * n;
}
/// Called about once a second also where nothing arrives; not 0: curl gives up.
int on_progress(void* self, curl_off_t total, curl_off_t now, curl_off_t, curl_off_t) {
  auto& t = *static_cast<Transfer*>(self);
  if (!t.answered && clock::now() - t.asked > std::chrono::seconds(t.options.answer_seconds)) return 1;
  if (t.options.progress && (now || total)) t.options.progress(t.offset + now, total ? t.offset + total : 0);
  return 0;
}

struct Outcome {
  CURLcode code;
  long status, proxy_status;
  bool answered;
  std::string text;
};

Outcome request(const std::string& url, Transfer& t) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  std::unique_ptr<CURL, FreeCurl> curl(ready == CURLE_OK ? curl_easy_init() : nullptr);
  check(static_cast<bool>(curl), "download: libcurl does not start");
  char text[CURL_ERROR_SIZE] = "";
  t.curl = curl.get();
  const auto set = [&](CURLoption option, auto value) { curl_easy_setopt(curl.get(), option, value); };
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 1L);
  set(CURLOPT_MAXREDIRS, 8L);
  set(CURLOPT_FAILONERROR, 1L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_USERAGENT, "weft");
  set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(t.options.answer_seconds));
#if LIBCURL_VERSION_NUM >= 0x075700
  set(CURLOPT_QUICK_EXIT, 1L);  // else curl waits for a name server that does not answer, whatever the time limit
#endif
  set(CURLOPT_HEADERFUNCTION, &on_header);
  set(CURLOPT_HEADERDATA, &t);
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);  // a proxy's are no answer
  set(CURLOPT_LOW_SPEED_LIMIT, 100L);
  set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(t.options.stall_seconds));
  set(CURLOPT_WRITEFUNCTION, &on_bytes);
  set(CURLOPT_WRITEDATA, &t);
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, &on_progress);
  set(CURLOPT_XFERINFODATA, &t);
  set(CURLOPT_ERRORBUFFER, text);
  const std::string range = cat(t.offset, "-");
  if (t.offset) set(CURLOPT_RANGE, range.c_str());
  Outcome o{curl_easy_perform(curl.get()), 0, 0, t.answered, {}};
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &o.status);
  curl_easy_getinfo(curl.get(), CURLINFO_HTTP_CONNECTCODE, &o.proxy_status);
  o.text = *text ? text : curl_easy_strerror(o.code);
  return o;
}

/// A proxy that does not let a connection through; over plain HTTP its refusal is an answer like a server's.
bool refused_by_proxy(const Outcome& o) { return o.status == 0 && o.proxy_status >= 300; }

bool worth_another_try(const Outcome& o) {
  if (refused_by_proxy(o)) return false;
  switch (o.code) {
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_HTTP2_STREAM:
      return true;
    case CURLE_HTTP_RETURNED_ERROR:
      return o.status >= 500;
    default:
      return false;
  }
}

[[noreturn]] void give_up(const std::string& url, const Outcome& o, const DownloadOptions& options, std::int64_t have) {
  const std::string kept =
      have ? cat("; ", have, " bytes are kept and the next call goes on from there") : std::string();
  if (refused_by_proxy(o))
    fail("download: ", url, ": the proxy refused the connection with HTTP status ", o.proxy_status,
         "; check https_proxy, or put the files in a folder and name it with data_dir", kept);
  if (o.code == CURLE_HTTP_RETURNED_ERROR)
    fail("download: ", url, " answered with HTTP status ", o.status, o.status == 404 ? " (not found)" : "",
         "; check the address, or put the files in a folder and name it with data_dir", kept);
  if (!o.answered && (o.code == CURLE_OPERATION_TIMEDOUT || o.code == CURLE_ABORTED_BY_CALLBACK))
    fail("download: ", url, " did not answer within ", options.answer_seconds,
         " s; check the network, or put the files in a folder and name it with data_dir", kept);
  if (o.code == CURLE_OPERATION_TIMEDOUT)
    fail("download: ", url, " stalled: under 100 bytes a second for ", options.stall_seconds, " s; try again later",
         kept);
  fail("download: ", url, " failed (", o.text,
       "); check the network, or put the files in a folder and name it with data_dir", kept);
}

/// Fetches until the part file is complete. True where it began with bytes of an earlier call.
bool fetch(const std::string& url, PartFile& part, const DownloadOptions& options) {
  bool resumed = part.size() > 0;
  for (int fruitless = 0;;) {
    Transfer t{part, options};
    const std::int64_t before = t.offset = part.size();
    const Outcome o = request(url, t);
    if (o.code == CURLE_OK) return resumed;
    check(!t.disk_full, "download: ", url, ": the file cannot be written (", std::strerror(t.disk_error),
          "); free some space");
    if (o.status == 416 && before) {  // nothing beyond what is there: complete, or not the same file
      if (resumed) return true;
      part.clear();
    }
    fruitless = part.size() > before ? 0 : fruitless + 1;
    if ((!worth_another_try(o) && o.status != 416) || fruitless >= options.attempts)
      give_up(url, o, options, part.size());
  }
}

/// "" where the checksums agree, else what is wrong.
std::string mismatch(const std::string& path, const DownloadOptions& options) {
  if (!options.md5.empty())
    if (const auto sum = digest_of_file("md5", path); sum != options.md5) return cat("md5 ", sum, "; expected ", options.md5);
  if (!options.sha256.empty())
    if (const auto sum = digest_of_file("sha256", path); sum != options.sha256)
      return cat("sha256 ", sum, "; expected ", options.sha256);
  return {};
}

}  // namespace

void download(const std::string& url, const std::string& path, const DownloadOptions& options) {
  std::error_code ec;
  const fs::path parent = fs::path(path).parent_path();
  if (!parent.empty()) fs::create_directories(parent, ec);
  check(!ec, parent.string(), ": the folder cannot be made (", ec.message(), "); name another one with WEFT_DATA");
  const std::string aside = path + ".part";
  PartFile part(aside);
  struct RemoveEmpty {
    const PartFile& part;
    const std::string& path;
    ~RemoveEmpty() {
      std::error_code ignored;
      if (part.size() == 0) fs::remove(path, ignored);
    }
  } remove_empty{part, aside};
  if (fs::exists(path, ec) && mismatch(path, options).empty() && part.size() == 0) return;
  for (bool again = true;; again = false) {
    const bool resumed = fetch(url, part, options);
    const std::string wrong = mismatch(aside, options);
    if (wrong.empty()) break;
    // What an earlier call left may belong to another version of the file: one more try from the beginning.
    part.clear();
    if (resumed && again) continue;
    fail("download: ", url, " has the wrong checksum: ", wrong,
         "; the file was deleted: the server's copy differs, or a proxy changed it");
  }
  fs::rename(aside, path, ec);
  check(!ec, path, ": ", ec.message());
}

}  // namespace weft::data
