// Pieces that several commands share.
#pragma once

#include <functional>
#include <string>

#include <weft/data/datasets.h>
#include <weft/data/loader.h>

namespace weft::cli {

/// Draws a download's progress: a bar on a terminal, a line per file elsewhere.
data::DownloadProgress download_bar();

/// What a word of a list may be; throws Error naming the option, with a suggestion.
std::string one_of(const std::string& option, const std::string& value, const std::vector<std::string>& allowed);

/// What a network does on labelled data.
struct Score {
  double loss = 0;            ///< mean cross-entropy
  double accuracy = 0;        ///< a share
  std::int64_t examples = 0;  ///< how many were seen
};
/// Runs `net`, images to logits, over the loader's data.
Score score(const std::function<Tensor(const Tensor&)>& net, data::Loader loader);

}  // namespace weft::cli
