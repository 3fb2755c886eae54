// The picture of a plan: which buffer lies where in the arena over the steps, and what each kernel takes.
#include <algorithm>
#include <cmath>

#include "plan.h"
#include <weft/base/format.h>
#include <weft/base/view.h>

namespace weft::cli {

namespace {

constexpr double width = 1200, left = 84, right = 1180;
constexpr double arena_top = 74, arena_bottom = 470, times_top = 520, times_bottom = 640, legend_top = 690, legend_line = 20;
/// For the slowest kernels; the others are grey. Hues that people with colour blindness tell apart (after Okabe and Ito).
constexpr const char* colours[] = {"#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8a7f00", "#6a51a3", "#7f4f24"};
constexpr const char* grey = "#a8adb3";

std::string escaped(const std::string& text) {
  std::string s;
  for (char c : text)
    if (c == '&') s += "&amp;";
    else if (c == '<') s += "&lt;";
    else if (c == '>') s += "&gt;";
    else s += c;
  return s;
}

std::string text_at(double x, double y, const std::string& text, const char* more = "") {
  return format("<text x=\"%.1f\" y=\"%.1f\" %s>", x, y, more) + escaped(text) + "</text>\n";
}
std::string line_at(double x0, double y0, double x1, double y1) {
  return format("<path d=\"M%.1f %.1fL%.1f %.1f\" class=\"grid\"/>\n", x0, y0, x1, y1);
}

/// A round number of which `most` fit about four to eight times: 1, 2 or 5 by a power of ten.
double tick_of(double most) {
  const double power = std::pow(10, std::floor(std::log10(std::max(most, 1e-12) / 4)));
  for (double m : {1.0, 2.0, 5.0})
    if (most / (m * power) <= 8) return m * power;
  return 10 * power;
}

/// A buffer in the arena: [begin, end) of steps, [offset, offset + bytes).
struct Piece {
  std::size_t step, output, begin, end;
};

std::vector<Piece> pieces_of(const PlanReport& plan) {
  std::vector<Piece> pieces;
  for (std::size_t s = 0; s < plan.steps.size(); ++s)
    for (std::size_t o = 0; o < plan.steps[s].outputs.size(); ++o) {
      const PlanOutput& out = plan.steps[s].outputs[o];
      if (out.offset < 0 || out.bytes == 0) continue;
      if (out.in_place)  // what it lies over ends here
        for (Piece& p : pieces)
          if (p.end == s + 1 && plan.steps[p.step].outputs[p.output].offset == out.offset) p.end = s;
      pieces.push_back({s, o, s, out.last_step + 1});
    }
  return pieces;
}

class Picture {
 public:
  explicit Picture(const PlannedModel& m) : m_(m), plan_(m.plan), totals_(kernel_totals(m.plan)), pieces_(pieces_of(m.plan)) {
    for (const PlanStep& s : plan_.steps) {
      total_ += s.seconds;
      slowest_ = std::max(slowest_, s.seconds);
    }
  }

  std::string draw() {
    const double height = legend_top + 14 + legend_line * static_cast<double>(legend_rows());
    svg_ = format("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" height=\"%.0f\" "
                  "font-family=\"system-ui, sans-serif\" font-size=\"11\" fill=\"#24292f\">\n", width, height, width, height);
    svg_ += "<style>.grid{stroke:#d0d7de;fill:none;stroke-width:1}.b{stroke:#fff;stroke-width:.5}.in{fill:#fff;pointer-events:none}</style>\n"
            "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n";
    svg_ += text_at(left, 28, m_.title, "font-size=\"16\" font-weight=\"600\"");
    svg_ += text_at(left, 46, cat(plan_.asked, " operators in ", plan_.steps.size(), " steps, ", format("%.3f ms; arena %.2f MB", total_ * 1e3, megabytes(arena()))));
    arena_part();
    times_part();
    legend_part();
    return svg_ + "</svg>\n";
  }

 private:
  static double megabytes(double bytes) { return bytes / 1e6; }
  double arena() const { return static_cast<double>(std::max<std::size_t>(plan_.arena_bytes, 1)); }
  std::size_t legend_rows() const { return std::min(std::size(colours), totals_.size()) + (totals_.size() > std::size(colours)); }
  double x_of(double step) const { return left + (right - left) * step / static_cast<double>(std::max<std::size_t>(plan_.steps.size(), 1)); }
  double y_of(double bytes) const { return arena_bottom - (arena_bottom - arena_top) * bytes / arena(); }
  const char* colour_of(const std::string& kernel) const {
    for (std::size_t i = 0; i < std::min(std::size(colours), totals_.size()); ++i)
      if (totals_[i].kernel == kernel) return colours[i];
    return grey;
  }
  static std::string name_of_step(const PlanStep& s) {
    std::string name = s.op;
    for (std::size_t i = 0; i < s.fused.size(); ++i) name += (i ? ", " : " = ") + s.fused[i];
    return name;
  }
  static std::string microseconds(double seconds) { return format("%.1f us", seconds * 1e6); }

  void rectangle(double x0, double y0, double x1, double y1, const char* colour, const std::string& title) {
    svg_ += format("<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"%s\" class=\"b\"><title>", x0, y0, x1 - x0, y1 - y0, colour) +
            escaped(title) + "</title></rect>\n";
  }

  void arena_part() {
    svg_ += text_at(left, arena_top - 8, "Arena (MB from its beginning): a buffer from the step that makes it to its last reader; the line: bytes alive", "font-weight=\"600\"");
    const double tick = tick_of(megabytes(arena()));
    for (double mb = 0; mb <= megabytes(arena()); mb += tick) {
      svg_ += line_at(left, y_of(mb * 1e6), right, y_of(mb * 1e6));
      svg_ += text_at(left - 6, y_of(mb * 1e6) + 4, format("%g", mb), "text-anchor=\"end\"");
    }
    for (const Piece& p : pieces_) piece(p);
    alive_line();
    step_axis(arena_bottom);
  }

  void piece(const Piece& p) {
    const PlanStep& s = plan_.steps[p.step];
    const PlanOutput& o = s.outputs[p.output];
    const double x0 = x_of(static_cast<double>(p.begin)), x1 = x_of(static_cast<double>(p.end));
    const double y0 = y_of(static_cast<double>(o.offset + o.bytes)), y1 = y_of(static_cast<double>(o.offset));
    rectangle(x0, y0, x1, y1, colour_of(s.kernel),
              cat(name_of_step(s), ": ", to_string(Meta{o.shape, o.dtype}), ", ", o.bytes, " bytes at ", o.offset, o.in_place ? " (in place)" : "",
                  ", steps ", p.step, " to ", o.last_step, ", ", s.kernel));
    const std::string label = cat(s.op, " ", to_string(o.shape));
    for (const std::string& text : {label, s.op})
      if (static_cast<double>(text.size()) * 6.2 < x1 - x0 - 6 && y1 - y0 >= 13) {
        svg_ += text_at(x0 + 4, (y0 + y1) / 2 + 4, text, "class=\"in\"");
        break;
      }
  }

  /// The sum of what is alive at each step: what is white below it is lost between buffers.
  void alive_line() {
    std::vector<double> alive(plan_.steps.size());
    for (const Piece& p : pieces_)
      for (std::size_t i = p.begin; i < p.end; ++i) alive[i] += static_cast<double>(plan_.steps[p.step].outputs[p.output].bytes);
    std::string path;
    for (std::size_t i = 0; i < alive.size(); ++i)
      path += format("%s%.1f %.1fH%.1f", i ? "L" : "M", x_of(static_cast<double>(i)), y_of(alive[i]), x_of(static_cast<double>(i + 1)));
    svg_ += "<path d=\"" + path + "\" fill=\"none\" stroke=\"#24292f\" stroke-width=\"1.2\"/>\n";
  }

  void step_axis(double y) {
    const double steps = static_cast<double>(plan_.steps.size());
    for (double i = 0; i < steps; i += std::max(1.0, tick_of(steps)))
      svg_ += text_at(x_of(i + 0.5), y + 14, format("%.0f", i), "text-anchor=\"middle\"");
    svg_ += text_at(right, y + 28, "step", "text-anchor=\"end\"");
  }

  void times_part() {
    svg_ += text_at(left, times_top - 8, "Time of each step (us)", "font-weight=\"600\"");
    const double most = std::max(slowest_ * 1e6, 1e-3), tick = tick_of(most);
    const auto y = [&](double us) { return times_bottom - (times_bottom - times_top) * us / most; };
    for (double us = 0; us <= most; us += tick) {
      svg_ += line_at(left, y(us), right, y(us));
      svg_ += text_at(left - 6, y(us) + 4, format("%g", us), "text-anchor=\"end\"");
    }
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      const PlanStep& s = plan_.steps[i];
      rectangle(x_of(static_cast<double>(i)), y(s.seconds * 1e6), x_of(static_cast<double>(i + 1)), times_bottom, colour_of(s.kernel),
                cat(i, " ", name_of_step(s), ", ", s.kernel, ": ", microseconds(s.seconds)));
    }
    step_axis(times_bottom);
  }

  void legend_part() {
    double y = legend_top + 10, rest = 0;
    std::size_t rest_steps = 0;
    for (std::size_t i = 0; i < totals_.size(); ++i) {
      if (i >= std::size(colours)) {
        rest += totals_[i].seconds;
        rest_steps += totals_[i].steps;
        continue;
      }
      legend_row(y, colours[i], totals_[i]);
      y += legend_line;
    }
    if (rest_steps) legend_row(y, grey, {cat(totals_.size() - std::size(colours), " other kernels"), rest_steps, rest});
  }
  void legend_row(double y, const char* colour, const KernelTotal& t) {
    const double share = total_ > 0 ? t.seconds / total_ : 0;
    svg_ += text_at(left, y, t.kernel);
    svg_ += text_at(left + 380, y, format("%zu steps", t.steps), "text-anchor=\"end\"");
    svg_ += text_at(left + 470, y, microseconds(t.seconds), "text-anchor=\"end\"");
    svg_ += text_at(left + 530, y, format("%.1f %%", 100 * share), "text-anchor=\"end\"");
    rectangle(left + 545, y - 10, left + 545 + std::max(1.0, share * (right - left - 545)), y + 3, colour, t.kernel);
  }

  const PlannedModel& m_;
  const PlanReport& plan_;
  std::vector<KernelTotal> totals_;
  std::vector<Piece> pieces_;
  double total_ = 0, slowest_ = 0;
  std::string svg_;
};

}  // namespace

std::string plan_svg(const PlannedModel& m) { return Picture(m).draw(); }

}  // namespace weft::cli
