#include <algorithm>

#include <weft/data/datasets.h>

namespace weft::data {

namespace {

// Letters of 5x7 dots, a row in five bits, the leftmost dot the highest bit.
struct Glyph {
  char c;
  unsigned char rows[7];
};
constexpr Glyph glyphs[] = {
    {'A', {14, 17, 17, 31, 17, 17, 17}}, {'B', {30, 17, 17, 30, 17, 17, 30}}, {'C', {14, 17, 16, 16, 16, 17, 14}},
    {'D', {30, 17, 17, 17, 17, 17, 30}}, {'E', {31, 16, 16, 30, 16, 16, 31}}, {'F', {31, 16, 16, 30, 16, 16, 16}},
    {'G', {14, 17, 16, 23, 17, 17, 14}}, {'H', {17, 17, 17, 31, 17, 17, 17}}, {'I', {14, 4, 4, 4, 4, 4, 14}},
    {'J', {7, 2, 2, 2, 2, 18, 12}},      {'K', {17, 18, 20, 24, 20, 18, 17}}, {'L', {16, 16, 16, 16, 16, 16, 31}},
    {'M', {17, 27, 21, 21, 17, 17, 17}}, {'N', {17, 25, 21, 19, 17, 17, 17}}, {'O', {14, 17, 17, 17, 17, 17, 14}},
    {'P', {30, 17, 17, 30, 16, 16, 16}}, {'Q', {14, 17, 17, 17, 21, 18, 13}}, {'R', {30, 17, 17, 30, 20, 18, 17}},
    {'S', {15, 16, 16, 14, 1, 1, 30}},   {'T', {31, 4, 4, 4, 4, 4, 4}},       {'U', {17, 17, 17, 17, 17, 17, 14}},
    {'V', {17, 17, 17, 17, 17, 10, 4}},  {'W', {17, 17, 17, 21, 21, 27, 17}}, {'X', {17, 10, 4, 4, 4, 10, 17}},
    {'Y', {17, 17, 10, 4, 4, 4, 4}},     {'Z', {31, 1, 2, 4, 8, 16, 31}},     {'0', {14, 17, 19, 21, 25, 17, 14}},
    {'1', {4, 12, 4, 4, 4, 4, 14}},      {'2', {14, 17, 1, 6, 8, 16, 31}},    {'3', {30, 1, 1, 14, 1, 1, 30}},
    {'4', {2, 6, 10, 18, 31, 2, 2}},     {'5', {31, 16, 30, 1, 1, 17, 14}},   {'6', {14, 16, 30, 17, 17, 17, 14}},
    {'7', {31, 1, 2, 4, 4, 8, 8}},       {'8', {14, 17, 17, 14, 17, 17, 14}}, {'9', {14, 17, 17, 15, 1, 1, 14}},
    {'-', {0, 0, 0, 14, 0, 0, 0}},       {'_', {0, 0, 0, 0, 0, 0, 31}},       {'/', {1, 2, 2, 4, 8, 8, 16}},
    {'.', {0, 0, 0, 0, 0, 12, 12}},      {' ', {0, 0, 0, 0, 0, 0, 0}},        {'?', {14, 17, 1, 2, 4, 0, 4}},
};
constexpr int advance = 6, line_height = 8;

const Glyph& glyph(char c) {
  if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  for (const Glyph& g : glyphs)
    if (g.c == c) return g;
  return glyph('?');
}

void write_text(Image& sheet, int x, int y, int scale, const std::string& text) {
  for (char c : text) {
    const Glyph& g = glyph(c);
    for (int row = 0; row < 7 * scale; ++row)
      for (int column = 0; column < 5 * scale; ++column) {
        const int px = x + column, py = y + row;
        if (!(g.rows[row / scale] >> (4 - column / scale) & 1) || px >= sheet.width || py >= sheet.height) continue;
        for (int k = 0; k < 3; ++k) sheet.plane(k)[py * sheet.width + px] = 32;
      }
    x += advance * scale;
  }
}

void paste(Image& sheet, int x, int y, int cell_h, int cell_w, const ImageView& v) {
  const std::int64_t plane = static_cast<std::int64_t>(v.height) * v.width;
  for (int row = 0; row < cell_h; ++row)
    for (int column = 0; column < cell_w; ++column) {
      const std::int64_t from =
          static_cast<std::int64_t>(row * v.height / cell_h) * v.width + column * v.width / cell_w;
      for (int k = 0; k < 3; ++k)
        sheet.plane(k)[static_cast<std::int64_t>(y + row) * sheet.width + x + column] =
            v.pixels[(v.channels == 3 ? k : 0) * plane + from];
    }
}

/// The first `most` examples of each class.
std::vector<std::vector<std::int64_t>> first_of_each(const Dataset& dataset, std::size_t classes, std::size_t most) {
  std::vector<std::vector<std::int64_t>> found(classes);
  std::size_t full = 0;
  Image scratch;
  ImageView v;
  for (std::int64_t i = 0; i < dataset.size() && full < found.size(); ++i) {
    check(dataset.image(i, v, scratch), "contact_sheet: the examples are no 8-bit images");
    if (static_cast<std::size_t>(v.label) >= found.size()) found.resize(static_cast<std::size_t>(v.label) + 1);
    auto& list = found[static_cast<std::size_t>(v.label)];
    if (list.size() == most) continue;
    list.push_back(i);
    full += list.size() == most;
  }
  return found;
}

}  // namespace

void contact_sheet(const Dataset& dataset, const std::string& path, const SheetOptions& options) {
  check(options.columns >= 1 && options.columns <= 200 && options.scale >= 1 && options.scale <= 16,
        "contact_sheet: received ", options.columns, " columns at scale ", options.scale,
        "; expected 1 to 200 and 1 to 16");
  check(dataset.size() > 0, "contact_sheet: the data set is empty");
  const auto names = dataset.class_names();
  const auto rows =
      first_of_each(dataset, std::max<std::size_t>(names.size(), 1), static_cast<std::size_t>(options.columns));
  Image scratch;
  ImageView v;
  check(dataset.image(0, v, scratch), "contact_sheet: the examples are no 8-bit images");
  const int cell_h = v.height * options.scale, cell_w = v.width * options.scale, gap = 2, text = 2;
  std::size_t longest = 3;
  for (const auto& n : names) longest = std::max(longest, n.size());
  const int left = static_cast<int>(longest) * advance * text + 8;
  const int row_height = std::max(cell_h, line_height * text) + gap;
  Image sheet(3, static_cast<int>(rows.size()) * row_height + gap, left + options.columns * (cell_w + gap) + gap);
  std::fill(sheet.pixels.begin(), sheet.pixels.end(), std::uint8_t{250});
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const int y = gap + static_cast<int>(r) * row_height;
    write_text(sheet, 4, y + (row_height - gap - 7 * text) / 2, text, r < names.size() ? names[r] : cat(r));
    for (std::size_t c = 0; c < rows[r].size(); ++c) {
      dataset.image(rows[r][c], v, scratch);
      paste(sheet, left + static_cast<int>(c) * (cell_w + gap), y, cell_h, cell_w, v);
    }
  }
  write_png(path, sheet);
}

}  // namespace weft::data
