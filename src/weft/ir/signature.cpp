#include <weft/ir/signature.h>

#include <weft/base/error.h>

namespace weft {

namespace {
std::string_view trim(std::string_view s) {
  while (!s.empty() && s.front() == ' ') s.remove_prefix(1);
  while (!s.empty() && s.back() == ' ') s.remove_suffix(1);
  return s;
}

std::vector<std::string_view> split(std::string_view s) {
  std::vector<std::string_view> parts;
  while (!trim(s).empty()) {
    const auto comma = s.find(',');
    parts.push_back(trim(s.substr(0, comma)));
    s = comma == s.npos ? "" : s.substr(comma + 1);
  }
  return parts;
}

InputSpec parse_input(std::string_view part, std::string_view whole) {
  InputSpec spec;
  if (const auto colon = part.find(':'); colon != part.npos) {
    const auto kind = part.substr(colon + 1);
    spec.kind = kind == "int" ? InputKind::index : kind == "bool" ? InputKind::boolean : InputKind::as_is;
    check(spec.kind != InputKind::as_is || kind == "any", "signature '", whole, "': unknown kind '", kind, "'");
    part = part.substr(0, colon);
  }
  if (part.ends_with("...")) {
    spec.variadic = true;
    part.remove_suffix(3);
  } else if (part.ends_with("?")) {
    spec.optional = true;
    part.remove_suffix(1);
  }
  spec.name = part;
  return spec;
}
}  // namespace

Signature Signature::parse(std::string_view text) {
  const auto open = text.find('('), close = text.find(')'), arrow = text.find("->");
  check(open != text.npos && close != text.npos && arrow != text.npos && open < close && close < arrow, "signature '",
        text, "': expected name(inputs) -> outputs");
  Signature s;
  s.name = trim(text.substr(0, open));
  for (auto part : split(text.substr(open + 1, close - open - 1))) s.inputs.push_back(parse_input(part, text));
  for (auto part : split(text.substr(arrow + 2))) s.outputs.emplace_back(part);
  return s;
}

}  // namespace weft
