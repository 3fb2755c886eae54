#include <weft/graph/compile.h>

#include <atomic>
#include <cstdio>
#include <mutex>

#include <weft/graph/trace.h>
#include <weft/tensor/context.h>

namespace weft::detail {

struct Engine::State {
  const char* name;
  std::mutex mutex;
  std::atomic<const Context*> caller = nullptr;  // the thread that calls: the function may call itself after a read
  PlanList list = {};
  CompileStats stats = {};
  bool told = false;
};

Engine::Engine(const char* name) : state_(new State{.name = name, .mutex = {}}) {}
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;
Engine::~Engine() = default;

namespace {
/// Within another compiled call the body is a part of that; who watches single operators wants them to run.
bool plain(const Context& c) { return c.deferral || c.observer || c.detect_anomaly; }
}  // namespace

void Engine::call(FunctionRef<void()> body) {
  if (plain(context()) || state_->caller == &context()) return body();
  std::scoped_lock lock(state_->mutex);
  struct Caller {
    std::atomic<const Context*>& of;
    explicit Caller(std::atomic<const Context*>& o) : of(o) { of = &context(); }
    ~Caller() { of = nullptr; }
  } caller(state_->caller);
  ++state_->stats.calls;
  Trace trace(state_->list);
  body();
  trace.finish();
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
  std::mutex mutex;
  std::vector<Engine> idle = {};
};

EnginePool::EnginePool(const char* name) : state_(new State{.name = name, .mutex = {}}) {}
EnginePool::EnginePool(EnginePool&&) noexcept = default;
EnginePool& EnginePool::operator=(EnginePool&&) noexcept = default;
EnginePool::~EnginePool() = default;

void EnginePool::call(FunctionRef<void()> body) {
  const auto take = [&] {
    std::scoped_lock lock(state_->mutex);
    if (state_->idle.empty()) return Engine(state_->name);
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
