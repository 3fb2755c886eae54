#include <cmath>
#include <unordered_set>

#include <weft/ops/ops.h>
#include <weft/optim/clip.h>
#include <weft/optim/optimizer.h>
#include <weft/tensor/context.h>

namespace weft::optim {

namespace {

nn::NamedParameters with_names(const std::vector<Parameter>& parameters) {
  nn::NamedParameters list;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    check(parameters[i].defined(), "Optimizer: parameter ", i, " is undefined");
    const std::string& path = parameters[i].state()->path;
    list.emplace_back(path.empty() ? std::to_string(i) : path, parameters[i].share());
  }
  return list;
}

Tensor make_slot(const Slot& s, const Tensor& p) {
  if (s.on_host) return full(s.shape, s.init, {.dtype = DType::f64, .device = cpu});
  return full(s.shape, s.init, {.dtype = p.dtype(), .device = p.device()});
}

/// A tensor of the optimizer's own where the parameter is now.
void follow(Tensor& t, const Tensor& p) {
  if (t.device() != p.device()) t = t.to(p.device());
  if (t.dtype() != p.dtype()) t = cast(t, p.dtype());
}

}  // namespace

Optimizer::Optimizer(nn::ModuleRef module, Rule rule, OptimizerOptions options)
    : Optimizer(nn::named_parameters(module), std::move(rule), std::move(options)) {}
Optimizer::Optimizer(const std::vector<Parameter>& parameters, Rule rule, OptimizerOptions options)
    : Optimizer(with_names(parameters), std::move(rule), std::move(options)) {}

Optimizer::Optimizer(const nn::NamedParameters& parameters, Rule rule, OptimizerOptions options)
    : options_(std::move(options)) {
  check_options();
  std::unordered_set<std::string> names;
  for (const auto& [name, p] : parameters) {
    check(p.defined(), "Optimizer: parameter '", name, "' is undefined");
    check(names.insert(name).second, "Optimizer: two parameters are called '", name,
          "'; pass the module that holds both, or pairs of names and parameters");
    for (const Entry& e : entries_)
      check(!(e.parameter == p), "Optimizer: '", e.name, "' and '", name, "' are the same parameter; name it once");
    p.state()->adopted = true;
    entries_.push_back({.parameter = p.share(), .name = name, .group = 0});
  }
  make_groups(std::move(rule));
  schedule_ = options_.schedule;
  if (options_.plateau) plateau_ = ReduceOnPlateau(*options_.plateau);
}

void Optimizer::check_options() const {
  const auto bound = [](const char* name, double v) {
    check(v >= 0 && std::isfinite(v), "Optimizer: received ", name, " ", v,
          "; expected a finite number above 0, or 0 for none");
  };
  bound("clip_norm", options_.clip_norm);
  bound("clip_value", options_.clip_value);
  bound("clip_parameter_norm", options_.clip_parameter_norm);
  check(options_.accumulate >= 1, "Optimizer: received accumulate ", options_.accumulate, "; expected 1 or more");
  if (const Ema* ema = options_.average.ema())
    check(ema->decay >= 0 && ema->decay < 1, "Optimizer: received Ema decay ", ema->decay,
          "; expected a number in [0, 1)");
  if (const Swa* swa = options_.average.swa())
    check(swa->start >= 0 && swa->every >= 1, "Optimizer: received Swa start ", swa->start, ", every ", swa->every,
          "; expected start 0 or more and every 1 or more");
}

void Optimizer::make_groups(Rule rule) {
  const double lr = rule.lr();
  groups_.push_back({"*", std::move(rule), lr, 1, false});
  std::vector<int> matched(options_.groups.size());
  for (Entry& e : entries_)
    for (std::size_t i = 0; i < options_.groups.size(); ++i)
      if (nn::matches(e.name, options_.groups[i].pattern)) {
        e.group = i + 1;
        ++matched[i];
        break;
      }
  for (std::size_t i = 0; i < options_.groups.size(); ++i) {
    const Group& g = options_.groups[i];
    check(matched[i] > 0 || entries_.empty(), "Optimizer: no parameter matches group '", g.pattern,
          "' (or earlier groups took them all); the first parameter is '", entries_.empty() ? "" : entries_[0].name,
          "'");
    check(!g.lr || (*g.lr >= 0 && std::isfinite(*g.lr)), "Optimizer: group '", g.pattern, "': received lr ",
          g.lr.value_or(0), "; expected a finite number, 0 or more");
    Rule own = g.rule ? *g.rule : groups_[0].rule;
    if (g.weight_decay) own.set_weight_decay(*g.weight_decay);
    const bool own_lr = g.lr || g.rule;
    const double base = g.lr ? *g.lr : g.rule ? g.rule->lr() * g.lr_scale : lr * g.lr_scale;
    groups_.push_back({g.pattern, std::move(own), base, g.lr_scale, own_lr});
  }
}

const Optimizer::GroupState& Optimizer::group_at(std::size_t i) const {
  check(i < groups_.size(), "Optimizer: there is no group ", i, "; expected 0 to ", groups_.size() - 1);
  return groups_[i];
}

double Optimizer::lr(std::size_t group) const {
  return schedule_(group_at(group).base_lr, options_.interval == Interval::step ? steps() : epochs());
}

void Optimizer::set_lr(double lr) {
  check(lr >= 0 && std::isfinite(lr), "set_lr: received ", lr, "; expected a finite number, 0 or more");
  for (GroupState& g : groups_)
    if (!g.own_lr) g.base_lr = lr * g.lr_scale;
}

void Optimizer::set_base_lr(std::size_t group, double lr) {
  check(lr >= 0 && std::isfinite(lr), "set_base_lr: received ", lr, "; expected a finite number, 0 or more");
  group_at(group);
  groups_[group].base_lr = lr;
}

void Optimizer::set_total_steps(std::int64_t total) { schedule_ = options_.schedule.fit_to(total); }
std::int64_t Optimizer::updates_in(std::int64_t batches) const { return (counts_->accumulated + batches) / options_.accumulate; }

bool Optimizer::observe(double metric) {
  check(options_.plateau.has_value(), "observe: the optimizer has no .plateau option");
  return plateau_.step(metric, *this);
}

std::vector<Parameter> Optimizer::parameters() const {
  std::vector<Parameter> list;
  for (const Entry& e : entries_) list.push_back(e.parameter.share());
  return list;
}

void Optimizer::zero_grad() {
  for (Entry& e : entries_) e.parameter.zero_grad();
}

bool Optimizer::step(const nn::Gradients& gradients) { return run(collect(gradients)); }

bool Optimizer::step() {
  std::vector<Tensor> list;
  list.reserve(entries_.size());
  for (const Entry& e : entries_) list.push_back(e.parameter.trainable() ? e.parameter.grad() : Tensor());
  return run(std::move(list));
}

/// Gradients in the order of our parameters; theirs is mostly the same, so the search starts where the last one ended.
std::vector<Tensor> Optimizer::collect(const nn::Gradients& gradients) const {
  std::vector<Tensor> list(entries_.size());
  std::size_t next = 0;
  for (std::size_t k = 0; k < gradients.parameters.size(); ++k)
    for (std::size_t tried = 0; tried < entries_.size(); ++tried, next = next + 1 == entries_.size() ? 0 : next + 1) {
      if (!(entries_[next].parameter == gradients.parameters[k])) continue;
      if (entries_[next].parameter.trainable()) list[next] = gradients.values[k];
      break;
    }
  return list;
}

/// Adds to what is accumulated; true where an update is due, with the means in `gradients`.
bool Optimizer::accumulate(std::vector<Tensor>& gradients) {
  if (options_.accumulate == 1) return true;
  std::int64_t& accumulated = counts_->accumulated;
  weft::detail::replacing(accumulated, counts_.get());
  const bool due = ++accumulated >= options_.accumulate;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    Memory& memory = *entries_[i].memory;
    Tensor& sum = memory.accumulated;
    weft::detail::replacing(sum, &memory);
    if (gradients[i].defined()) {
      if (sum.defined()) follow(sum, gradients[i]);
      sum = sum.defined() ? sum + gradients[i] : gradients[i].detach();
    }
    if (due) gradients[i] = sum.defined() ? sum / static_cast<double>(accumulated) : Tensor();
    if (due) sum = {};
  }
  if (due) accumulated = 0;
  return due;
}

bool Optimizer::run(std::vector<Tensor> gradients) {
  check(!swapped_, "Optimizer: the averaged weights are swapped in; call swap_average() before the next step");
  NoGrad off;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (!gradients[i].defined()) continue;
    const Entry& e = entries_[i];
    check(gradients[i].shape() == e.parameter.shape(), "Optimizer: '", e.name, "': received a gradient of shape ",
          gradients[i].shape(), "; expected ", e.parameter.shape());
    if (gradients[i].dtype() != e.parameter.tensor().dtype())
      gradients[i] = cast(gradients[i], e.parameter.tensor().dtype());
  }
  if (!accumulate(gradients)) return false;
  if (options_.clip_value > 0) clip_grad_value(gradients, options_.clip_value);
  if (options_.clip_parameter_norm > 0) clip_each_norm(gradients, options_.clip_parameter_norm);
  if (options_.clip_norm > 0) clip_grad_norm(gradients, options_.clip_norm);
  for (std::size_t i = 0; i < entries_.size(); ++i)
    if (gradients[i].defined()) update(entries_[i], gradients[i]);
  weft::detail::replacing(counts_->steps, counts_.get());
  ++counts_->steps;
  update_average();
  return true;
}

void Optimizer::update(Entry& e, const Tensor& gradient) {
  const Rule& rule = groups_[e.group].rule;
  const Tensor p = e.parameter.tensor().detach();
  std::int64_t& count = e.memory->count;
  if (e.memory->slots.empty() && count == 0) {
    const weft::detail::Eagerly now;
    e.specs = rule.slots(p.shape());
    for (const Slot& s : e.specs) e.memory->slots.push_back(make_slot(s, p));
  }
  for (std::size_t i = 0; i < e.memory->slots.size(); ++i)
    if (!e.specs[i].on_host) follow(e.memory->slots[i], p);
  for (Tensor& slot : e.memory->slots) weft::detail::replacing(slot, e.memory.get());
  weft::detail::replacing(count, e.memory.get());
  try {
    const Tensor next = rule.update(p, gradient, e.memory->slots, {count + 1, lr(e.group)});
    const auto& constraint = e.parameter.state()->constraint;
    e.parameter.assign(constraint ? constraint(next) : next);
    ++count;
  } catch (Error& error) {
    error.in(cat("Optimizer: '", e.name, "'"));
    throw;
  }
}

void Optimizer::update_average() {
  const Ema* ema = options_.average.ema();
  const Swa* swa = options_.average.swa();
  if (!ema && !swa) return;
  if (swa && (steps() < swa->start || (steps() - swa->start) % swa->every != 0)) return;
  const double fresh = ema ? 1 - ema->decay : 1 / static_cast<double>(counts_->averaged + 1);
  for (Entry& e : entries_) {
    if (!e.parameter.state()->value.defined()) continue;
    const Tensor p = e.parameter.tensor().detach();
    weft::detail::replacing(e.memory->average, e.memory.get());
    if (e.memory->average.defined()) {
      follow(e.memory->average, p);
      e.memory->average = e.memory->average + (p - e.memory->average) * fresh;
    } else {
      e.memory->average = p;
    }
  }
  weft::detail::replacing(counts_->averaged, counts_.get());
  ++counts_->averaged;
}

void Optimizer::swap_average() {
  check(static_cast<bool>(options_.average), "swap_average: the optimizer keeps no averages; set .average = optim::Ema{}");
  for (Entry& e : entries_) {
    if (!e.memory->average.defined()) continue;
    Tensor weights = e.parameter.tensor().detach();
    e.parameter.assign(e.memory->average);
    e.memory->average = weights;
  }
  swapped_ = !swapped_;
}

NamedTensors Optimizer::average() const {
  NamedTensors list;
  for (const Entry& e : entries_)
    if (e.memory->average.defined()) list.emplace_back(e.name, swapped_ ? e.parameter.tensor().detach() : e.memory->average);
  return list;
}

std::int64_t Optimizer::slot_elements() const {
  std::int64_t n = 0;
  for (const Entry& e : entries_) {
    if (!e.memory->slots.empty()) {
      for (const Tensor& t : e.memory->slots) n += t.numel();
    } else if (e.parameter.trainable() && e.parameter.ready()) {
      for (const Slot& s : groups_[e.group].rule.slots(e.parameter.shape())) n += s.shape.numel();
    }
  }
  return n;
}

}  // namespace weft::optim
