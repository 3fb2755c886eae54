// What processor this is, and the libraries that the kernels use.
#pragma once

#include <string>

namespace weft {

/// The processor's name as the system gives it; "unknown processor" elsewhere.
std::string cpu_name();
/// Vector instruction sets that matter here and that it has: "AVX2, AVX-512, bf16".
std::string cpu_features();
/// True where kernels multiply in bf16 faster than in f32: an AMD processor with AVX512-BF16 (Intel's vdpbf16ps takes as
/// long as the two multiply-adds in its place). WEFT_BF16=off or on overrides it where the instruction is there.
bool bf16_products();
/// Version of the Highway that the kernels are built with.
std::string highway_version();
/// Version of the oneDNN that runs; empty where Weft is built without it.
std::string onednn_version();
/// True where the environment says WEFT_ONEDNN=off: to compare with Weft's own kernels without another build.
bool onednn_switched_off();

}  // namespace weft
