#include <weft/base/random.h>

#include <cmath>

namespace weft {

double RandomStream::normal_of(std::uint64_t bits) {
  const double u = (static_cast<double>(bits & 0xFFFFFFFFu) + 0.5) * 0x1p-32, v = static_cast<double>(bits >> 32) * 0x1p-32;
  return std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586476925 * v);
}

}  // namespace weft
