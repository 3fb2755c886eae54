// shapes10: integers only, so that every machine draws the same bytes. Lengths are in 1/256 of a pixel.
#include <algorithm>
#include <cmath>

#include <weft/base/random.h>
#include <weft/base/thread_pool.h>
#include <weft/data/datasets.h>

namespace weft::data {

namespace {

constexpr int side = 32, area = side * side, sublines = 4;

struct Point {
  std::int32_t x, y;
};
using Outline = std::span<const Point>;

// Outlines in a frame where 1024 is the radius.
constexpr Point circle[] = {{0, -1024}, {316, -974},  {602, -828},  {828, -602},  {974, -316},
                            {1024, 0},  {974, 316},   {828, 602},   {602, 828},   {316, 974},
                            {0, 1024},  {-316, 974},  {-602, 828},  {-828, 602},  {-974, 316},
                            {-1024, 0}, {-974, -316}, {-828, -602}, {-602, -828}, {-316, -974}};
constexpr Point square[] = {{-800, -800}, {800, -800}, {800, 800}, {-800, 800}};
constexpr Point triangle[] = {{0, -1024}, {887, 512}, {-887, 512}};
constexpr Point pentagon[] = {{0, -1024}, {974, -316}, {602, 828}, {-602, 828}, {-974, -316}};
constexpr Point star[] = {{0, -1024}, {253, -348}, {974, -316}, {409, 133},   {602, 828},
                          {0, 430},   {-602, 828}, {-409, 133}, {-974, -316}, {-253, -348}};
constexpr Point cross[] = {{-300, -960}, {300, -960}, {300, -300}, {960, -300}, {960, 300},   {300, 300},
                           {300, 960},   {-300, 960}, {-300, 300}, {-960, 300}, {-960, -300}, {-300, -300}};
constexpr Point hole[] = {{0, -563},  {216, -520},  {398, -398},  {520, -216}, {563, 0},    {520, 216},
                          {398, 398}, {216, 520},   {0, 563},     {-216, 520}, {-398, 398}, {-520, 216},
                          {-563, 0},  {-520, -216}, {-398, -398}, {-216, -520}};
constexpr Point crescent[] = {{780, 807},   {495, 964},   {175, 1024},  {-147, 980},  {-440, 837},  {-673, 610},
                              {-822, 321},  {-874, 0},    {-822, -321}, {-673, -610}, {-440, -837}, {-147, -980},
                              {175, -1024}, {495, -964},  {780, -807},  {543, -813},  {315, -751},  {113, -626},
                              {-44, -449},  {-143, -234}, {-178, 0},    {-143, 234},  {-44, 449},   {113, 626},
                              {315, 751},   {543, 813}};
constexpr Point heart[] = {{0, -420},  {28, -530},   {195, -744},  {508, -834},  {826, -682},  {960, -360}, {826, -6},
                           {508, 311}, {195, 592},   {28, 813},    {0, 900},     {-28, 813},   {-195, 592}, {-508, 311},
                           {-826, -6}, {-960, -360}, {-826, -682}, {-508, -834}, {-195, -744}, {-28, -530}};
constexpr Point arrow[] = {{-1000, -260}, {60, -260}, {60, -720}, {1020, 0}, {60, 720}, {60, 260}, {-1000, 260}};
// round(16384 sin(pi/2 k/64))
constexpr std::int32_t quarter_sine[65] = {0,     402,   804,   1205,  1606,  2006,  2404,  2801,  3196,  3590,  3981,
                                           4370,  4756,  5139,  5520,  5897,  6270,  6639,  7005,  7366,  7723,  8076,
                                           8423,  8765,  9102,  9434,  9760,  10080, 10394, 10702, 11003, 11297, 11585,
                                           11866, 12140, 12406, 12665, 12916, 13160, 13395, 13623, 13842, 14053, 14256,
                                           14449, 14635, 14811, 14978, 15137, 15286, 15426, 15557, 15679, 15791, 15893,
                                           15986, 16069, 16143, 16207, 16261, 16305, 16340, 16364, 16379, 16384};

const std::vector<std::string> names = {"circle", "square", "triangle", "pentagon", "star",
                                        "cross",  "ring",   "crescent", "heart",    "arrow"};
constexpr int ring_class = 6;
constexpr Outline outlines[10] = {circle, square, triangle, pentagon, star, cross, circle, crescent, heart, arrow};

/// SplitMix64 (Steele, Lea, Flood 2014): each image has its own, seeded by Philox.
struct Dice {
  std::uint64_t state;
  std::uint64_t next() {
    std::uint64_t z = state += 0x9e3779b97f4a7c15ull;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }
  /// Uniform in lo..hi, both included.
  int in(int lo, int hi) {
    return lo + static_cast<int>(((next() >> 32) * static_cast<std::uint64_t>(hi - lo + 1)) >> 32);
  }
  bool percent(int p) { return in(1, 100) <= p; }
};

/// sin of angle/256 of a turn, times 16384.
std::int32_t sine(int angle) {
  angle &= 255;
  const int a = angle & 127, q = a <= 64 ? quarter_sine[a] : quarter_sine[128 - a];
  return angle < 128 ? q : -q;
}

/// Where a shape lies: matrix (16384 is 1) and centre.
struct Placement {
  std::int64_t xx, xy, yx, yy, cx, cy;
};
Placement place(int radius_x, int radius_y, int angle, int cx, int cy) {
  const std::int64_t s = sine(angle), c = sine(angle + 64);
  return {c * radius_x, -s * radius_y, s * radius_x, c * radius_y, cx, cy};
}

/// How much of each pixel a shape covers, 0..1024, by the even-odd rule over several outlines.
class Mask {
 public:
  void clear() {
    for (auto& n : count_) n = 0;
    for (auto& c : coverage_) c = 0;
  }
  void add(Outline outline, const Placement& p) {
    Point previous = moved(outline.back(), p);
    for (Point q : outline) {
      const Point here = moved(q, p);
      edge(previous, here);
      previous = here;
    }
  }
  void finish() {
    for (int line = 0; line < lines; ++line) {
      std::int32_t* x = crossing_[line];
      const int n = count_[line];
      for (int i = 1; i < n; ++i)
        for (int k = i; k > 0 && x[k - 1] > x[k]; --k) std::swap(x[k - 1], x[k]);
      std::int16_t* row = coverage_ + line / sublines * side;
      for (int i = 0; i + 1 < n; i += 2) span(row, x[i], x[i + 1]);
    }
  }
  int operator[](int i) const { return coverage_[i]; }

 private:
  static constexpr int lines = side * sublines, most = 16;

  static Point moved(Point q, const Placement& p) {
    return {static_cast<std::int32_t>(p.cx + ((p.xx * q.x + p.xy * q.y) >> 24)),
            static_cast<std::int32_t>(p.cy + ((p.yx * q.x + p.yy * q.y) >> 24))};
  }
  void edge(Point a, Point b) {
    if (a.y == b.y) return;
    if (a.y > b.y) std::swap(a, b);
    // Line k is sampled at y = 64 k + 32.
    const int first = std::max(0, (a.y + 31) >> 6), last = std::min(lines - 1, (b.y - 33) >> 6);
    if (first > last) return;
    const std::int64_t slope = ((static_cast<std::int64_t>(b.x) - a.x) << 16) / (b.y - a.y);
    std::int64_t x = (static_cast<std::int64_t>(a.x) << 16) + slope * (first * 64 + 32 - a.y);
    for (int line = first; line <= last; ++line, x += slope * 64)
      if (count_[line] < most) crossing_[line][count_[line]++] = static_cast<std::int32_t>(x >> 16);
  }
  static void span(std::int16_t* row, std::int32_t from, std::int32_t to) {
    from = std::clamp(from, 0, side * 256), to = std::clamp(to, 0, side * 256);
    if (from >= to) return;
    const int first = from >> 8, last = (to - 1) >> 8;
    if (first == last) {
      row[first] = static_cast<std::int16_t>(row[first] + to - from);
      return;
    }
    row[first] = static_cast<std::int16_t>(row[first] + 256 - (from & 255));
    for (int i = first + 1; i < last; ++i) row[i] = static_cast<std::int16_t>(row[i] + 256);
    row[last] = static_cast<std::int16_t>(row[last] + to - (last << 8));
  }

  std::int32_t crossing_[lines][most];
  std::uint8_t count_[lines];
  std::int16_t coverage_[area];
};

struct Colour {
  int rgb[3];
};

/// Values -128..127 over the image: plain, a slope, stripes, checks or smooth noise.
class Texture {
 public:
  explicit Texture(Dice& dice) {
    const int kind = dice.in(0, 9);
    if (kind < 2) plain();
    else if (kind < 4) slope(dice);
    else if (kind < 6) stripes(dice);
    else if (kind < 7) checks(dice);
    else clouds(dice);
  }
  int operator[](int i) const { return t_[i]; }

 private:
  void plain() {
    for (auto& v : t_) v = 0;
  }
  void slope(Dice& dice) {
    const int angle = dice.in(0, 255), sx = sine(angle), sy = sine(angle + 64);
    each([&](int x, int y) { return (sx * (2 * x - 31) + sy * (2 * y - 31)) >> 13; });
  }
  void stripes(Dice& dice) {
    const int angle = dice.in(0, 255), width = dice.in(20, 70), shift = dice.in(0, 255);
    const int sx = sine(angle) * width / 16384, sy = sine(angle + 64) * width / 16384;
    each([&](int x, int y) { return sine(sx * x + sy * y + shift) >> 7; });
  }
  void checks(Dice& dice) {
    const int size = dice.in(2, 6), sx = dice.in(0, 5), sy = dice.in(0, 5);
    each([&](int x, int y) { return (((x + sx) / size + (y + sy) / size) & 1) ? 100 : -100; });
  }
  void clouds(Dice& dice) {
    const int bits = dice.in(2, 3), size = 1 << bits, n = side / size + 1;
    int lattice[9 * 9];
    for (int i = 0; i < n * n; ++i) lattice[i] = dice.in(-128, 127);
    each([&](int x, int y) {
      const int *p = lattice + (y >> bits) * n + (x >> bits), fx = x & (size - 1), fy = y & (size - 1);
      const int top = p[0] * (size - fx) + p[1] * fx, bottom = p[n] * (size - fx) + p[n + 1] * fx;
      return (top * (size - fy) + bottom * fy) >> (2 * bits);
    });
  }
  template <class F> void each(F f) {
    for (int y = 0; y < side; ++y)
      for (int x = 0; x < side; ++x) t_[y * side + x] = static_cast<std::int16_t>(std::clamp(f(x, y), -128, 127));
  }
  std::int16_t t_[area];
};

/// A colour at least `least` and at most `most` away from another, as the sum over red, green and blue.
Colour colour_apart(Dice& dice, const Colour& other, int least, int most) {
  Colour c{};
  for (int attempt = 0; attempt < 64; ++attempt) {
    int distance = 0;
    for (int k = 0; k < 3; ++k) {
      c.rgb[k] = dice.in(10, 245);
      distance += std::abs(c.rgb[k] - other.rgb[k]);
    }
    if (distance >= least && distance <= most) return c;
  }
  for (int k = 0; k < 3; ++k) c.rgb[k] = other.rgb[k] > 127 ? other.rgb[k] - least / 2 : other.rgb[k] + least / 2;
  return c;
}

class Painter {
 public:
  explicit Painter(std::uint64_t seed) : dice_{seed} {}

  void draw(int label, std::uint8_t* out) {
    for (int k = 0; k < 3; ++k) background_.rgb[k] = dice_.in(20, 235);
    mask_.clear();
    fill_all();
    const int behind = dice_.in(0, 4);
    for (int i = 0; i < behind; ++i) clutter(false);
    subject(label);
    const int before = dice_.in(0, 3);
    for (int i = 0; i < before; ++i) clutter(true);
    finish(out);
  }

 private:
  void fill_all() {
    const Texture texture(dice_);
    int swing[3];
    for (int& s : swing) s = dice_.in(-45, 45);
    for (int k = 0; k < 3; ++k)
      for (int i = 0; i < area; ++i) canvas_[k][i] = background_.rgb[k] + ((swing[k] * texture[i]) >> 7);
  }
  void fill_mask(const Colour& colour, const Texture& texture, int swing_most) {
    for (int k = 0; k < 3; ++k) {
      const int swing = dice_.in(-swing_most, swing_most);
      for (int i = 0; i < area; ++i)
        if (const int cover = mask_[i]) {
          const int v = colour.rgb[k] + ((swing * texture[i]) >> 7);
          canvas_[k][i] += ((v - canvas_[k][i]) * cover) >> 10;
        }
    }
  }
  void fill_mask(const Colour& colour) {
    for (int k = 0; k < 3; ++k)
      for (int i = 0; i < area; ++i) canvas_[k][i] += ((colour.rgb[k] - canvas_[k][i]) * mask_[i]) >> 10;
  }
  void subject(int label) {
    const int radius = dice_.in(7 * 256, 13 * 256), squeeze = dice_.in(190, 256);
    const int angle = dice_.in(-36, 36), room = side * 128 - radius;
    const int cx = side * 128 + dice_.in(-room, room), cy = side * 128 + dice_.in(-room, room);
    const Placement p = place(radius, radius * squeeze >> 8, angle, cx, cy);
    mask_.clear();
    mask_.add(outlines[label], p);
    if (label == ring_class) mask_.add(hole, p);
    mask_.finish();
    fill_mask(subject_colour(), Texture(dice_), 40);
  }
  /// Usually lighter than the background, sometimes darker, now and then hardly visible.
  Colour subject_colour() {
    const bool lighter = dice_.percent(75);
    const Colour a = colour_apart(dice_, background_, 80, 420);
    const Colour b = colour_apart(dice_, background_, 80, 420);
    const auto light = [](const Colour& c) { return 2 * c.rgb[0] + 4 * c.rgb[1] + c.rgb[2]; };
    return (light(a) > light(b)) == lighter ? a : b;
  }
  /// A bar, or a small shape that is none of the ten: what a classifier must learn to overlook.
  void clutter(bool in_front) {
    const Point random_corners[4] = {{-dice_.in(300, 1000), -dice_.in(300, 1000)},
                                     {dice_.in(300, 1000), -dice_.in(300, 1000)},
                                     {dice_.in(300, 1000), dice_.in(300, 1000)},
                                     {-dice_.in(300, 1000), dice_.in(300, 1000)}};
    const bool bar = dice_.percent(50);
    const int length = bar ? dice_.in(5 * 256, 16 * 256) : dice_.in(300, 700);
    const int width = bar ? dice_.in(100, in_front ? 220 : 350) : length;
    const Placement p = place(length, width, dice_.in(0, 255), dice_.in(0, side * 256), dice_.in(0, side * 256));
    mask_.clear();
    if (bar) mask_.add(square, p);
    else mask_.add(random_corners, p);
    mask_.finish();
    fill_mask(colour_apart(dice_, background_, 40, 400));
  }
  void finish(std::uint8_t* out) {
    const int noise = dice_.in(6, 44), light_x = dice_.in(-3, 3), light_y = dice_.in(-3, 3);
    for (int k = 0; k < 3; ++k)
      for (int i = 0; i < area; i += 8) {
        std::uint64_t bits = dice_.next();
        for (int j = i; j < i + 8; ++j, bits >>= 8) {
          const int light = 256 + light_x * (j % side - 16) + light_y * (j / side - 16);
          const int grain = (static_cast<int>(bits & 255) - 128) * noise >> 7;
          out[k * area + j] = static_cast<std::uint8_t>(std::clamp((canvas_[k][j] * light >> 8) + grain, 0, 255));
        }
      }
  }

  Dice dice_;
  Colour background_{};
  Mask mask_;
  int canvas_[3][area];
};

}  // namespace

ImageDataset shapes10(const ShapesOptions& options) {
  check(options.size >= 0, "shapes10: received size ", options.size,
        "; expected a number of images from 1, or 0 for all");
  const std::int64_t n = options.size ? options.size : options.train ? 50000 : 10000;
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(n) * 3 * area);
  std::vector<std::int64_t> labels(static_cast<std::size_t>(n));
  const RandomStream stream{options.seed, options.train ? 1u : 2u}, order{options.seed, options.train ? 3u : 4u};
  parallel_for(n, 250, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      // Each block of ten holds every class once.
      const auto block = static_cast<std::uint64_t>(i / 10);
      const std::uint64_t turn = order.below(block, 10);
      const int label = static_cast<int>((static_cast<std::uint64_t>(i) + turn) % 10);
      labels[static_cast<std::size_t>(i)] = label;
      Painter(stream.bits(static_cast<std::uint64_t>(i))).draw(label, pixels.data() + i * 3 * area);
    }
  });
  return {"shapes10", {3, side, side}, std::move(pixels), std::move(labels), names};
}

}  // namespace weft::data
