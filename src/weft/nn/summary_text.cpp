// The printed form of a summary.
#include <algorithm>
#include <cstdio>

#include <weft/base/format.h>
#include <weft/nn/summary.h>

namespace weft::nn {

namespace {

/// "478.79 KB": units of 1024, as Keras prints them.
std::string size_text(std::int64_t bytes) {
  const char* units[] = {"B", "KB", "MB", "GB", "TB"};
  auto v = static_cast<double>(bytes);
  int unit = 0;
  while (v >= 1024 && unit < 4) {
    v /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, "%.2f %s", v, units[unit]);
  return text;
}

std::string shape_text(const std::vector<Shape>& outputs) {
  std::string s;
  for (const Shape& shape : outputs) {
    s += s.empty() ? "[" : ", [";
    for (int i = 0; i < shape.rank(); ++i) s += (i ? ", " : "") + (shape[i] < 0 ? std::string("?") : std::to_string(shape[i]));
    s += "]";
  }
  return s.empty() ? "(not called)" : s;
}

/// Cells on a screen: one a code point.
std::size_t width(const std::string& s) {
  return static_cast<std::size_t>(std::count_if(s.begin(), s.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

using Line = std::vector<std::string>;

std::string rule(const std::vector<std::size_t>& widths, const char* left, const char* middle, const char* right, const char* dash) {
  std::string s = left;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    for (std::size_t k = 0; k < widths[i] + 2; ++k) s += dash;
    s += i + 1 < widths.size() ? middle : right;
  }
  return s + "\n";
}

std::string cells(const Line& line, const std::vector<std::size_t>& widths, const char* bar) {
  std::string s = bar;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    const std::string space(widths[i] - width(line[i]), ' ');
    const bool right = i == 2 || i == 3;  // numbers
    s += " " + (right ? space + line[i] : line[i] + space) + " " + bar;
  }
  return s + "\n";
}

}  // namespace

std::string to_string(const Summary& s) {
  std::vector<Line> lines{{"Layer (type)", "Output Shape", "Param #", "Mult-Adds"}};
  if (s.graph) lines[0].push_back("Connected to");
  for (const SummaryRow& row : s.rows) {
    std::string connected;
    for (const std::string& from : row.connected_to) connected += (connected.empty() ? "" : ", ") + from;
    Line line{std::string(static_cast<std::size_t>(std::max(0, row.depth - 1)) * 2, ' ') + row.name + " (" + row.type + ")",
              shape_text(row.outputs), row.container && row.parameters == 0 ? "-" : grouped(row.parameters),
              row.container ? "-" : grouped(row.macs)};
    if (s.graph) line.push_back(connected.empty() ? "-" : connected);
    lines.push_back(std::move(line));
  }
  std::vector<std::size_t> widths(lines[0].size());
  for (const Line& line : lines)
    for (std::size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], width(line[i]));

  std::string text = "Model: \"" + s.name + "\"\n" + rule(widths, "┏", "┳", "┓", "━") + cells(lines[0], widths, "┃") +
                     rule(widths, "┡", "╇", "┩", "━");
  for (std::size_t i = 1; i < lines.size(); ++i) {
    if (i > 1) text += rule(widths, "├", "┼", "┤", "─");
    text += cells(lines[i], widths, "│");
  }
  text += rule(widths, "└", "┴", "┘", "─");
  const std::int64_t optimizer_bytes = s.optimizer * 4;
  const auto total = [&](const char* what, std::int64_t n, std::int64_t bytes) {
    text += std::string(" ") + what + ": " + grouped(n) + " (" + size_text(bytes) + ")\n";
  };
  total("Total params", s.trainable + s.non_trainable + s.optimizer,
        s.trainable_bytes + s.non_trainable_bytes + optimizer_bytes);
  total("Trainable params", s.trainable, s.trainable_bytes);
  total("Non-trainable params", s.non_trainable, s.non_trainable_bytes);
  if (s.optimizer) total("Optimizer params", s.optimizer, optimizer_bytes);
  text += " Mult-adds (one sample): " + grouped(s.macs) + "\n";
  text += " Activations kept for backward (one sample): " + size_text(s.activation_bytes) + "\n";
  return text;
}

}  // namespace weft::nn
