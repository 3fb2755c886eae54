// Where a tensor lives.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weft {

/// Kinds of device. `ref` computes with plain double-precision loops in host memory and is the oracle of the tests;
/// `meta` has shapes and dtypes but no data (summaries, captured graphs).
enum class DeviceType : std::uint8_t { cpu, ref, cuda, meta };
inline constexpr int device_type_count = 4;

/// A device: its kind and its index among that kind.
struct Device {
  DeviceType type = DeviceType::cpu;  ///< its kind
  std::int8_t index = 0;              ///< which of that kind
  friend bool operator==(Device, Device) = default;
};

inline constexpr Device cpu{DeviceType::cpu, 0};
inline constexpr Device meta{DeviceType::meta, 0};
/// The reference device: `ref:0`.
constexpr Device ref(int index = 0) { return {DeviceType::ref, static_cast<std::int8_t>(index)}; }
/// The CUDA device of that index.
constexpr Device cuda(int index = 0) { return {DeviceType::cuda, static_cast<std::int8_t>(index)}; }

/// "cpu", "ref:0", "cuda:1"
std::string to_string(Device d);
/// The device of that name; throws Error with a suggestion. "cuda" means "cuda:0".
Device parse_device(std::string_view name);

}  // namespace weft
