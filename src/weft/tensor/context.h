// What a thread is doing: recording a tape or not, where new tensors go, who watches. For Weft's own .cpp files.
#pragma once

#include <optional>

#include <weft/base/ref_ptr.h>
#include <weft/tensor/apply.h>
#include <weft/tensor/deferral.h>
#include <weft/tensor/observer.h>

namespace weft::detail {

struct Context {
  bool grad_enabled = true;
  bool detect_anomaly = false;
  Observer* observer = nullptr;
  Deferral* deferral = nullptr;
  std::optional<Device> device;
};
/// This thread's context.
Context& context();

/// To be called before a cell's value, `slot`, is replaced: a compiled call that fails puts the old one back.
inline void replacing(Tensor& slot, RefCounted* cell) {
  if (Deferral* d = context().deferral) d->replacing(slot, cell);
}

/// Computes an operator on the cpu or ref: picks the kernel, broadcasts inputs of element-wise operators, copies those
/// that the kernel needs row-major.
void run_kernel(const OpInfo& info, const void* op, std::span<const TensorView> inputs, std::span<const TensorView> outputs,
                Device device);

/// Puts `outputs` on the tape (or into the symbolic graph) as results of an operator applied to `inputs`.
void record(const OpInfo& info, const void* op, std::span<const Tensor> inputs, std::span<Tensor> outputs,
            SourceLocation where);

}  // namespace weft::detail
