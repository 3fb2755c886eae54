// Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace weft {

/// Four 32-bit words for a 64-bit key and a 128-bit counter: a pure function, so element i of a result is the same
/// whatever the thread count, device or layout.
constexpr std::array<std::uint32_t, 4> philox(std::uint64_t key, std::uint64_t hi, std::uint64_t lo) {
  std::uint32_t c0 = static_cast<std::uint32_t>(lo), c1 = static_cast<std::uint32_t>(lo >> 32),
                c2 = static_cast<std::uint32_t>(hi), c3 = static_cast<std::uint32_t>(hi >> 32);
  std::uint32_t k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = 0xD2511F53ull * c0, p1 = 0xCD9E8D57ull * c2;
    c0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0;
    c1 = static_cast<std::uint32_t>(p1);
    c2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c3 = static_cast<std::uint32_t>(p0);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {c0, c1, c2, c3};
}

/// A stream of random numbers: element i of draw `counter` under `seed`.
struct RandomStream {
  std::uint64_t seed = 0;     ///< names the stream
  std::uint64_t counter = 0;  ///< which draw of it
  /// 64 random bits for element i.
  constexpr std::uint64_t bits(std::uint64_t i) const {
    auto w = philox(seed, counter, i);
    return (static_cast<std::uint64_t>(w[1]) << 32) | w[0];
  }
  /// 32 random bits for element i: one Philox call serves four elements.
  constexpr std::uint32_t word(std::uint64_t i) const { return philox(seed, counter, i / 4)[i % 4]; }
  /// Uniform in [0, 1), 53 bits.
  constexpr double uniform(std::uint64_t i) const { return uniform_of(bits(i)); }
  /// Standard normal by Box-Muller.
  double normal(std::uint64_t i) const { return normal_of(bits(i)); }
  /// Uniform integer in [0, n), n > 0, by multiply-shift.
  constexpr std::uint64_t below(std::uint64_t i, std::uint64_t n) const { return below_of(bits(i), n); }

  // The same of an element's bits.
  static constexpr double uniform_of(std::uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-53; }  ///< in [0, 1)
  static double normal_of(std::uint64_t bits);  ///< standard normal
  /// In [0, n), n > 0.
  static constexpr std::uint64_t below_of(std::uint64_t bits, std::uint64_t n) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>((static_cast<Wide>(bits) * n) >> 64);
  }
  friend bool operator==(const RandomStream&, const RandomStream&) = default;
};

/// FNV-1a, 64 bits: stable across machines, used to turn a parameter's path into a stream.
constexpr std::uint64_t hash_name(std::string_view s) {
  std::uint64_t h = 0xcbf29ce484222325ull;
  for (char c : s) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return h;
}

}  // namespace weft
