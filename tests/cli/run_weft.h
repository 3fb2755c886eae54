// Runs the weft executable and keeps what it printed.
#pragma once

#include <csignal>
#include <cstdlib>
#include "support/temporary_folder.h"
#include <fcntl.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace weft {

using namespace testing;

using Arguments = std::vector<std::string>;

/// How a run of the executable ended.
struct Outcome {
  int code = 0;  ///< exit code; 128 + signal where one ended it
  std::string out, err;

  /// The last line printed, as JSON.
  nlohmann::json json() const {
    const std::string text = out.substr(0, out.find_last_not_of('\n') + 1);
    return nlohmann::json::parse(text.substr(text.rfind('\n') + 1), nullptr, false);
  }
  std::string hash() const {
    const auto j = json();
    return j.is_object() && j.contains("weights_sha256") ? j["weights_sha256"].get<std::string>()
                                                         : "no hash: " + out + err;
  }
};

/// A running weft, in a working folder of its own choice.
class Process {
 public:
  Process(const std::string& folder, const Arguments& arguments)
      : base_(folder + "/process" + std::to_string(++count())) {
    pid_ = fork();
    if (pid_ != 0) return;
    redirect(base_ + ".out", 1);
    redirect(base_ + ".err", 2);
    std::vector<char*> argv{const_cast<char*>(WEFT_EXECUTABLE)};
    for (const auto& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
    argv.push_back(nullptr);
    // An empty cache and no way to a network: what a test sees does not depend on the machine.
    setenv("WEFT_DATA", (folder + "/cache").c_str(), 1);
    setenv("https_proxy", "http://127.0.0.1:9", 1);
    if (chdir(folder.c_str()) == 0) execv(WEFT_EXECUTABLE, argv.data());
    _exit(125);
  }
  void send(int signal) const { kill(pid_, signal); }
  Outcome wait() const {
    int status = 0;
    waitpid(pid_, &status, 0);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), content(base_ + ".out"),
            content(base_ + ".err")};
  }

 private:
  static int& count() {
    static int n = 0;
    return n;
  }
  static void redirect(const std::string& path, int to) {
    const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || dup2(file, to) < 0) _exit(126);
  }
  std::string base_;
  pid_t pid_ = 0;
};

/// A test with a folder of its own, in which weft runs.
class Cli : public ::testing::Test {
 protected:
  Outcome weft(const Arguments& arguments) const { return Process(folder.path(), arguments).wait(); }
  bool exists(const std::string& name) const { return std::filesystem::exists(folder / name); }
  std::string read(const std::string& name) const { return content(folder / name); }
  TemporaryFolder folder;
};

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

/// The run failed as an error of the user's: exit code 2, one line that says `part`, nothing of the C++ library's own.
#define EXPECT_REFUSED(outcome, part)                                                                  \
  do {                                                                                                 \
    const Outcome refused = (outcome);                                                                 \
    EXPECT_EQ(refused.code, 2) << refused.out;                                                         \
    EXPECT_TRUE(refused.err.starts_with("weft: ")) << refused.err;                                     \
    EXPECT_TRUE(contains(refused.err, part)) << "expected: " << part << "\nreceived: " << refused.err; \
  } while (false)

}  // namespace weft
