#include <weft/tensor/state.h>

#include <atomic>
#include <mutex>

#include <weft/tensor/context.h>
#include <weft/tensor/tensor_impl.h>

namespace weft {

thread_local std::function<void()>* name_parameters_hook = nullptr;

ParameterState::ParameterState() : leaf(make_ref<Leaf>()) { leaf->parameter = this; }
ParameterState::~ParameterState() { leaf->parameter = nullptr; }

namespace {
void set_value(ParameterState& s, const Tensor& value) {
  if (s.shape != value.shape()) s.shape = value.shape();  // no write where another thread may be reading the same
  if (s.dtype != value.dtype()) s.dtype = value.dtype();
  s.leaf->outputs.clear();
  s.leaf->outputs.push_back(value.meta());
  detail::replacing(s.value, &s);
  s.value = with_value(value.detach(), {s.leaf, 0}, s.trainable && is_floating(value.dtype()));
  s.lazy.store(false, std::memory_order_release);
  s.drawn.store(true, std::memory_order_release);
}

/// Held while a cell gets its first shape or value: two threads may call a model that was never called.
std::recursive_mutex& first_use() {
  static std::recursive_mutex mutex;
  return mutex;
}
}  // namespace

Parameter::Parameter(const Tensor& value) : state_(make_ref<ParameterState>()) { set_value(*state_, value); }

Parameter::Parameter(const Shape& shape, Initializer initializer, DType dtype) : state_(make_ref<ParameterState>()) {
  state_->shape = shape;
  state_->initializer = std::move(initializer);
  state_->dtype = dtype;
}

Parameter Parameter::deferred(Initializer initializer, DType dtype) {
  Parameter p({}, std::move(initializer), dtype);
  p.state_->lazy = true;
  return p;
}

void Parameter::resolve(const Shape& shape) const {
  if (!state_ || ready()) return;
  std::scoped_lock lock(first_use());
  if (ready()) return;
  state_->shape = shape;
  state_->lazy.store(false, std::memory_order_release);
}

Parameter::Parameter(const Parameter& o) {
  if (!o.state_) return;
  state_ = make_ref<ParameterState>();
  const ParameterState& from = *o.state_;
  state_->shape = from.shape;
  state_->lazy = from.lazy.load();
  state_->dtype = from.dtype;
  state_->initializer = from.initializer;
  state_->device = from.device;
  state_->trainable = from.trainable;
  state_->regularizer = from.regularizer;
  state_->constraint = from.constraint;
  if (from.value.defined()) set_value(*state_, from.value);
}

Parameter& Parameter::operator=(const Parameter& o) {
  if (this != &o) *this = Parameter(o);
  return *this;
}

const Tensor& Parameter::tensor() const {
  check(defined(), "the parameter is undefined");
  if (!state_->drawn.load(std::memory_order_acquire)) [[unlikely]] materialise();
  return state_->value;
}

void Parameter::materialise() const {
  std::scoped_lock lock(first_use());
  if (state_->drawn) return;
  if (state_->path.empty() && name_parameters_hook) (*name_parameters_hook)();
  check(!state_->lazy, "parameter '", state_->path, "' has no shape yet: call the module on a batch, or give the sizes");
  check(static_cast<bool>(state_->initializer), "parameter '", state_->path, "' has neither value nor initializer");
  const NoGrad off;
  const detail::Eagerly now;
  std::optional<DeviceScope> scope;
  if (state_->device) scope.emplace(*state_->device);
  const RandomStream stream{default_generator().state().seed, hash_name(state_->path)};
  set_value(*state_, state_->initializer(state_->shape, state_->dtype, stream));
}

const Shape& Parameter::shape() const {
  check(defined(), "the parameter is undefined");
  return state_->shape;
}

void Parameter::assign(const Tensor& value) const {
  check(defined(), "assign: the parameter is undefined");
  check(state_->lazy || value.shape() == state_->shape, "parameter '", state_->path, "': received a value of shape ",
        value.shape(), "; expected ", state_->shape);
  set_value(*state_, value);
}

Tensor Parameter::grad() const { return state_ ? state_->leaf->grad : Tensor(); }
void Parameter::zero_grad() const {
  if (state_) state_->leaf->grad = {};
}
void Parameter::set_grad(const Tensor& g) const {
  check(defined(), "set_grad: the parameter is undefined");
  state_->leaf->grad = g;
}

void Parameter::set_trainable(bool on) const {
  check(defined(), "set_trainable: the parameter is undefined");
  if (state_->trainable == on) return;
  state_->trainable = on;
  if (state_->value.defined()) set_value(*state_, state_->value);
}

Parameter Parameter::share() const {
  Parameter p;
  p.state_ = state_;
  return p;
}

namespace {
/// A handle of the cell's own: captured graphs know a buffer by it.
Tensor own(const Tensor& value) {
  const Tensor plain = value.detach();
  return alias(plain, view_of(plain));
}
}  // namespace

Buffer::Buffer(const Tensor& value) : state_(make_ref<State>()) { assign(value); }
Buffer::Buffer(const Buffer& o) {
  if (!o.state_) return;
  state_ = make_ref<State>();
  if (o.ready()) assign(o.state_->value);
}
Buffer Buffer::deferred() {
  Buffer b;
  b.state_ = make_ref<State>();
  return b;
}
Buffer& Buffer::operator=(const Buffer& o) {
  if (this != &o) *this = Buffer(o);
  return *this;
}
const Tensor& Buffer::tensor() const {
  check(defined(), "the buffer is undefined");
  check(ready(), "the buffer has no value yet: call the module on a batch, or give the sizes");
  return state_->value;
}
void Buffer::assign(const Tensor& value) const {
  check(defined(), "assign: the buffer is undefined");
  detail::replacing(state_->value, state_.get());
  state_->value = own(value);
  state_->ready.store(true, std::memory_order_release);
}
void Buffer::resolve(const Tensor& value) const {
  std::scoped_lock lock(first_use());
  const detail::Eagerly now;
  if (!ready()) assign(value);
}
Buffer Buffer::share() const {
  Buffer b;
  b.state_ = state_;
  return b;
}

Operand::Operand(const Parameter& p, Where w) : Operand(p.tensor(), w) {}
Operand::Operand(const Buffer& b, Where w) : Operand(b.tensor(), w) {}

struct GeneratorState {
  std::mutex mutex;
  RandomStream stream;
};
Generator::Generator(std::uint64_t seed) : state_(std::make_shared<GeneratorState>()) { state_->stream = {seed, 0}; }
RandomStream Generator::next() {
  std::scoped_lock lock(state_->mutex);
  RandomStream s = state_->stream;
  ++state_->stream.counter;
  return s;
}
RandomStream Generator::state() const {
  std::scoped_lock lock(state_->mutex);
  return state_->stream;
}
void Generator::set_state(RandomStream s) {
  std::scoped_lock lock(state_->mutex);
  state_->stream = s;
}
Generator& default_generator() {
  static Generator g;
  return g;
}
void manual_seed(std::uint64_t seed) { default_generator().manual_seed(seed); }

}  // namespace weft
