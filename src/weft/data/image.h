// An 8-bit image in host memory, and the files it is read from and written to.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <weft/tensor/tensor.h>

namespace weft::data {

/// An 8-bit image, channels first: plane after plane, row after row. Three channels are red, green, blue; one is gray.
struct Image {
  int channels = 0, /**< 3: RGB, 1: gray */ height = 0, /**< rows */ width = 0;  ///< columns
  std::vector<std::uint8_t> pixels;  ///< channels * height * width bytes

  Image() = default;
  /// Black.
  Image(int channels, int height, int width) { resize(channels, height, width); }
  /// Changes the sizes; keeps the memory where it suffices. Contents are undefined afterwards.
  void resize(int c, int h, int w);
  std::int64_t plane_size() const { return static_cast<std::int64_t>(height) * width; }  ///< pixels of one channel
  std::uint8_t* plane(int c) { return pixels.data() + c * plane_size(); }  ///< the first pixel of channel c
  const std::uint8_t* plane(int c) const { return pixels.data() + c * plane_size(); }  ///< the same, read-only
  friend bool operator==(const Image&, const Image&) = default;
};

/// f32 [C, H, W] in 0..1.
Tensor to_tensor(const Image& image);

/// Reads a JPEG or PNG file of any size as `channels` = 3 (RGB) or 1 (gray). Gray, palette, CMYK and 16-bit files are
/// converted, an alpha channel is dropped. Throws Error naming the file where it is missing, damaged or no image.
Image read_image(const std::string& path, int channels = 3);
/// The same from memory; `name` is used in errors.
Image decode_image(const void* bytes, std::size_t size, const std::string& name, int channels = 3);
/// The bytes of a gray or RGB image as PNG; `name` is used in errors.
std::string encode_png(const Image& image, const std::string& name = "image");
/// Writes a gray or RGB image as PNG: beside `path` first, then renamed, so that no partial file is left.
void write_png(const std::string& path, const Image& image);
/// Writes a JPEG file in the same way; quality 1..100.
void write_jpeg(const std::string& path, const Image& image, int quality = 90);
/// True for the extensions .jpg, .jpeg and .png in any case.
bool is_image_file(const std::string& path);

}  // namespace weft::data
