// The progress bar of fit, evaluate and predict.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

#include <weft/train/logs.h>

namespace weft::nn {

/// What verbose_auto (-1) means here: 1 on a terminal, else 2; other values stay.
int resolve_verbose(int verbose);
/// "12s", "1:05", "1:00:05"
std::string format_duration(double seconds);
/// "2s/step", "12ms/step", "340us/step"
std::string format_step_time(double seconds);
/// " - accuracy: 0.9123 - loss: 0.3012": .4f where |v| > 1e-3, else .4e.
std::string format_logs(const Logs& logs);

/// Draws on a terminal; on anything else it writes plain lines. Internal to train/ (it is no public header).
class ProgressBar {
 public:
  /// verbose 0: silent, 1: a bar, 2: one line at the end. `total` 0: unknown.
  ProgressBar(int verbose, std::int64_t total, std::FILE* to = stdout);
  /// After step `done` (from 1).
  void update(std::int64_t done, const Logs& logs);
  /// True where update() would draw now: lets the caller skip reading the logs.
  bool due(std::int64_t done) const;
  void finish(std::int64_t done, const Logs& logs);

 private:
  using clock = std::chrono::steady_clock;
  std::string line(std::int64_t done, const Logs& logs, bool last) const;
  int verbose_;
  std::int64_t total_;
  std::FILE* to_;
  bool terminal_;
  clock::time_point start_, first_step_, drawn_;
  std::int64_t first_ = 0;
  std::size_t width_ = 0;
};

}  // namespace weft::nn
