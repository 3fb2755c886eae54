#include <weft/io/npz.h>

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

#include <memory>
#include <unordered_set>

#include <weft/base/files.h>

namespace weft {

namespace {

using Archive = std::unique_ptr<archive, int (*)(archive*)>;

/// An archive without members: the end record alone.
constexpr std::string_view empty_archive{"PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22};

/// libarchive converts names by way of the locale; while this lives, this thread's is UTF-8 whatever the program's is.
class Utf8Names {
 public:
  Utf8Names() : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (locale_) outer_ = ::uselocale(locale_);
  }
  Utf8Names(const Utf8Names&) = delete;
  Utf8Names& operator=(const Utf8Names&) = delete;
  ~Utf8Names() {
    if (!locale_) return;
    ::uselocale(outer_);
    ::freelocale(locale_);
  }

 private:
  locale_t locale_, outer_ = nullptr;
};

std::string reason(archive* a) {
  const char* s = archive_error_string(a);
  return s ? s : "unknown reason";
}

std::string member_name(archive_entry* entry) {
  if (const char* utf8 = archive_entry_pathname_utf8(entry)) return utf8;
  const char* raw = archive_entry_pathname(entry);
  check(raw, "a member's name cannot be read; expected UTF-8");
  return raw;
}

std::string member_bytes(archive* a) {
  std::string bytes;
  const void* block = nullptr;
  std::size_t size = 0;
  la_int64_t offset = 0;
  for (;;) {
    const int status = archive_read_data_block(a, &block, &size, &offset);
    if (status == ARCHIVE_EOF) return bytes;
    check(status == ARCHIVE_OK, "damaged: ", reason(a));
    if (static_cast<std::size_t>(offset) > bytes.size()) bytes.resize(static_cast<std::size_t>(offset));
    bytes.append(static_cast<const char*>(block), size);
  }
}

NamedTensors read_all(const std::string& path) {
  const std::string file = read_file(path);
  const Utf8Names utf8;
  check(file.starts_with("PK"), "no .npz file: it is no zip archive");
  NamedTensors tensors;
  if (file == empty_archive) return tensors;  // which libarchive does not read
  const Archive a(archive_read_new(), &archive_read_free);
  archive_read_support_format_zip_seekable(a.get());
  archive_read_set_options(a.get(), "zip:hdrcharset=UTF-8");
  check(archive_read_open_memory(a.get(), file.data(), file.size()) == ARCHIVE_OK, "no zip archive: ", reason(a.get()));
  std::unordered_set<std::string> names;
  for (;;) {
    archive_entry* entry = nullptr;
    const int status = archive_read_next_header(a.get(), &entry);
    if (status == ARCHIVE_EOF) return tensors;
    check(status == ARCHIVE_OK || status == ARCHIVE_WARN, "the archive is damaged: ", reason(a.get()));
    std::string name = member_name(entry);
    try {
      check(name.ends_with(".npy"), "is no array; expected names that end in .npy");
      const Tensor t = parse_npy(member_bytes(a.get()));
      name.resize(name.size() - 4);
      check(names.insert(name).second, "is there twice");
      tensors.emplace_back(name, t);
    } catch (const Error& e) {
      fail("member '", name, "': ", e.message());
    }
  }
}

la_ssize_t append(archive*, void* to, const void* bytes, std::size_t size) {
  static_cast<std::string*>(to)->append(static_cast<const char*>(bytes), size);
  return static_cast<la_ssize_t>(size);
}

std::string zip_bytes(const NamedTensors& tensors, bool compress) {
  if (tensors.empty()) return std::string(empty_archive);
  const Utf8Names utf8;
  std::string out;
  const Archive a(archive_write_new(), &archive_write_free);
  const auto ensure = [&](int status) { check(status >= ARCHIVE_WARN, "zip: ", reason(a.get())); };
  ensure(archive_write_set_format_zip(a.get()));
  ensure(archive_write_set_options(a.get(), compress ? "zip:compression=deflate" : "zip:compression=store"));
  archive_write_set_options(a.get(), "zip:hdrcharset=UTF-8");
  archive_write_set_bytes_in_last_block(a.get(), 1);
  ensure(archive_write_open(a.get(), &out, nullptr, &append, nullptr));
  std::unordered_set<std::string_view> names;
  for (const auto& [name, t] : tensors) {
    check(!name.empty() && names.insert(name).second, "array '", name, "' is nameless or there twice");
    check(t.defined(), "array '", name, "' is undefined");
    std::string bytes;
    try {
      bytes = npy_bytes(t);
    } catch (const Error& e) {
      fail("array '", name, "': ", e.message());
    }
    const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(), &archive_entry_free);
    archive_entry_set_pathname_utf8(entry.get(), (name + ".npy").c_str());
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(bytes.size()));
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0644);
    archive_entry_set_mtime(entry.get(), 315532800, 0);  // 1980-01-01, the first that zip knows: same tensors, same bytes
    ensure(archive_write_header(a.get(), entry.get()));
    check(archive_write_data(a.get(), bytes.data(), bytes.size()) == static_cast<la_ssize_t>(bytes.size()),
          "zip: ", reason(a.get()));
  }
  ensure(archive_write_close(a.get()));
  return out;
}

}  // namespace

NamedTensors load_npz(const std::string& path) {
  try {
    return read_all(path);
  } catch (const Error& e) {
    if (e.message().starts_with(path)) throw;
    fail(path, ": ", e.message());
  }
}

void save_npz(const std::string& path, const NamedTensors& tensors, const NpzOptions& options) {
  std::string bytes;
  try {
    bytes = zip_bytes(tensors, options.compress);
  } catch (const Error& e) {
    fail(path, ": ", e.message());
  }
  write_file_atomically(path, bytes);
}

}  // namespace weft
