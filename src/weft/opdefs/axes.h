// Helpers for operators' `axes` and for attributes with a number for each axis.
#pragma once

#include <weft/ir/op.h>

namespace weft {

/// Every input has the output's shape and runs along all its axes.
inline Axes parallel_axes(Inputs in) {
  Axes a;
  for (const Meta& m : in) {
    auto& list = a.inputs.emplace_back();
    for (int i = 0; i < m.shape.rank(); ++i) list.push_back(i);
  }
  return a;
}

/// An attribute with a number for each of `axes` axes; where it was left empty, `value` for each.
inline Dims per_axis(const Dims& given, int axes, std::int64_t value) {
  return given.empty() ? Dims::filled(axes, value) : given;
}

}  // namespace weft
