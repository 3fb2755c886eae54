#include <weft/graph/plan_report.h>

#include <algorithm>

#include <weft/graph/choices.h>
#include <weft/graph/passes/uses.h>
#include <weft/graph/plan.h>

namespace weft {

namespace {

std::vector<std::string> fused_by(const ProgramStep& step, const Program& recorded) {
  if (step.fused.empty()) return {};
  std::vector<int> sources = step.fused;
  if (step.source >= 0) sources.push_back(step.source);
  std::sort(sources.begin(), sources.end());
  std::vector<std::string> names;
  for (int i : sources) names.push_back(recorded.steps[static_cast<std::size_t>(i)].op->name);
  return names;
}

std::vector<std::string> other_choices(const ProgramStep& step, const Kernel& kernel) {
  std::vector<std::string> names;
  if (step.op->attributes_vary) return names;
  for (const Kernel& k : kernels_of(*step.op, DeviceType::cpu))
    if (&k != &kernel && !k.name.starts_with("ref.")) names.push_back(k.name);
  if (!step.fused.empty() && step.op->macs) names.push_back(not_fused);
  return names;
}

}  // namespace

PlanReport Plan::report() const {
  PlanReport report{{}, recorded_.steps.size(), places_.bytes, 0, runs_ / 16};
  for (const ProgramBuffer& b : program_.buffers) report.constant_bytes += b.constant ? static_cast<std::size_t>(b.bytes) : 0;
  const std::vector<std::size_t> last = last_readers(program_);
  for (const Bound& b : bound_) {
    PlanStep step{b.step->op->name, fused_by(*b.step, recorded_), b.kernel->name, choice_key(*b.step),
                  other_choices(*b.step, *b.kernel), {}, b.seconds};
    for (const BufferView& v : b.step->outputs) {
      const auto i = static_cast<std::size_t>(v.buffer);
      const ProgramBuffer& buffer = program_.buffers[i];
      step.outputs.push_back({v.shape, v.dtype, buffer.bytes, places_.offset[i], last[i], buffer.over >= 0});
    }
    report.steps.push_back(std::move(step));
  }
  return report;
}

}  // namespace weft
