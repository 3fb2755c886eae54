#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include <weft/base/error.h>
#include <weft/data/files.h>

namespace weft::data {

namespace fs = std::filesystem;

namespace {

struct FreeArchive {
  void operator()(archive* a) const { archive_read_free(a); }
};

std::string reason(archive* a) {
  const char* text = archive_error_string(a);
  return text ? text : "of no known format";
}

/// The entry's place under a folder; throws where it would lie elsewhere.
fs::path safe_path(const std::string& name, const std::string& archive_name) {
  const fs::path p = fs::path(name).lexically_normal();
  bool safe = !name.empty() && p.is_relative();
  for (const auto& part : p) safe = safe && part != "..";
  check(safe, archive_name, ": entry '", name,
        "' would lie outside of the target folder; the archive is not to be trusted");
  return p;
}

void write_entry(archive* a, const fs::path& to, const std::string& name) {
  fs::create_directories(to.parent_path());
  std::ofstream out(to, std::ios::binary | std::ios::trunc);
  const void* block;
  std::size_t size;
  la_int64_t offset;
  for (int r; (r = archive_read_data_block(a, &block, &size, &offset)) != ARCHIVE_EOF;) {
    check(r == ARCHIVE_OK, name, ": damaged archive (", reason(a), "); delete it and fetch it again");
    out.seekp(offset);
    out.write(static_cast<const char*>(block), static_cast<std::streamsize>(size));
  }
  out.close();
  check(static_cast<bool>(out), to.string(), ": it cannot be written (", std::strerror(errno), ")");
}

void unpack_entries(archive* a, const fs::path& folder, const std::string& name) {
  archive_entry* entry;
  bool any = false;
  for (int r; (r = archive_read_next_header(a, &entry)) != ARCHIVE_EOF;) {
    check(r == ARCHIVE_OK || r == ARCHIVE_WARN, name, ": damaged archive (", reason(a),
          "); delete it and fetch it again");
    const char* path = archive_entry_pathname(entry);
    const fs::path to = folder / safe_path(path ? path : "", name);
    const auto type = archive_entry_filetype(entry);
    check((type == AE_IFREG || type == AE_IFDIR) && !archive_entry_hardlink(entry), name, ": entry '", path,
          "' is neither a file nor a folder; the archive is not to be trusted");
    if (type == AE_IFDIR) fs::create_directories(to);
    else write_entry(a, to, name);
    any = true;
  }
  check(any, name, ": it is empty or no archive");
}

/// Moves what lies in `from` into `to`; a folder that exists is replaced by the new one.
void move_into(const fs::path& from, const fs::path& to) {
  fs::create_directories(to);
  for (const auto& entry : fs::directory_iterator(from)) {
    const fs::path target = to / entry.path().filename();
    fs::remove_all(target);
    fs::rename(entry.path(), target);
  }
}

}  // namespace

void unpack(const std::string& path, const std::string& folder) {
  std::unique_ptr<archive, FreeArchive> a(archive_read_new());
  archive_read_support_filter_all(a.get());
  archive_read_support_format_tar(a.get());
  archive_read_support_format_zip(a.get());
  check(archive_read_open_filename(a.get(), path.c_str(), 1 << 17) == ARCHIVE_OK, path,
        ": it cannot be opened as an archive (", reason(a.get()), ")");
  const fs::path aside = cat(folder, "/.unpacking-", static_cast<std::int64_t>(::getpid()));
  std::error_code ignored;
  try {
    fs::create_directories(aside);
    unpack_entries(a.get(), aside, path);
    move_into(aside, folder);
    fs::remove_all(aside);
  } catch (const fs::filesystem_error& e) {
    fs::remove_all(aside, ignored);
    fail(path, ": it cannot be unpacked (", e.what(), ")");
  } catch (...) {
    fs::remove_all(aside, ignored);
    throw;
  }
}

}  // namespace weft::data
