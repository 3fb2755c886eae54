#include <csignal>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <weft/base/files.h>

#include "support/errors.h"
#include "support/temporary_folder.h"

namespace weft {
namespace {

using testing::TemporaryFolder;

TEST(Files, AreWrittenAndReadWhole) {
  TemporaryFolder folder;
  const std::string path = folder / "a.bin", bytes("a\0b\n\xff", 5);
  write_file_atomically(path, bytes);
  EXPECT_EQ(read_file(path), bytes);
  const std::string_view parts[] = {"new ", "", "content"};
  write_file_atomically(path, parts);
  EXPECT_EQ(read_file(path), "new content");
  EXPECT_EQ(folder.entries(), 1u);
}

TEST(Files, AnOldFileKeepsItsPermissionsAndLinks) {
  TemporaryFolder folder;
  const std::string path = folder / "a", link = folder / "link";
  write_file_atomically(path, "1");
  ::chmod(path.c_str(), 0600);
  ASSERT_EQ(::symlink(path.c_str(), link.c_str()), 0);
  write_file_atomically(link, "2");
  EXPECT_EQ(read_file(path), "2");
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

/// A limit on the size of files is what a full disk looks like, and needs no disk of its own.
TEST(Files, AFullDiskKeepsTheOldFile) {
  TemporaryFolder folder;
  const std::string path = folder / "weights";
  write_file_atomically(path, "precious");
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  auto* handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit limited = before;
  limited.rlim_cur = 4096;
  ::setrlimit(RLIMIT_FSIZE, &limited);
  const std::string message = testing::error_of([&] { write_file_atomically(path, std::string(1 << 20, 'x')); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, handler);
  EXPECT_NE(message.find(path), std::string::npos) << message;
  EXPECT_NE(message.find("old file"), std::string::npos) << message;
  EXPECT_EQ(read_file(path), "precious");
  EXPECT_EQ(folder.entries(), 1u);
}

TEST(Files, DevicesAreWrittenDirectlyAndTellWhenFull) {
  if (!file_exists("/dev/full")) GTEST_SKIP();
  WEFT_EXPECT_ERROR(write_file_atomically("/dev/full", "x"), "/dev/full", "No space left");
  EXPECT_TRUE(file_exists("/dev/full"));
  write_file_atomically("/dev/null", "x");
}

TEST(Files, ErrorsNamePathAndReason) {
  TemporaryFolder folder;
  WEFT_EXPECT_ERROR(read_file(folder / "none"), folder / "none", "No such file");
  WEFT_EXPECT_ERROR(read_file(folder.path()), "is a folder");
  WEFT_EXPECT_ERROR(write_file_atomically(folder / "no/such/file", "x"), "no/such/file", "make the folder first");
  WEFT_EXPECT_ERROR(write_file_atomically(folder.path(), "x"), "is a folder");
}

TEST(Files, FoldersAreMadeWithTheirParents) {
  TemporaryFolder folder;
  make_folder(folder / "a/b/c/");
  EXPECT_TRUE(std::filesystem::is_directory(folder / "a/b/c"));
  make_folder(folder / "a/b");
  write_file_atomically(folder / "file", "x");
  WEFT_EXPECT_ERROR(make_folder(folder / "file"), "is a file");
  WEFT_EXPECT_ERROR(make_folder(folder / "file/below"), "file");
  WEFT_EXPECT_ERROR(make_folder("/proc/no-such-folder"), "/proc/no-such-folder", "cannot be made");
  WEFT_EXPECT_ERROR(make_folder(""), "empty");
}

/// For root, who may write anywhere: somebody else while it lives.
struct Nobody {
  bool changed = ::geteuid() == 0 && ::seteuid(65534) == 0;
  ~Nobody() {
    if (changed && ::seteuid(0) != 0) std::abort();
  }
};

TEST(Files, AFolderThatMayNotBeWrittenToIsSaidSo) {
  TemporaryFolder folder;
  make_folder(folder / "a");
  ::chmod(folder.path().c_str(), 0755);
  ::chmod((folder / "a").c_str(), 0555);
  const Nobody nobody;
  if (::geteuid() == 0) GTEST_SKIP() << "root may write anywhere";
  WEFT_EXPECT_ERROR(make_folder(folder / "a"), "not writable", "choose a folder that you may write to");
  WEFT_EXPECT_ERROR(make_folder(folder / "a/b/c"), "a/b", "Permission denied; choose a folder that you may write to");
}

TEST(Files, WhatAKilledWriterLeftIsRemoved) {
  TemporaryFolder folder;
  for (const char* name : {"model.json.4711-0.part", "cifar.tar.gz.part", "my.part", "x.-1.part", "x.1-.part", "1-1.part",
                           "kept"})
    write_file_atomically(folder / name, "x");
  remove_parts(folder.path());
  EXPECT_FALSE(file_exists(folder / "model.json.4711-0.part"));
  EXPECT_EQ(folder.entries(), 6u);
  remove_parts(folder / "nowhere");
}

}  // namespace
}  // namespace weft
