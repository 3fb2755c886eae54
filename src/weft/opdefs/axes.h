// Helpers for operators' `axes`.
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

}  // namespace weft
