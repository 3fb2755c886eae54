// Pieces that several commands share.
#pragma once

#include <functional>
#include <string>

#include <weft/base/precision.h>
#include <weft/data/datasets.h>
#include <weft/data/loader.h>
#include <weft/train/loss.h>

namespace weft::cli {

/// Draws a download's progress: a bar on a terminal, a line per file elsewhere.
data::DownloadProgress download_bar();

/// For OpenOptions::skipped: a line on stderr.
void say_skipped(const std::string& problem);

/// Weft and what it was built with, each with its version.
std::vector<std::pair<std::string, std::string>> libraries();

/// Height and width from "64" or "48x64"; 0 and 0 for "". Throws Error naming --image-size.
std::pair<int, int> parse_image_size(const std::string& text);

/// For options that may not be negative, which CLI11 would wrap around: what is wrong, or "".
std::string refuse_negative(const std::string& value);

/// What a network does on labelled data.
struct Score {
  double loss = 0;            ///< its mean
  double accuracy = 0;        ///< a share
  std::int64_t examples = 0;  ///< how many were seen
};
/// Runs `net`, images to logits, over the loader's data, by planned steps of a precision or operator by operator.
Score score(const std::function<Tensor(const Tensor&)>& net, data::Loader loader,
            const nn::AnyLoss& loss = nn::CrossEntropy{}, bool eagerly = false, Precision precision = Precision::f32);

}  // namespace weft::cli
