#include <weft/base/device.h>

#include <charconv>

#include <weft/base/error.h>

namespace weft {

namespace {
constexpr std::string_view names[device_type_count] = {"cpu", "ref", "cuda", "meta"};
}

std::string to_string(Device d) {
  std::string s(names[static_cast<int>(d.type)]);
  if (d.type == DeviceType::ref || d.type == DeviceType::cuda || d.index) s += ":" + std::to_string(d.index);
  return s;
}

Device parse_device(std::string_view name) {
  const auto colon = name.find(':');
  const std::string_view kind = name.substr(0, colon);
  for (int i = 0; i < device_type_count; ++i) {
    if (kind != names[i]) continue;
    int index = 0;
    if (colon != std::string_view::npos) {
      const char *first = name.data() + colon + 1, *last = name.data() + name.size();
      auto [end, ec] = std::from_chars(first, last, index);
      check(ec == std::errc{} && end == last && index >= 0 && index < 128, "bad device index in '", name,
            "'; expected a form like ", kind, ":0");
    }
    return {static_cast<DeviceType>(i), static_cast<std::int8_t>(index)};
  }
  fail("unknown device '", name, "'; expected cpu, ref or cuda, with an index like cuda:0 where there are several",
       suggestion(kind, {names, names + device_type_count}));
}

}  // namespace weft
