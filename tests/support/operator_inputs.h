// Tensors for a case of an operator's domain, and its run: what the generic tests and bench/ops.cpp share.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include <weft/ops/ops.h>
#include <weft/tensor/apply.h>

namespace weft::testing {

inline InputKind kind_of(const OpInfo& info, std::size_t i) {
  return info.signature.inputs[std::min(i, info.signature.inputs.size() - 1)].kind;
}

/// The inputs of a case on cpu. Index inputs are i64, boolean ones bool, the others `dtype`; integers are whole.
inline std::vector<Tensor> inputs_of(const OpInfo& info, const OpCase& c, DType dtype, std::uint64_t seed = 11) {
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    const Sample& s = c.inputs[i];
    const InputKind kind = kind_of(info, i);
    const DType to = s.dtype ? *s.dtype : kind == InputKind::index ? i64 : kind == InputKind::boolean ? boolean : dtype;
    std::vector<double> values = s.values;
    const RandomStream stream{seed, i};
    for (std::int64_t k = static_cast<std::int64_t>(values.size()); k < s.shape.numel(); ++k)
      values.push_back(s.lo + (s.hi - s.lo) * stream.uniform(static_cast<std::uint64_t>(k)));
    for (double& v : values) {
      if (!is_floating(to)) v = s.values.empty() && s.lo == -2 && s.hi == 2 ? std::round(v * 1.5) : std::floor(v);
      if (to == u8 || to == boolean) v = std::fabs(v);
    }
    inputs.push_back(tensor_of(values, s.shape, {.dtype = to, .device = cpu}));
  }
  return inputs;
}

inline std::vector<Tensor> apply_case(const OpInfo& info, const OpCase& c, const std::vector<Tensor>& inputs,
                                      Device device) {
  DeviceScope scope(device);
  std::vector<Tensor> moved;
  for (const Tensor& t : inputs) moved.push_back(t.device() == device ? t : t.to(device));
  const std::vector<Operand> operands(moved.begin(), moved.end());
  Tensors out = apply_op(info, c.attrs.get(), operands);
  return {out.begin(), out.end()};
}

}  // namespace weft::testing
