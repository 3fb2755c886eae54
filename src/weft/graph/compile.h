// compile(): a function that computes its tensors as one planned step.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include <weft/base/precision.h>
#include <weft/base/thread_pool.h>
#include <weft/graph/plan_report.h>

namespace weft {

class Tensor;
/// How a function is compiled.
struct PlanOptions {
  Precision precision = Precision::f32;  ///< of convolutions and matrix products
};

/// Throws Error where the variable WEFT_PASSES names a pass that there is not; else plans say so when they are made.
void check_passes();

/// What a compiled function has done so far.
struct CompileStats {
  std::int64_t calls = 0;     ///< all of them
  std::int64_t replayed = 0;  ///< computed by a plan of an earlier call
  int plans = 0;              ///< made so far and kept
  std::size_t arena_bytes = 0;  ///< of the plan used last
};

namespace detail {
/// The plans of one compiled function. Calls from several threads wait for each other.
class Engine {
 public:
  /// `name` says that a call cannot be planned: a literal.
  explicit Engine(const char* name = "compile", PlanOptions options = {});
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;
  ~Engine();
  /// Calls. `arguments`: tensors that the caller gave (null: another argument), for the message of an error.
  void call(FunctionRef<void()> body, std::span<const Tensor* const> arguments = {});
  CompileStats stats() const;
  std::string describe() const;
  PlanReport report() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

inline const Tensor* tensor_or_null(const Tensor& t) { return &t; }
template <class T> const Tensor* tensor_or_null(const T&) { return nullptr; }

/// Engines for calls from several threads at once: each call has one to itself.
class EnginePool {
 public:
  explicit EnginePool(const char* name, PlanOptions options = {});  ///< as Engine's
  EnginePool(EnginePool&&) noexcept;
  EnginePool& operator=(EnginePool&&) noexcept;
  ~EnginePool();
  void call(FunctionRef<void()> body);

 private:
  struct State;
  std::unique_ptr<State> state_;
};
}  // namespace detail

/// A function whose operators are noted down, planned together and then computed. The function itself runs at every
/// call, so numbers, conditions, modes, learning rates and random streams are always those of the call: the results are
/// eager's, but that fused kernels may round differently. A call that asks for the same operators as an earlier one is
/// computed by the same plan; another shape, branch or mode makes another plan (the last 16 are kept). What reads an
/// element in the middle (item(), printing) makes its call run eagerly. An error in a kernel leaves parameters, buffers
/// and optimizer slots as they were before the call; where tensors of other shapes or dtypes than in the last good call were
/// given, its message says so. Calls from several threads wait for each other.
template <class F> class Compiled {
 public:
  explicit Compiled(F function, PlanOptions options = {})
      : function_(std::move(function)), engine_("compile", options) {}  ///< see compile()
  /// Calls the function.
  template <class... A> decltype(auto) operator()(A&&... arguments) {
    using R = std::invoke_result_t<F&, A...>;
    const Tensor* const given[] = {detail::tensor_or_null(arguments)..., nullptr};
    if constexpr (std::is_void_v<R>) {
      engine_.call([&] { function_(std::forward<A>(arguments)...); }, given);
    } else {
      static_assert(!std::is_reference_v<R>, "weft: a compiled function returns a value");
      std::optional<R> result;
      engine_.call([&] { result.emplace(function_(std::forward<A>(arguments)...)); }, given);
      return R(std::move(*result));
    }
  }
  CompileStats stats() const { return engine_.stats(); }  ///< what it has done so far
  /// The plan used last: kernels, places in the arena.
  std::string describe() const { return engine_.describe(); }
  /// The same as data; no steps before the first call.
  PlanReport report() const { return engine_.report(); }

 private:
  F function_;
  detail::Engine engine_;
};

/// `auto step = weft::compile([&](const Tensor& x, const Tensor& y) { … opt.step(grad(loss, net)); return loss; });`
/// `compile(fn, {.precision = Precision::bf16})` multiplies in bf16 where that is faster.
template <class F> Compiled<std::decay_t<F>> compile(F&& function, PlanOptions options = {}) {
  return Compiled<std::decay_t<F>>(std::forward<F>(function), options);
}

}  // namespace weft
