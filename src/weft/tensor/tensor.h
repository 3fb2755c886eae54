// Tensor: a handle to immutable data.
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <weft/base/device.h>
#include <weft/base/dtype.h>
#include <weft/base/error.h>
#include <weft/base/ref_ptr.h>
#include <weft/base/shape.h>
#include <weft/base/small_vector.h>

namespace weft {

struct TensorImpl;
struct Value;
struct Meta;
struct TensorView;
class Tensor;
class Parameter;
class Buffer;
class Indexed;
class Operand;
class Index;

/// How a new tensor is made. Unset: dtype f32 (or that of the data), the automatic device (see DeviceScope).
struct TensorOptions {
  std::optional<DType> dtype = {};    ///< element type
  std::optional<Device> device = {};  ///< where it lives
  bool requires_grad = false;         ///< make it a leaf of the tape
};

/// start:stop:step of one axis, as in Python; unset ends mean "to the end"; a negative index counts from the end.
struct Slice {
  std::optional<std::int64_t> start = {};  ///< first index
  std::optional<std::int64_t> stop = {};   ///< bound, not reached
  std::int64_t step = 1;                   ///< not 0; negative walks backwards
};
/// All of an axis.
inline constexpr struct All {} all_of_axis{};

/// A multi-dimensional array, a value: copying is cheap, nothing ever writes what another handle sees;
/// `x += y` and `x[i] = v` rebind this variable alone. Shapes follow NumPy; an image is [N, C, H, W].
class Tensor {
 public:
  /// The caller's line, for error messages.
  using Where = SourceLocation;
  /// An undefined tensor (no data); most operations on it throw Error.
  Tensor();
  /// A handle to an implementation (for the layers above).
  explicit Tensor(RefPtr<TensorImpl> impl);
  Tensor(const Tensor&);
  Tensor(Tensor&&) noexcept;
  Tensor& operator=(const Tensor&);
  Tensor& operator=(Tensor&&) noexcept;
  ~Tensor();

  /// False for Tensor().
  bool defined() const { return static_cast<bool>(impl_); }
  /// Sizes of the axes.
  const Shape& shape() const;
  /// Size of an axis; negative axes count from the end.
  std::int64_t size(std::int64_t axis) const;
  ///@{
  /// Number of axes, and of elements.
  int rank() const { return shape().rank(); }
  std::int64_t numel() const { return shape().numel(); }
  ///@}
  /// Type of the elements.
  DType dtype() const;
  /// Where the data lies.
  Device device() const;
  /// Elements from one index to the next, an axis each.
  const Dims& strides() const;
  /// True where the elements lie row-major without gaps.
  bool is_contiguous() const;
  /// Shape and dtype.
  Meta meta() const;

  /// The only element, converted to T; waits for the device. Throws Error unless numel() is 1.
  template <class T = double> T item() const {
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) return static_cast<T>(item_as_integer());
    else return static_cast<T>(item_as_double());
  }
  /// The elements in host memory; throws Error for another dtype, a device tensor or a strided view (see contiguous()).
  template <class T> const T* data() const { return static_cast<const T*>(data_checked(dtype_of<T>)); }
  /// The elements in row-major order, converted to T.
  template <class T> std::vector<T> to_vector() const {
    std::vector<T> v(static_cast<std::size_t>(numel()));
    if constexpr (std::is_same_v<T, bool>) {
      std::vector<unsigned char> bytes(v.size());  // std::vector<bool> has no bools to copy to
      copy_to(bytes.data(), DType::boolean);
      for (std::size_t i = 0; i < v.size(); ++i) v[i] = bytes[i] != 0;
    } else {
      copy_to(v.data(), dtype_of<T>);
    }
    return v;
  }
  /// Writes the elements in row-major order, converted to `dtype`, to host memory of numel() elements.
  void copy_to(void* host, DType dtype) const;

  /// This tensor on another device (itself where it is there already); gradients flow back.
  Tensor to(Device device) const;
  /// This tensor in another dtype; gradients flow back.
  Tensor to(DType dtype, Where w = Where::current()) const;
  /// Row-major memory (itself where it is so already).
  Tensor contiguous() const;

  /// True where gradients flow to or through this tensor.
  bool requires_grad() const;
  /// A handle to the same data that is a leaf of the tape: grad() and grad(loss, {x}) find it.
  Tensor requires_grad(bool on) const;
  /// The same data, off the tape.
  Tensor detach() const;
  /// Accumulates d(this)/d(leaf) into every leaf's grad(). Throws Error unless this is a scalar or `seed` is given.
  void backward(const Tensor& seed = {}, bool retain_graph = false) const;
  /// What backward() accumulated for this leaf; undefined before.
  Tensor grad() const;

  ///@{
  /// As the free function of that name with this tensor as first argument (ops/): the most common operations.
  Tensor reshape(const Shape& shape, Where w = Where::current()) const;
  Tensor flatten(int start_axis = 0, int end_axis = -1, Where w = Where::current()) const;
  Tensor permute(const Dims& axes, Where w = Where::current()) const;
  Tensor transpose(int a = -2, int b = -1, Where w = Where::current()) const;
  Tensor squeeze(const Dims& axes = {}, Where w = Where::current()) const;
  Tensor unsqueeze(int axis, Where w = Where::current()) const;
  Tensor sum(const Dims& axes = {}, bool keepdim = false, Where w = Where::current()) const;
  Tensor mean(const Dims& axes = {}, bool keepdim = false, Where w = Where::current()) const;
  Tensor max(const Dims& axes = {}, bool keepdim = false, Where w = Where::current()) const;
  Tensor min(const Dims& axes = {}, bool keepdim = false, Where w = Where::current()) const;
  Tensor argmax(std::optional<int> axis = {}, bool keepdim = false, Where w = Where::current()) const;
  Tensor matmul(const Tensor& other, Where w = Where::current()) const;
  Tensor abs(Where w = Where::current()) const;
  Tensor exp(Where w = Where::current()) const;
  Tensor log(Where w = Where::current()) const;
  Tensor sqrt(Where w = Where::current()) const;
  Tensor pow(Operand exponent) const;
  ///@}

  /// Element or sub-tensor i along the first axis; assignable: `x[i] = v` rebinds x.
  Indexed operator[](std::int64_t i);
  Tensor operator[](std::int64_t i) const;  ///< the same, of a constant
  /// The part that several indices name: `x.at({Slice{0, 2}, 3, all_of_axis})`; assignable too (ops/indexing.h).
  Indexed at(std::initializer_list<Index> where, Where w = Where::current());
  Tensor at(std::initializer_list<Index> where, Where w = Where::current()) const;  ///< the same, of a constant

  /// The shared implementation (for the layers above).
  const RefPtr<TensorImpl>& impl() const { return impl_; }

 private:
  double item_as_double() const;
  std::int64_t item_as_integer() const;
  const void* data_checked(DType dtype) const;
  RefPtr<TensorImpl> impl_;
};

/// NumPy-like text: values, then dtype and device where they are not the defaults.
std::string to_string(const Tensor& t);

/// An argument of an operation: a tensor, a parameter, or a C++ number. Numbers are weak: they take the dtype of the
/// tensors they meet (f16 tensor * 2.0 is f16), except that a floating number makes an integer tensor f32.
/// Remembers the caller's source line for error messages. It borrows: use it as a parameter only.
class Operand {
 public:
  /// What was passed.
  enum class Kind : unsigned char { none, tensor, boolean, integer, real };
  /// The caller's line.
  using Where = SourceLocation;

  ///@{
  /// Made from whatever is passed where an operation takes an Operand.
  Operand(const Tensor& t, Where w = Where::current()) : tensor_(&t), kind_(Kind::tensor), where_(w) {}
  Operand(const Parameter& p, Where w = Where::current());
  Operand(const Buffer& b, Where w = Where::current());
  Operand(const Indexed& x, Where w = Where::current());
  Operand(double v, Where w = Where::current()) : number_(v), kind_(Kind::real), where_(w) {}
  Operand(float v, Where w = Where::current()) : Operand(static_cast<double>(v), w) {}
  Operand(bool v, Where w = Where::current()) : number_(v), integer_(v), kind_(Kind::boolean), where_(w) {}
  template <class T>
    requires std::is_integral_v<T>
  Operand(T v, Where w = Where::current())
      : number_(static_cast<double>(v)), integer_(static_cast<std::int64_t>(v)), kind_(Kind::integer), where_(w) {}
  ///@}
  /// An input that is left out.
  Operand(std::nullopt_t, Where w = Where::current()) : where_(w) {}

  /// What was passed.
  Kind kind() const { return kind_; }
  /// False for an input that is left out.
  bool present() const { return kind_ == Kind::tensor ? tensor_->defined() : kind_ != Kind::none; }
  /// Throws Error for a number.
  const Tensor& tensor() const {
    check(tensor_, "received a number; expected a tensor");
    return *tensor_;
  }
  /// The number, for kinds boolean, integer and real.
  double number() const { return number_; }
  /// The number exactly, for kinds boolean and integer.
  std::int64_t integer() const { return integer_; }
  /// The caller's line.
  Where where() const { return where_; }

 private:
  const Tensor* tensor_ = nullptr;
  double number_ = 0;
  std::int64_t integer_ = 0;
  Kind kind_ = Kind::none;
  Where where_;
};

/// The results of an operator.
using Tensors = SmallVector<Tensor, 2>;

/// While it lives, new tensors of this thread are made on `device` unless one is named.
class DeviceScope {
 public:
  /// Makes `device` the default until the end of the block.
  explicit DeviceScope(Device device);
  DeviceScope(const DeviceScope&) = delete;
  DeviceScope& operator=(const DeviceScope&) = delete;
  ~DeviceScope();

 private:
  std::optional<Device> outer_;
};
/// The device of new tensors: the innermost DeviceScope, else the best device present.
Device default_device();

/// While it lives, this thread records no tape.
class NoGrad {
 public:
  NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;
  ~NoGrad();

 private:
  bool outer_;
};
/// False inside NoGrad.
bool grad_enabled();

/// Wraps row-major host memory without copying; `owner` is kept alive as long as any tensor views it (null: the caller
/// guarantees it). The memory must not change while tensors see it.
Tensor from_blob(const void* data, const Shape& shape, DType dtype, std::shared_ptr<const void> owner = {});

}  // namespace weft
