// Kernels chosen by measurement: the file that keeps them, and the measuring.
#pragma once

#include <string>
#include <vector>

#include <weft/graph/choices.h>
#include <weft/graph/plan_report.h>

#include "plan.h"

namespace weft::cli {

/// What was found on this machine by this version.
struct Tuning {
  std::vector<std::string> measured;  ///< titles of the steps that were measured
  KernelChoices kernels;              ///< where another kernel than the default one was faster
};

/// Reads it; empty where there is no file. One that is damaged, or of another machine or version, is passed over with a line on
/// stderr.
Tuning load_tuning(const std::string& path);
/// Writes it, atomically.
void save_tuning(const std::string& path, const Tuning& tuning);

/// What a tuning has found.
struct Tuned {
  struct Change {
    std::string key, from, to;
  };
  double before = 0, after = 0;  ///< seconds a run of the plan
  int tried = 0;                 ///< alternatives that a plan could take
  std::vector<Change> changes;   ///< those that made it faster
};

/// A plan made with the choices in force, run until it is `enough`.
using Measure = std::function<PlannedModel(const Enough& enough)>;
/// Tries one kernel after another in the place of the slowest ones, keeps what makes the whole plan faster, adds it to `tuning`
/// and leaves it in force. Tries nothing more after `seconds`.
Tuned tune_plan(Tuning& tuning, const Measure& measure, double seconds);
/// The same for a training step of a network by name, where it was not measured before. The random streams stay as they are.
Tuned tune_training(Tuning& tuning, const std::string& model, const PlanInput& input, std::int64_t classes, double seconds);

}  // namespace weft::cli
