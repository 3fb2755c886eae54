#include "common.h"

#include <algorithm>
#include <cstdio>
#include <unistd.h>

#include <weft/base/error.h>
#include <weft/base/version.h>
#include <weft/graph/compile.h>
#include <weft/kernels/cpu_info.h>
#include <weft/metrics/metrics.h>
#include <weft/nn/losses.h>

namespace weft::cli {

data::DownloadProgress download_bar() {
  const bool terminal = isatty(fileno(stdout)) != 0;
  return [terminal, named = std::string(), shown = -1](const std::string& file, std::int64_t done,
                                                       std::int64_t total) mutable {
    if (named != file) {
      named = file;
      shown = -1;
      if (!terminal) std::printf("Downloading %s\n", file.c_str());
    }
    const int percent = total > 0 ? static_cast<int>(100 * done / total) : -1;
    if (!terminal || percent == shown) return;
    shown = percent;
    std::printf("\rDownloading %s: %.1f MB", file.c_str(), static_cast<double>(done) / 1e6);
    if (percent >= 0) std::printf(" of %.1f (%d%%)", static_cast<double>(total) / 1e6, percent);
    std::printf(percent == 100 ? "\n" : "");
    std::fflush(stdout);
  };
}

void say_skipped(const std::string& problem) { std::fprintf(stderr, "Left out: %s\n", problem.c_str()); }

std::vector<std::pair<std::string, std::string>> libraries() {
#if defined(__clang__)
  const std::string compiler = "Clang " __clang_version__;
#else
  const std::string compiler = "GCC " __VERSION__;
#endif
  const std::string onednn = onednn_version(), off = onednn_switched_off() ? " (switched off)" : "";
  return {{"Weft", version()},
          {"compiler", compiler},
          {"oneDNN", onednn.empty() ? "off (built without it)" : onednn + off},
          {"Highway", highway_version()}};
}

std::pair<int, int> parse_image_size(const std::string& text) {
  if (text.empty()) return {0, 0};
  constexpr int largest = 4096;
  int height = 0, width = 0, end = 0;
  const int found = std::sscanf(text.c_str(), "%5dx%5d%n", &height, &width, &end);
  if (found == 1 && text.find_first_not_of("0123456789") == text.npos) width = height;
  else if (found != 2 || static_cast<std::size_t>(end) != text.size()) height = 0;
  check(height >= 1 && height <= largest && width >= 1 && width <= largest, "--image-size: received '", text,
        "'; expected a side such as 64, or HEIGHTxWIDTH such as 48x64, up to ", largest);
  return {height, width};
}

std::string refuse_negative(const std::string& value) {
  return value.starts_with("-") ? "received " + value + "; expected 0 or more" : "";
}

Score score(const std::function<Tensor(const Tensor&)>& net, data::Loader loader, const nn::AnyLoss& loss_of, bool eagerly,
            Precision precision) {
  NoGrad off;
  const auto step = [&](const Tensor& x, const Tensor& y) {
    const Tensor logits = net(x);
    return std::pair(logits, loss_of(logits, y));
  };
  auto planned = weft::compile(step, {.precision = precision});  // as Model::evaluate does it: the same bits
  Score s;
  metrics::Mean loss;
  metrics::Accuracy accuracy;
  for (auto [x, y] : loader) {
    const auto [logits, value] = eagerly ? step(x, y) : planned(x, y);
    loss.update(value.item(), static_cast<double>(x.size(0)));
    accuracy.update(logits, y);
    s.examples += x.size(0);
  }
  s.loss = loss.result();
  s.accuracy = accuracy.result();
  return s;
}

}  // namespace weft::cli
