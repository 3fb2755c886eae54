// For ops/'s own .cpp files: checks of functions that are made of several operators.
#pragma once

#include <weft/base/error.h>
#include <weft/base/shape.h>

namespace weft::detail {

/// check(), whose error bears the caller's line.
template <class... A> void check_at(SourceLocation where, bool ok, const A&... parts) {
  if (!ok) [[unlikely]] throw Error(cat(parts...)).at(where);
}

/// normalize_axis(), whose error names the function and the caller's line.
inline int axis_at(SourceLocation where, const char* function, std::int64_t axis, int rank) {
  check_at(where, axis >= -rank && axis < rank, function, ": axis ", axis, " is out of range for a tensor of rank ",
           rank);
  return normalize_axis(axis, rank);
}

}  // namespace weft::detail
