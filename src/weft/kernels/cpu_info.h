// What processor this is.
#pragma once

#include <string>

namespace weft {

/// The processor's name as the system gives it; "unknown processor" elsewhere.
std::string cpu_name();
/// Vector instruction sets that matter here and that it has: "AVX2, AVX-512, bf16".
std::string cpu_features();

}  // namespace weft
