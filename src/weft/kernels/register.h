// One declaration per family of kernels; ops/registry.cpp calls them in order of preference.
#pragma once

namespace weft {

// oneDNN's; does nothing in a build without it.
void register_onednn();

// Weft's own kernels for images that lie channels-last, as compiled steps lay them out (Highway).
void register_cpu_channels_last_conv();
void register_cpu_channels_last_sparse();
void register_cpu_channels_last_depthwise();
void register_cpu_channels_last_norm();
void register_cpu_channels_last_pool();
void register_cpu_channels_last_avg_pool();

// Weft's own kernels for cpu (Highway).
void register_cpu_matmul();
void register_cpu_matmul_pairs();
void register_cpu_conv();
void register_cpu_pool();
void register_cpu_norm();
void register_cpu_elementwise();
void register_cpu_reduce();
void register_cpu_softmax();
void register_cpu_copies();
void register_cpu_random();
void register_cpu_update();

// Reference: always last.
void register_ref_elementwise();
void register_ref_basic();
void register_ref_conv();
void register_ref_pool();
void register_ref_norm();
void register_ref_reduce();
void register_ref_index();
void register_ref_update();

}  // namespace weft
