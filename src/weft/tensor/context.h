// What a thread is doing: recording a tape or not, where new tensors go, who watches. For Weft's own .cpp files.
#pragma once

#include <optional>
#include <utility>

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
  bool eagerly = false;  ///< see Eagerly
  std::optional<Device> device;
};
/// This thread's context.
Context& context();

/// Who takes what this thread applies on the cpu; null where it is to run.
inline Deferral* deferral() {
  const Context& c = context();
  return c.eagerly ? nullptr : c.deferral;
}

/// While it lives operators run though a compiled call notes others down: for first values of cells, which stay whatever
/// becomes of the call. What they read must be there.
class Eagerly {
 public:
  Eagerly() : outer_(std::exchange(context().eagerly, true)) {}
  Eagerly(const Eagerly&) = delete;
  Eagerly& operator=(const Eagerly&) = delete;
  ~Eagerly() { context().eagerly = outer_; }

 private:
  bool outer_;
};

/// To be called before a cell's value, `slot` (a Tensor or a count), is replaced: a compiled call that fails puts the old
/// one back.
template <class T> void replacing(T& slot, RefCounted* cell) {
  if (Deferral* d = deferral()) d->replacing(slot, cell);
}

/// Computes an operator on the cpu or ref: picks the kernel, broadcasts inputs of element-wise operators, copies those
/// that the kernel needs row-major.
void run_kernel(const OpInfo& info, const void* op, std::span<const TensorView> inputs, std::span<const TensorView> outputs,
                Device device);

/// Puts `outputs` on the tape (or into the symbolic graph) as results of an operator applied to `inputs`.
void record(const OpInfo& info, const void* op, std::span<const Tensor> inputs, std::span<Tensor> outputs,
            SourceLocation where);

}  // namespace weft::detail
