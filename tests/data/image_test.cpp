#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "support/errors.h"
#include "support/temporary_folder.h"
#include <weft/base/error.h>
#include <weft/data/files.h>
#include <weft/data/image.h>

namespace weft::data {
using namespace testing;
namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// A smooth picture, which JPEG keeps well.
Image picture(int channels, int h, int w) {
  Image image(channels, h, w);
  for (int c = 0; c < channels; ++c)
    for (int y = 0; y < h; ++y)
      for (int x = 0; x < w; ++x) image.plane(c)[y * w + x] = static_cast<std::uint8_t>(40 + 60 * c + x + y);
  return image;
}
Image decode(const std::vector<unsigned char>& bytes, int channels = 3) {
  return decode_image(bytes.data(), bytes.size(), "bytes", channels);
}

TEST(Png, ReadsBackWhatWasWritten) {
  TemporaryFolder folder;
  for (int channels : {1, 3}) {
    const Image image = picture(channels, 13, 29);
    write_png(folder / "a.png", image);
    EXPECT_EQ(read_image(folder / "a.png", channels), image);
  }
  const Image rgb = read_image((write_png(folder / "g.png", picture(1, 5, 4)), folder / "g.png"));
  EXPECT_EQ(rgb.channels, 3);
  EXPECT_TRUE(std::equal(rgb.plane(0), rgb.plane(1), rgb.plane(2)));
}

// Files of 2x1 pixels made with Python's zlib and struct from the PNG specification, and their red, green, blue pixel
// by pixel.
struct PngCase {
  const char* name;
  std::vector<unsigned char> file;
  std::vector<int> rgb;
};
const std::vector<PngCase>& png_cases() {
  static const std::vector<PngCase> cases{
      {"palette",
       {137, 80,  78, 71,  13,  10,  26,  10,  0,   0,   0,   13, 73, 72, 68, 82,  0,   0,  0,  2,  0,  0,
        0,   1,   8,  3,   0,   0,   0,   195, 252, 143, 184, 0,  0,  0,  6,  80,  76,  84, 69, 10, 20, 30,
        200, 100, 50, 119, 160, 179, 156, 0,   0,   0,   11,  73, 68, 65, 84, 120, 218, 99, 96, 96, 4,  0,
        0,   4,   0,  2,   44,  222, 72,  173, 0,   0,   0,   0,  73, 69, 78, 68,  174, 66, 96, 130},
       {10, 20, 30, 200, 100, 50}},
      {"rgba",
       {137, 80, 78, 71, 13,  10, 26,  10,  0,   0,   0,  13, 73, 72, 68, 82, 0,   0,   0,  2,  0,   0,  0,   1,   8,
        6,   0,  0,  0,  244, 34, 127, 138, 0,   0,   0,  17, 73, 68, 65, 84, 120, 218, 99, 96, 100, 98, 102, 249, 245,
        251, 15, 3,  0,  9,   22, 2,   252, 255, 160, 25, 53, 0,  0,  0,  0,  73,  69,  78, 68, 174, 66, 96,  130},
       {1, 2, 3, 250, 251, 252}},
      {"gray_alpha",
       {137, 80, 78, 71, 13, 10, 26,  10,  0,  0, 0, 13, 73, 72, 68, 82, 0,  0,   0,   2,  0,  0,   0,   1,
        8,   4,  0,  0,  0,  94, 43,  183, 1,  0, 0, 0,  13, 73, 68, 65, 84, 120, 218, 99, 96, 231, 228, 224,
        2,   0,  0,  86, 0,  35, 209, 169, 43, 2, 0, 0,  0,  0,  73, 69, 78, 68,  174, 66, 96, 130},
       {7, 7, 7, 8, 8, 8}},
      {"gray16",
       {137, 80, 78, 71,  13, 10,  26,  10,  0,  0,  0, 13, 73, 72, 68, 82, 0,  0,   0,   2,  0,  0,  0,   1,
        16,  0,  0,  0,   0,  129, 217, 252, 21, 0,  0, 0,  13, 73, 68, 65, 84, 120, 218, 99, 16, 50, 249, 119,
        7,   0,  3,  193, 2,  33,  210, 189, 85, 34, 0, 0,  0,  0,  73, 69, 78, 68,  174, 66, 96, 130},
       {18, 18, 18, 254, 254, 254}},
      {"one_bit",
       {137, 80, 78, 71, 13, 10,  26,  10,  0,  0,  0, 13, 73, 72, 68, 82, 0,  0,   0,   2,   0,  0,   0,
        1,   1,  0,  0,  0,  0,   220, 89,  66, 39, 0, 0,  0,  10, 73, 68, 65, 84,  120, 218, 99, 112, 0,
        0,   0,  66, 0,  65, 132, 191, 142, 98, 0,  0, 0,  0,  73, 69, 78, 68, 174, 66,  96,  130},
       {0, 0, 0, 255, 255, 255}},
      {"rgb16",
       {137, 80,  78,  71, 13,  10, 26, 10,  0,   0,  0,   13,  73,  72,  68,  82,  0,   0,  0,  2,
        0,   0,   0,   1,  16,  2,  0,  0,   0,   43, 208, 52,  158, 0,   0,   0,   21,  73, 68, 65,
        84,  120, 218, 99, 96,  96, 96, 100, 100, 98, 250, 255, 255, 223, 63,  102, 102, 0,  18, 46,
        4,   7,   65,  64, 158, 13, 0,  0,   0,   0,  73,  69,  78,  68,  174, 66,  96,  130},
       {0, 1, 2, 255, 254, 3}},
  };
  return cases;
}

TEST(Png, OfEveryKindBecomesRgb) {
  for (const PngCase& c : png_cases()) {
    const Image image = decode(c.file);
    ASSERT_EQ(image.width, 2) << c.name;
    for (int x = 0; x < 2; ++x)
      for (int k = 0; k < 3; ++k)
        EXPECT_NEAR(image.plane(k)[x], c.rgb[static_cast<std::size_t>(x * 3 + k)], c.name == std::string("gray16"))
            << c.name;
  }
}

TEST(Jpeg, ReadsBackNearlyWhatWasWritten) {
  TemporaryFolder folder;
  const Image image = picture(3, 24, 40);
  write_jpeg(folder / "a.jpg", image, 95);
  const Image back = read_image(folder / "a.jpg");
  ASSERT_EQ(back.height, 24);
  ASSERT_EQ(back.width, 40);
  int worst = 0;
  for (std::size_t i = 0; i < image.pixels.size(); ++i)
    worst = std::max(worst, std::abs(image.pixels[i] - back.pixels[i]));
  EXPECT_LE(worst, 12);
  write_jpeg(folder / "g.jpg", picture(1, 8, 8), 100);
  EXPECT_EQ(read_image(folder / "g.jpg", 3).channels, 3);
  EXPECT_NEAR(read_image(folder / "g.jpg", 1).pixels[0], 40, 2);
}

TEST(Image, ErrorsNameTheFileAndTheCause) {
  TemporaryFolder folder;
  write_png(folder / "a.png", picture(3, 64, 64));
  write_jpeg(folder / "a.jpg", picture(3, 64, 64));
  const std::string png = content(folder / "a.png"), jpg = content(folder / "a.jpg");
  put(folder / "cut.png", png.substr(0, png.size() / 2));
  put(folder / "cut.jpg", jpg.substr(0, jpg.size() / 2));
  put(folder / "text.png", "hello");
  put(folder / "empty.jpg", "");
  EXPECT_TRUE(contains(error_of([&] { read_image(folder / "cut.png"); }), "cut.png: damaged PNG file"));
  EXPECT_TRUE(contains(error_of([&] { read_image(folder / "cut.jpg"); }), "cut.jpg: damaged JPEG file"));
  EXPECT_TRUE(contains(error_of([&] { read_image(folder / "text.png"); }), "text.png: neither a JPEG nor a PNG file"));
  EXPECT_TRUE(contains(error_of([&] { read_image(folder / "empty.jpg"); }), "empty.jpg: the file is empty"));
  EXPECT_TRUE(contains(error_of([&] { read_image(folder / "none.jpg"); }), "none.jpg: cannot be opened: No such file"));
  EXPECT_NE(error_of([&] { write_png(folder / "x/y.png", picture(3, 2, 2)); }), "");
  // A damaged byte anywhere is an error or a picture, never a crash.
  for (std::size_t i = 0; i < jpg.size(); i += 7) {
    std::string bad = jpg;
    bad[i] = static_cast<char>(~bad[i]);
    error_of([&] { decode_image(bad.data(), bad.size(), "bad"); });
    bad = png;
    bad[i % png.size()] = static_cast<char>(~bad[i % png.size()]);
    error_of([&] { decode_image(bad.data(), bad.size(), "bad"); });
  }
}

TEST(Image, FilesAreKnownByTheirExtension) {
  EXPECT_TRUE(is_image_file("a/b.JPG"));
  EXPECT_TRUE(is_image_file("x.jpeg"));
  EXPECT_TRUE(is_image_file("x.png"));
  EXPECT_FALSE(is_image_file("x.txt"));
  EXPECT_FALSE(is_image_file("png"));
  EXPECT_FALSE(is_image_file("a.png/b"));
}

}  // namespace
}  // namespace weft::data
