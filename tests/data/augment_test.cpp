#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "support/errors.h"
#include "support/temporary_folder.h"
#include <weft/base/error.h>
#include <weft/data/augment.h>

namespace weft::data {
using namespace testing;
namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

Image numbered(int channels, int h, int w) {
  Image image(channels, h, w);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<std::uint8_t>(i * 7 + 3);
  return image;
}
template <class A> Image applied(const A& a, Image image, std::uint64_t index = 0) {
  Image scratch;
  Draws draws(RandomStream{1, index});
  a.apply(image, scratch, draws);
  return image;
}

TEST(Augment, FlipsMirror) {
  const Image image = numbered(3, 5, 4), h = applied(RandomHorizontalFlip{1}, image),
              v = applied(RandomVerticalFlip{1}, image);
  for (int c = 0; c < 3; ++c)
    for (int y = 0; y < 5; ++y)
      for (int x = 0; x < 4; ++x) {
        EXPECT_EQ(h.plane(c)[y * 4 + x], image.plane(c)[y * 4 + 3 - x]);
        EXPECT_EQ(v.plane(c)[y * 4 + x], image.plane(c)[(4 - y) * 4 + x]);
      }
  EXPECT_EQ(applied(RandomHorizontalFlip{0}, image), image);
  int flipped = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) flipped += applied(RandomHorizontalFlip{}, image, i) != image;
  EXPECT_NEAR(flipped, 500, 60);
}

TEST(Augment, RandomCropReachesEveryShiftOnce) {
  const Image image = numbered(1, 4, 4);
  std::vector<int> seen(9);
  for (std::uint64_t i = 0; i < 900; ++i) {
    const Image c = applied(RandomCrop{.padding = 1}, image, i);
    ASSERT_EQ(c.height, 4);
    int matches = 0;
    for (int dy = -1; dy <= 1; ++dy)
      for (int dx = -1; dx <= 1; ++dx) {
        bool same = true;
        for (int y = 0; y < 4; ++y)
          for (int x = 0; x < 4; ++x) {
            const bool in = y + dy >= 0 && y + dy < 4 && x + dx >= 0 && x + dx < 4;
            same = same && c.pixels[static_cast<std::size_t>(y * 4 + x)] ==
                               (in ? image.pixels[static_cast<std::size_t>((y + dy) * 4 + x + dx)] : 0);
          }
        if (same) ++seen[static_cast<std::size_t>((dy + 1) * 3 + dx + 1)], ++matches;
      }
    EXPECT_EQ(matches, 1);
  }
  for (int n : seen) EXPECT_NEAR(n, 100, 45);
  EXPECT_TRUE(contains(error_of([&] { applied(RandomCrop{.size = 9}, image); }), "smaller than the crop"));
}

TEST(Augment, CenterCropTakesTheMiddleOrPads) {
  const Image image = numbered(1, 4, 6), c = applied(CenterCrop{.size = 2}, image);
  EXPECT_EQ(c.pixels,
            (std::vector<std::uint8_t>{image.pixels[8], image.pixels[9], image.pixels[14], image.pixels[15]}));
  EXPECT_EQ(applied(CenterCrop{.size = 8}, image).pixels[0], 0);
}

// torch.nn.functional.interpolate(bilinear, antialias=True, align_corners=False) of PyTorch 2.15 on the image below,
// rounded.
TEST(Augment, ResizeAgreesWithPyTorch) {
  Image image(1, 4, 6), down, up;
  for (int i = 0; i < 24; ++i)
    image.pixels[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>((i * i * 13 + 5 * i) % 256);
  resize(image, down, 2, 3);
  resize(image, up, 5, 8);
  const std::vector<int> expected_down{110, 103, 110, 177, 140, 65},
      expected_up{0,   11, 34, 71, 123, 192, 178, 94,  169, 137, 108, 91, 91,  108, 108, 93,  191, 188, 147, 87,
                  123, 95, 64, 47, 160, 187, 163, 107, 179, 107, 45,  25, 206, 190, 180, 183, 203, 78,  31,  80};
  for (std::size_t i = 0; i < expected_down.size(); ++i) EXPECT_NEAR(down.pixels[i], expected_down[i], 1) << i;
  for (std::size_t i = 0; i < expected_up.size(); ++i) EXPECT_NEAR(up.pixels[i], expected_up[i], 1) << i;
}

TEST(Augment, ResizeKeepsTheRatioWithOneNumber) {
  const Image r = applied(Resize{8}, numbered(3, 16, 40));
  EXPECT_EQ(r.height, 8);
  EXPECT_EQ(r.width, 20);
  const Image exact = applied(Resize{8, 5}, numbered(3, 16, 40));
  EXPECT_EQ(exact.width, 5);
  const Image rr = applied(RandomResizedCrop{.size = 12}, numbered(3, 16, 40));
  EXPECT_EQ(rr.height, 12);
  EXPECT_EQ(rr.width, 12);
}

TEST(Augment, RotationsByNothingAndAQuarterAreExact) {
  const Image image = numbered(1, 5, 5);
  EXPECT_EQ(applied(RandomRotation{0}, image), image);
  EXPECT_EQ(applied(RandomAffine{}, image), image);
  // A drawn angle within ±180 moves the corners but keeps the middle.
  const Image turned = applied(RandomRotation{180}, image);
  EXPECT_NEAR(turned.pixels[12], image.pixels[12], 1);
  EXPECT_NE(turned, image);
}

TEST(Augment, ZoomAndShearMapAsTheirMatricesSay) {
  // A ramp in x: reading at x' = cx + (x - cx) / s gives the ramp again with another slope.
  Image ramp(1, 9, 9);
  for (int y = 0; y < 9; ++y)
    for (int x = 0; x < 9; ++x) ramp.pixels[static_cast<std::size_t>(y * 9 + x)] = static_cast<std::uint8_t>(20 * x);
  const Image zoomed = applied(RandomAffine{.scale_min = 2, .scale_max = 2}, ramp);
  for (int x = 0; x < 9; ++x) EXPECT_EQ(zoomed.pixels[static_cast<std::size_t>(36 + x)], 20 * (4 + (x - 4) / 2.0));
  const Image moved = applied(RandomTranslation{.width = 0.3}, ramp, 5);
  const int shift = (ramp.pixels[40] - moved.pixels[40]) / 20;
  for (int x = 3; x < 6; ++x) EXPECT_EQ(moved.pixels[static_cast<std::size_t>(x)], 20 * (x - shift));
}

TEST(Augment, ColourChangesAgreeWithTheirFormulas) {
  Image image(3, 1, 2);
  image.pixels = {100, 10, 150, 200, 50, 30};  // two pixels: (100, 150, 50) and (10, 200, 30)
  Image scratch;
  for (std::uint64_t i = 0; i < 20; ++i) {
    const Image out = applied(ColorJitter{.brightness = 0.5}, image, i);
    const double factor = out.pixels[2] / 150.0;
    EXPECT_GE(factor, 0.49);
    EXPECT_LE(factor, 1.51);
    EXPECT_NEAR(out.pixels[0], std::min(255.0, 100 * factor), 1);
  }
  const Image gray = applied(RandomGrayscale{1}, image);
  EXPECT_EQ(gray.pixels[0], std::lround(0.299 * 100 + 0.587 * 150 + 0.114 * 50));
  EXPECT_EQ(gray.pixels[0], gray.pixels[2]);
  // Python's colorsys: a hue turned back and forth keeps value and chroma.
  const Image hue = applied(ColorJitter{.hue = 0.5}, image, 3);
  for (int p = 0; p < 2; ++p) {
    const auto high = [p](const Image& m) { return std::max({m.plane(0)[p], m.plane(1)[p], m.plane(2)[p]}); };
    const auto low = [p](const Image& m) { return std::min({m.plane(0)[p], m.plane(1)[p], m.plane(2)[p]}); };
    EXPECT_NEAR(high(hue), high(image), 1);
    EXPECT_NEAR(low(hue), low(image), 1);
  }
  EXPECT_NE(hue, image);
  EXPECT_EQ(applied(ColorJitter{}, image), image);
}

TEST(Augment, ErasingFillsOneRectangle) {
  const Image white = [] {
    Image i(1, 32, 32);
    std::fill(i.pixels.begin(), i.pixels.end(), std::uint8_t{255});
    return i;
  }();
  const Image out = applied(RandomErasing{.p = 1}, white);
  const auto erased = std::count(out.pixels.begin(), out.pixels.end(), 0);
  EXPECT_GE(erased, 10);
  EXPECT_LE(erased, 0.36 * 1024);
}

TEST(Augment, TextMakesPipelines) {
  EXPECT_EQ(parse_augmentations("hflip, crop:4,rotate:15").size(), 3u);
  EXPECT_TRUE(parse_augmentations("none").empty());
  EXPECT_TRUE(parse_augmentations("").empty());
  EXPECT_TRUE(contains(error_of([] { parse_augmentations("hflop"); }), "did you mean 'hflip'"));
  EXPECT_TRUE(contains(error_of([] { parse_augmentations("crop"); }), "needs a number, as in 'crop:4'"));
  EXPECT_TRUE(contains(error_of([] { parse_augmentations("hflip:2"); }), "expected a number from 0 to 1"));
  EXPECT_TRUE(contains(error_of([] { parse_augmentations("hflip,,crop:4"); }), "is not known"));
  for (const auto& [example, doc] : augmentation_names()) {
    Image image = numbered(3, 32, 32), scratch;
    Draws draws(RandomStream{2, 0});
    for (const auto& a : parse_augmentations(example)) a.apply(image, scratch, draws);
    EXPECT_GE(image.height, 28) << example;
  }
}

TEST(Augment, NormalizeRefusesNonsense) {
  EXPECT_NE(error_of([] { Augmentation a = Normalize{{0.5}, {0.0}}; }), "");
  EXPECT_NE(error_of([] { Augmentation a = Normalize{{}, {1.0}}; }), "");
}

}  // namespace
}  // namespace weft::data
