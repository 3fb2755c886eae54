// PlanReport: what a plan does and how long it takes, for people and programs that look at it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <weft/base/dtype.h>
#include <weft/base/shape.h>

namespace weft {

/// What a step of a plan fills.
struct PlanOutput {
  Shape shape;                ///< sizes
  DType dtype = DType::f32;   ///< of the elements
  std::int64_t bytes = 0;     ///< of its buffer
  std::int64_t offset = -1;   ///< in the arena; -1: outside, held by somebody
  std::size_t last_step = 0;  ///< the last that reads it
  bool in_place = false;      ///< lies over an input that nobody reads again
};

/// One kernel of a plan.
struct PlanStep {
  std::string op;                   ///< operator
  std::vector<std::string> fused;   ///< operators of the program whose work it does; empty: its own alone
  std::string kernel;               ///< the implementation chosen
  std::string key;                  ///< operator, attributes, shapes and dtypes: what a choice of kernels goes by; may be empty
  std::vector<std::string> others;  ///< what else might be chosen, though it may not take the case; without the reference
  std::vector<PlanOutput> outputs;  ///< what it fills
  double seconds = 0;               ///< the least of the runs that were timed; 0 before one was
};

/// A plan, step by step.
struct PlanReport {
  std::vector<PlanStep> steps;     ///< in the order in which they run
  std::size_t asked = 0;           ///< operators that the function asked for
  std::size_t arena_bytes = 0;     ///< memory of all that is in the arena
  std::size_t constant_bytes = 0;  ///< of what was computed when the plan was made
  std::int64_t timed = 0;          ///< runs that were timed: every 16th
};

}  // namespace weft
