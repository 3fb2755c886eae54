// The report of a run: one HTML file that needs nothing else.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <weft/train/logs.h>

namespace weft::nn {

/// A test image that the model is wrong about.
struct WrongImage {
  std::vector<std::uint8_t> pixels;  ///< [C, H, W], C 1 or 3
  int channels = 3, height = 0, width = 0;
  std::int64_t label = 0, predicted = 0;
  double confidence = 0;  ///< probability of the predicted class
  std::string name;       ///< file or index
};

/// What a report shows; parts that are empty are left out.
struct ReportData {
  std::string title;
  History history;                                            ///< "loss", "accuracy", "val_loss", "val_accuracy", …
  std::vector<std::pair<std::string, std::string>> results;   ///< headline figures, ready to print
  std::vector<std::string> class_names;
  std::vector<std::vector<std::int64_t>> confusion;           ///< [true][predicted]
  std::vector<WrongImage> wrong;                              ///< most confident first
  std::string summary;                                        ///< the model's table, preformatted
  std::vector<std::pair<std::string, std::string>> settings;
  std::vector<std::pair<std::string, std::string>> environment;  ///< versions, machine, timings
};

/// The page: curves (SVG), confusion matrix, wrong images (PNG data URIs), per-class precision, recall and F1, summary,
/// settings. No script is needed to read it and no network; it fits a phone; light and dark.
std::string report_html(const ReportData& data);
/// Writes it atomically.
void write_report(const std::string& path, const ReportData& data);

}  // namespace weft::nn
