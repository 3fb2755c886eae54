// State cells: what changes over time. A cell has identity; its value is a Tensor that is replaced, never written.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include <weft/base/random.h>
#include <weft/tensor/tensor.h>

namespace weft {

struct Leaf;

/// Makes the first value of a parameter from its shape and a random stream.
using Initializer = std::function<Tensor(const Shape& shape, DType dtype, RandomStream stream)>;

/// The cell behind Parameter handles.
class ParameterState : public RefCounted {
 public:
  ParameterState();
  ~ParameterState() override;
  Shape shape;                 ///< rank 0 with `lazy` until sizes are known
  std::atomic<bool> lazy = false;  ///< the shape waits for the first batch
  DType dtype = DType::f32;    ///< of the first value
  Initializer initializer;     ///< draws the first value
  std::optional<Device> device;  ///< where the first value is made; unset: the automatic device
  std::string path;            ///< "conv1.weight", set when a root module is walked
  bool adopted = false;        ///< some module, optimizer or list has reached this cell
  bool trainable = true;       ///< false: frozen
  std::function<Tensor(const Tensor&)> regularizer;  ///< weight -> penalty added to the loss (nn/regularizers.h)
  std::function<Tensor(const Tensor&)> constraint;   ///< weight -> allowed weight, after an optimizer's step
  Tensor value;                ///< undefined until drawn; carries `leaf`
  std::atomic<bool> drawn = false;  ///< `value` is there: what threads that call one model for the first time look at
  RefPtr<Leaf> leaf;           ///< its place on the tape
};

/// A trainable tensor with identity. Moving keeps the identity; copying clones the value under a new one;
/// `nn::share(module)` makes copies that keep it. Used anywhere a Tensor is.
class Parameter {
 public:
  /// No parameter (a layer without bias).
  Parameter() = default;
  /// A parameter holding this value.
  explicit Parameter(const Tensor& value);
  /// A parameter that draws its value when first needed, from the seed and its path in the module tree.
  Parameter(const Shape& shape, Initializer initializer, DType dtype = DType::f32);
  /// A parameter whose shape is found at the first batch: see resolve().
  static Parameter deferred(Initializer initializer, DType dtype = DType::f32);
  Parameter(const Parameter& other);
  Parameter& operator=(const Parameter& other);
  Parameter(Parameter&&) noexcept = default;
  Parameter& operator=(Parameter&&) noexcept = default;

  /// False for Parameter() (and for one with sizes still to be inferred: see ready()).
  bool defined() const { return static_cast<bool>(state_); }
  explicit operator bool() const { return defined(); }
  /// True when the shape is known.
  bool ready() const { return state_ && !state_->lazy.load(std::memory_order_acquire); }
  /// The value, on the tape where it is trainable; draws it first where need be.
  const Tensor& tensor() const;
  operator const Tensor&() const { return tensor(); }
  /// Sizes; throws Error while they wait for the first batch.
  const Shape& shape() const;
  /// Gives a deferred parameter its shape; nothing where it has one. Safe from several threads.
  void resolve(const Shape& shape) const;
  /// Replaces the value: same shape; dtype and device may change. Throws Error for another shape.
  void assign(const Tensor& value) const;
  /// Gradient accumulated by backward(); undefined before.
  Tensor grad() const;
  /// Forgets what backward() accumulated.
  void zero_grad() const;
  /// Replaces what backward() accumulated.
  void set_grad(const Tensor& g) const;
  /// Freezing: no gradient flows to it and optimizers leave it.
  bool trainable() const { return state_ && state_->trainable; }
  /// Freezes (false) or thaws.
  void set_trainable(bool on) const;
  /// Another handle to the same cell.
  Parameter share() const;
  /// Same cell?
  friend bool operator==(const Parameter& a, const Parameter& b) { return a.state_ == b.state_; }
  /// The cell (for the layers above).
  ParameterState* state() const { return state_.get(); }

 private:
  void materialise() const;
  RefPtr<ParameterState> state_;
};

/// A tensor that belongs to a module's state but is not trained: running statistics. Identity as Parameter's.
class Buffer {
 public:
  Buffer() = default;
  /// A buffer holding this value.
  explicit Buffer(const Tensor& value);
  Buffer(const Buffer& other);
  Buffer& operator=(const Buffer& other);
  Buffer(Buffer&&) noexcept = default;
  Buffer& operator=(Buffer&&) noexcept = default;
  /// A buffer whose value is found at the first batch.
  static Buffer deferred();
  /// False for Buffer().
  bool defined() const { return static_cast<bool>(state_); }
  explicit operator bool() const { return defined(); }
  /// True when it has a value.
  bool ready() const { return state_ && state_->ready.load(std::memory_order_acquire); }
  /// The value.
  const Tensor& tensor() const;
  operator const Tensor&() const { return tensor(); }
  /// Replaces the value, off the tape.
  void assign(const Tensor& value) const;
  /// Gives a deferred buffer its first value; nothing where it has one. Safe from several threads.
  void resolve(const Tensor& value) const;
  /// Another handle to the same cell.
  Buffer share() const;
  friend bool operator==(const Buffer& a, const Buffer& b) { return a.state_ == b.state_; }

 private:
  struct State : RefCounted {
    Tensor value;
    std::atomic<bool> ready = false;
  };
  RefPtr<State> state_;
};

/// A source of random numbers: a cell {seed, counter}. Each draw takes one counter value.
class Generator {
 public:
  /// A stream of its own, at draw 0.
  explicit Generator(std::uint64_t seed = 0);
  /// The stream of the next draw; advances the counter. Safe from several threads.
  RandomStream next();
  /// Seed and counter of the next draw: what a checkpoint keeps.
  RandomStream state() const;
  /// Goes on from there.
  void set_state(RandomStream s);
  /// Starts anew from this seed.
  void manual_seed(std::uint64_t seed) { set_state({seed, 0}); }

 private:
  std::shared_ptr<struct GeneratorState> state_;
};
/// The generator that random operations use where none is named.
Generator& default_generator();
/// Seeds the default generator and the initialization of parameters drawn from now on.
void manual_seed(std::uint64_t seed);

/// Who names the parameters of the module that is being called: set by nn/, used when a parameter draws its value.
extern thread_local std::function<void()>* name_parameters_hook;

}  // namespace weft
