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
    : plans_(plans), home_(&detail::context()), outer_(std::exchange(detail::context().deferral, this)), table_(256) {
  if (!plans_.empty()) plan_ = plans_.front().get();
}

Trace::~Trace() {
  if (!active_) return;
  stop();
  try {
    run_steps();
  } catch (...) {  // the error that ended the call is on its way already
    put_back();
  }
}

void Trace::replacing(Tensor& slot, RefCounted* cell) { replaced_.push_back({RefPtr<RefCounted>(cell), &slot, slot}); }

/// After an error: cells hold what they held before the call, and nobody waits for elements that never come.
void Trace::put_back() {
  for (auto r = replaced_.rbegin(); r != replaced_.rend(); ++r) *r->slot = r->before;
  for (const RefPtr<Storage>& s : storages_) s->set_pending(nullptr);
}

void Trace::stop() {
  active_ = false;
  detail::context().deferral = outer_;
}

int Trace::number_of(Storage* storage) {
  if (storages_.size() * 2 >= table_.size()) {
    std::vector<std::pair<Storage*, int>> larger(table_.size() * 2);
    for (const auto& entry : table_) {
      if (!entry.first) continue;
      std::size_t at = reinterpret_cast<std::uintptr_t>(entry.first) / 64 % larger.size();
      while (larger[at].first) at = (at + 1) % larger.size();
      larger[at] = entry;
    }
    table_ = std::move(larger);
  }
  std::size_t at = reinterpret_cast<std::uintptr_t>(storage) / 64 % table_.size();
  while (table_[at].first && table_[at].first != storage) at = (at + 1) % table_.size();
  if (!table_[at].first) {
    const Deferral* pending = storage->pending();
    check(!pending || pending == this, "a tensor of a compiled call that is still running on another thread; use it after the call");
    table_[at] = {storage, static_cast<int>(storages_.size())};
    storages_.emplace_back(storage);
    external_.push_back(!storage->pending());
  }
  return table_[at].second;
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
           (buffer.kind == BufferKind::external) == external_[static_cast<std::size_t>(number)];
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
  for (const auto& other : plans_) {
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
  for (const Tensor& t : outputs) t.impl()->storage->set_pending(this);
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

/// For each buffer, whether somebody outside holds it.
std::vector<bool> Trace::held() const {
  std::vector<bool> list(storages_.size());
  for (std::size_t i = 0; i < list.size(); ++i) list[i] = !external_[i] && !storages_[i]->unique();
  return list;
}

/// Operator by operator, as eager execution does it.
void Trace::run_steps() {
  if (plan_) leave_plan();
  for (const ProgramStep& step : program_.steps) {
    SmallVector<TensorView, 4> in, out;
    const auto view = [&](const BufferView& v) {
      char* memory = static_cast<char*>(storages_[static_cast<std::size_t>(v.buffer)]->data());
      return TensorView{memory + v.offset, v.dtype, cpu, v.shape, v.strides};
    };
    for (const BufferView& v : step.inputs) in.push_back(view(v));
    for (const BufferView& v : step.outputs) out.push_back(view(v));
    detail::run_kernel(*step.op, step.attrs.get(), in, out, cpu);
    for (const BufferView& v : step.outputs) storages_[static_cast<std::size_t>(v.buffer)]->set_pending(nullptr);
  }
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
Plan& Trace::make_plan(const std::vector<bool>& results) {
  if (plan_) leave_plan();
  program_.buffers.resize(storages_.size());
  for (std::size_t i = 0; i < storages_.size(); ++i)
    program_.buffers[i] = {static_cast<std::int64_t>(storages_[i]->bytes()),
                           external_[i] ? BufferKind::external : results[i] ? BufferKind::result : BufferKind::intermediate};
  std::erase_if(plans_, [&](const auto& p) {
    if (!same_program(p->recorded(), program_)) return false;
    for (std::size_t i = 0; i < program_.buffers.size(); ++i)  // held then or now
      if (p->recorded().buffers[i].kind == BufferKind::result) program_.buffers[i].kind = BufferKind::result;
    return true;
  });
  if (plans_.size() == most_plans) plans_.pop_back();
  plans_.insert(plans_.begin(), std::make_unique<Plan>(std::move(program_)));
  return *plans_.front();
}

void Trace::finish() {
  if (!active_) return;
  stop();
  try {
    compute(held());
  } catch (...) {
    put_back();
    throw;
  }
}

void Trace::compute(const std::vector<bool>& results) {
  if (position_ == 0) return;
  replayed_ = plan_ && position_ == plan_->recorded().steps.size() && storages_.size() == plan_->recorded().buffers.size();
  for (std::size_t i = 0; replayed_ && i < results.size(); ++i)
    replayed_ = !results[i] || plan_->recorded().buffers[i].kind == BufferKind::result;
  Plan& plan = replayed_ ? *plan_ : make_plan(results);
  std::vector<void*> memory(storages_.size());
  for (std::size_t i = 0; i < memory.size(); ++i) memory[i] = storages_[i]->data();
  plan.run(memory);
  for (const RefPtr<Storage>& s : storages_) s->set_pending(nullptr);
  const auto used = std::find_if(plans_.begin(), plans_.end(), [&](const auto& p) { return p.get() == &plan; });
  std::rotate(plans_.begin(), used, used + 1);
}

}  // namespace weft
