#include <weft/graph/choices.h>

#include <atomic>
#include <mutex>

#include <weft/base/view.h>

namespace weft {

namespace {
struct InForce {
  std::mutex mutex;
  KernelChoices choices;
  std::atomic<bool> any = false;  // without one a plan is made without asking
};
InForce& in_force() {
  static InForce state;
  return state;
}
}  // namespace

void set_kernel_choices(KernelChoices choices) {
  InForce& now = in_force();
  std::scoped_lock lock(now.mutex);
  now.any = !choices.empty();
  now.choices = std::move(choices);
}

std::string choice_key(const ProgramStep& step) {
  if (step.op->attributes_vary) return "";
  std::string key = step.op->name + "(";
  for (std::size_t i = 0; i < step.inputs.size(); ++i)
    key += (i ? ", " : "") + to_string(Meta{step.inputs[i].shape, step.inputs[i].dtype});
  const std::string attributes = to_string(step.op->get(step.attrs.get()));
  key += attributes.empty() ? ")" : ") {" + attributes + "}";
  return step.precision == Precision::f32 ? key : key + " in " + std::string(name_of(step.precision));
}

std::string chosen_kernel(const ProgramStep& step) {
  InForce& now = in_force();
  if (!now.any) return "";
  const std::string key = choice_key(step);
  std::scoped_lock lock(now.mutex);
  const auto at = now.choices.find(key);
  return at == now.choices.end() ? "" : at->second;
}

}  // namespace weft
