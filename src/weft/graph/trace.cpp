#include <weft/graph/trace.h>

#include <algorithm>
#include <cstdint>

#include <weft/base/error.h>
#include <weft/tensor/context.h>
#include <weft/tensor/tensor_impl.h>

namespace weft {

namespace {

constexpr std::size_t most_plans = 16;

std::int64_t offset_of(const TensorView& v, const Storage& s) {
  return static_cast<const char*>(v.data) - static_cast<const char*>(s.data());
}

bool same_view(const BufferView& b, int number, const TensorView& v, const Storage& s) {
  return b.buffer == number && b.dtype == v.dtype && b.offset == offset_of(v, s) && b.shape == v.shape && b.strides == v.strides;
}

/// The first `n` steps of both are the same.
bool same_beginning(const Program& a, const Program& b, std::size_t n) {
  if (a.steps.size() < n || b.steps.size() < n) return false;
  for (std::size_t i = 0; i < n; ++i)
    if (!same_step(a.steps[i], b.steps[i])) return false;
  return true;
}

}  // namespace

Trace::Trace(PlanList& plans)
    : plans_(plans), home_(&detail::context()), outer_(std::exchange(detail::context().deferral, this)), notes_(plans.notes) {
  if (!plans_.plans.empty()) plan_ = plans_.plans.front().get();
}

Trace::~Trace() {
  if (active_) {
    stop();
    try {
      run_steps();
    } catch (...) {  // the error that ended the call is on its way already
      put_back();
    }
  }
  notes_.clear();
}

void TraceNotes::clear() {
  storages.clear();
  values.clear();
  numbers.clear();
  if (std::exchange(entries, 0)) std::fill(table.begin(), table.end(), std::pair<Storage*, int>());
}

void Trace::replacing(Tensor& slot, RefCounted* cell) { notes_.values.push_back({RefPtr<RefCounted>(cell), &slot, slot}); }
void Trace::replacing(std::int64_t& number, RefCounted* cell) { notes_.numbers.push_back({RefPtr<RefCounted>(cell), &number, number}); }

namespace {
/// In the place of a call that failed: its values were never computed.
struct Failed final : Deferral {
  [[noreturn]] void settle() override { fail("this value was never computed: the compiled call that makes it failed"); }
  RefPtr<Storage> storage(std::size_t) override { settle(); }
  void apply(const OpInfo&, const void*, std::span<const Tensor>, std::span<const Tensor>) override { settle(); }
  void replacing(Tensor&, RefCounted*) override {}
  void replacing(std::int64_t&, RefCounted*) override {}
} failed;
}  // namespace

/// After an error: cells hold what they held before the call, and who holds a value that never comes is told so.
void Trace::put_back() {
  for (auto r = notes_.values.rbegin(); r != notes_.values.rend(); ++r) *r->slot = r->before;
  for (auto r = notes_.numbers.rbegin(); r != notes_.numbers.rend(); ++r) *r->slot = r->before;
  for (const RefPtr<Storage>& s : notes_.storages)
    if (s && s->pending()) s->pending()->deferral = &failed;
}

void Trace::stop() {
  active_ = false;
  detail::context().deferral = outer_;
}

RefPtr<Storage> Trace::storage(std::size_t bytes) {
  return notes_.storages.emplace_back(Storage::later(bytes, this, static_cast<int>(notes_.storages.size())));
}

namespace {
/// Where a storage stands in a table, or the free place for it.
std::size_t place_in(const std::vector<std::pair<Storage*, int>>& table, const Storage* s) {
  const std::size_t mask = table.size() - 1;  // the size is a power of two
  std::size_t at = reinterpret_cast<std::uintptr_t>(s) / 64 & mask;
  while (table[at].first && table[at].first != s) at = (at + 1) & mask;
  return at;
}
}  // namespace

int Trace::number_of(Storage* storage) {
  if (const Pending* p = storage->pending()) {
    if (p->deferral == this) return p->number;
    check(p->deferral != &failed, "an input was never computed: the compiled call that makes it failed");
    fail("a tensor of a compiled call that is still running on another thread; use it after the call");
  }
  if (notes_.entries * 2 >= notes_.table.size()) {
    std::vector<std::pair<Storage*, int>> larger(notes_.table.size() * 2);
    for (const auto& entry : notes_.table)
      if (entry.first) larger[place_in(larger, entry.first)] = entry;
    notes_.table = std::move(larger);
  }
  auto& entry = notes_.table[place_in(notes_.table, storage)];
  if (!entry.first) {
    ++notes_.entries;
    entry = {storage, static_cast<int>(notes_.storages.size())};
    notes_.storages.emplace_back(storage);
  }
  return entry.second;
}

bool Trace::follows(const OpInfo& info, const void* op, std::span<const Tensor> inputs, std::span<const Tensor> outputs) {
  const Program& p = plan_->recorded();
  if (position_ >= p.steps.size()) return false;
  const ProgramStep& step = p.steps[position_];
  if (step.op != &info || step.inputs.size() != inputs.size() || step.outputs.size() != outputs.size()) return false;
  const auto same = [&](const BufferView& b, const Tensor& t) {
    Storage& s = *t.impl()->storage;
    const int number = number_of(&s);
    const ProgramBuffer& buffer = p.buffers[static_cast<std::size_t>(b.buffer)];
    return same_view(b, number, t.impl()->view, s) && buffer.bytes == static_cast<std::int64_t>(s.bytes()) &&
           (buffer.kind == BufferKind::external) == !s.pending();
  };
  bool all = true;
  for (std::size_t i = 0; i < inputs.size(); ++i) all = same(step.inputs[i], inputs[i]) && all;  // numbers every input
  for (std::size_t i = 0; i < outputs.size(); ++i) all = same(step.outputs[i], outputs[i]) && all;
  if (!all) return false;
  if (info.attributes_vary) plan_->set_attributes(position_, op);
  else if (!info.equal(step.attrs.get(), op)) return false;
  return true;
}

ProgramStep Trace::step_of(const OpInfo& info, const void* op, std::span<const Tensor> inputs, std::span<const Tensor> outputs) {
  ProgramStep step{&info, Attrs(info, op), {}, {}};
  const auto view = [&](const Tensor& t) {
    const TensorView& v = t.impl()->view;
    Storage& s = *t.impl()->storage;
    return BufferView{number_of(&s), offset_of(v, s), v.dtype, v.shape, v.strides};
  };
  for (const Tensor& t : inputs) step.inputs.push_back(view(t));
  for (const Tensor& t : outputs) step.outputs.push_back(view(t));
  return step;
}

/// Another plan that begins with the steps so far and goes on with this one.
bool Trace::switch_plan(const ProgramStep& step) {
  for (const auto& other : plans_.plans) {
    const Program& p = other->recorded();
    if (other.get() == plan_ || p.steps.size() <= position_ || !same_step(p.steps[position_], step)) continue;
    if (!same_beginning(p, plan_->recorded(), position_)) continue;
    for (std::size_t i = 0; i <= position_; ++i)  // numbers that vary are those of this call
      if (p.steps[i].op->attributes_vary)
        other->set_attributes(i, i < position_ ? plan_->recorded().steps[i].attrs.get() : step.attrs.get());
    plan_ = other.get();
    return true;
  }
  return false;
}

/// From here on the call is noted down by itself; so far it is what the plan was made from.
void Trace::leave_plan() {
  const auto end = plan_->recorded().steps.begin() + static_cast<std::ptrdiff_t>(position_);
  program_.steps.assign(plan_->recorded().steps.begin(), end);
  plan_ = nullptr;
}

void Trace::apply(const OpInfo& info, const void* op, std::span<const Tensor> inputs, std::span<const Tensor> outputs) {
  if (plan_ && !follows(info, op, inputs, outputs)) {
    ProgramStep step = step_of(info, op, inputs, outputs);
    if (!switch_plan(step)) {
      leave_plan();
      program_.steps.push_back(std::move(step));
    }
  } else if (!plan_) {
    program_.steps.push_back(step_of(info, op, inputs, outputs));
  }
  ++position_;
}

/// Somebody outside holds what a step has made.
bool Trace::held(std::size_t buffer) const { return notes_.storages[buffer]->pending() && !notes_.storages[buffer]->unique(); }

/// Operator by operator, as eager execution does it; what nobody reads again or holds is freed.
void Trace::run_steps() {
  if (plan_) leave_plan();
  std::vector<std::size_t> last_use(notes_.storages.size());
  const auto each_view = [](const ProgramStep& step, auto f) {
    for (const BufferView& v : step.inputs) f(static_cast<std::size_t>(v.buffer));
    for (const BufferView& v : step.outputs) f(static_cast<std::size_t>(v.buffer));
  };
  for (std::size_t i = 0; i < program_.steps.size(); ++i) each_view(program_.steps[i], [&](std::size_t b) { last_use[b] = i; });
  for (std::size_t i = 0; i < program_.steps.size(); ++i) {
    run_step(program_.steps[i]);
    each_view(program_.steps[i], [&](std::size_t b) {
      if (last_use[b] == i) notes_.storages[b] = {};
    });
  }
}

void Trace::run_step(const ProgramStep& step) {
  SmallVector<TensorView, 4> in, out;
  const auto view = [&](const BufferView& v) {
    char* memory = static_cast<char*>(notes_.storages[static_cast<std::size_t>(v.buffer)]->data());
    return TensorView{memory + v.offset, v.dtype, cpu, v.shape, v.strides};
  };
  try {
    for (const BufferView& v : step.outputs) notes_.storages[static_cast<std::size_t>(v.buffer)]->provide();
    for (const BufferView& v : step.inputs) in.push_back(view(v));
    for (const BufferView& v : step.outputs) out.push_back(view(v));
    detail::run_kernel(*step.op, step.attrs.get(), in, out, cpu);
  } catch (Error& e) {
    e.in(step.op->name);
    throw;
  }
  for (const BufferView& v : step.outputs) notes_.storages[static_cast<std::size_t>(v.buffer)]->settled();
}

void Trace::settle() {
  check(home_ == &detail::context(), "an element is read on another thread than that of the compiled call that is still to "
        "compute it; read it after the call");
  read_ = true;
  stop();
  try {
    run_steps();
  } catch (...) {
    put_back();
    throw;
  }
}

/// A plan for what was noted down, in the place of one that computes the same for fewer holders.
Plan& Trace::make_plan() {
  if (plan_) leave_plan();
  program_.buffers.resize(notes_.storages.size());
  for (std::size_t i = 0; i < notes_.storages.size(); ++i)
    program_.buffers[i] = {static_cast<std::int64_t>(notes_.storages[i]->bytes()),
                           !notes_.storages[i]->pending() ? BufferKind::external : held(i) ? BufferKind::result : BufferKind::intermediate};
  std::vector<std::unique_ptr<Plan>>& plans = plans_.plans;
  std::erase_if(plans, [&](const auto& p) {
    if (!same_program(p->recorded(), program_)) return false;
    for (std::size_t i = 0; i < program_.buffers.size(); ++i)  // held then or now
      if (p->recorded().buffers[i].kind == BufferKind::result) program_.buffers[i].kind = BufferKind::result;
    return true;
  });
  if (plans.size() == most_plans) plans.pop_back();
  program_.precision = plans_.precision;
  plans.insert(plans.begin(), std::make_unique<Plan>(std::move(program_), plans_.arena));
  return *plans.front();
}

void Trace::finish() {
  if (!active_) return;
  stop();
  try {
    compute();
  } catch (...) {
    put_back();
    throw;
  }
}

void Trace::compute() {
  if (position_ == 0) return;
  replayed_ = plan_ && position_ == plan_->recorded().steps.size() && notes_.storages.size() == plan_->recorded().buffers.size();
  for (std::size_t i = 0; replayed_ && i < notes_.storages.size(); ++i)
    replayed_ = !held(i) || plan_->recorded().buffers[i].kind == BufferKind::result;
  Plan& plan = replayed_ ? *plan_ : make_plan();
  std::vector<void*>& memory = notes_.memory;
  memory.resize(notes_.storages.size());
  for (std::size_t i = 0; i < memory.size(); ++i) {
    if (plan.recorded().buffers[i].kind == BufferKind::result) notes_.storages[i]->provide();
    memory[i] = notes_.storages[i]->data();
  }
  plan.run(memory);
  for (const RefPtr<Storage>& s : notes_.storages)
    if (s->pending()) s->settled();  // externals are other threads' too: no write to them
  auto& plans = plans_.plans;
  const auto used = std::find_if(plans.begin(), plans.end(), [&](const auto& p) { return p.get() == &plan; });
  std::rotate(plans.begin(), used, used + 1);
}

}  // namespace weft
