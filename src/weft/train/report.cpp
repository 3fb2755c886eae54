#include <algorithm>
#include <cmath>
#include <cstdio>

#include <weft/base/format.h>
#include <weft/data/image.h>
#include <weft/base/files.h>
#include <weft/train/report.h>

namespace weft::nn {

namespace {

std::string escape(const std::string& s) {
  std::string out;
  for (char c : s) {
    if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (c == '&') out += "&amp;";
    else if (c == '"') out += "&quot;";
    else if (c == '\'') out += "&#39;";
    else out += c;
  }
  return out;
}

std::string base64(const std::string& bytes) {
  constexpr const char* digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t v = 0;
    for (std::size_t k = 0; k < 3; ++k)
      v = v << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (int k = 0; k < 4; ++k)
      out += i + static_cast<std::size_t>(k) <= bytes.size() ? digits[v >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

constexpr const char* style = R"css(
:root{color-scheme:light dark;--ink:#1c2430;--soft:#5d6878;--line:#d9dee6;--paper:#fff;--tint:#f4f6f9;--a:#2563eb;--b:#ea580c}
@media(prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#98a3b3;--line:#333c49;--paper:#14181f;--tint:#1d232c;--a:#6ea8ff;--b:#ff9a57}}
*{box-sizing:border-box}body{margin:0 auto;padding:1.2rem;max-width:62rem;font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper)}
h1{font-size:1.6rem;margin:.2rem 0}h2{font-size:1.15rem;margin:2rem 0 .6rem;border-bottom:1px solid var(--line);padding-bottom:.2rem}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.6rem}.card{background:var(--tint);border-radius:.5rem;padding:.6rem .8rem}
.card b{display:block;font-size:1.25rem}.card span,.note{color:var(--soft);font-size:.85rem}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(18rem,1fr));gap:1rem}svg{width:100%;height:auto;background:var(--tint);border-radius:.5rem}
svg text{fill:var(--soft);font:12px system-ui,sans-serif}.grid{stroke:var(--line)}.ca{stroke:var(--a)}.cb{stroke:var(--b)}.ca,.cb{fill:none;stroke-width:2}
.da{fill:var(--a)}.db{fill:var(--b)}.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem}td,th{padding:.25rem .5rem;text-align:right;border-bottom:1px solid var(--line)}
th:first-child,td:first-child{text-align:left}.matrix td{text-align:center;min-width:2.2rem;border:1px solid var(--paper)}.matrix th{font-weight:500;font-size:.8rem}
.matrix th:first-child{position:sticky;left:0;background:var(--paper);border-right:1px solid var(--line)}
.wrong{display:grid;grid-template-columns:repeat(auto-fill,minmax(8.5rem,1fr));gap:.7rem}.wrong figure{margin:0;background:var(--tint);border-radius:.5rem;padding:.5rem;font-size:.8rem}
.wrong figure,h1,.card{overflow-wrap:anywhere}.wrong img{width:100%;image-rendering:pixelated;border-radius:.3rem}pre{background:var(--tint);padding:.8rem;border-radius:.5rem;overflow-x:auto;font-size:.78rem;line-height:1.3}
@media(max-width:30rem){body{padding:.8rem}table{font-size:.8rem}td,th{padding:.2rem .35rem}}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;font-size:.9rem;margin:0}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
)css";

/// The epochs that are written under a plot, from 1: the first, and multiples of a round step, at most about six.
std::vector<int> epoch_ticks(int first, int last) {
  int step = 1;
  for (int k = 0; (last - first) / step >= 6; ++k) step = k % 3 == 1 ? step / 2 * 5 : step * 2;  // 1, 2, 5, 10, …
  std::vector<int> ticks{first};
  for (int e = step; e <= last; e += step)
    if (2 * (e - first) >= step) ticks.push_back(e);
  return ticks;
}

/// One plot: the training curve and, where there is one, the test curve.
std::string plot(const History& history, const std::string& name, const std::string& title) {
  const auto names = history.names();
  const auto has = [&](const std::string& n) { return std::find(names.begin(), names.end(), n) != names.end(); };
  if (!has(name) && !has("val_" + name)) return "";
  std::vector<std::vector<double>> curves;
  for (const std::string& n : {name, "val_" + name}) curves.push_back(has(n) ? history[n] : std::vector<double>());
  double lo = HUGE_VAL, hi = -HUGE_VAL;
  for (const auto& c : curves)
    for (double v : c)
      if (std::isfinite(v)) lo = std::min(lo, v), hi = std::max(hi, v);
  if (!(lo <= hi)) return "";
  if (hi - lo < 1e-9) lo -= 0.5, hi += 0.5;
  const double left = 66, right = 390, top = 30, bottom = 210;  // left: room for a label such as -1.23e-05
  const int first = history.epoch.front() + 1, last = history.epoch.back() + 1;
  const auto px = [&](int epoch) {
    return last > first ? left + (right - left) * (epoch - first) / (last - first) : (left + right) / 2;
  };
  const auto py = [&](double v) { return bottom - (bottom - top) * (v - lo) / (hi - lo); };
  std::string s = "<svg viewBox='0 0 410 245' role='img' aria-label='" + escape(title) + "'><text x='66' y='18'>" +
                  escape(title) + "</text>";
  // As many digits as tell neighbours apart.
  const int digits = std::clamp(2 + static_cast<int>(std::ceil(std::log10(std::max(-lo, hi) / (hi - lo)))), 3, 6);
  for (int k = 0; k <= 4; ++k) {
    const double v = lo + (hi - lo) * k / 4;
    s += format(
        "<line class='grid' x1='%g' x2='%g' y1='%.1f' y2='%.1f'/><text x='60' y='%.1f' text-anchor='end'>%.*g</text>",
        left, right, py(v), py(v), py(v) + 4, digits, v);
  }
  for (int epoch : epoch_ticks(first, last))
    s += format("<text x='%.1f' y='226' text-anchor='middle'>%d</text>", px(epoch), epoch);
  s += format("<text x='%g' y='241' text-anchor='middle'>epoch</text>", (left + right) / 2);
  const char* css[] = {"a", "b"};
  for (std::size_t k = 0; k < 2; ++k) {
    std::string points;
    for (std::size_t i = 0; i < curves[k].size(); ++i) {
      const double value = curves[k][i];
      if (!std::isfinite(value)) continue;
      const int epoch = history.epoch[i] + 1;
      points += format("%.1f,%.1f ", px(epoch), py(value));
      s += format("<circle class='d%s' r='2.5' cx='%.1f' cy='%.1f'><title>epoch %d: %.4f</title></circle>", css[k],
                  px(epoch), py(value), epoch, value);
    }
    if (points.empty()) continue;
    s += format("<polyline class='c%s' points='", css[k]) + points + "'/>";
    s += format("<circle class='d%s' r='4' cx='%d' cy='14'/><text x='%d' y='18'>%s</text>", css[k], k ? 330 : 250,
                k ? 338 : 258, k ? "test" : "training");
  }
  return s + "</svg>";
}

std::string class_name(const ReportData& d, std::size_t i) {
  return i < d.class_names.size() ? d.class_names[i] : std::to_string(i);
}

std::string confusion_table(const ReportData& d) {
  std::string s =
      "<h2>Confusion matrix</h2><p class='note'>Rows: true class; columns: predicted. Shades are shares of the "
      "row.</p><div class='scroll'><table class='matrix'><tr><th></th>";
  const std::size_t n = d.confusion.size();
  for (std::size_t j = 0; j < n; ++j) s += "<th scope='col'>" + escape(class_name(d, j)) + "</th>";
  s += "</tr>";
  for (std::size_t i = 0; i < n; ++i) {
    s += "<tr><th scope='row'>" + escape(class_name(d, i)) + "</th>";
    double total = 0;
    for (auto v : d.confusion[i]) total += static_cast<double>(v);
    for (std::size_t j = 0; j < n; ++j) {
      const double share = total > 0 ? static_cast<double>(d.confusion[i][j]) / total : 0;
      s += format("<td style='background:rgba(%s,%.3f)'>%lld</td>", i == j ? "22,163,74" : "220,38,38",
                  std::min(0.7, i == j ? share * 0.7 : share * 2.5), static_cast<long long>(d.confusion[i][j]));
    }
    s += "</tr>";
  }
  return s + "</table></div>";
}

std::string class_scores(const ReportData& d) {
  std::string s =
      "<h2>Per class</h2><div "
      "class='scroll'><table><tr><th>class</th><th>images</th><th>precision</th><th>recall</th><th>F1</th></tr>";
  const std::size_t n = d.confusion.size();
  for (std::size_t i = 0; i < n; ++i) {
    double row = 0, column = 0;
    for (std::size_t j = 0; j < n; ++j) {
      row += static_cast<double>(d.confusion[i][j]);
      column += static_cast<double>(d.confusion[j][i]);
    }
    const double hit = static_cast<double>(d.confusion[i][i]);
    const double precision = column > 0 ? hit / column : 0, recall = row > 0 ? hit / row : 0;
    const double f1 = precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0;
    s += "<tr><td>" + escape(class_name(d, i)) +
         format("</td><td>%.0f</td><td>%.3f</td><td>%.3f</td><td>%.3f</td></tr>", row, precision, recall, f1);
  }
  return s + "</table></div>";
}

std::string wrong_images(const ReportData& d) {
  std::string s = "<h2>Most confidently wrong</h2><div class='wrong'>";
  for (const WrongImage& w : d.wrong) {
    data::Image image(w.channels, w.height, w.width);
    image.pixels = w.pixels;
    s += "<figure><img alt='" + escape(w.name) + "' title='" + escape(w.name) + "' src='data:image/png;base64," +
         base64(data::encode_png(image)) + "'><figcaption>" + escape(class_name(d, static_cast<std::size_t>(w.label))) +
         " taken for <b>" + escape(class_name(d, static_cast<std::size_t>(w.predicted))) +
         format("</b> (%.0f %%)", 100 * w.confidence) + "</figcaption></figure>";
  }
  return s + "</div>";
}

std::string pairs(const char* title, const std::vector<std::pair<std::string, std::string>>& list) {
  if (list.empty()) return "";
  std::string s = std::string("<h2>") + title + "</h2><dl>";
  for (const auto& [key, value] : list)
    s += "<dt>" + escape(key) + "</dt><dd>" + escape(value.empty() ? "-" : value) + "</dd>";
  return s + "</dl>";
}

}  // namespace

std::string report_html(const ReportData& d) {
  std::string s =
      "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'><meta name='viewport' "
      "content='width=device-width,initial-scale=1'>"
      "<link rel='icon' href='data:,'><title>" +
      escape(d.title) + "</title><style>" + style + "</style></head><body><h1>" + escape(d.title) + "</h1>";
  if (!d.results.empty()) {
    s += "<div class='cards'>";
    for (const auto& [key, value] : d.results)
      s += "<div class='card'><span>" + escape(key) + "</span><b>" + escape(value) + "</b></div>";
    s += "</div>";
  }
  if (!d.history.logs.empty()) {
    s += "<h2>Curves</h2><div class='plots'>" + plot(d.history, "loss", "Loss") +
         plot(d.history, "accuracy", "Accuracy") + "</div>";
  }
  if (!d.confusion.empty()) s += confusion_table(d) + class_scores(d);
  if (!d.wrong.empty()) s += wrong_images(d);
  if (!d.summary.empty()) s += "<h2>Model</h2><pre>" + escape(d.summary) + "</pre>";
  s += pairs("Settings", d.settings) + pairs("Environment", d.environment);
  return s + "</body></html>\n";
}

void write_report(const std::string& path, const ReportData& data) { write_file_atomically(path, report_html(data)); }

}  // namespace weft::nn
