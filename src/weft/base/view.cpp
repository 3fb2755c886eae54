#include <weft/base/view.h>

#include <cstring>

#include <weft/base/error.h>
#include <weft/base/strided.h>

namespace weft {

std::string to_string(const Meta& m) { return std::string(name_of(m.dtype)) + to_string(m.shape); }

void check_sizes(const Meta& m) {
  auto bytes = static_cast<std::int64_t>(size_of(m.dtype));
  bool fits = true;
  for (auto d : m.shape) fits &= d >= 0 && !__builtin_mul_overflow(bytes, d, &bytes);
  if (fits) return;
  bool empty = false;
  for (auto d : m.shape) {
    check(d >= 0, "negative size ", d, " in shape ", m.shape, "; expected sizes from 0");
    empty |= d == 0;
  }
  check(empty, "shape ", m.shape, " of ", name_of(m.dtype), " has more bytes than 64 bits can count");
}

namespace {
template <class To, class From> To convert(From v) {
  if constexpr (std::is_same_v<To, From>) return v;
  else if constexpr (std::is_same_v<From, half> || std::is_same_v<From, bfloat16>)
    return convert<To>(static_cast<float>(v));
  else if constexpr (std::is_same_v<To, half> || std::is_same_v<To, bfloat16>)
    return To(static_cast<float>(v));
  else if constexpr (std::is_same_v<To, bool>)
    return v != From(0);
  else
    return static_cast<To>(v);
}
}  // namespace

void copy_elements(const TensorView& from, const TensorView& to) {
  if (from.dtype == to.dtype && from.contiguous() && to.contiguous()) {
    if (const auto bytes = static_cast<std::size_t>(from.numel()) * size_of(from.dtype))
      std::memcpy(to.data, from.data, bytes);
    return;
  }
  visit_dtype(from.dtype, [&]<class From>(Type<From>) {
    visit_dtype(to.dtype, [&]<class To>(Type<To>) {
      for_each_strided(from.shape, std::array{from.strides, to.strides}, [&](const auto& offset) {
        to.as<To>()[offset[1]] = convert<To>(from.as<From>()[offset[0]]);
      });
    });
  });
}

}  // namespace weft
