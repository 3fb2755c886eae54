#include <weft/train/progress.h>

#include <cmath>

#include <unistd.h>

#include <weft/base/error.h>
#include <weft/base/format.h>

namespace weft::nn {

namespace {
constexpr int cells = 20;
constexpr auto redraw_every = std::chrono::milliseconds(50);

double seconds_between(std::chrono::steady_clock::time_point a, std::chrono::steady_clock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
}

/// Characters on the terminal, not bytes.
std::size_t columns(const std::string& s) {
  std::size_t n = 0;
  for (unsigned char c : s) n += (c & 0xc0) != 0x80;
  return n;
}
}  // namespace

int resolve_verbose(int verbose) {
  check(verbose >= -1 && verbose <= 2, "verbose is ", verbose, "; expected 0 (silent), 1 (a bar), 2 (a line an epoch) or -1 (automatic)");
  return verbose == -1 ? (isatty(fileno(stdout)) ? 1 : 2) : verbose;
}

std::string format_duration(double seconds) {
  const auto s = static_cast<long>(seconds + 0.5);
  if (s >= 3600) return format("%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
  if (s >= 60) return format("%ld:%02ld", s / 60, s % 60);
  return format("%lds", s);
}

std::string format_step_time(double seconds) {
  if (seconds >= 1 || seconds == 0) return format("%.0fs/step", seconds);
  if (seconds >= 1e-3) return format("%.0fms/step", seconds * 1e3);
  return format("%.0fus/step", seconds * 1e6);
}

std::string format_logs(const Logs& logs) {
  std::string s;
  for (const auto& [name, v] : logs) s += " - " + name + ": " + format(std::fabs(v) > 1e-3 ? "%.4f" : "%.4e", v);
  return s;
}

ProgressBar::ProgressBar(int verbose, std::int64_t total, std::FILE* to, std::string title)
    : verbose_(verbose), total_(total), to_(to), terminal_(isatty(fileno(to)) != 0), title_(std::move(title)),
      start_(clock::now()) {
  if (verbose_ == 1 && !title_.empty()) std::fprintf(to_, "%s\n", title_.c_str());
}

bool ProgressBar::due(std::int64_t done) const {
  return verbose_ == 1 && terminal_ && (done == 1 || clock::now() - drawn_ >= redraw_every);
}

double ProgressBar::seconds_per_step(std::int64_t done) const {
  if (per_step_ > 0) return per_step_;
  const auto now = clock::now();
  // The first step pays for set-up: it does not count.
  if (done > first_ && first_ > 0) return seconds_between(first_step_, now) / static_cast<double>(done - first_);
  return seconds_between(start_, now) / static_cast<double>(std::max<std::int64_t>(done, 1));
}

void ProgressBar::stop_clock(std::int64_t done) { per_step_ = seconds_per_step(done); }

std::string ProgressBar::line(std::int64_t done, const Logs& logs, bool last) const {
  const double elapsed = seconds_between(start_, clock::now()), per_step = seconds_per_step(done);
  std::string s = verbose_ != 1 && !title_.empty() ? title_ + " - " : std::string();
  s += total_ ? format("%lld/%lld", static_cast<long long>(done), static_cast<long long>(total_))
                         : format("%lld/?", static_cast<long long>(done));
  if (verbose_ == 1 && total_) {
    s += " ";
    const auto filled = static_cast<int>(cells * done / total_);
    for (int i = 0; i < cells; ++i) s += i < filled ? "━" : "─";
  }
  const bool plain = verbose_ != 1;
  const double shown = last || !total_ ? elapsed : per_step * static_cast<double>(total_ - done);
  s += (plain ? " - " : " ") + format_duration(shown) + (plain ? " - " : " ") + format_step_time(per_step);
  return s + format_logs(logs);
}

void ProgressBar::update(std::int64_t done, const Logs& logs) {
  const auto now = clock::now();
  if (first_ == 0) {
    first_ = done;
    first_step_ = now;
  }
  if (!due(done)) return;
  drawn_ = now;
  std::string s = line(done, logs, false);
  const std::size_t width = columns(s);
  if (width < width_) s.append(width_ - width, ' ');
  width_ = width;
  std::fprintf(to_, "\r%s", s.c_str());
  std::fflush(to_);
}

void ProgressBar::finish(std::int64_t done, const Logs& logs) {
  if (verbose_ == 0) return;
  std::string s = line(done, logs, true);
  const std::size_t width = columns(s);
  if (width < width_) s.append(width_ - width, ' ');
  std::fprintf(to_, "%s%s\n", verbose_ == 1 && terminal_ ? "\r" : "", s.c_str());
  std::fflush(to_);
}

}  // namespace weft::nn
