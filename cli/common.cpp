#include "common.h"

#include <algorithm>
#include <cstdio>
#include <unistd.h>

#include <weft/base/error.h>
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

std::string one_of(const std::string& option, const std::string& value, const std::vector<std::string>& allowed) {
  if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return value;
  std::string list;
  for (const auto& a : allowed) list += (list.empty() ? "" : ", ") + a;
  fail(option, ": unknown value '", value, "'; expected one of ", list, suggestion(value, allowed));
}

Score score(const std::function<Tensor(const Tensor&)>& net, data::Loader loader) {
  NoGrad off;
  Score s;
  metrics::Mean loss;
  metrics::Accuracy accuracy;
  for (auto [x, y] : loader) {
    const Tensor logits = net(x);
    loss.update(nn::cross_entropy(logits, y).item(), static_cast<double>(x.size(0)));
    accuracy.update(logits, y);
    s.examples += x.size(0);
  }
  s.loss = loss.result();
  s.accuracy = accuracy.result();
  return s;
}

}  // namespace weft::cli
