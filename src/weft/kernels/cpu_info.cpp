#include <weft/kernels/cpu_info.h>

#include <fstream>

namespace weft {

std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name"))
      if (const auto colon = line.find(": "); colon != line.npos) return line.substr(colon + 2);
  return "unknown processor";
}

std::string cpu_features() {
  std::string s;
#if defined(__x86_64__)
  const auto add = [&](bool has, const char* name) {
    if (has) s += (s.empty() ? "" : ", ") + std::string(name);
  };
  __builtin_cpu_init();
  add(__builtin_cpu_supports("avx2"), "AVX2");
  add(__builtin_cpu_supports("avx512f"), "AVX-512");
  add(__builtin_cpu_supports("avx512vnni"), "VNNI");
  add(__builtin_cpu_supports("avx512bf16"), "bf16");
#endif
  return s.empty() ? "baseline vectors" : s;
}

}  // namespace weft
