#include <weft/graph/compile.h>

#include <cstdio>
#include <mutex>

#include <weft/graph/trace.h>
#include <weft/tensor/context.h>

namespace weft::detail {

struct Engine::State {
  std::mutex mutex;
  PlanList plans;
  CompileStats stats;
  bool told = false;
};

Engine::Engine() : state_(std::make_unique<State>()) {}
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;
Engine::~Engine() = default;

namespace {
/// Within another compiled call the body is a part of that; who watches single operators wants them to run.
bool plain(const Context& c) { return c.deferral || c.observer || c.detect_anomaly; }
}  // namespace

void Engine::call(FunctionRef<void()> body) {
  if (plain(context())) return body();
  std::scoped_lock lock(state_->mutex);
  ++state_->stats.calls;
  Trace trace(state_->plans);
  body();
  trace.finish();
  state_->stats.replayed += trace.replayed();
  if (trace.was_read() && !std::exchange(state_->told, true))
    std::fprintf(stderr, "weft: compile: an element is read in the middle of the function (item(), printing, a copy to the "
                         "host); what follows it runs eagerly\n");
}

CompileStats Engine::stats() const {
  std::scoped_lock lock(state_->mutex);
  CompileStats s = state_->stats;
  s.plans = static_cast<int>(state_->plans.size());
  if (s.plans) s.arena_bytes = state_->plans.front()->arena_bytes();
  return s;
}

std::string Engine::describe() const {
  std::scoped_lock lock(state_->mutex);
  return state_->plans.empty() ? "no plan yet\n" : state_->plans.front()->describe();
}

}  // namespace weft::detail
