// What a kernel sees of a tensor: memory, element type, shape, strides. It owns nothing.
#pragma once

#include <weft/base/device.h>
#include <weft/base/dtype.h>
#include <weft/base/shape.h>

namespace weft {

/// Shape, dtype and device of a value, without data.
struct Meta {
  Shape shape;               ///< sizes of the axes
  DType dtype = DType::f32;  ///< type of the elements
  friend bool operator==(const Meta&, const Meta&) = default;
};
/// Throws Error for a negative size, or where the bytes of the elements would overflow: every tensor passes here.
void check_sizes(const Meta& m);
/// "f32[2, 3]"
std::string to_string(const Meta& m);

/// A strided array. `data` points to element (0, …, 0); strides count elements and may be zero or negative.
struct TensorView {
  void* data = nullptr;      ///< element (0, …, 0)
  DType dtype = DType::f32;  ///< type of the elements
  Device device = cpu;       ///< whose memory it is
  Shape shape;               ///< sizes of the axes
  Dims strides;              ///< elements from one index to the next, an axis each

  /// Number of axes.
  int rank() const { return shape.rank(); }
  /// Number of elements.
  std::int64_t numel() const { return shape.numel(); }
  /// True where the elements lie row-major without gaps.
  bool contiguous() const { return is_contiguous(shape, strides); }
  /// `data` as elements of type T; the caller has checked the dtype.
  template <class T> T* as() const { return static_cast<T*>(data); }
  /// A view of contiguous memory.
  static TensorView of(void* data, DType dtype, const Shape& shape, Device device = cpu) {
    return {data, dtype, device, shape, contiguous_strides(shape)};
  }
};

/// Copies element by element between views of equal shape, converting the dtype (floating to integer truncates,
/// anything to bool is x != 0). Both must lie in host memory.
void copy_elements(const TensorView& from, const TensorView& to);

}  // namespace weft
