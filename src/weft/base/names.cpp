#include <weft/base/names.h>

#include <algorithm>

#include <weft/base/error.h>

namespace weft {

std::string joined(const std::vector<std::string>& words) {
  std::string list;
  for (const auto& w : words) list += (list.empty() ? "" : ", ") + w;
  return list;
}

void check_one_of(std::string_view what, std::string_view value, const std::vector<std::string>& choices) {
  if (std::find(choices.begin(), choices.end(), value) != choices.end()) return;
  fail(what, ": unknown value '", value, "'; expected one of ", joined(choices), suggestion(value, choices));
}

}  // namespace weft
