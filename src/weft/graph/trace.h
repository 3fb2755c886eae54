// Trace: what a call of a compiled function asks for, compared with what it asked for before. Internal to graph/.
#pragma once

#include <memory>

#include <weft/graph/plan.h>
#include <weft/tensor/deferral.h>
#include <weft/tensor/storage.h>
#include <weft/tensor/tensor.h>

namespace weft {

/// What a call knows of the tensors it has met. Kept between calls for the memory of its lists.
struct TraceNotes {
  /// What a slot of a cell was before.
  template <class T> struct Replaced {
    RefPtr<RefCounted> cell;
    T* slot;
    T before;
  };
  std::vector<RefPtr<Storage>> storages;  ///< by buffer number; what is not pending was there before
  std::vector<Replaced<Tensor>> values;   ///< in order
  std::vector<Replaced<std::int64_t>> numbers;  ///< the same
  std::vector<std::pair<Storage*, int>> table = std::vector<std::pair<Storage*, int>>(64);  ///< storage that was there before -> number: open addressing
  std::size_t entries = 0;                ///< in it
  std::vector<void*> memory;              ///< of each buffer
  void clear();                           ///< empties the lists
};

/// The plans of a compiled function, the one used last first, and the memory that they share: one call runs at a time.
struct PlanList {
  std::vector<std::unique_ptr<Plan>> plans;  ///< made so far and kept
  Arena arena;                               ///< of their intermediate values
  Precision precision = Precision::f32;      ///< of their products
  TraceNotes notes;                          ///< of the call that runs
};

/// One call: notes operators down, follows a plan as long as they are the plan's, and computes them at the end.
class Trace final : public Deferral {
 public:
  /// Puts itself in the place of this thread's eager execution until finish() or its end.
  explicit Trace(PlanList& plans);
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;
  /// After an error: computes what was noted down before it, as eager execution would have.
  ~Trace() override;

  RefPtr<Storage> storage(std::size_t bytes) override;
  void apply(const OpInfo& info, const void* op, std::span<const Tensor> inputs, std::span<const Tensor> outputs) override;
  void replacing(Tensor& slot, RefCounted* cell) override;
  void replacing(std::int64_t& number, RefCounted* cell) override;
  void settle() override;
  /// Computes what is noted down by a plan: one that fits, or a new one.
  void finish();
  /// True where elements were read in the middle, so that the rest of the call ran eagerly.
  bool was_read() const { return read_; }
  /// True where a plan that was there before computed the call.
  bool replayed() const { return replayed_; }

 private:
  int number_of(Storage* storage);
  bool follows(const OpInfo& info, const void* op, std::span<const Tensor> inputs, std::span<const Tensor> outputs);
  bool switch_plan(const ProgramStep& step);
  void leave_plan();
  ProgramStep step_of(const OpInfo& info, const void* op, std::span<const Tensor> inputs, std::span<const Tensor> outputs);
  void stop();
  bool held(std::size_t buffer) const;
  void run_steps();
  void run_step(const ProgramStep& step);
  void compute();
  void put_back();
  Plan& make_plan();

  PlanList& plans_;
  const void* home_;  // the context of the thread that it belongs to
  Deferral* outer_;
  bool active_ = true, read_ = false, replayed_ = false;
  Plan* plan_ = nullptr;      // the plan that the call has followed so far
  std::size_t position_ = 0;  // steps noted down
  Program program_;           // where no plan is followed: what was noted down
  TraceNotes& notes_;
};

}  // namespace weft
