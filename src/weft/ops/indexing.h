// x[i], x.at({…}) and assignment to them, which rebinds the variable.
#pragma once

#include <type_traits>

#include <weft/ops/slicing.h>
#include <weft/tensor/tensor.h>

namespace weft {

/// Stands for all axes that the other indices leave (NumPy: ...).
inline constexpr struct Ellipsis {} rest_of_axes{};
/// A new axis of size 1 (NumPy: None).
inline constexpr struct NewAxis {} new_axis{};

/// One index of `x.at({…})`: a position, a Slice, all_of_axis, rest_of_axes, new_axis, or an integer or bool tensor.
class Index {
 public:  /// What an index is.
  enum class Kind : unsigned char { position, slice, rest, fresh, tensor };  // fresh: new_axis
  template <class T>
    requires(std::is_integral_v<T> && !std::is_same_v<T, bool>)
  Index(T position) : position_(static_cast<std::int64_t>(position)) {}  ///< from the end where negative
  Index(Slice slice) : slice_(slice), kind_(Kind::slice) {}  ///< a range of positions
  Index(All) : kind_(Kind::slice) {}  ///< a whole axis
  Index(Ellipsis) : kind_(Kind::rest) {}  ///< all axes that the others leave
  Index(NewAxis) : kind_(Kind::fresh) {}  ///< a new axis of size 1
  /// Integers select along the axis (see take); a bool tensor selects where it is true.
  Index(const Tensor& tensor) : tensor_(tensor), kind_(Kind::tensor) {}

  Kind kind() const { return kind_; }  ///< which of the following holds
  std::int64_t position() const { return position_; }  ///< of Kind::position
  const Slice& slice() const { return slice_; }  ///< of Kind::slice
  const Tensor& tensor() const { return tensor_; }  ///< of Kind::tensor

 private:
  std::int64_t position_ = 0;
  Slice slice_;
  Tensor tensor_;
  Kind kind_ = Kind::position;
};

/// The part of x that the indices name, an index for each of its first axes (NumPy's basic indexing; a view). With
/// tensors among them, the elements at their positions: several stand side by side and broadcast together to the axes
/// that take the place of theirs (a bool tensor counts as the positions where it is true).
Tensor index(Operand x, const std::vector<Index>& where);
/// x with that part replaced by `value`, which broadcasts to it; of equal positions the last is written.
Tensor index_update(Operand x, const std::vector<Index>& where, Operand value);

/// What x[i] and x.at({…}) give: the value, and where it came from. Assigning to it directly (`x[i] = v`,
/// `x[i][j] += v`) rebinds x; a variable made from it is an ordinary tensor.
class Indexed : public Tensor {
 public:
  Indexed(Tensor* root, std::vector<std::vector<Index>> path, Tensor value)
      : Tensor(std::move(value)), root_(root), path_(std::move(path)) {}  ///< what `path` names in `root`
  Indexed(const Indexed&) = default;
  Indexed(Indexed&&) = default;

  void operator=(Operand value) &&;
  void operator=(const Indexed& value) && { std::move(*this) = Operand(static_cast<const Tensor&>(value)); }
  void operator+=(Operand value) &&;  ///< x[i] = x[i] + value
  void operator-=(Operand value) &&;  ///< x[i] = x[i] - value
  void operator*=(Operand value) &&;  ///< x[i] = x[i] * value
  void operator/=(Operand value) &&;  ///< x[i] = x[i] / value
  Indexed& operator=(const Tensor& value) &;
  Indexed& operator=(const Indexed& value) & { return *this = static_cast<const Tensor&>(value); }

  Indexed operator[](std::int64_t i) && { return std::move(*this).at({i}); }  ///< a part of the part, still x's
  Indexed operator[](std::int64_t i) & { return Tensor::operator[](i); }  ///< a part of this variable
  Tensor operator[](std::int64_t i) const& { return Tensor::operator[](i); }  ///< a part, as a value
  /// A part of the part, still x's.
  Indexed at(std::initializer_list<Index> where, Where w = Where::current()) &&;
  /// A part of this variable.
  Indexed at(std::initializer_list<Index> where, Where w = Where::current()) & { return Tensor::at(where, w); }
  /// A part, as a value.
  Tensor at(std::initializer_list<Index> where, Where w = Where::current()) const& { return Tensor::at(where, w); }

 private:
  Tensor* root_;
  std::vector<std::vector<Index>> path_;
};

}  // namespace weft
