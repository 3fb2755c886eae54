// Tensors by name, in order: what weights files hold.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <weft/tensor/tensor.h>

namespace weft {

/// Tensors by name, in the order in which they were made; no name twice.
using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

/// The tensor of that name, or null.
inline const Tensor* find_tensor(const NamedTensors& tensors, std::string_view name) {
  for (const auto& [key, tensor] : tensors)
    if (key == name) return &tensor;
  return nullptr;
}

}  // namespace weft
