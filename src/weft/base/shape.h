// Sizes and strides: small vectors of int64 that never allocate.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace weft {

/// The largest rank of a tensor.
inline constexpr int max_rank = 8;

/// A fixed-capacity list of up to max_rank integers: a shape, strides, a list of axes.
class Dims {
 public:
  /// Empty.
  Dims() = default;
  /// These integers; throws Error for more than max_rank.
  Dims(std::initializer_list<std::int64_t> v) { assign(v.begin(), v.size()); }
  /// These integers; throws Error for more than max_rank.
  explicit Dims(std::span<const std::int64_t> v) { assign(v.data(), v.size()); }
  /// `n` times `value`.
  static Dims filled(int n, std::int64_t value) {
    Dims d;
    for (int i = 0; i < n; ++i) d.push_back(value);
    return d;
  }

  ///@{
  /// As of std::vector, with int indices; no bounds are checked.
  int size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::int64_t operator[](int i) const { return v_[i]; }
  std::int64_t& operator[](int i) { return v_[i]; }
  const std::int64_t* begin() const { return v_; }
  const std::int64_t* end() const { return v_ + size_; }
  std::int64_t* begin() { return v_; }
  std::int64_t* end() { return v_ + size_; }
  std::int64_t back() const { return v_[size_ - 1]; }
  ///@}
  /// Throws Error beyond max_rank.
  void push_back(std::int64_t v) {
    if (size_ == max_rank) [[unlikely]] too_long();
    v_[size_++] = v;
  }
  ///@{
  /// As of std::vector, by position; contains() searches.
  void pop_back() { --size_; }
  void erase(int i);
  void insert(int i, std::int64_t v);
  bool contains(std::int64_t v) const;
  ///@}
  friend bool operator==(const Dims& a, const Dims& b) {
    bool equal = a.size_ == b.size_;
    for (int i = 0; equal && i < a.size_; ++i) equal = a.v_[i] == b.v_[i];
    return equal;
  }

 private:
  [[noreturn]] static void too_long();
  void assign(const std::int64_t* p, std::size_t n);
  std::int64_t v_[max_rank] = {};
  int size_ = 0;
};

/// Sizes of the axes of a tensor; rank 0 is a scalar.
class Shape : public Dims {
 public:
  using Dims::Dims;
  Shape() = default;
  /// The same numbers as sizes.
  explicit Shape(const Dims& d) : Dims(d) {}
  /// Number of axes.
  int rank() const { return size(); }
  /// Number of elements: 1 for rank 0. A tensor's sizes have been checked not to overflow.
  std::int64_t numel() const {
    std::int64_t n = 1;
    for (auto d : *this) n *= d;
    return n;
  }
};

/// "[2, 3]"
std::string to_string(const Dims& d);

/// Row-major strides in elements.
Dims contiguous_strides(const Shape& shape);
/// True where `strides` address `shape` row-major without gaps (axes of size 1 do not count).
bool is_contiguous(const Shape& shape, const Dims& strides);
/// The NumPy broadcast of two shapes; throws Error naming both.
Shape broadcast(const Shape& a, const Shape& b);
/// True where `from` broadcasts to exactly `to`.
bool broadcasts_to(const Shape& from, const Shape& to);
/// Axis in 0..rank-1 for axis in -rank..rank-1; throws Error.
int normalize_axis(std::int64_t axis, int rank);
/// Sorted, normalized, no axis twice; an empty list means all axes.
Dims normalize_axes(const Dims& axes, int rank);

}  // namespace weft
