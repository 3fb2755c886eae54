#include <weft/kernels/cpu/targets.h>
#include <weft/kernels/cpu_info.h>

#include <cstdlib>
#include <fstream>
#include <string_view>

#include <hwy/highway.h>
#ifdef WEFT_WITH_ONEDNN
#include <dnnl.h>
#endif

#include <weft/base/error.h>

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

bool bf16_products() {
#if defined(__x86_64__)
  static const bool faster = [] {
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx512bf16") || !(hwy::SupportedTargets() & HWY_AVX3)) return false;
    const char* text = std::getenv("WEFT_BF16");
    const std::string_view wish = text ? text : "";
    return wish == "on" || (wish != "off" && __builtin_cpu_is("amd"));
  }();
  return faster;
#else
  return false;
#endif
}

std::string highway_version() { return cat(HWY_MAJOR, ".", HWY_MINOR, ".", HWY_PATCH); }

std::string onednn_version() {
#ifdef WEFT_WITH_ONEDNN
  const dnnl_version_t* v = dnnl_version();
  return cat(v->major, ".", v->minor, ".", v->patch);
#else
  return "";
#endif
}

bool onednn_switched_off() {
  const char* text = std::getenv("WEFT_ONEDNN");
  return text && std::string_view(text) == "off";
}

}  // namespace weft
