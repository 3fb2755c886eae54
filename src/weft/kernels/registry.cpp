#include <weft/kernels/registry.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <mutex>

#include <weft/base/error.h>
#include <weft/kernels/cpu_info.h>

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
    const char* why = why_declined(k, call);
    line += k.name + " declined (" + (why ? why : "?") + "); ";
  }
  std::fprintf(stderr, "%s%s\n", line.c_str(), chosen.name.c_str());
}
}  // namespace

void add_kernel(const OpInfo& op, DeviceType device, Kernel kernel) { slot(op, device).push_back(std::move(kernel)); }

std::span<const Kernel> kernels_of(const OpInfo& op, DeviceType device) { return slot(op, device); }

Dims channels_last_strides(const Shape& shape) {
  Dims strides = Dims::filled(shape.rank(), 1);
  std::int64_t step = shape[1];
  for (int i = shape.rank() - 1; i >= 2; --i) {
    strides[i] = step;
    step *= shape[i];
  }
  strides[0] = step;
  return strides;
}

bool is_channels_last(const Shape& shape, const Dims& strides) {
  if (shape.rank() < 3) return false;
  const Dims want = channels_last_strides(shape);
  for (int i = 0; i < shape.rank(); ++i)
    if (shape[i] != 1 && strides[i] != want[i]) return false;
  return true;
}

const char* why_declined(const Kernel& kernel, const KernelCall& call) {
  const auto lie_right = [](std::uint32_t mask, std::span<const TensorView> views) {
    for (std::size_t i = 0; i < views.size(); ++i)
      if (mask >> i & 1 && views[i].rank() >= 3 && !is_channels_last(views[i].shape, views[i].strides)) return false;
    return true;
  };
  if (kernel.precision == Precision::bf16) {
    if (call.precision != Precision::bf16) return "products in bf16 are not asked for";
    if (!bf16_products()) return "this processor has no faster bf16 products";
    if (call.out[0].dtype != DType::f32) return "rounds f32 to bf16";
  }
  if (kernel.channels_last_in | kernel.channels_last_out)
    if (!lie_right(kernel.channels_last_in, call.in) || !lie_right(kernel.channels_last_out, call.out))
      return "its images lie channels-last";
  return kernel.decline ? kernel.decline(call) : nullptr;
}

const Kernel& select_kernel(DeviceType device, const KernelCall& call) {
  static const bool logging = log_enabled("dispatch");
  const auto& list = slot(call.info, device);
  for (const Kernel& k : list)
    if (!why_declined(k, call)) {
      if (logging) [[unlikely]] log_choice(call, device, k);
      return k;
    }
  std::string reasons;
  for (const Kernel& k : list) reasons += cat("; ", k.name, ": ", why_declined(k, call));
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
