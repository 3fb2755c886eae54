// The progress bar: its texts, and what it writes to a terminal (a pseudo-terminal) and to anything else.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <regex>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <weft/train/progress.h>

namespace weft::nn {
namespace {

using Clock = std::chrono::steady_clock;

void wait(int milliseconds) { std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds)); }

/// A pseudo-terminal: what is written to file() can be read back.
class Terminal {
 public:
  Terminal() : master_(posix_openpt(O_RDWR | O_NOCTTY)) {
    EXPECT_GE(master_, 0);
    EXPECT_EQ(grantpt(master_), 0);
    EXPECT_EQ(unlockpt(master_), 0);
    const int slave = open(ptsname(master_), O_RDWR | O_NOCTTY);
    termios raw{};
    EXPECT_EQ(tcgetattr(slave, &raw), 0);
    raw.c_oflag &= ~static_cast<tcflag_t>(OPOST);  // "\n" stays "\n"
    EXPECT_EQ(tcsetattr(slave, TCSANOW, &raw), 0);
    file_ = fdopen(slave, "w");
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() {
    std::fclose(file_);
    close(master_);
  }
  std::FILE* file() const { return file_; }
  /// What was written since the last call.
  std::string text() const {
    std::fflush(file_);
    std::string all;
    char buffer[4096];
    for (pollfd ready{master_, POLLIN, 0}; poll(&ready, 1, 50) > 0;) {
      const ssize_t n = read(master_, buffer, sizeof buffer);
      if (n <= 0) break;
      all.append(buffer, static_cast<std::size_t>(n));
    }
    return all;
  }

 private:
  int master_;
  std::FILE* file_ = nullptr;
};

/// What a bar writes to a file that is no terminal.
std::string written(const std::function<void(std::FILE*)>& draw) {
  std::FILE* file = std::tmpfile();
  draw(file);
  std::string text(static_cast<std::size_t>(std::ftell(file)), '\0');
  std::rewind(file);
  EXPECT_EQ(std::fread(text.data(), 1, text.size(), file), text.size());
  std::fclose(file);
  return text;
}

std::string repeated(const std::string& s, int n) {
  std::string all;
  for (int i = 0; i < n; ++i) all += s;
  return all;
}
std::string cells(int filled, int empty) { return repeated("━", filled) + repeated("─", empty); }

/// The drawings of a text: what stands between "\r" and "\r".
std::vector<std::string> drawings(const std::string& text) {
  std::vector<std::string> all;
  for (std::size_t begin = text.find('\r'); begin != text.npos;) {
    const std::size_t end = text.find('\r', begin + 1);
    all.push_back(text.substr(begin + 1, end == text.npos ? end : end - begin - 1));
    begin = end;
  }
  return all;
}

bool fits(const std::string& text, const std::string& pattern) { return std::regex_match(text, std::regex(pattern)); }

/// "1:05" is 65, "7s" is 7.
double seconds_of(const std::string& duration) {
  double seconds = 0;
  for (std::size_t at = 0; at < duration.size();) {
    seconds = 60 * seconds + std::stod(duration.substr(at));
    at = duration.find_first_of(":s", at) + 1;
    if (at == 0) break;
  }
  return seconds;
}

/// ETA and milliseconds a step of a drawing.
struct Shown {
  std::string eta;
  double ms = 0;
  explicit Shown(const std::string& drawing) {
    std::smatch m;
    EXPECT_TRUE(std::regex_search(drawing, m, std::regex("[━─] ([0-9:]+s?) ([0-9]+)ms/step"))) << drawing;
    if (m.empty()) return;
    eta = m[1];
    ms = std::stod(m[2]);
  }
};

TEST(Progress, DurationsAreSecondsMinutesAndHours) {
  EXPECT_EQ(format_duration(0), "0s");
  EXPECT_EQ(format_duration(12.4), "12s");
  EXPECT_EQ(format_duration(59.6), "1:00");
  EXPECT_EQ(format_duration(65), "1:05");
  EXPECT_EQ(format_duration(3599), "59:59");
  EXPECT_EQ(format_duration(3605), "1:00:05");
  EXPECT_EQ(format_duration(36000 + 61), "10:01:01");
}

TEST(Progress, StepTimesAreSecondsMillisecondsAndMicroseconds) {
  EXPECT_EQ(format_step_time(2.2), "2s/step");
  EXPECT_EQ(format_step_time(0.0123), "12ms/step");
  EXPECT_EQ(format_step_time(0.001), "1ms/step");
  EXPECT_EQ(format_step_time(0.00034), "340us/step");
}

TEST(Progress, ValuesHaveFourDigitsAndAnExponentWhereSmall) {
  EXPECT_EQ(format_logs({{"accuracy", 0.91234}, {"loss", 0.3012}}), " - accuracy: 0.9123 - loss: 0.3012");
  EXPECT_EQ(format_logs({{"loss", 0.0011}}), " - loss: 0.0011");
  EXPECT_EQ(format_logs({{"loss", 0.001}}), " - loss: 1.0000e-03");  // |v| > 1e-3 is asked
  EXPECT_EQ(format_logs({{"loss", -0.5}}), " - loss: -0.5000");
  EXPECT_EQ(format_logs({{"lr", -0.00025}}), " - lr: -2.5000e-04");
  EXPECT_EQ(format_logs({{"loss", 12345.67891}}), " - loss: 12345.6789");
  EXPECT_EQ(format_logs({}), "");
}

TEST(Progress, DrawsTwentyCellsThatFillUp) {
  Terminal terminal;
  ProgressBar bar(1, 40, terminal.file());
  bar.update(1, {{"loss", 0.5}});
  wait(60);
  bar.update(10, {{"loss", 0.25}});
  wait(60);
  bar.update(39, {{"loss", 0.2}});
  bar.finish(40, {{"loss", 0.125}});
  const std::string text = terminal.text();
  const auto lines = drawings(text);
  ASSERT_EQ(lines.size(), 4u) << text;
  const std::string time = " [0-9:]+s? [0-9]+(s|ms|us)/step - loss: ";
  EXPECT_TRUE(fits(lines[0], "1/40 " + cells(0, 20) + time + "0\\.5000 *")) << lines[0];
  EXPECT_TRUE(fits(lines[1], "10/40 " + cells(5, 15) + time + "0\\.2500 *")) << lines[1];
  EXPECT_TRUE(fits(lines[2], "39/40 " + cells(19, 1) + time + "0\\.2000 *")) << lines[2];
  EXPECT_TRUE(fits(lines[3], "40/40 " + cells(20, 0) + time + "0\\.1250 *\n")) << lines[3];
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
}

TEST(Progress, LeavesTheFirstStepOutAndShowsTheElapsedTimeAtTheEnd) {
  Terminal terminal;
  ProgressBar bar(1, 3, terminal.file());
  wait(600);  // the first step, which pays for set-up
  bar.update(1, {});
  wait(60);
  bar.update(2, {});
  bar.finish(3, {});
  const auto lines = drawings(terminal.text());
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_GE(Shown(lines[1]).ms, 60);
  EXPECT_LT(Shown(lines[1]).ms, 300);                         // (600 + 60) / 2 with the first step
  EXPECT_GE(seconds_of(Shown(lines[2]).eta), 1) << lines[2];  // 0.66 s, rounded
}

TEST(Progress, EstimatesTheTimeThatIsLeft) {
  struct Case {
    std::int64_t total;
    std::string form;
  };
  const std::string two = ":[0-9]{2}";
  for (const Case& c : {Case{100, "[0-9]+s"}, Case{5000, "[0-9]+" + two}, Case{500000, "[0-9]+" + two + two}}) {
    Terminal terminal;
    ProgressBar bar(1, c.total, terminal.file());
    bar.update(1, {});
    wait(100);
    bar.update(2, {});
    const auto lines = drawings(terminal.text());
    ASSERT_EQ(lines.size(), 2u);
    const Shown shown(lines[1]);
    EXPECT_TRUE(fits(shown.eta, c.form)) << lines[1];
    const double left = static_cast<double>(c.total - 2) / 1000;  // seconds for each millisecond a step
    EXPECT_NEAR(seconds_of(shown.eta), shown.ms * left, 0.5 * left + 1) << lines[1];
  }
}

TEST(Progress, RedrawsEveryFiftyMillisecondsAtMost) {
  Terminal terminal;
  const auto begin = Clock::now();
  ProgressBar bar(1, 400, terminal.file());
  for (int i = 1; i <= 400; ++i) {
    bar.update(i, {});
    std::this_thread::sleep_for(std::chrono::microseconds(500));
  }
  const double elapsed = std::chrono::duration<double>(Clock::now() - begin).count();
  const auto drawn = drawings(terminal.text()).size();
  EXPECT_GE(drawn, 2u);
  EXPECT_LE(static_cast<double>(drawn), 1 + elapsed / 0.05);
}

TEST(Progress, CoversALongerLineWithBlanks) {
  Terminal terminal;
  ProgressBar bar(1, 2, terminal.file());
  bar.update(1, {{"a_long_name", 1}, {"loss", 1}});
  bar.finish(2, {{"loss", 1}});
  const auto lines = drawings(terminal.text());
  ASSERT_EQ(lines.size(), 2u);
  const auto columns = [](const std::string& s) {  // not bytes: a cell has three
    return std::count_if(s.begin(), s.end(), [](unsigned char c) { return c != '\n' && (c & 0xc0) != 0x80; });
  };
  EXPECT_GE(columns(lines[1]), columns(lines[0]));
  EXPECT_TRUE(fits(lines[1], ".* - loss: 1\\.0000 +\n")) << lines[1];
}

TEST(Progress, CountsWhereTheTotalIsUnknown) {
  Terminal terminal;
  ProgressBar bar(1, 0, terminal.file());
  bar.update(1, {});
  bar.finish(7, {{"loss", 1}});
  const auto lines = drawings(terminal.text());
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_TRUE(fits(lines[0], "1/\\? .*")) << lines[0];
  EXPECT_TRUE(fits(lines[1], "7/\\? [0-9]+s [0-9]+(s|ms|us)/step - loss: 1\\.0000 *\n")) << lines[1];
}

TEST(Progress, WritesOnePlainLineWithoutATerminal) {
  const std::string text = written([](std::FILE* file) {
    ProgressBar bar(1, 2, file);
    bar.update(1, {{"loss", 1}});
    wait(60);
    bar.update(2, {{"loss", 0.5}});
    bar.finish(2, {{"loss", 0.5}});
  });
  EXPECT_TRUE(fits(text, "2/2 " + cells(20, 0) + " [0-9]+s [0-9]+(s|ms|us)/step - loss: 0\\.5000\n")) << text;
}

TEST(Progress, VerboseZeroIsSilent) {
  Terminal terminal;
  ProgressBar bar(0, 2, terminal.file());
  bar.update(1, {{"loss", 1}});
  bar.finish(2, {{"loss", 1}});
  EXPECT_EQ(terminal.text(), "");
}

TEST(Progress, AutoIsABarOnATerminalAndALineElsewhere) {
  Terminal terminal;
  std::fflush(stdout);
  const int kept = dup(STDOUT_FILENO);
  dup2(fileno(terminal.file()), STDOUT_FILENO);
  const int on_terminal = resolve_verbose(-1);
  std::FILE* file = std::tmpfile();
  dup2(fileno(file), STDOUT_FILENO);
  const int elsewhere = resolve_verbose(-1);
  dup2(kept, STDOUT_FILENO);
  close(kept);
  std::fclose(file);
  EXPECT_EQ(on_terminal, 1);
  EXPECT_EQ(elsewhere, 2);
  for (int verbose : {0, 1, 2}) EXPECT_EQ(resolve_verbose(verbose), verbose);
}

TEST(ProgressBar, LeavesOutWhatFollowsTheStoppedClock) {
  const std::string text = written([](std::FILE* file) {
    ProgressBar bar(2, 2, file);
    bar.update(1, {});
    wait(4);
    bar.update(2, {});
    bar.stop_clock(2);
    wait(400);  // a validation
    bar.finish(2, {});
  });
  EXPECT_TRUE(std::regex_match(text, std::regex("2/2 - 0s - [0-9]{1,2}ms/step\n"))) << text;
}

TEST(ProgressBar, StaysAsFarAsAnEndedEpochCame) {
  const std::string text = written([](std::FILE* file) {
    ProgressBar bar(1, 4, file, "Epoch 1/2");
    bar.update(1, {});
    bar.finish(1, {});
  });
  std::string cells;
  for (int i = 0; i < 20; ++i) cells += i < 5 ? "━" : "─";
  EXPECT_TRUE(text.starts_with("Epoch 1/2\n1/4 " + cells)) << text;
}

}  // namespace
}  // namespace weft::nn
