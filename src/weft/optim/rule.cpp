#include <weft/optim/rule.h>

namespace weft::optim {

void Rule::set_weight_decay(double v) {
  self_->set_weight_decay(v);
  self_->validate();
}

std::vector<std::pair<std::string, double>> Rule::options() const {
  std::vector<std::pair<std::string, double>> list;
  self_->options(list);
  return list;
}

void Rule::append_option(std::vector<std::pair<std::string, double>>& list, std::string_view name, double value) {
  list.emplace_back(name, value);
}

std::string to_string(const Rule& rule) {
  std::string s = cat(rule.name(), "(");
  bool first = true, in_list = false;
  for (const auto& [name, value] : rule.options()) {
    const auto dot = name.find('.');
    const bool next_in_list = dot != name.npos && name.substr(dot) != ".0";
    if (in_list && !next_in_list) s += ")";
    if (next_in_list) s += cat(", ", value);
    else s += cat(first ? "" : ", ", name.substr(0, dot), " = ", dot != name.npos ? "(" : "", value);
    in_list = dot != name.npos;
    first = false;
  }
  return s + (in_list ? "))" : ")");
}

}  // namespace weft::optim
