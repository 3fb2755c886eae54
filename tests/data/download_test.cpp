#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

#include "data/http_server.h"
#include "data/sha256.h"
#include "support/errors.h"
#include "support/temporary_folder.h"
#include <weft/base/error.h>
#include <weft/data/digest.h>
#include <weft/data/files.h>

namespace weft::data {
using namespace testing;
namespace {

std::string numbers(std::size_t n) {
  std::string s(n, 0);
  for (std::size_t i = 0; i < n; ++i) s[i] = static_cast<char>(i * 31 + i / 251);
  return s;
}
bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
bool exists(const std::string& path) { return std::filesystem::exists(path); }

// From RFC 1321 (A.5) and FIPS 180-4's example "abc".
TEST(Checksums, OfPublishedExamples) {
  TemporaryFolder folder;
  put(folder / "a", "abc");
  EXPECT_EQ(digest_of_file("md5", folder / "a"), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(digest_of_file("sha256", folder / "a"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Download, FetchesChecksAndReportsProgress) {
  const std::string body = numbers(200000);
  HttpServer server({{"good.bin", {body}}});
  TemporaryFolder folder;
  std::int64_t last = 0, whole = 0;
  download(server.url("good.bin"), folder / "in/good.bin",
           {.sha256 = sha256(body),
            .progress = [&](std::int64_t done, std::int64_t total) { last = done, whole = total; }});
  EXPECT_EQ(content(folder / "in/good.bin"), body);
  EXPECT_EQ(last, 200000);
  EXPECT_EQ(whole, 200000);
  EXPECT_FALSE(exists(folder / "in/good.bin.part"));
}

TEST(Download, ResumesATransferThatBreaksOff) {
  const std::string body = numbers(100000);
  HttpServer server({{"cut.bin", {body, 40000}}});
  TemporaryFolder folder;
  download(server.url("cut.bin"), folder / "cut.bin", {.sha256 = sha256(body)});
  EXPECT_EQ(content(folder / "cut.bin"), body);
  EXPECT_EQ(server.requests(), (std::vector<std::string>{"cut.bin", "cut.bin@40000"}));
}

TEST(Download, GoesOnWithWhatAnEarlierRunLeft) {
  const std::string body = numbers(100000);
  HttpServer server({{"f", {body}}});
  TemporaryFolder folder;
  put(folder / "f.part", body.substr(0, 70000));
  download(server.url("f"), folder / "f", {.sha256 = sha256(body)});
  EXPECT_EQ(content(folder / "f"), body);
  EXPECT_EQ(server.requests(), (std::vector<std::string>{"f@70000"}));
}

TEST(Download, StartsAnewWhenTheLeftPartIsOfAnotherFile) {
  const std::string body = numbers(1000);
  HttpServer server({{"f", {body}}});
  for (std::size_t left : {500, 1000, 3000}) {
    TemporaryFolder folder;
    put(folder / "f.part", std::string(left, 'x'));
    download(server.url("f"), folder / "f", {.sha256 = sha256(body)});
    EXPECT_EQ(content(folder / "f"), body) << left;
  }
}

TEST(Download, CopesWithAServerThatKnowsNoRanges) {
  const std::string body = numbers(100000);
  HttpServer server({{"f", {body, 40000, false}}});
  TemporaryFolder folder;
  download(server.url("f"), folder / "f", {.sha256 = sha256(body)});
  EXPECT_EQ(content(folder / "f"), body);
}

TEST(Download, RefusesAWrongChecksumAndKeepsNothing) {
  HttpServer server({{"f", {numbers(1000)}}});
  TemporaryFolder folder;
  const std::string message =
      error_of([&] { download(server.url("f"), folder / "f", {.md5 = "00000000000000000000000000000000"}); });
  EXPECT_TRUE(contains(message, "wrong checksum: md5 ")) << message;
  EXPECT_TRUE(contains(message, "expected 00000000000000000000000000000000")) << message;
  EXPECT_FALSE(exists(folder / "f"));
  EXPECT_FALSE(exists(folder / "f.part"));
}

TEST(Download, NamesAMissingFile) {
  HttpServer server({});
  TemporaryFolder folder;
  const std::string message = error_of([&] { download(server.url("no.gz"), folder / "no.gz"); });
  EXPECT_TRUE(contains(message, server.url("no.gz") + " answered with HTTP status 404 (not found)")) << message;
  EXPECT_FALSE(exists(folder / "no.gz"));
  EXPECT_FALSE(exists(folder / "no.gz.part"));
}

TEST(Download, GivesUpWhenTheServerStalls) {
  HttpServer server({{"f", {.body = numbers(1000), .stalls = true}}});
  TemporaryFolder folder;
  const std::string message = error_of([&] { download(server.url("f"), folder / "f", {.stall_seconds = 1}); });
  EXPECT_TRUE(contains(message, "stalled")) << message;
  EXPECT_TRUE(contains(message, "10 bytes are kept")) << message;
  EXPECT_FALSE(exists(folder / "f"));
}

TEST(Download, SaysWhenNobodyListens) {
  TemporaryFolder folder;
  std::string url;
  { url = HttpServer({}).url("f"); }
  const std::string message = error_of([&] { download(url, folder / "f", {.stall_seconds = 2}); });
  EXPECT_TRUE(contains(message, "failed (")) << message;
}

TEST(Download, SaysWhenAServerDoesNotAnswer) {
  HttpServer server({{"f", {.body = "", .silent = true}}});
  TemporaryFolder folder;
  const std::string message = error_of([&] { download(server.url("f"), folder / "f", {.answer_seconds = 1}); });
  EXPECT_TRUE(contains(message, server.url("f") + " did not answer within 1 s")) << message;
  EXPECT_FALSE(exists(folder / "f.part"));
}

TEST(Download, SaysWhenTheProxyRefuses) {
  HttpServer proxy({});
  TemporaryFolder folder;
  ::setenv("https_proxy", proxy.url().c_str(), 1);
  const std::string message = error_of([&] { download("https://example.invalid/f", folder / "f"); });
  ::unsetenv("https_proxy");
  EXPECT_TRUE(contains(message, "https://example.invalid/f: the proxy refused the connection with HTTP status 404"))
      << message;
  EXPECT_EQ(proxy.requests().size(), 1u) << "asked once";
}

// --- archives ---------------------------------------------------------------------------------------------------

struct Entry {
  std::string name, body, link;
};
void write_tar_gz(const std::string& path, const std::vector<Entry>& entries) {
  archive* a = archive_write_new();
  archive_write_add_filter_gzip(a);
  archive_write_set_format_pax_restricted(a);
  archive_write_open_filename(a, path.c_str());
  for (const Entry& e : entries) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, e.name.c_str());
    archive_entry_set_size(entry, static_cast<la_int64_t>(e.body.size()));
    archive_entry_set_filetype(entry, e.link.empty() ? AE_IFREG : AE_IFLNK);
    if (!e.link.empty()) archive_entry_set_symlink(entry, e.link.c_str());
    archive_entry_set_perm(entry, 0644);
    archive_write_header(a, entry);
    archive_write_data(a, e.body.data(), e.body.size());
    archive_entry_free(entry);
  }
  archive_write_close(a);
  archive_write_free(a);
}

TEST(Unpack, WritesFilesAndFolders) {
  TemporaryFolder folder;
  write_tar_gz(folder / "a.tar.gz", {{"set/one.bin", numbers(300000), ""}, {"set/deep/two.txt", "two", ""}});
  unpack(folder / "a.tar.gz", folder / "out");
  EXPECT_EQ(content(folder / "out/set/one.bin"), numbers(300000));
  EXPECT_EQ(content(folder / "out/set/deep/two.txt"), "two");
}

TEST(Unpack, RefusesEntriesThatLeaveTheFolder) {
  TemporaryFolder folder;
  for (const Entry& bad : std::vector<Entry>{{"../escaped", "x", ""},
                                             {"/tmp/weft-escaped", "x", ""},
                                             {"a/../../escaped", "x", ""},
                                             {"link", "", "/etc/passwd"}}) {
    write_tar_gz(folder / "a.tar.gz", {{"good", "x", ""}, bad});
    const std::string message = error_of([&] { unpack(folder / "a.tar.gz", folder / "out"); });
    EXPECT_TRUE(contains(message, "not to be trusted")) << bad.name << ": " << message;
    EXPECT_FALSE(exists(folder / "escaped"));
    EXPECT_FALSE(exists("/tmp/weft-escaped"));
    EXPECT_TRUE(std::filesystem::is_empty(folder / "out"));
  }
}

TEST(Unpack, NamesADamagedArchive) {
  TemporaryFolder folder;
  write_tar_gz(folder / "a.tar.gz", {{"one.bin", numbers(300000), ""}});
  std::string bytes = content(folder / "a.tar.gz");
  put(folder / "cut.tar.gz", bytes.substr(0, bytes.size() / 2));
  EXPECT_TRUE(
      contains(error_of([&] { unpack(folder / "cut.tar.gz", folder / "out"); }), "cut.tar.gz: damaged archive"));
  put(folder / "no.tar.gz", "this is no archive");
  EXPECT_TRUE(contains(error_of([&] { unpack(folder / "no.tar.gz", folder / "out"); }), "no.tar.gz"));
  EXPECT_TRUE(std::filesystem::is_empty(folder / "out"));
}

}  // namespace
}  // namespace weft::data
