// weft summary --plan: the planned step of a network.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <weft/base/precision.h>
#include <weft/graph/plan_report.h>
#include <weft/nn/layer.h>

namespace weft::cli {

/// A plan that has run, and what it is the plan of.
struct PlannedModel {
  std::string title;  ///< "resnet20, a training step, batch 32 of f32[3, 32, 32]"
  std::int64_t batch = 0;
  bool training = false;
  PlanReport plan;
};

/// What a plan is made for.
struct PlanInput {
  Shape sizes;  ///< of one input
  std::int64_t batch = 32;
  Precision precision = Precision::f32;  ///< of products
};

/// What a training step is called in titles, and where it was measured: "resnet20, a training step, batch 32 of f32[3, 32, 32]",
/// ", bf16" behind it where products may be that.
std::string training_title(const std::string& name, const PlanInput& input);

/// Asked after every timed run whether kernels have been timed often enough.
using Enough = std::function<bool(const PlanReport&)>;
/// Trains the network on random images until its kernels have been timed: five times, or for two seconds, or until it is
/// `enough`. Throws Error where it does not fit the input.
PlannedModel plan_training(const std::string& name, nn::Layer net, const PlanInput& input, std::int64_t classes, const Enough& enough = {});
/// The same for the network's forward pass alone.
PlannedModel plan_inference(const std::string& name, const std::function<Tensor(const Tensor&)>& net, const PlanInput& input);

/// What a run takes: the sum over its steps.
double total_seconds(const PlanReport& plan);

/// What the kernels of one name take together.
struct KernelTotal {
  std::string kernel;
  std::size_t steps = 0;
  double seconds = 0;
};
/// The slowest first.
std::vector<KernelTotal> kernel_totals(const PlanReport& plan);

std::string plan_table(const PlannedModel& m);  ///< for people
std::string plan_json(const PlannedModel& m);   ///< a line
/// A picture: the arena over the steps, the time of each kernel below, the slowest kernels at the end.
std::string plan_svg(const PlannedModel& m);

}  // namespace weft::cli
