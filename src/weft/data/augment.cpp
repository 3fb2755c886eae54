#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <utility>

#include <weft/data/augment.h>

namespace weft::data {

namespace {

std::uint8_t to_byte(double v) { return static_cast<std::uint8_t>(std::clamp(std::floor(v + 0.5), 0.0, 255.0)); }

/// image = its part of h x w from (top, left); what lies outside is black.
void crop(Image& image, Image& scratch, int top, int left, int h, int w) {
  scratch.resize(image.channels, h, w);
  const int x0 = std::max(0, -left), x1 = std::min(w, image.width - left);
  for (int c = 0; c < image.channels; ++c)
    for (int y = 0; y < h; ++y) {
      std::uint8_t* to = scratch.plane(c) + static_cast<std::int64_t>(y) * w;
      const int from_y = y + top;
      if (from_y < 0 || from_y >= image.height || x0 >= x1) {
        std::memset(to, 0, static_cast<std::size_t>(w));
        continue;
      }
      std::memset(to, 0, static_cast<std::size_t>(x0));
      std::memcpy(to + x0, image.plane(c) + static_cast<std::int64_t>(from_y) * image.width + x0 + left,
                  static_cast<std::size_t>(x1 - x0));
      std::memset(to + x1, 0, static_cast<std::size_t>(w - x1));
    }
  std::swap(image, scratch);
}

/// For one output place: the first input place and the weights of it and its followers.
struct Taps {
  std::vector<int> first;
  std::vector<float> weights;  ///< `width` of them for each output place
  int width = 0;
};
/// The triangle filter, as wide as the step where the image shrinks.
Taps taps(int from, int to) {
  const double scale = static_cast<double>(from) / to, radius = std::max(scale, 1.0);
  Taps t;
  t.width = static_cast<int>(std::ceil(radius)) * 2 + 1;
  t.weights.resize(static_cast<std::size_t>(t.width) * static_cast<std::size_t>(to));
  for (int i = 0; i < to; ++i) {
    const double center = (i + 0.5) * scale;
    const int begin = std::max(0, static_cast<int>(std::floor(center - radius + 0.5)));
    const int end = std::min(from, static_cast<int>(std::floor(center + radius + 0.5)));
    t.first.push_back(std::min(begin, from - 1));
    double sum = 0;
    std::vector<double> w(static_cast<std::size_t>(t.width));
    for (int k = begin; k < end && k - begin < t.width; ++k)
      sum += w[static_cast<std::size_t>(k - begin)] = std::max(0.0, 1 - std::abs((k + 0.5 - center) / radius));
    for (int k = 0; k < t.width; ++k)
      t.weights[static_cast<std::size_t>(i * t.width + k)] = static_cast<float>(w[static_cast<std::size_t>(k)] / sum);
  }
  return t;
}

/// Output (x, y) is read at matrix * (x, y, 1), bilinear; places outside are `fill`.
void warp(Image& image, Image& scratch, const std::array<double, 6>& m, int fill) {
  const int h = image.height, w = image.width;
  scratch.resize(image.channels, h, w);
  for (int y = 0; y < h; ++y)
    for (int x = 0; x < w; ++x) {
      const double sx = m[0] * x + m[1] * y + m[2], sy = m[3] * x + m[4] * y + m[5];
      const double fx = std::floor(sx), fy = std::floor(sy);
      const bool far = !(fx >= -1 && fy >= -1 && fx < w && fy < h);
      const int x0 = far ? -2 : static_cast<int>(fx), y0 = far ? -2 : static_cast<int>(fy);
      const double ax = sx - fx, ay = sy - fy;
      for (int c = 0; c < image.channels; ++c) {
        const std::uint8_t* p = image.plane(c);
        const auto at = [&](int yy, int xx) -> double {
          return yy >= 0 && yy < h && xx >= 0 && xx < w ? p[static_cast<std::int64_t>(yy) * w + xx] : fill;
        };
        scratch.plane(c)[static_cast<std::int64_t>(y) * w + x] =
            far ? static_cast<std::uint8_t>(fill)
                : to_byte((at(y0, x0) * (1 - ax) + at(y0, x0 + 1) * ax) * (1 - ay) +
                          (at(y0 + 1, x0) * (1 - ax) + at(y0 + 1, x0 + 1) * ax) * ay);
      }
    }
  std::swap(image, scratch);
}

/// The matrix from output to input that turns, scales, shears around the middle and then shifts by (dx, dy) pixels.
std::array<double, 6> around_middle(const Image& image, double degrees, double scale, double shear, double dx,
                                    double dy) {
  constexpr double radians = 3.14159265358979323846 / 180;
  const double c = std::cos(degrees * radians) / scale, s = std::sin(degrees * radians) / scale,
               k = std::tan(shear * radians);
  const double cx = (image.width - 1) / 2.0, cy = (image.height - 1) / 2.0;
  // (rotation * shear) inverted: [1 -k; 0 1] [c s; -s c].
  const double a = c + k * s, b = s - k * c, d = -s, e = c;
  return {a, b, cx - a * (cx + dx) - b * (cy + dy), d, e, cy - d * (cx + dx) - e * (cy + dy)};
}

int gray_at(const Image& image, std::int64_t i) {
  if (image.channels < 3) return image.pixels[static_cast<std::size_t>(i)];
  return (19595 * image.plane(0)[i] + 38470 * image.plane(1)[i] + 7471 * image.plane(2)[i] + 32768) >> 16;
}

void scale_by(Image& image, double factor, double towards) {
  std::uint8_t table[256];
  for (int v = 0; v < 256; ++v) table[v] = to_byte(towards + (v - towards) * factor);
  for (auto& p : image.pixels) p = table[p];
}
void contrast(Image& image, double factor) {
  std::int64_t sum = 0;
  for (std::int64_t i = 0; i < image.plane_size(); ++i) sum += gray_at(image, i);
  scale_by(image, factor, std::floor(static_cast<double>(sum) / static_cast<double>(image.plane_size()) + 0.5));
}
void saturation(Image& image, double factor) {
  if (image.channels < 3) return;
  for (std::int64_t i = 0; i < image.plane_size(); ++i) {
    const double gray = gray_at(image, i);
    for (int c = 0; c < 3; ++c) image.plane(c)[i] = to_byte(gray + (image.plane(c)[i] - gray) * factor);
  }
}
/// Turns the hue by `turns` in the HSV colour space.
void hue(Image& image, double turns) {
  if (image.channels < 3) return;
  for (std::int64_t i = 0; i < image.plane_size(); ++i) {
    const double r = image.plane(0)[i], g = image.plane(1)[i], b = image.plane(2)[i];
    const double high = std::max({r, g, b}), low = std::min({r, g, b}), chroma = high - low;
    if (chroma == 0) continue;
    double h = high == r ? (g - b) / chroma : high == g ? 2 + (b - r) / chroma : 4 + (r - g) / chroma;
    h += 6 * turns;
    h -= 6 * std::floor(h / 6);
    for (int c = 0; c < 3; ++c) {
      double k = h + (c == 0 ? 5 : c == 1 ? 3 : 1);
      k -= 6 * std::floor(k / 6);
      image.plane(c)[i] = to_byte(high - chroma * std::clamp(std::min(k, 4 - k), 0.0, 1.0));
    }
  }
}

/// A rectangle of a random share of the area and a random ratio, log-uniform; false where none fits in ten tries.
bool random_box(const Image& image, double scale_min, double scale_max, double ratio_min, double ratio_max,
                Draws& draws, int& top, int& left, int& h, int& w) {
  const double area = static_cast<double>(image.plane_size());
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double target = area * draws.uniform(scale_min, scale_max);
    const double ratio = std::exp(draws.uniform(std::log(ratio_min), std::log(ratio_max)));
    w = static_cast<int>(std::floor(std::sqrt(target * ratio) + 0.5));
    h = static_cast<int>(std::floor(std::sqrt(target / ratio) + 0.5));
    if (w < 1 || h < 1 || w > image.width || h > image.height) continue;
    top = static_cast<int>(draws.below(image.height - h + 1));
    left = static_cast<int>(draws.below(image.width - w + 1));
    return true;
  }
  return false;
}

}  // namespace

void resize(const Image& from, Image& to, int height, int width) {
  check(height > 0 && width > 0 && from.height > 0 && from.width > 0, "resize: from ", from.height, "x", from.width,
        " to ", height, "x", width, "; expected sizes from 1");
  const Taps across = taps(from.width, width), down = taps(from.height, height);
  to.resize(from.channels, height, width);
  std::vector<float> half(static_cast<std::size_t>(from.height) * static_cast<std::size_t>(width));
  for (int c = 0; c < from.channels; ++c) {
    for (int y = 0; y < from.height; ++y) {
      const std::uint8_t* row = from.plane(c) + static_cast<std::int64_t>(y) * from.width;
      for (int x = 0; x < width; ++x) {
        const int first = across.first[static_cast<std::size_t>(x)], n = std::min(across.width, from.width - first);
        const float* weight = across.weights.data() + x * across.width;
        float sum = 0;
        for (int k = 0; k < n; ++k) sum += weight[k] * static_cast<float>(row[first + k]);
        half[static_cast<std::size_t>(y * width + x)] = sum;
      }
    }
    for (int y = 0; y < height; ++y) {
      const int first = down.first[static_cast<std::size_t>(y)], n = std::min(down.width, from.height - first);
      const float* weight = down.weights.data() + y * down.width;
      for (int x = 0; x < width; ++x) {
        float sum = 0;
        for (int k = 0; k < n; ++k) sum += weight[k] * half[static_cast<std::size_t>((first + k) * width + x)];
        to.plane(c)[static_cast<std::int64_t>(y) * width + x] = to_byte(static_cast<double>(sum));
      }
    }
  }
}

void RandomHorizontalFlip::apply(Image& image, Image&, Draws& draws) const {
  if (!draws.chance(p)) return;
  for (std::int64_t y = 0; y < static_cast<std::int64_t>(image.channels) * image.height; ++y)
    std::reverse(image.pixels.begin() + y * image.width, image.pixels.begin() + (y + 1) * image.width);
}
void RandomVerticalFlip::apply(Image& image, Image&, Draws& draws) const {
  if (!draws.chance(p)) return;
  const std::int64_t w = image.width;
  for (int c = 0; c < image.channels; ++c)
    for (int y = 0; y < image.height / 2; ++y)
      std::swap_ranges(image.plane(c) + y * w, image.plane(c) + (y + 1) * w,
                       image.plane(c) + (image.height - 1 - y) * w);
}
void RandomCrop::apply(Image& image, Image& scratch, Draws& draws) const {
  const int h = size ? size : image.height, w = width ? width : size ? size : image.width;
  const int room_y = image.height + 2 * padding - h, room_x = image.width + 2 * padding - w;
  check(room_y >= 0 && room_x >= 0, "RandomCrop: an image of ", image.height, "x", image.width, " padded by ", padding,
        " is smaller than the crop of ", h, "x", w, "; raise the padding or resize first");
  const int top = static_cast<int>(draws.below(room_y + 1)) - padding,
            left = static_cast<int>(draws.below(room_x + 1)) - padding;
  crop(image, scratch, top, left, h, w);
}
void CenterCrop::apply(Image& image, Image& scratch, Draws&) const {
  const int h = size, w = width ? width : size;
  check(h > 0 && w > 0, "CenterCrop: received size ", h, "x", w, "; expected sizes from 1");
  crop(image, scratch, (image.height - h) / 2, (image.width - w) / 2, h, w);
}
void Resize::apply(Image& image, Image& scratch, Draws&) const {
  check(size > 0, "Resize: received size ", size, "; expected a size from 1");
  int h = size, w = width;
  if (!w) {
    const int shorter = std::min(image.height, image.width);
    h = static_cast<int>(static_cast<std::int64_t>(image.height) * size / shorter);
    w = static_cast<int>(static_cast<std::int64_t>(image.width) * size / shorter);
  }
  if (h == image.height && w == image.width) return;
  resize(image, scratch, h, w);
  std::swap(image, scratch);
}
void RandomResizedCrop::apply(Image& image, Image& scratch, Draws& draws) const {
  check(size > 0, "RandomResizedCrop: received size ", size, "; expected a size from 1");
  int top, left, h, w;
  if (!random_box(image, scale_min, scale_max, ratio_min, ratio_max, draws, top, left, h, w)) {
    w = std::clamp(static_cast<int>(std::lround(image.height * ratio_max)), 1, image.width);
    h = std::clamp(static_cast<int>(std::lround(image.width / ratio_min)), 1, image.height);
    top = (image.height - h) / 2, left = (image.width - w) / 2;
  }
  crop(image, scratch, top, left, h, w);
  resize(image, scratch, size, size);
  std::swap(image, scratch);
}
void RandomRotation::apply(Image& image, Image& scratch, Draws& draws) const {
  warp(image, scratch, around_middle(image, draws.uniform(-degrees, degrees), 1, 0, 0, 0), fill);
}
void RandomTranslation::apply(Image& image, Image& scratch, Draws& draws) const {
  const double dy = std::floor(draws.uniform(-height, height) * image.height + 0.5);
  const double dx = std::floor(draws.uniform(-width, width) * image.width + 0.5);
  warp(image, scratch, around_middle(image, 0, 1, 0, dx, dy), fill);
}
void RandomAffine::apply(Image& image, Image& scratch, Draws& draws) const {
  check(scale_min > 0 && scale_max >= scale_min, "RandomAffine: received scale ", scale_min, " to ", scale_max,
        "; expected above 0");
  const double angle = draws.uniform(-degrees, degrees), scale = draws.uniform(scale_min, scale_max);
  const double slant = draws.uniform(-shear, shear);
  const double dx = draws.uniform(-translate_x, translate_x) * image.width,
               dy = draws.uniform(-translate_y, translate_y) * image.height;
  warp(image, scratch, around_middle(image, angle, scale, slant, dx, dy), fill);
}
void ColorJitter::apply(Image& image, Image&, Draws& draws) const {
  check(brightness >= 0 && contrast >= 0 && saturation >= 0 && hue >= 0 && hue <= 0.5,
        "ColorJitter: received a negative number, or a hue above 0.5");
  int order[4] = {0, 1, 2, 3};
  for (int i = 3; i > 0; --i) std::swap(order[i], order[draws.below(i + 1)]);
  const auto factor = [&](double v) { return draws.uniform(std::max(0.0, 1 - v), 1 + v); };
  const double b = factor(brightness), c = factor(contrast), s = factor(saturation), turn = draws.uniform(-hue, hue);
  for (int step : order) {
    if (step == 0 && brightness > 0) scale_by(image, b, 0);
    if (step == 1 && contrast > 0) data::contrast(image, c);
    if (step == 2 && saturation > 0) data::saturation(image, s);
    if (step == 3 && hue > 0) data::hue(image, turn);
  }
}
void RandomGrayscale::apply(Image& image, Image&, Draws& draws) const {
  if (!draws.chance(p) || image.channels < 3) return;
  for (std::int64_t i = 0; i < image.plane_size(); ++i)
    image.plane(0)[i] = image.plane(1)[i] = image.plane(2)[i] = static_cast<std::uint8_t>(gray_at(image, i));
}
void RandomErasing::apply(Image& image, Image&, Draws& draws) const {
  int top, left, h, w;
  if (!draws.chance(p) || !random_box(image, scale_min, scale_max, ratio_min, ratio_max, draws, top, left, h, w))
    return;
  for (int c = 0; c < image.channels; ++c)
    for (int y = top; y < top + h; ++y)
      std::memset(image.plane(c) + static_cast<std::int64_t>(y) * image.width + left, value,
                  static_cast<std::size_t>(w));
}

struct Augmentation::HeldNormalize final : Model {
  Normalize n;
  explicit HeldNormalize(Normalize value) : n(std::move(value)) {}
  void apply(Image&, Image&, Draws&) const override {}
  const Normalize* normalize() const override { return &n; }
};
Augmentation::Augmentation(Normalize n) {
  check(!n.mean.empty() && !n.stddev.empty(), "Normalize: no mean or no stddev");
  for (double s : n.stddev) check(s > 0, "Normalize: received stddev ", s, "; expected above 0");
  model_ = std::make_shared<HeldNormalize>(std::move(n));
}

}  // namespace weft::data
