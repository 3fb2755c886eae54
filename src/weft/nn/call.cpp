// Calls of modules: the stack behind error paths, parameter names and hooks.
#include <algorithm>

#include <weft/nn/module.h>

namespace weft::nn {

namespace {
thread_local detail::Call* current_call = nullptr;
thread_local CallObserver* current_observer = nullptr;

/// "block.2.conv" as C++ spells it: "block[2].conv".
std::string as_path(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size();) {
    const std::size_t dot = std::min(name.find('.', i), name.size());
    const std::string_view part = name.substr(i, dot - i);
    const bool number = !part.empty() && part.find_first_not_of("0123456789") == part.npos;
    if (number) out += "[" + std::string(part) + "]";
    else out += (out.empty() ? "" : ".") + std::string(part);
    i = dot + 1;
  }
  return out;
}
}  // namespace

CallObserver::CallObserver() : outer_(std::exchange(current_observer, this)) {}
CallObserver::~CallObserver() {
  if (current_observer == this) {
    current_observer = outer_;
    return;
  }
  for (CallObserver* o = current_observer; o; o = o->outer_)  // handles may die in any order
    if (o->outer_ == this) o->outer_ = outer_;
}
void CallObserver::entered(ModuleRef, std::span<const Tensor>) {}
void CallObserver::left(ModuleRef, std::span<const Tensor>, std::span<Tensor>) {}

namespace detail {

Call::Call(ModuleRef m) : module_(m), parent_(std::exchange(current_call, this)) {
  if (parent_) return;
  namer_ = [m] { name_parameters(m); };
  name_parameters_hook = &namer_;
}

Call::~Call() {
  current_call = parent_;
  if (!parent_) name_parameters_hook = nullptr;
}

void Call::annotate(Error& e) const {
  if (!parent_) {
    e.prepend_module(module_.type_name());
    return;
  }
  struct Finder : FieldVisitor {
    ModuleRef wanted;
    std::string found;
    explicit Finder(ModuleRef m) : wanted(m) {}
    void module(const std::string& name, ModuleRef m) override {
      if (m == wanted) found = name;
    }
  } finder(module_);
  parent_->module_.visit(finder);
  e.prepend_module(finder.found.empty() ? std::string(module_.type_name()) : as_path(finder.found));
}

CallObserver* Call::observer() { return current_observer; }
void Call::notify_entered(ModuleRef m, std::span<const Tensor> inputs) {
  for (CallObserver* o = current_observer; o; o = o->outer()) o->entered(m, inputs);
}
void Call::notify_left(ModuleRef m, std::span<const Tensor> inputs, std::span<Tensor> outputs) {
  for (CallObserver* o = current_observer; o; o = o->outer()) o->left(m, inputs, outputs);
}


void collect(std::vector<Tensor>& list, const Tensor& t) { list.push_back(t); }

}  // namespace detail

namespace {
class Hook final : public CallObserver {
 public:
  Hook(ModuleRef m, ForwardHook hook) : module_(m), hook_(std::move(hook)) {}
  void left(ModuleRef m, std::span<const Tensor> inputs, std::span<Tensor> outputs) override {
    if (!(m == module_) || outputs.empty()) return;
    if (Tensor replaced = hook_(inputs, outputs[0]); replaced.defined()) outputs[0] = replaced;
  }

 private:
  ModuleRef module_;
  ForwardHook hook_;
};
}  // namespace

std::unique_ptr<CallObserver> on_forward(ModuleRef root, std::string_view path, ForwardHook hook) {
  return std::make_unique<Hook>(find_module(root, path), std::move(hook));
}

std::vector<Tensor> intermediate_outputs(ModuleRef root, const std::vector<std::string>& paths,
                                         const std::function<void()>& call) {
  std::vector<Tensor> outputs(paths.size());
  std::vector<std::unique_ptr<CallObserver>> hooks;
  for (std::size_t i = 0; i < paths.size(); ++i)
    hooks.push_back(on_forward(root, paths[i], [&outputs, i](std::span<const Tensor>, const Tensor& out) {
      outputs[i] = out;
      return Tensor();
    }));
  call();
  for (std::size_t i = 0; i < paths.size(); ++i)
    check(outputs[i].defined(), "module '", paths[i], "' was not called");
  return outputs;
}

}  // namespace weft::nn
