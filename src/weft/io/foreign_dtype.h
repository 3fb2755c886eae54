// Element types that files have and Weft has not. For Weft's own .cpp files.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <weft/tensor/named.h>

namespace weft::detail {

/// How numbers lie in a file: their kind, width and byte order.
struct FileDType {
  enum class Kind : unsigned char { boolean, signed_int, unsigned_int, floating, brain_floating };
  Kind kind = Kind::floating;
  int bytes = 4;
  bool big_endian = false;
  /// The Weft dtype that holds every value; nothing for u64 and widths that are unknown.
  std::optional<DType> dtype() const;
};

/// `shape.numel()` elements of `from` as a tensor on the default device; `raw` holds numel * bytes bytes.
/// A bool byte other than 0 and 1 becomes true.
Tensor tensor_from_file(const void* raw, const FileDType& from, const Shape& shape);

/// rows * columns elements of `bytes` each, column-major to row-major when `shape` is stored in Fortran order.
std::string from_fortran_order(const char* raw, const Shape& shape, std::size_t bytes);

/// Product of the sizes times `element` bytes, or nothing where it does not fit 62 bits or a size is negative.
std::optional<std::uint64_t> checked_bytes(const std::int64_t* sizes, std::size_t rank, std::uint64_t element);

/// A row-major tensor in host memory with the elements of `t`.
Tensor host_tensor(const Tensor& t);

/// The bytes of a tensor from host_tensor().
std::string_view bytes_of(const Tensor& host);

}  // namespace weft::detail
