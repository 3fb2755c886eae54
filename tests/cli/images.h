// A small image folder to train on, so that a test takes a second.
#pragma once

#include <algorithm>
#include <cstdint>
#include "support/temporary_folder.h"

#include <weft/data/image.h>

namespace weft {

using namespace testing;

/// Noise whose brightest channel and half depend on the class.
inline data::Image class_image(int kind, int index, int size = 32) {
  data::Image image(3, size, size);
  std::uint32_t state = static_cast<std::uint32_t>(kind * 7919 + index * 104729 + 1);
  for (int c = 0; c < 3; ++c)
    for (std::int64_t i = 0; i < image.plane_size(); ++i) {
      state = state * 1664525u + 1013904223u;
      const bool bright = c == kind % 3 && (i < image.plane_size() / 2) == (kind < 3);
      image.plane(c)[i] = static_cast<std::uint8_t>((state >> 25) + (bright ? 100 : 0));
    }
  return image;
}

/// folder/{apple,book,cup,dog}/NN.png: 4 x 40 images, of which the last fifth of each class are the test images.
inline void write_image_folder(const std::string& folder) {
  int kind = 0;
  for (const char* name : {"apple", "book", "cup", "dog"}) {
    std::filesystem::create_directories(folder + "/" + name);
    for (int i = 0; i < 40; ++i)
      data::write_png(folder + "/" + name + "/" + std::to_string(10 + i) + ".png", class_image(kind, i));
    ++kind;
  }
}

}  // namespace weft
