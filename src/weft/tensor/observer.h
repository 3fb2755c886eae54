// Watching the operators that are applied.
#pragma once

#include <span>

namespace weft {

class Tensor;
struct OpInfo;

/// Calls back after every operator that this thread applies: profiles, captured steps, debugging. Nests.
class Observer {
 public:
  Observer();
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;
  virtual ~Observer();
  /// What was applied, to what, with what result, in how long.
  virtual void applied(const OpInfo& info, const void* op, std::span<const Tensor> in, std::span<const Tensor> out,
                       double seconds) = 0;

 private:
  Observer* outer_;
};

/// While it lives, the first NaN or infinity that an operator makes from finite inputs on this thread, forward or
/// backward, throws Error naming the operator and the caller's line.
class DetectAnomaly {
 public:
  DetectAnomaly();
  DetectAnomaly(const DetectAnomaly&) = delete;
  DetectAnomaly& operator=(const DetectAnomaly&) = delete;
  ~DetectAnomaly();

 private:
  bool outer_;
};

}  // namespace weft
