// Deferral: operators that are noted down instead of run, so that a whole step can be planned. For Weft's own .cpp files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <weft/base/ref_ptr.h>

namespace weft {

class Storage;
class Tensor;
struct OpInfo;

/// Takes what this thread applies on the cpu instead of running it. Shapes, views, the tape, cells: all of it goes on as
/// ever; only the elements are not there yet. Who reads them (item(), a transfer, a file) calls settle() first.
class Deferral {
 public:
  virtual ~Deferral() = default;
  /// The storage of an output of the next apply().
  virtual RefPtr<Storage> storage(std::size_t bytes) = 0;
  /// Notes an operator down. The elements of `outputs` are pending.
  virtual void apply(const OpInfo& info, const void* op, std::span<const Tensor> inputs,
                     std::span<const Tensor> outputs) = 0;
  /// The value of a cell is about to be replaced. After an error the cell gets it back.
  virtual void replacing(Tensor& slot, RefCounted* cell) = 0;
  /// The same for a number that belongs to a cell: how many updates it has seen.
  virtual void replacing(std::int64_t& number, RefCounted* cell) = 0;
  /// Someone is about to read elements that are not there yet: computes all that is noted down.
  virtual void settle() = 0;
};

}  // namespace weft
