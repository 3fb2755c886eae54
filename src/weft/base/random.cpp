#include <weft/base/random.h>

#include <cmath>

namespace weft {

double RandomStream::normal(std::uint64_t i) const {
  const auto w = philox(seed, counter, i);
  const double u = (static_cast<double>(w[0]) + 0.5) * 0x1p-32, v = static_cast<double>(w[1]) * 0x1p-32;
  return std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586476925 * v);
}

}  // namespace weft
