// Rules by name, for command lines and configuration files.
#include <weft/optim/optimizer.h>
#include <weft/optim/rules.h>

namespace weft::optim {

namespace {

template <class R> Rule with_options(const RuleOptions& options) {
  R rule;
  if (options.lr) rule.lr = *options.lr;
  if (options.weight_decay) rule.weight_decay = *options.weight_decay;
  if (options.momentum) {
    if constexpr (requires { rule.momentum; }) rule.momentum = *options.momentum;
    else fail(nn::detail::type_name<R>(), " has no momentum; received ", *options.momentum);
  }
  if (options.nesterov) {
    if constexpr (requires { rule.nesterov; }) rule.nesterov = *options.nesterov;
    else fail(nn::detail::type_name<R>(), " has no nesterov; leave it out");
  }
  if constexpr (requires { rule.vector_lr_scale; }) rule.vector_lr_scale = 50;  // a name has to do for a whole network
  return rule;
}

struct Named {
  const char* name;
  Rule (*make)(const RuleOptions&);
};
constexpr Named known[] = {
    {"sgd", with_options<SGD>},         {"adam", with_options<Adam>},       {"adamw", with_options<AdamW>},
    {"rmsprop", with_options<RMSprop>}, {"adagrad", with_options<Adagrad>}, {"adadelta", with_options<Adadelta>},
    {"adamax", with_options<Adamax>},   {"nadam", with_options<NAdam>},     {"radam", with_options<RAdam>},
    {"lion", with_options<Lion>},       {"muon", with_options<Muon>},       {"adafactor", with_options<Adafactor>},
};

}  // namespace

std::vector<std::string> rule_names() {
  std::vector<std::string> names;
  for (const Named& n : known) names.push_back(n.name);
  return names;
}

Rule make(std::string_view name, const RuleOptions& options) {
  std::string lower(name), all;
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  for (const Named& n : known) {
    if (lower == n.name) return n.make(options);
    all += (all.empty() ? "" : ", ") + std::string(n.name);
  }
  fail("optimizer: received '", name, "'; expected one of ", all, suggestion(lower, rule_names()));
}

}  // namespace weft::optim
