// A training run: from settings to a folder with everything it leaves.
#pragma once

#include "common.h"
#include "settings.h"

namespace weft::cli {

/// How a run is shown and where it goes.
struct RunOptions {
  std::string out, resume;
  std::string tune;  ///< file of kernels chosen by measurement; empty: the default ones. A resumed run keeps its own
  int verbose = -1;
  bool json = false, profile = false, stop_on_nan = false;
};

/// Trains, evaluates, and writes the folder. False where Ctrl-C ended the training: then the folder holds everything
/// but the figures of the test set.
bool train(Settings settings, const RunOptions& options);

/// The settings that a run's folder holds; throws Error where it is no run.
Settings load_settings(const std::string& folder);

}  // namespace weft::cli
