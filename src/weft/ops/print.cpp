#include <weft/ops/print.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <weft/base/view.h>
#include <weft/ops/ops.h>

namespace weft {

namespace {

/// Texts of all elements, of equal width.
class Column {
 public:
  Column(const Tensor& t, int precision) : precision_(precision) {
    if (t.dtype() == DType::boolean) {
      for (bool b : t.to_vector<bool>()) texts_.push_back(b ? "true" : "false");
    } else if (!is_floating(t.dtype())) {
      for (auto v : t.to_vector<std::int64_t>()) texts_.push_back(std::to_string(v));
    } else {
      add_floating(t.to_vector<double>());
    }
    std::size_t width = 0;
    for (const auto& s : texts_) width = std::max(width, s.size());
    for (auto& s : texts_) s.insert(0, width - s.size(), ' ');
  }
  const std::string& operator[](std::size_t i) const { return texts_[i]; }

 private:
  std::string format(double v, char kind, int digits) const {
    char buffer[512];
    const char spec[] = {'%', '.', '*', kind, 0};
    const int n = std::snprintf(buffer, sizeof buffer, spec, digits, v);
    return {buffer, static_cast<std::size_t>(std::min<int>(n, sizeof buffer - 1))};
  }
  /// The digits after the point that v needs, at most `precision`.
  int digits_of(double v, char kind) const {
    const std::string s = format(v, kind, precision_), mantissa = s.substr(0, s.find('e'));
    const auto last = mantissa.find_last_not_of('0'), point = mantissa.find('.');
    return point == mantissa.npos || last <= point ? 0 : static_cast<int>(last - point);
  }
  void add_floating(const std::vector<double>& values) {
    double largest = 0, smallest = HUGE_VAL;
    for (double v : values)
      if (std::isfinite(v) && v != 0) {
        largest = std::max(largest, std::fabs(v));
        smallest = std::min(smallest, std::fabs(v));
      }
    // NumPy's rule.
    const bool scientific = largest >= 1e8 || (largest > 0 && (smallest < 1e-4 || largest / smallest > 1000));
    const char kind = scientific ? 'e' : 'f';
    int digits = 0;
    for (double v : values)
      if (std::isfinite(v)) digits = std::max(digits, digits_of(v, kind));
    for (double v : values) {
      if (!std::isfinite(v)) {
        texts_.push_back(std::isnan(v) ? "nan" : v < 0 ? "-inf" : "inf");
        continue;
      }
      const int own = scientific ? digits : digits_of(v, kind);
      std::string s = format(v, kind, own);
      if (own == 0) s.insert(std::min(s.find('e'), s.size()), ".");
      if (!scientific) s.append(static_cast<std::size_t>(digits - own), ' ');
      texts_.push_back(std::move(s));
    }
  }
  int precision_;
  std::vector<std::string> texts_;
};

class Printer {
 public:
  Printer(const Tensor& shown, const std::vector<bool>& cut, const PrintOptions& o)
      : shape_(shown.shape()), cut_(cut), o_(o), column_(shown, o.precision) {}

  std::string block(int axis, std::size_t offset) const {
    if (axis == shape_.rank()) return column_[offset];
    const std::int64_t n = shape_[axis];
    std::size_t step = 1;
    for (int i = axis + 1; i < shape_.rank(); ++i) step *= static_cast<std::size_t>(shape_[i]);
    const bool last = axis == shape_.rank() - 1;
    const std::string indent(static_cast<std::size_t>(axis) + 1, ' ');
    const std::string line_end = std::string(static_cast<std::size_t>(shape_.rank() - 1 - axis), '\n') + indent;
    std::string s = "[";
    std::size_t line = indent.size();
    const auto put = [&](const std::string& item, std::size_t width) {
      if (s.size() > 1) {
        const bool wrap =
            !last || line + 1 + width + static_cast<std::size_t>(axis) + 1 > static_cast<std::size_t>(o_.line_width);
        s += !last ? line_end : wrap ? "\n" + indent : " ";
        line = wrap ? indent.size() : line + 1;
      }
      s += item;
      line += width;
    };
    for (std::int64_t i = 0; i < n; ++i) {
      if (cut_[static_cast<std::size_t>(axis)] && i == o_.edge_items) put("…", 1);
      const std::string item = block(axis + 1, offset + static_cast<std::size_t>(i) * step);
      put(item, item.size());
    }
    return s + "]";
  }

 private:
  Shape shape_;
  const std::vector<bool>& cut_;
  const PrintOptions& o_;
  Column column_;
};

std::string suffix(const Tensor& t) {
  std::string s;
  const auto add = [&](const std::string& part) { s += (s.empty() ? " (" : ", ") + part; };
  if (t.numel() == 0 && t.rank() > 1) add("shape " + to_string(t.shape()));
  if (t.dtype() != DType::f32 && t.dtype() != DType::i64 && t.dtype() != DType::boolean)
    add(std::string(name_of(t.dtype())));
  if (t.device() != default_device()) add(to_string(t.device()));
  return s.empty() ? s : s + ")";
}

}  // namespace

std::string to_string(const Tensor& t, const PrintOptions& options) {
  if (!t.defined()) return "undefined";
  if (t.device().type == DeviceType::meta) return to_string(t.meta()) + " (meta)";
  if (t.numel() == 0) return "[]" + suffix(t);
  NoGrad off;
  Tensor shown = t.detach().to(cpu);
  std::vector<bool> cut(static_cast<std::size_t>(t.rank()), false);
  const std::int64_t edge = options.edge_items;
  if (t.numel() > options.threshold)
    for (int axis = 0; axis < t.rank(); ++axis) {
      if (t.size(axis) <= 2 * edge) continue;
      cut[static_cast<std::size_t>(axis)] = true;
      shown = concat({slice(shown, axis, 0, edge), slice(shown, axis, -edge)}, axis);
    }
  return Printer(shown, cut, options).block(0, 0) + suffix(t);
}

std::string to_string(const Tensor& t) { return to_string(t, PrintOptions{}); }

}  // namespace weft
