// What a run leaves: weights, architecture, history, report, and the last line of `weft train`.
#pragma once

#include <cmath>

#include "run.h"
#include <weft/train/model.h>

namespace weft::cli {

/// What is known after training.
struct Outcome {
  nn::History history;
  std::vector<double> step_seconds;
  std::int64_t steps = 0;
  double seconds = 0, train_seconds = 0;
  Device device;
  std::string folder, weights_sha256;
  bool interrupted = false;               ///< by Ctrl-C: the test set has not been seen
  double test_loss = NAN, test_accuracy = NAN;
};

/// Evaluates on the test set, unless the run was interrupted, and writes model.safetensors, model.json, report.html
/// and, where an epoch has ended, history.csv.
void write_artifacts(nn::Model& model, const Settings& settings, const data::TrainTest& data,
                     const data::LoaderOptions& test_loader, Outcome& outcome);

/// The closing lines, or the line of --json.
void print_outcome(const Outcome& outcome, const Settings& settings, const RunOptions& run);

}  // namespace weft::cli
