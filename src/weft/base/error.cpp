#include <weft/base/error.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <utility>

#include <weft/base/format.h>

namespace weft {

Error& Error::in(std::string_view subject) {
  if (subject_.empty()) subject_ = subject;
  compose();
  return *this;
}

Error& Error::prepend_module(std::string_view name) {
  if (path_.empty()) path_ = name;
  else path_ = std::string(name) + (path_.front() == '[' ? "" : ".") + path_;
  compose();
  return *this;
}

Error& Error::at(SourceLocation where) {
  if (!where_.line) where_ = where;
  compose();
  return *this;
}

void Error::compose() {
  what_.clear();
  if (!path_.empty()) what_ += path_ + ": ";
  if (!subject_.empty()) what_ += subject_ + ": ";
  what_ += message_;
  if (where_.line) {
    const char* slash = std::strrchr(where_.file, '/');
    what_ += cat(" (", slash ? slash + 1 : where_.file, ":", where_.line, ")");
  }
}

std::string to_string(double v) {
  char buffer[40];
  std::snprintf(buffer, sizeof buffer, "%g", printable(v));
  return buffer;
}

namespace {
int edit_distance(std::string_view a, std::string_view b) {
  std::vector<int> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<int>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    int diagonal = row[0];
    row[0] = static_cast<int>(i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const int next = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = std::exchange(row[j], next);
    }
  }
  return row[b.size()];
}
}  // namespace

namespace {
std::string lower(std::string_view s) {
  std::string out(s);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

/// Case counts for nothing, and the beginning of a longer name is nearly that name.
int distance_between(std::string_view name, std::string_view candidate) {
  const std::string a = lower(name), b = lower(candidate);
  const int whole = edit_distance(a, b);
  if (a.size() < 4 || b.size() <= a.size() + 1) return whole;
  return std::min(whole, 1 + edit_distance(a, std::string_view(b).substr(0, a.size() + 1)));
}
}  // namespace

std::string suggestion(std::string_view name, const std::vector<std::string>& candidates) {
  const std::string* best = nullptr;
  int distance = std::max<int>(2, static_cast<int>(name.size()) / 3) + 1;
  for (const auto& c : candidates)
    if (const int d = distance_between(name, c); d < distance && d < static_cast<int>(c.size())) {
      distance = d;
      best = &c;
    }
  return best ? "; did you mean '" + *best + "'?" : "";
}

}  // namespace weft
