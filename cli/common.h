// Pieces that several commands share.
#pragma once

#include <string>

#include <weft/data/datasets.h>

namespace weft::cli {

/// Draws a download's progress: a bar on a terminal, a line per file elsewhere.
data::DownloadProgress download_bar();

/// What a word of a list may be; throws Error naming the option, with a suggestion.
std::string one_of(const std::string& option, const std::string& value, const std::vector<std::string>& allowed);

}  // namespace weft::cli
