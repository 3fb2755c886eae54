#include <weft/base/names.h>

#include <algorithm>

#include <weft/base/error.h>

namespace weft {

void check_one_of(std::string_view what, std::string_view value, const std::vector<std::string>& choices) {
  if (std::find(choices.begin(), choices.end(), value) != choices.end()) return;
  std::string list;
  for (const auto& c : choices) list += (list.empty() ? "" : ", ") + c;
  fail(what, ": unknown value '", value, "'; expected one of ", list, suggestion(value, choices));
}

}  // namespace weft
