// What a thread is doing: recording a tape or not, where new tensors go, who watches. For Weft's own .cpp files.
#pragma once

#include <optional>

#include <weft/tensor/apply.h>
#include <weft/tensor/observer.h>

namespace weft::detail {

struct Context {
  bool grad_enabled = true;
  bool detect_anomaly = false;
  Observer* observer = nullptr;
  std::optional<Device> device;
};
/// This thread's context.
Context& context();

/// Puts `outputs` on the tape (or into the symbolic graph) as results of an operator applied to `inputs`.
void record(const OpInfo& info, const void* op, std::span<const Tensor> inputs, std::span<Tensor> outputs,
            SourceLocation where);

}  // namespace weft::detail
