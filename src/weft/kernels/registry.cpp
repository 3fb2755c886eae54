#include <weft/kernels/registry.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <mutex>

#include <weft/base/error.h>

namespace weft {

namespace {
using List = std::vector<Kernel>;
constexpr std::size_t page_size = 256, page_count = 64;  // 64 * 256 / device types = 4096 operators
std::atomic<List*> pages[page_count];                    // lists stay where they are; written at registration only

List& slot(const OpInfo& op, DeviceType device) {
  const std::size_t index = op.id * static_cast<std::size_t>(device_type_count) + static_cast<std::size_t>(device);
  check(index < page_size * page_count, "more than ", page_size * page_count / device_type_count, " operators");
  auto& page = pages[index / page_size];
  List* lists = page.load(std::memory_order_acquire);
  if (!lists) [[unlikely]] {
    static std::mutex mutex;
    std::scoped_lock lock(mutex);
    if (lists = page.load(); !lists) page.store(lists = new List[page_size]);
  }
  return lists[index % page_size];
}

void log_choice(const KernelCall& call, DeviceType device, const Kernel& chosen) {
  std::string line = cat("dispatch: ", call.info.name, "(");
  for (std::size_t i = 0; i < call.in.size(); ++i)
    line += (i ? ", " : "") + to_string(Meta{call.in[i].shape, call.in[i].dtype});
  line += ") on " + to_string(Device{device, 0}) + ": ";
  for (const Kernel& k : kernels_of(call.info, device)) {
    if (&k == &chosen) break;
    const char* why = k.decline ? k.decline(call) : nullptr;
    line += k.name + " declined (" + (why ? why : "?") + "); ";
  }
  std::fprintf(stderr, "%s%s\n", line.c_str(), chosen.name.c_str());
}
}  // namespace

void add_kernel(const OpInfo& op, DeviceType device, Kernel kernel) { slot(op, device).push_back(std::move(kernel)); }

std::span<const Kernel> kernels_of(const OpInfo& op, DeviceType device) { return slot(op, device); }

const Kernel& select_kernel(DeviceType device, const KernelCall& call) {
  static const bool logging = log_enabled("dispatch");
  const auto& list = slot(call.info, device);
  for (const Kernel& k : list)
    if (!k.decline || !k.decline(call)) {
      if (logging) [[unlikely]] log_choice(call, device, k);
      return k;
    }
  std::string reasons;
  for (const Kernel& k : list) reasons += cat("; ", k.name, ": ", k.decline(call));
  fail(call.info.name, " has no implementation on ", to_string(Device{device, 0}), reasons,
       "; move the inputs with .to(cpu)");
}

bool log_enabled(std::string_view topic) {
  const char* text = std::getenv("WEFT_LOG");
  for (std::string_view rest = text ? text : ""; !rest.empty();) {
    const auto comma = rest.find(',');
    if (rest.substr(0, comma) == topic || rest.substr(0, comma) == "all") return true;
    rest = comma == rest.npos ? "" : rest.substr(comma + 1);
  }
  return false;
}

}  // namespace weft
