// Philox against the known-answer vectors that its authors publish with Random123 (kat_vectors, philox4x32 10).
#include <cmath>

#include <gtest/gtest.h>

#include <weft/base/random.h>

namespace weft {
namespace {

using Words = std::array<std::uint32_t, 4>;

TEST(Philox, MatchesItsKnownAnswers) {
  EXPECT_EQ(philox(0, 0, 0), (Words{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u}));
  EXPECT_EQ(philox(~0ull, ~0ull, ~0ull), (Words{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu}));
  EXPECT_EQ(philox(0x299f31d0a4093822ull, 0x0370734413198a2eull, 0x85a308d3243f6a88ull),
            (Words{0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u}));
}

TEST(Philox, StreamsArePureFunctions) {
  const RandomStream s{42, 7};
  EXPECT_EQ(s.bits(5), s.bits(5));
  EXPECT_NE(s.bits(5), s.bits(6));
  EXPECT_NE(s.bits(5), (RandomStream{42, 8}).bits(5));
  EXPECT_NE(s.bits(5), (RandomStream{43, 7}).bits(5));
  const Words block = philox(42, 7, 3);
  for (std::uint64_t i = 0; i < 4; ++i) EXPECT_EQ(s.word(12 + i), block[i]);
}

TEST(Philox, NumbersLieInTheirRange) {
  const RandomStream s{1, 2};
  for (std::uint64_t i = 0; i < 10000; ++i) {
    EXPECT_GE(s.uniform(i), 0);
    EXPECT_LT(s.uniform(i), 1);
    EXPECT_LT(s.below(i, 7), 7u);
    EXPECT_TRUE(std::isfinite(s.normal(i)));
  }
}

TEST(Philox, HashesNamesStably) {
  EXPECT_EQ(hash_name(""), 0xcbf29ce484222325ull);  // FNV-1a's offset basis
  EXPECT_EQ(hash_name("a"), 0xaf63dc4c8601ec8cull);  // from the FNV page's test vectors
}

}  // namespace
}  // namespace weft
