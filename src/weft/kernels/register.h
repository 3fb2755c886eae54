// One declaration per family of kernels; ops/registry.cpp calls them in order of preference.
#pragma once

namespace weft {

// Reference: always last.
void register_ref_elementwise();
void register_ref_basic();

}  // namespace weft
