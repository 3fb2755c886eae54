#include <weft/nn/module.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include <weft/autograd/gradients.h>
#include <weft/tensor/tensor_impl.h>

namespace weft::nn {

void FieldVisitor::parameter(const std::string&, Parameter&) {}
void FieldVisitor::buffer(const std::string&, Buffer&) {}
void FieldVisitor::mode(Mode&) {}
void FieldVisitor::module(const std::string&, ModuleRef) {}

namespace {

/// Visits a whole tree, with full paths.
class TreeVisitor : public FieldVisitor {
 public:
  virtual void on_parameter(const std::string&, Parameter&) {}
  virtual void on_buffer(const std::string&, Buffer&) {}
  virtual void on_module(const std::string&, ModuleRef) {}
  virtual void on_mode(Mode&) {}

  void walk(ModuleRef root) {
    on_module(prefix_, root);
    root.visit(*this);
  }

  void parameter(const std::string& name, Parameter& p) final {
    if (p.defined()) on_parameter(join(name), p);
  }
  void buffer(const std::string& name, Buffer& b) final {
    if (b.defined()) on_buffer(join(name), b);
  }
  void mode(Mode& m) final { on_mode(m); }
  void module(const std::string& name, ModuleRef m) final {
    const std::string outer = std::exchange(prefix_, join(name));
    walk(m);
    prefix_ = outer;
  }

 private:
  std::string join(const std::string& name) const { return prefix_.empty() ? name : prefix_ + "." + name; }
  std::string prefix_;
};

template <class OnParameter, class OnBuffer> void walk_state(ModuleRef m, OnParameter on_parameter, OnBuffer on_buffer) {
  struct Visitor : TreeVisitor {
    OnParameter& p;
    OnBuffer& b;
    Visitor(OnParameter& p, OnBuffer& b) : p(p), b(b) {}
    void on_parameter(const std::string& name, Parameter& x) override { p(name, x); }
    void on_buffer(const std::string& name, Buffer& x) override { b(name, x); }
  } visitor(on_parameter, on_buffer);
  visitor.walk(m);
}

const auto ignore = [](const std::string&, auto&) {};

std::string list_some(const std::vector<std::string>& names) {
  std::string s;
  for (std::size_t i = 0; i < names.size() && i < 5; ++i) s += (i ? ", " : "") + names[i];
  if (names.size() > 5) s += cat(" and ", names.size() - 5, " more");
  return s;
}

}  // namespace

NamedParameters named_parameters(ModuleRef m) {
  NamedParameters list;
  std::unordered_set<ParameterState*> seen;
  walk_state(
      m,
      [&](const std::string& name, Parameter& p) {
        p.state()->adopted = true;
        if (p.state()->path.empty()) p.state()->path = name;
        if (seen.insert(p.state()).second) list.emplace_back(name, p.share());
      },
      ignore);
  return list;
}

std::vector<Parameter> parameters(ModuleRef m) {
  struct Visitor : FieldVisitor {  // without names: grad() comes here at every step
    std::vector<Parameter> list;
    std::unordered_set<ParameterState*> seen;
    bool named = true;
    void parameter(const std::string&, Parameter& p) override {
      if (!p.defined()) return;
      named &= p.state()->adopted && !p.state()->path.empty();
      if (seen.insert(p.state()).second) list.push_back(p.share());
    }
    void module(const std::string&, ModuleRef m) override { m.visit(*this); }
  } visitor;
  m.visit(visitor);
  if (!visitor.named) name_parameters(m);
  return std::move(visitor.list);
}

std::vector<std::pair<std::string, Buffer>> named_buffers(ModuleRef m) {
  std::vector<std::pair<std::string, Buffer>> list;
  walk_state(m, ignore, [&](const std::string& name, Buffer& b) {
    if (!b.ready()) return;
    for (const auto& [other, seen] : list)
      if (seen == b) return;
    list.emplace_back(name, b.share());
  });
  return list;
}

std::vector<std::pair<std::string, ModuleRef>> named_modules(ModuleRef m) {
  struct Visitor : TreeVisitor {
    std::vector<std::pair<std::string, ModuleRef>> list;
    void on_module(const std::string& path, ModuleRef m) override { list.emplace_back(path, m); }
  } visitor;
  visitor.walk(m);
  return std::move(visitor.list);
}

ModuleRef find_module(ModuleRef root, std::string_view path) {
  std::vector<std::string> names;
  for (auto& [name, m] : named_modules(root)) {
    if (name == path) return m;
    names.push_back(name);
  }
  fail(root.type_name(), " has no module '", path, "'", suggestion(path, names));
}

NamedTensors state_dict(ModuleRef m) {
  name_parameters(m);
  NamedTensors list;
  walk_state(
      m, [&](const std::string& name, Parameter& p) { list.emplace_back(name, p.tensor().detach()); },
      [&](const std::string& name, Buffer& b) {
        if (b.ready()) list.emplace_back(name, b.tensor());
      });
  return list;
}

void load_state_dict(ModuleRef m, const NamedTensors& values, bool strict) {
  std::unordered_map<std::string, const Tensor*> given;
  for (const auto& [name, t] : values)
    check(given.emplace(name, &t).second, "load_state_dict: '", name, "' is there twice");
  std::vector<std::pair<Parameter, Tensor>> new_parameters;
  std::vector<std::pair<Buffer, Tensor>> new_buffers;
  std::vector<std::string> missing, misfits, unexpected;
  const auto take = [&](const std::string& name) -> const Tensor* {
    auto it = given.find(name);
    if (it == given.end()) {
      missing.push_back(name);
      return nullptr;
    }
    const Tensor* t = it->second;
    given.erase(it);
    return t;
  };
  const auto fits = [&](const std::string& name, const Shape& expected, const Tensor& t) {
    if (t.shape() == expected) return true;
    misfits.push_back(cat(name, " has shape ", to_string(t.shape()), ", expected ", to_string(expected)));
    return false;
  };
  walk_state(
      m,
      [&](const std::string& name, Parameter& p) {
        if (const Tensor* t = take(name); t && (!p.ready() || fits(name, p.shape(), *t))) new_parameters.emplace_back(p.share(), *t);
      },
      [&](const std::string& name, Buffer& b) {
        if (const Tensor* t = take(name); t && (!b.ready() || fits(name, b.tensor().shape(), *t))) new_buffers.emplace_back(b.share(), *t);
      });
  for (const auto& [name, t] : values)
    if (given.count(name)) unexpected.push_back(name);
  std::string problems;
  const auto report = [&](const char* what, const std::vector<std::string>& names) {
    if (!names.empty()) problems += (problems.empty() ? "" : "; ") + cat(what, ": ", list_some(names));
  };
  report("wrong shapes", misfits);
  if (strict) {
    report("missing", missing);
    report("unexpected", unexpected);
  }
  check(problems.empty(), "load_state_dict: the values do not fit ", m.type_name(), ": ", problems,
        strict && misfits.empty() ? "; pass strict = false to take those that fit, or rename keys" : "");
  for (auto& [p, t] : new_parameters) {
    const bool drawn = p.state()->value.defined();
    p.assign(cast(t.detach(), p.state()->dtype).to(drawn ? p.tensor().device() : default_device()));
  }
  for (auto& [b, t] : new_buffers)
    b.assign(b.ready() ? cast(t.detach(), b.tensor().dtype()).to(b.tensor().device()) : t.to(default_device()));
}

namespace {
/// Sets modes, and tells which were different.
std::vector<Mode*> change_modes(ModuleRef m, bool training) {
  struct Visitor : TreeVisitor {
    bool training;
    std::vector<Mode*> changed = {};
    explicit Visitor(bool t) : training(t) {}
    void on_mode(Mode& mode) override {
      if (mode.training == training) return;
      mode.training = training;
      changed.push_back(&mode);
    }
  } visitor(training);
  visitor.walk(m);
  return std::move(visitor.changed);
}
}  // namespace

void set_training(ModuleRef m, bool training) { change_modes(m, training); }

ModeScope::ModeScope(ModuleRef module, bool training) : training_(training), changed_(change_modes(module, training)) {}
ModeScope::~ModeScope() {
  for (Mode* mode : changed_) mode->training = !training_;
}

void move_to(ModuleRef m, Device device) {
  name_parameters(m);
  DeviceScope scope(device);
  walk_state(
      m,
      [&](const std::string&, Parameter& p) {
        if (p.ready()) p.assign(p.tensor().detach().to(device));
        else p.state()->device = device;
      },
      [&](const std::string&, Buffer& b) {
        if (b.ready()) b.assign(b.tensor().to(device));
      });
}

void convert_to(ModuleRef m, DType dtype) {
  check(is_floating(dtype), "to(", name_of(dtype), "): parameters are floating; expected f16, bf16, f32 or f64");
  name_parameters(m);
  walk_state(
      m,
      [&](const std::string&, Parameter& p) {
        if (!is_floating(p.state()->dtype)) return;
        if (p.ready()) p.assign(cast(p.tensor().detach(), dtype));
        else p.state()->dtype = dtype;
      },
      [&](const std::string&, Buffer& b) {
        if (b.ready() && is_floating(b.tensor().dtype())) b.assign(cast(b.tensor(), dtype));
      });
}

bool matches(std::string_view name, std::string_view pattern) {
  if (pattern.empty()) return name.empty();
  if (pattern[0] == '*')
    return matches(name, pattern.substr(1)) || (!name.empty() && matches(name.substr(1), pattern));
  return !name.empty() && (pattern[0] == '?' || pattern[0] == name[0]) && matches(name.substr(1), pattern.substr(1));
}

int set_trainable(ModuleRef m, std::string_view pattern, bool trainable) {
  int count = 0;
  const NamedParameters all = named_parameters(m);
  for (auto& [name, p] : all)
    if (matches(name, pattern)) {
      p.set_trainable(trainable);
      ++count;
    }
  check(count > 0 || all.empty(), "no parameter of ", m.type_name(), " matches '", pattern, "'; the first is '",
        all.empty() ? "" : all[0].first, "'");
  return count;
}

std::int64_t count_parameters(ModuleRef m, bool trainable_only) {
  std::int64_t n = 0;
  for (auto& [name, p] : named_parameters(m))
    if (p.ready() && (!trainable_only || p.trainable())) n += p.shape().numel();
  return n;
}

void zero_grad(ModuleRef m) {
  for (auto& p : parameters(m)) p.zero_grad();
}

void name_parameters(ModuleRef m) { named_parameters(m); }

const Tensor& Gradients::operator[](const Parameter& p) const {
  for (std::size_t i = 0; i < parameters.size(); ++i)
    if (parameters[i] == p) return values[i];
  fail("these gradients do not hold parameter '", p.defined() ? p.state()->path : "", "'");
}

namespace {
Gradients gradients(const Tensor& loss, const std::vector<Parameter>& parameters, std::vector<Leaf*>* leaves) {
  Gradients g;
  std::vector<Tensor> inputs;
  for (const Parameter& p : parameters) {
    if (!p.trainable() || !p.state()->value.defined()) continue;
    p.state()->adopted = true;
    g.parameters.push_back(p.share());
    inputs.push_back(p.tensor());
  }
  g.values = weft::detail::grad({loss}, inputs, {}, {.allow_unused = true}, leaves);
  return g;
}
}  // namespace

Gradients grad(const Tensor& loss, const std::vector<Parameter>& parameters) { return gradients(loss, parameters, nullptr); }

Gradients grad(const Tensor& loss, ModuleRef module) {
  std::vector<Leaf*> leaves;
  Gradients g = gradients(loss, parameters(module), &leaves);
  for (const Leaf* leaf : leaves) {  // a forgotten field is an error
    const ParameterState* p = leaf->parameter;
    check(!p || !p->trainable || p->adopted, "a trainable parameter of shape ", p ? p->shape : Shape(),
          " took part in the loss, but no field of ", module.type_name(),
          " reaches it; make it (or its layer) a member, or list it in `using fields`");
  }
  return g;
}

namespace {
struct State {
  std::vector<Parameter*> parameters;
  std::vector<Buffer*> buffers;
};
State state_of(ModuleRef m) {
  State s;
  walk_state(
      m, [&](const std::string&, Parameter& p) { s.parameters.push_back(&p); },
      [&](const std::string&, Buffer& b) { s.buffers.push_back(&b); });
  return s;
}
}  // namespace

void detail::share_state(ModuleRef from, ModuleRef to) {
  const State a = state_of(from), b = state_of(to);
  for (std::size_t i = 0; i < b.parameters.size(); ++i) *b.parameters[i] = a.parameters[i]->share();
  for (std::size_t i = 0; i < b.buffers.size(); ++i) *b.buffers[i] = a.buffers[i]->share();
}

void detail::keep_ties(ModuleRef from, ModuleRef to) {
  const State a = state_of(from), b = state_of(to);
  std::unordered_map<ParameterState*, std::size_t> first;
  for (std::size_t i = 0; i < a.parameters.size(); ++i) {
    const auto [it, fresh] = first.emplace(a.parameters[i]->state(), i);
    if (!fresh) *b.parameters[i] = b.parameters[it->second]->share();
  }
}

}  // namespace weft::nn
