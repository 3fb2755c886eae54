#include <weft/graph/compile.h>

#include <atomic>
#include <cstdio>
#include <mutex>

#include <weft/graph/trace.h>
#include <weft/kernels/cpu_info.h>
#include <weft/tensor/context.h>
#include <weft/tensor/tensor_impl.h>

namespace weft::detail {

struct Engine::State {
  const char* name;
  std::mutex mutex;
  std::atomic<const Context*> caller = nullptr;  // the thread that calls: the function may call itself after a read
  PlanList list = {};
  CompileStats stats = {};
  bool told = false;
  std::vector<Meta> good = {};  // what the last call without an error was given
};

namespace {
void say_where_bf16_is_no_gain() {
  static const bool told = !bf16_products() && std::fputs("weft: precision bf16: this processor has no faster bf16 products; "
                                                          "everything is computed in f32\n", stderr) >= 0;
  (void)told;
}
}  // namespace

Engine::Engine(const char* name, PlanOptions options) : state_(new State{.name = name, .mutex = {}}) {
  state_->list.precision = options.precision;
  if (options.precision == Precision::bf16) say_where_bf16_is_no_gain();
}
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;
Engine::~Engine() = default;

namespace {
/// Within another compiled call the body is a part of that; who watches single operators wants them to run.
bool plain(const Context& c) { return c.deferral || c.observer || c.detect_anomaly; }

std::vector<Meta> metas_of(std::span<const Tensor* const> arguments) {
  std::vector<Meta> metas;
  for (const Tensor* t : arguments)
    if (t && t->defined()) metas.push_back(t->meta());
  return metas;
}

bool same_metas(const std::vector<Meta>& metas, std::span<const Tensor* const> arguments) {
  std::size_t i = 0;
  for (const Tensor* t : arguments)
    if (t && t->defined()) {
      const TensorView& v = t->impl()->view;
      if (i == metas.size() || metas[i].dtype != v.dtype || !(metas[i].shape == v.shape)) return false;
      ++i;
    }
  return i == metas.size();
}

std::string listed(const std::vector<Meta>& metas) {
  std::string s;
  for (const Meta& m : metas) s += (s.empty() ? "" : ", ") + to_string(m);
  return s.empty() ? "none" : s;
}

/// The error, with what the call was given and what it was planned for.
Error with_arguments(const Error& e, const std::vector<Meta>& good, const std::vector<Meta>& now) {
  const std::string_view what = e.what();
  const std::string_view place = what.substr(what.find(e.message()) + e.message().size());
  Error told(cat(e.message(), place, "; the compiled function was given ", listed(now), "; it is planned for ", listed(good)));
  if (!e.subject().empty()) told.in(e.subject());
  if (!e.module_path().empty()) told.prepend_module(e.module_path());
  return told;
}
}  // namespace

void Engine::call(FunctionRef<void()> body, std::span<const Tensor* const> arguments) {
  if (plain(context()) || state_->caller == &context()) return body();
  std::scoped_lock lock(state_->mutex);
  struct Caller {
    std::atomic<const Context*>& of;
    explicit Caller(std::atomic<const Context*>& o) : of(o) { of = &context(); }
    ~Caller() { of = nullptr; }
  } caller(state_->caller);
  ++state_->stats.calls;
  std::vector<Meta>& good = state_->good;
  // The function may take its arguments' memory: what they were is noted before, where it is news.
  const bool same = same_metas(good, arguments);
  std::vector<Meta> now;
  if (!same) now = metas_of(arguments);
  Trace trace(state_->list);
  try {
    body();
    trace.finish();
  } catch (const Error& e) {
    if (same || state_->list.plans.empty()) throw;
    throw with_arguments(e, good, now);
  }
  if (!same) good = std::move(now);
  state_->stats.replayed += trace.replayed();
  if (trace.was_read() && !std::exchange(state_->told, true))
    std::fprintf(stderr, "weft: %s: an element is read in the middle of the step (item(), printing, a copy to the host); what "
                         "follows it runs eagerly\n", state_->name);
}

CompileStats Engine::stats() const {
  std::scoped_lock lock(state_->mutex);
  CompileStats s = state_->stats;
  s.plans = static_cast<int>(state_->list.plans.size());
  if (s.plans) s.arena_bytes = state_->list.plans.front()->arena_bytes();
  return s;
}

std::string Engine::describe() const {
  std::scoped_lock lock(state_->mutex);
  return state_->list.plans.empty() ? "no plan yet\n" : state_->list.plans.front()->describe();
}

PlanReport Engine::report() const {
  std::scoped_lock lock(state_->mutex);
  return state_->list.plans.empty() ? PlanReport{} : state_->list.plans.front()->report();
}

struct EnginePool::State {
  const char* name;
  PlanOptions options;
  std::mutex mutex;
  std::vector<Engine> idle = {};
};

EnginePool::EnginePool(const char* name, PlanOptions options) : state_(new State{.name = name, .options = options, .mutex = {}}) {}
EnginePool::EnginePool(EnginePool&&) noexcept = default;
EnginePool& EnginePool::operator=(EnginePool&&) noexcept = default;
EnginePool::~EnginePool() = default;

void EnginePool::call(FunctionRef<void()> body) {
  const auto take = [&] {
    std::scoped_lock lock(state_->mutex);
    if (state_->idle.empty()) return Engine(state_->name, state_->options);
    Engine engine = std::move(state_->idle.back());
    state_->idle.pop_back();
    return engine;
  };
  struct Loan {
    State& state;
    Engine engine;
    ~Loan() {
      std::scoped_lock lock(state.mutex);
      state.idle.push_back(std::move(engine));
    }
  } loan{*state_, take()};
  loan.engine.call(body);
}

}  // namespace weft::detail
