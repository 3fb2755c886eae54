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
  /// verbose 0: silent, 1: a bar, 2: one line at the end. `total` 0: unknown. `title` ("Epoch 1/10") stands above a bar and
  /// at the beginning of a line.
  ProgressBar(int verbose, std::int64_t total, std::FILE* to = stdout, std::string title = {});
  /// After step `done` (from 1).
  void update(std::int64_t done, const Logs& logs);
  /// True where update() would draw now: lets the caller skip reading the logs.
  bool due(std::int64_t done) const;
  /// Ends the measured time after step `done`: what follows until finish() is no part of a step.
  void stop_clock(std::int64_t done);
  /// The last line. A bar that ends early stays as far as it came.
  void finish(std::int64_t done, const Logs& logs);

 private:
  using clock = std::chrono::steady_clock;
  std::string line(std::int64_t done, const Logs& logs, bool last) const;
  double seconds_per_step(std::int64_t done) const;
  int verbose_;
  std::int64_t total_;
  std::FILE* to_;
  bool terminal_;
  std::string title_;
  clock::time_point start_, first_step_, drawn_;
  double per_step_ = 0;  ///< once the clock is stopped
  std::int64_t first_ = 0;
  std::size_t width_ = 0;
};

}  // namespace weft::nn
