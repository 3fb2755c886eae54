#include <weft/io/foreign_dtype.h>

#include <algorithm>
#include <cstring>

#include <weft/tensor/tensor_impl.h>

namespace weft::detail {

std::optional<DType> FileDType::dtype() const {
  switch (kind) {
    case Kind::boolean: return DType::boolean;
    case Kind::signed_int: return bytes == 8 ? DType::i64 : DType::i32;
    case Kind::unsigned_int:
      if (bytes == 8) return {};
      return bytes == 1 ? DType::u8 : bytes == 2 ? DType::i32 : DType::i64;
    case Kind::brain_floating: return DType::bf16;
    case Kind::floating: break;
  }
  return bytes == 2 ? DType::f16 : bytes == 4 ? DType::f32 : bytes == 8 ? std::optional(DType::f64) : std::nullopt;
}

namespace {

template <class From, class To> void widen(const char* raw, std::int64_t n, void* to) {
  for (std::int64_t i = 0; i < n; ++i) {
    From v;
    std::memcpy(&v, raw + static_cast<std::size_t>(i) * sizeof v, sizeof v);
    static_cast<To*>(to)[i] = static_cast<To>(v);
  }
}

std::string swapped(const char* raw, std::size_t count, std::size_t bytes) {
  std::string s(raw, count * bytes);
  for (std::size_t i = 0; i < count; ++i) std::reverse(s.begin() + static_cast<std::ptrdiff_t>(i * bytes),
                                                       s.begin() + static_cast<std::ptrdiff_t>((i + 1) * bytes));
  return s;
}

}  // namespace

Tensor tensor_from_file(const void* raw, const FileDType& from, const Shape& shape) {
  using Kind = FileDType::Kind;
  const DType dtype = from.dtype().value();
  const std::int64_t n = shape.numel();
  std::string native;
  const char* p = static_cast<const char*>(raw);
  if (from.big_endian && from.bytes > 1) {
    native = swapped(p, static_cast<std::size_t>(n), static_cast<std::size_t>(from.bytes));
    p = native.data();
  }
  Tensor t = allocate_tensor({shape, dtype}, cpu);
  void* to = view_of(t).data;
  if (from.kind == Kind::boolean) {
    for (std::int64_t i = 0; i < n; ++i) static_cast<bool*>(to)[i] = p[i] != 0;
  } else if (static_cast<std::size_t>(from.bytes) == size_of(dtype)) {
    if (n > 0) std::memcpy(to, p, static_cast<std::size_t>(n) * size_of(dtype));
  } else if (from.kind == Kind::signed_int) {
    from.bytes == 1 ? widen<std::int8_t, std::int32_t>(p, n, to) : widen<std::int16_t, std::int32_t>(p, n, to);
  } else {
    from.bytes == 2 ? widen<std::uint16_t, std::int32_t>(p, n, to) : widen<std::uint32_t, std::int64_t>(p, n, to);
  }
  return t.to(default_device());
}

std::string from_fortran_order(const char* raw, const Shape& shape, std::size_t bytes) {
  const std::int64_t n = shape.numel();
  std::string out(static_cast<std::size_t>(n) * bytes, '\0');
  Dims stride = Dims::filled(shape.rank(), 1), index = Dims::filled(shape.rank(), 0);
  for (int i = 1; i < shape.rank(); ++i) stride[i] = stride[i - 1] * shape[i - 1];
  std::int64_t at = 0;
  for (std::int64_t k = 0; k < n; ++k) {
    std::memcpy(out.data() + static_cast<std::size_t>(k) * bytes, raw + static_cast<std::size_t>(at) * bytes, bytes);
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      at += stride[axis];
      if (++index[axis] < shape[axis]) break;
      at -= stride[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return out;
}

std::optional<std::uint64_t> checked_bytes(const std::int64_t* sizes, std::size_t rank, std::uint64_t element) {
  constexpr std::uint64_t limit = std::uint64_t{1} << 62;
  std::uint64_t product = element;
  bool empty = false;
  for (std::size_t i = 0; i < rank; ++i) {
    if (sizes[i] < 0) return {};
    empty |= sizes[i] == 0;
  }
  for (std::size_t i = 0; i < rank && !empty; ++i) {
    const auto size = static_cast<std::uint64_t>(sizes[i]);
    if (product > limit / size) return {};
    product *= size;
  }
  return empty ? 0 : product;
}

Tensor host_tensor(const Tensor& t) {
  NoGrad off;
  const Tensor detached = t.detach();
  return (is_host(detached.device()) ? detached : detached.to(cpu)).contiguous();
}

std::string_view bytes_of(const Tensor& host) {
  const TensorView& v = elements_of(host);
  return {static_cast<const char*>(v.data), static_cast<std::size_t>(v.numel()) * size_of(v.dtype)};
}

}  // namespace weft::detail
