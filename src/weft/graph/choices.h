// Kernels that a measurement has chosen (`weft tune`) in the place of the default ones, which follow from shapes alone.
#pragma once

#include <map>
#include <string>

#include <weft/graph/program.h>

namespace weft {

/// By a step's key the name of the kernel that plans are to take for it; or `not_fused` for an operator that passes made of
/// several. A kernel that does not take the case after all is passed over.
using KernelChoices = std::map<std::string, std::string>;
/// For a fused operator: its parts are left as they are.
inline constexpr const char* not_fused = "not fused";

/// In force for plans that are made from now on, by any thread.
void set_kernel_choices(KernelChoices choices);
/// The key of a step: operator, attributes, shapes, dtypes, and its precision where that is not f32. Empty where attributes vary from call to call.
std::string choice_key(const ProgramStep& step);
/// What is chosen for the step; empty where nothing is.
std::string chosen_kernel(const ProgramStep& step);

}  // namespace weft
