// Modules: classes whose members are parameters and other modules, called like functions.
#pragma once

#include <functional>
#include <utility>

#include <weft/nn/fields.h>
#include <weft/ops/ops.h>

namespace weft::nn {

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;
using NamedParameters = std::vector<std::pair<std::string, Parameter>>;

/// All parameters below a module with their paths ("block.0.conv.weight"); a tied one once, under its first path.
NamedParameters named_parameters(ModuleRef m);
std::vector<Parameter> parameters(ModuleRef m);
std::vector<std::pair<std::string, Buffer>> named_buffers(ModuleRef m);
/// All modules with their paths, the root first under "".
std::vector<std::pair<std::string, ModuleRef>> named_modules(ModuleRef m);
/// The module at a path; throws Error with a suggestion.
ModuleRef find_module(ModuleRef root, std::string_view path);

/// Values of parameters and buffers by path. Parameters are drawn where need be.
NamedTensors state_dict(ModuleRef m);
/// Replaces values by path. Validates all first: on Error (missing, unexpected or misshapen entries, all named) nothing
/// has changed. `strict` false: only entries that are there on both sides are taken.
void load_state_dict(ModuleRef m, const NamedTensors& values, bool strict = true);

/// Sets every Mode below.
void set_training(ModuleRef m, bool training);
/// Puts the modes of a module's layers to training or evaluation for the length of a scope, then back to what each was.
/// Writes nothing where all are so already: several threads may predict at once.
class ModeScope {
 public:
  ModeScope(ModuleRef module, bool training);  ///< changes the modes
  ModeScope(const ModeScope&) = delete;
  ModeScope& operator=(const ModeScope&) = delete;
  ~ModeScope();

 private:
  bool training_;
  std::vector<Mode*> changed_;
};
/// Moves parameters and buffers.
void move_to(ModuleRef m, Device device);
/// Converts floating parameters and buffers.
void convert_to(ModuleRef m, DType dtype);
/// Sets trainable() of each parameter whose path matches the pattern ('*' any run of characters, '?' one); returns how
/// many matched; throws Error where none does.
int set_trainable(ModuleRef m, std::string_view pattern, bool trainable);
/// True where `name` matches a pattern of '*' and '?'.
bool matches(std::string_view name, std::string_view pattern);
/// Number of elements of all parameters (trainable ones only where asked).
std::int64_t count_parameters(ModuleRef m, bool trainable_only = false);
void zero_grad(ModuleRef m);
/// Gives parameters without one their path; done by the first call of a root module, Optimizer and the like.
void name_parameters(ModuleRef m);

/// Gradients of a loss by parameter, as values.
struct Gradients {
  std::vector<Parameter> parameters;  ///< those asked for, trainable and drawn
  std::vector<Tensor> values;         ///< undefined where the loss does not depend on the parameter
  /// The gradient of that parameter; throws Error for one that is not here.
  const Tensor& operator[](const Parameter& p) const;
};
/// d(loss)/d(every trainable parameter of the module). A trainable parameter that took part in the loss and that no
/// module's fields reach is an Error, not an omission.
Gradients grad(const Tensor& loss, ModuleRef module);
Gradients grad(const Tensor& loss, const std::vector<Parameter>& parameters);

/// Watches the calls of modules on this thread while it lives. Nests.
class CallObserver {
 public:
  CallObserver();
  CallObserver(const CallObserver&) = delete;
  CallObserver& operator=(const CallObserver&) = delete;
  virtual ~CallObserver();
  /// Before forward; the tensors among its arguments.
  virtual void entered(ModuleRef m, std::span<const Tensor> inputs);
  /// After forward; the tensors it returned. Assigning to an element of `outputs` replaces what the caller gets.
  virtual void left(ModuleRef m, std::span<const Tensor> inputs, std::span<Tensor> outputs);
  /// The observer that was there before.
  CallObserver* outer() const { return outer_; }

 private:
  CallObserver* outer_;
};

/// What a forward hook does: sees the inputs and the output; a defined result replaces the output.
using ForwardHook = std::function<Tensor(std::span<const Tensor> inputs, const Tensor& output)>;
/// Calls a hook after each forward of the module at `path`, as long as the returned handle lives (this thread).
std::unique_ptr<CallObserver> on_forward(ModuleRef root, std::string_view path, ForwardHook hook);
/// Runs `call` and returns the outputs of the modules at `paths`, in that order (transfer learning, inspection).
std::vector<Tensor> intermediate_outputs(ModuleRef root, const std::vector<std::string>& paths,
                                         const std::function<void()>& call);

namespace detail {

/// A call of a module on this thread: the stack behind error paths, parameter names and hooks.
class Call {
 public:
  explicit Call(ModuleRef m);
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call();
  /// Puts this module's name before the path of an error on its way out.
  void annotate(Error& e) const;
  static CallObserver* observer();
  static void notify_entered(ModuleRef m, std::span<const Tensor> inputs);
  static void notify_left(ModuleRef m, std::span<const Tensor> inputs, std::span<Tensor> outputs);

 private:
  ModuleRef module_;
  Call* parent_;
  std::function<void()> namer_;
};

void collect(std::vector<Tensor>& list, const Tensor& t);
template <class T> void collect(std::vector<Tensor>& list, const T& value) {
  if constexpr (requires { value.begin(); { *value.begin() } -> std::convertible_to<const Tensor&>; })
    for (const Tensor& t : value) collect(list, t);
}
template <class... A> std::vector<Tensor> tensors_of(const A&... a) {
  std::vector<Tensor> list;
  (collect(list, a), ...);
  return list;
}

/// True where a call on these tensors builds a functional graph instead of computing (see functional.h).
bool builds_graph(std::span<const Tensor> inputs);
template <class M> Tensor add_to_graph(M& m, const std::vector<Tensor>& inputs);
inline bool is_symbolic(const Tensor& t) { return t.defined() && t.device().type == DeviceType::meta; }
template <class T> bool is_symbolic(const T&) { return false; }
inline bool is_symbolic(const std::vector<Tensor>& v) { return !v.empty() && is_symbolic(v[0]); }

}  // namespace detail

/// Base of modules: `struct Net : nn::Module<Net> { …members…; Tensor forward(Tensor x) { … } };`. It is empty, so Net
/// stays an aggregate; `net(x)` calls forward and keeps track of where we are, for errors, names and hooks.
template <class D> struct Module {
  using weft_module = D;  ///< marks modules

  /// Calls forward.
  template <class... A, class Self = D>  // Self: clang 14 looks into D before it is complete
    requires requires(Self& d, A&&... a) { d.forward(std::forward<A>(a)...); }
  decltype(auto) operator()(A&&... a) const {
    D& self = const_cast<D&>(static_cast<const D&>(*this));
    using R = decltype(self.forward(std::forward<A>(a)...));
    if constexpr (std::is_same_v<R, Tensor> && std::is_copy_constructible_v<D>)
      if ((detail::is_symbolic(a) || ...)) [[unlikely]] {
        std::vector<Tensor> inputs = detail::tensors_of(a...);
        if (detail::builds_graph(inputs)) return detail::add_to_graph(self, inputs);
      }
    const ModuleRef ref(self);
    detail::Call call(ref);
    try {
      if (!detail::Call::observer()) return static_cast<R>(self.forward(std::forward<A>(a)...));
      const std::vector<Tensor> inputs = detail::tensors_of(a...);
      detail::Call::notify_entered(ref, inputs);
      R result = self.forward(std::forward<A>(a)...);
      if constexpr (std::is_same_v<R, Tensor>) {
        detail::Call::notify_left(ref, inputs, {&result, 1});
      } else {
        std::vector<Tensor> outputs = detail::tensors_of(result);
        detail::Call::notify_left(ref, inputs, outputs);
      }
      return static_cast<R>(result);
    } catch (Error& e) {
      call.annotate(e);
      throw;
    }
  }

  /// Training mode, for every Mode below (Keras: training=True).
  D& train(bool on = true) { return set_training(self(), on), self(); }
  /// Evaluation mode.
  D& eval() { return train(false); }
  /// Moves parameters and buffers.
  D& to(Device device) { return move_to(self(), device), self(); }
  /// Converts floating parameters and buffers.
  D& to(DType dtype) { return convert_to(self(), dtype), self(); }
  /// Freezes parameters whose path matches ("conv*", "*.bias"); default: all.
  D& freeze(std::string_view pattern = "*") { return set_trainable(self(), pattern, false), self(); }
  /// Undoes freeze().
  D& unfreeze(std::string_view pattern = "*") { return set_trainable(self(), pattern, true), self(); }
  /// See nn::named_parameters.
  NamedParameters named_parameters() const { return nn::named_parameters(self()); }
  /// See nn::parameters.
  std::vector<Parameter> parameters() const { return nn::parameters(self()); }
  /// See nn::state_dict.
  NamedTensors state_dict() const { return nn::state_dict(self()); }
  /// See nn::load_state_dict.
  void load_state_dict(const NamedTensors& values, bool strict = true) { nn::load_state_dict(self(), values, strict); }
  /// Forgets accumulated gradients.
  void zero_grad() { nn::zero_grad(self()); }

 private:
  D& self() { return static_cast<D&>(*this); }
  const D& self() const { return static_cast<const D&>(*this); }
};

namespace detail {
void share_state(ModuleRef from, ModuleRef to);
void keep_ties(ModuleRef from, ModuleRef to);
}  // namespace detail

/// A copy of a module with its own parameters; those that were tied to each other stay tied to each other (a plain copy
/// unties them).
template <IsModule M> M clone(const M& m) {
  M copy(m);
  detail::keep_ties(m, copy);
  return copy;
}

/// A copy of a module that shares its parameters and buffers (tied weights).
template <IsModule M> M share(const M& m) {
  M copy(m);
  detail::share_state(m, copy);
  return copy;
}

}  // namespace weft::nn
