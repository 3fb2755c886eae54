// Plan: a program made ready to run again and again: memory placed, kernels chosen, nothing left to decide.
#pragma once

#include <string>
#include <vector>

#include <weft/graph/plan_report.h>
#include <weft/graph/program.h>
#include <weft/kernels/registry.h>

namespace weft {

/// Memory for the intermediate buffers of plans that never run at once. What lies there is lost between two runs.
class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena();
  /// Makes it at least so large, perhaps at another address. Throws Error naming the size where there is no memory.
  void reserve(std::size_t bytes);
  char* data() const { return static_cast<char*>(data_); }  ///< the first byte

 private:
  void free();
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

/// Places of buffers in an arena: two that are alive at the same step never overlap, but one that is made over another
/// lies where that one did. 64-byte aligned.
struct MemoryPlan {
  std::vector<std::int64_t> offset;  ///< of each buffer; -1 for those without a place in it: externals, results, constants
  std::size_t bytes = 0;             ///< of the arena
};
/// Places the intermediate buffers: the largest first, each at the lowest place that is free while it lives.
MemoryPlan plan_memory(const Program& program);

/// A program bound to kernels and memory. run() decides nothing, locks nothing and asks the system for nothing; kernels
/// may take scratch memory from the caching allocator.
class Plan {
 public:
  /// Runs the passes over the program and binds what they leave. The arena outlives the plan.
  Plan(Program recorded, Arena& arena);
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  /// As it was asked for; what the next call is compared with.
  const Program& recorded() const { return recorded_; }
  /// After the passes.
  const Program& program() const { return program_; }
  /// Bytes of intermediate buffers.
  std::size_t arena_bytes() const { return places_.bytes; }
  /// Takes new attributes of a recorded step whose attributes vary from call to call.
  void set_attributes(std::size_t step, const void* op) { recorded_.steps[step].op->assign(recorded_.steps[step].attrs.get(), op); }
  /// Computes. `memory` has an address for every buffer that is external or a result. Throws what a kernel throws.
  void run(std::span<void* const> memory);
  /// One line a step: kernel, its least time so far (every 16th run is timed), place in the arena.
  std::string describe() const;
  /// The same and more, as data.
  PlanReport report() const;

 private:
  struct Bound {
    const Kernel* kernel = nullptr;
    const ProgramStep* step = nullptr;
    const void* attributes = nullptr;
    SmallVector<TensorView, 4> in, out;
    double seconds = 0;  // the least of the runs that were timed
  };
  /// A view whose memory is given at each run.
  struct Patch {
    TensorView* view;
    std::size_t buffer;
    std::int64_t offset;
  };
  void bind(const ProgramStep& step, Bound& bound);
  void run(const Bound& bound) const;
  void run_timed();
  void place();

  Program recorded_, program_;
  MemoryPlan places_;
  Arena& arena_;
  char* base_ = nullptr;  // the arena's address that the views have now
  std::vector<Bound> bound_;
  std::vector<Patch> patches_;
  std::int64_t runs_ = 0;
};

}  // namespace weft
