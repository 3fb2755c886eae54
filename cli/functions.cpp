// The headers of ops/ are part of the executable (CMakeLists.txt here): what they say is said once.
#include "functions.h"

#include <algorithm>
#include <string_view>

#include <weft/ir/op.h>

namespace weft::cli {

namespace {

constexpr std::string_view headers =
#include "ops_headers.inc"
    ;

/// The name that a line at the margin declares, "Tensor mean(Operand x, …": the word before the first parenthesis.
std::string declared_name(std::string_view line) {
  const auto open = line.find('(');
  if (open == line.npos || line.starts_with(' ') || line.starts_with('#')) return "";
  const auto space = line.rfind(' ', open);
  const std::string_view type = line.substr(0, std::min(space, line.size()));
  const bool tensors =
      type == "Tensor" || type == "Tensors" || type == "std::vector<Tensor>" || type.ends_with("Result");
  return space == line.npos || !tensors ? "" : std::string(line.substr(space + 1, open - space - 1));
}

std::vector<PublicFunction> parse() {
  std::vector<PublicFunction> found;
  std::string doc;
  bool documented = false, open = false;  // in a comment; in a declaration that goes on
  bool detail = false;
  for (std::size_t at = 0; at < headers.size();) {
    const auto end = std::min(headers.find('\n', at), headers.size());
    const std::string_view line = headers.substr(at, end - at);
    at = end + 1;
    if (line.starts_with("namespace detail") || (detail && line.starts_with('}'))) detail = !detail;
    if (detail) continue;
    if (open) {
      found.back().declaration += "\n" + std::string(line);
      open = !line.ends_with(';');
    } else if (line.starts_with("///")) {
      if (!documented) doc.clear();
      doc += (doc.empty() ? "  " : "\n  ") + std::string(line.substr(std::min<std::size_t>(4, line.size())));
      documented = true;
    } else if (const std::string name = declared_name(line); !name.empty() && !name.starts_with("operator")) {
      found.push_back({name, std::string(line), doc});
      documented = false;
      open = !line.ends_with(';');
    } else {
      documented = false;
      doc.clear();
    }
  }
  return found;
}

}  // namespace

const std::vector<PublicFunction>& public_functions() {
  static const std::vector<PublicFunction> all = parse();
  return all;
}

std::vector<std::string> composite_names() {
  std::vector<std::string> names;
  for (const PublicFunction& f : public_functions())
    if (!find_op(f.name) && std::find(names.begin(), names.end(), f.name) == names.end()) names.push_back(f.name);
  return names;
}

}  // namespace weft::cli
