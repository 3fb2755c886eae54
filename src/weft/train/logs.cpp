#include <weft/train/logs.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include <weft/base/error.h>
#include <weft/base/files.h>
#include <weft/base/format.h>

namespace weft::nn {

Logs::Logs(std::initializer_list<std::pair<std::string, double>> values) {
  for (const auto& [name, value] : values) set(name, value);
}

void Logs::set(std::string_view name, double value) {
  auto at = std::lower_bound(values_.begin(), values_.end(), name,
                             [](const auto& entry, std::string_view n) { return entry.first < n; });
  if (at != values_.end() && at->first == name) at->second = value;
  else values_.emplace(at, std::string(name), value);
}

bool Logs::contains(std::string_view name) const {
  return std::any_of(begin(), end(), [&](const auto& entry) { return entry.first == name; });
}

double Logs::operator[](std::string_view name) const {
  std::vector<std::string> names;
  for (const auto& [key, value] : values_) {
    if (key == name) return value;
    names.push_back(key);
  }
  std::string list;
  for (const auto& n : names) list += (list.empty() ? "" : ", ") + n;
  fail("no value named '", name, "' here; there are: ", list, suggestion(name, names));
}

void Logs::merge(const Logs& other, std::string_view prefix) {
  for (const auto& [name, value] : other) set(std::string(prefix) + name, value);
}

std::vector<std::string> History::names() const {
  std::vector<std::string> all;
  for (const Logs& l : logs)
    for (const auto& [name, value] : l) all.push_back(name);
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

std::vector<double> History::operator[](std::string_view name) const {
  const auto all = names();
  check(std::find(all.begin(), all.end(), name) != all.end(), "the history has no '", name, "'", suggestion(name, all));
  std::vector<double> values;
  for (const Logs& l : logs) values.push_back(l.contains(name) ? l[name] : std::numeric_limits<double>::quiet_NaN());
  return values;
}

void History::write_csv(const std::string& path) const {
  std::string text = "epoch";
  const auto all = names();
  for (const auto& n : all) text += "," + n;
  text += "\n";
  for (std::size_t i = 0; i < logs.size(); ++i) {
    text += std::to_string(epoch[i] + 1);
    for (const auto& n : all) {
      text += ",";
      if (logs[i].contains(n)) text += format("%.9g", logs[i][n]);
    }
    text += "\n";
  }
  write_file_atomically(path, text);
}

}  // namespace weft::nn
