// Making tensors.
#pragma once

#include <weft/tensor/state.h>

namespace weft {

namespace detail {
/// A copy of numbers of type `from`, in `dtype` unless the options name one.
Tensor from_host(const void* data, DType from, const Shape& shape, DType dtype, const TensorOptions& options);
/// How the numbers of a C++ literal lie in memory (a bool in a byte: std::vector<bool> is no array) …
template <class T>
using Literal = std::conditional_t<std::is_floating_point_v<T>, double,
                                   std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, std::int64_t>>;
/// … and the tensor of them: f32, bool or i64 unless a dtype is given.
template <class T> Tensor from_literal(const Literal<T>* numbers, const Shape& shape, const TensorOptions& options) {
  constexpr bool real = std::is_floating_point_v<T>, truth = std::is_same_v<T, bool>;
  return from_host(numbers, real ? DType::f64 : truth ? DType::boolean : DType::i64, shape,
                   real ? DType::f32 : truth ? DType::boolean : DType::i64, options);
}
}  // namespace detail

/// Every element is `value`, a number; f32 unless a dtype is given.
Tensor full(const Shape& shape, Operand value, const TensorOptions& options = {});
Tensor zeros(const Shape& shape, const TensorOptions& options = {});
Tensor ones(const Shape& shape, const TensorOptions& options = {});
/// Contents undefined.
Tensor empty(const Shape& shape, const TensorOptions& options = {});
/// A tensor of x's shape, dtype and device.
Tensor zeros_like(Operand x);
Tensor ones_like(Operand x);
Tensor empty_like(Operand x);
Tensor full_like(Operand x, Operand value);
/// A tensor of `like`'s dtype and device.
Tensor new_full(Operand like, const Shape& shape, Operand value);
/// x in row-major memory of its own (PyTorch: clone; NumPy, Keras: copy); gradients flow back. Tensors are values, so
/// this only matters for memory: a view keeps all of what it looks at.
Tensor clone(Operand x);
/// 0, 1, …, stop - 1 (i64).
Tensor arange(std::int64_t stop, const TensorOptions& options = {});
/// start, start + step, … below stop; i64 where the numbers are whole and no dtype is given.
Tensor arange(double start, double stop, double step = 1, const TensorOptions& options = {});
/// Uniform in [lo, hi).
Tensor rand(const Shape& shape, const TensorOptions& options = {}, Generator* generator = nullptr);
Tensor uniform(const Shape& shape, double lo, double hi, const TensorOptions& options = {}, Generator* generator = nullptr);
/// Standard normal.
Tensor randn(const Shape& shape, const TensorOptions& options = {}, Generator* generator = nullptr);
Tensor normal(const Shape& shape, double mean, double stddev, const TensorOptions& options = {},
              Generator* generator = nullptr);

/// A copy of row-major numbers in host memory: `tensor_of(std::span(v), {2, 3})`. The dtype is T's.
template <class T> Tensor tensor_of(std::span<const T> values, const Shape& shape, const TensorOptions& options = {}) {
  check(static_cast<std::int64_t>(values.size()) == shape.numel(), "tensor: ", values.size(), " numbers for shape ",
        static_cast<const Dims&>(shape));
  return detail::from_host(values.data(), dtype_of<T>, shape, dtype_of<T>, options);
}
template <class T> Tensor tensor_of(const std::vector<T>& values, const Shape& shape, const TensorOptions& options = {}) {
  return tensor_of(std::span<const T>(values), shape, options);
}

/// A scalar: of an integer i64, of a floating number f32, of a bool bool, unless a dtype is given.
template <class T>
  requires std::is_arithmetic_v<T>
Tensor tensor(T value, const TensorOptions& options = {}) {
  const auto v = static_cast<detail::Literal<T>>(value);
  return detail::from_literal<T>(&v, {}, options);
}
/// A vector: `tensor({1.0f, 2.0f})`, of a scalar's dtype.
template <class T>
  requires std::is_arithmetic_v<T>
Tensor tensor(std::initializer_list<T> values, const TensorOptions& options = {}) {
  const std::vector<detail::Literal<T>> numbers(values.begin(), values.end());
  return detail::from_literal<T>(numbers.data(), {static_cast<std::int64_t>(values.size())}, options);
}
/// A matrix: `tensor({{1, 2}, {3, 4}})`; rows of different length throw Error.
template <class T>
  requires std::is_arithmetic_v<T>
Tensor tensor(std::initializer_list<std::initializer_list<T>> rows, const TensorOptions& options = {}) {
  std::vector<detail::Literal<T>> flat;
  for (const auto& row : rows) {
    check(row.size() == rows.begin()->size(), "tensor: rows of ", rows.begin()->size(), " and ", row.size(), " numbers");
    flat.insert(flat.end(), row.begin(), row.end());
  }
  const auto n = static_cast<std::int64_t>(rows.size());
  return detail::from_literal<T>(flat.data(), {n, n ? static_cast<std::int64_t>(rows.begin()->size()) : 0}, options);
}
}  // namespace weft
