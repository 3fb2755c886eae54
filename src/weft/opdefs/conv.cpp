#include <weft/opdefs/conv.h>

#include <weft/opdefs/axes.h>

namespace weft {

namespace op {

namespace {
/// Outputs of a window of `kernel` along an axis; negative where it does not fit.
std::int64_t windows(std::int64_t in, std::int64_t kernel, std::int64_t stride, std::int64_t pad, std::int64_t dilation) {
  const std::int64_t room = in + pad - dilation * (kernel - 1) - 1;
  return room < 0 ? -1 : room / stride + 1;
}

/// The attributes of `op` checked and copied, for `axes` spatial axes.
template <class Op> ConvShape begin_geometry(const Op& op, int axes) {
  check(axes >= 1 && axes <= 3, "received ", axes, " spatial axes; expected 1 to 3: x is [N, C, spatial…]");
  ConvShape s;
  s.axes = axes;
  s.groups = op.groups;
  s.stride = per_axis(op.stride, axes, 1);
  s.pad_before = per_axis(op.pad_before, axes, 0);
  s.pad_after = per_axis(op.pad_after, axes, 0);
  s.dilation = per_axis(op.dilation, axes, 1);
  check(s.stride.size() == axes && s.pad_before.size() == axes && s.pad_after.size() == axes &&
            s.dilation.size() == axes,
        "stride ", s.stride, ", padding ", s.pad_before, " and ", s.pad_after,
        ", dilation ", s.dilation, "; expected ", axes, " numbers each, one a spatial axis");
  for (int i = 0; i < axes; ++i)
    check(s.stride[i] >= 1 && s.dilation[i] >= 1 && s.pad_before[i] >= 0 && s.pad_after[i] >= 0, "stride ",
          s.stride[i], ", dilation ", s.dilation[i], ", padding ", s.pad_before[i], " and ", s.pad_after[i],
          "; expected stride and dilation from 1, padding from 0");
  check(op.groups >= 1, "groups ", op.groups, "; expected 1 or more");
  return s;
}

Dims output_sizes(const ConvShape& s) {
  Dims out;
  for (int i = 0; i < s.axes; ++i) {
    const std::int64_t n = windows(s.in[i], s.kernel[i], s.stride[i], s.pad_before[i] + s.pad_after[i], s.dilation[i]);
    check(n >= 0, "kernel ", s.kernel, " with dilation ", s.dilation, " is larger than the image ",
          s.in, " with its padding; use a smaller kernel or more padding");
    out.push_back(n);
  }
  return out;
}

void check_same_rank(const Shape& a, const Shape& b, const char* names) {
  check(a.rank() == b.rank() && a.rank() >= 3, names, " have shapes ", a, " and ", b,
        "; expected the same rank, 3 to 5: [N, C, spatial…] and [O, C / groups, kernel…]");
}

/// The axes of `shape` as stated by `codes` for its first two axes, the others mixed.
std::vector<int> with_spatial(int rank, int first, int second) {
  std::vector<int> list{first, second};
  while (static_cast<int>(list.size()) < rank) list.push_back(Axes::mixed);
  return list;
}
/// Grouped channels meet only their own group: neither reduced nor parallel as a whole.
int unless_grouped(int code, std::int64_t groups) { return groups == 1 ? code : Axes::mixed; }

Dims repeat(int axes, std::int64_t v) { return Dims::filled(axes, v); }
}  // namespace

Shape ConvShape::join(std::int64_t a, std::int64_t b, const Dims& rest) {
  Shape s{a, b};
  for (auto v : rest) s.push_back(v);
  return s;
}

std::int64_t ConvShape::macs() const { return y().numel() * in_per_group() * Shape(kernel).numel(); }

ConvShape Conv::geometry(const Shape& x, const Shape& w) const {
  check_same_rank(x, w, "x and weight");
  ConvShape s = begin_geometry(*this, x.rank() - 2);
  s.batch = x[0];
  s.in_channels = x[1];
  s.out_channels = w[0];
  s.in = conv_detail::spatial(x);
  s.kernel = conv_detail::spatial(w);
  check(s.in_channels == w[1] * groups, "x ", x, " has ", s.in_channels, " channels; weight ", w,
        groups > 1 ? cat(" with ", groups, " groups") : "", " expects ", w[1] * groups,
        "; make the layer's input channels ", s.in_channels);
  check(s.out_channels % groups == 0, "weight ", w, " has ", s.out_channels,
        " output channels, which ", groups, " groups do not divide");
  s.out = output_sizes(s);
  return s;
}

Metas Conv::infer(Inputs in) const {
  const ConvShape s = geometry(in[0].shape, in[1].shape);
  if (in.size() > 2)
    check(in[2].shape == Shape{s.out_channels}, "bias ", in[2].shape, "; expected [", s.out_channels, "]");
  return {{s.y(), in[0].dtype}};
}

Axes Conv::axes_of(Inputs in) const {
  const int rank = in[0].shape.rank();
  Axes axes{{with_spatial(rank, 0, unless_grouped(Axes::sum, groups)),
             with_spatial(rank, unless_grouped(1, groups), unless_grouped(Axes::sum, groups))}};
  for (int i = 2; i < rank; ++i) axes.inputs[1][static_cast<std::size_t>(i)] = Axes::sum;
  if (in.size() > 2) axes.inputs.push_back({1});
  return axes;
}

std::vector<Case<Conv>> Conv::domain() {
  const auto plain = [](int axes) { return Conv{repeat(axes, 1), repeat(axes, 0), repeat(axes, 0), repeat(axes, 1), 1}; };
  std::vector<Case<Conv>> cases{
      {plain(2), {{{2, 3, 5, 6}}, {{4, 3, 3, 2}}, {{4}}}},
      {Conv{}, {{{2, 3, 5, 6}}, {{4, 3, 1, 1}}}},
      {{{2, 1}, {1, 0}, {1, 2}, {1, 2}, 1}, {{{2, 2, 6, 7}}, {{3, 2, 3, 2}}, {{3}}}},
      {{{2, 2}, {0, 1}, {1, 1}, {1, 1}, 2}, {{{2, 4, 5, 5}}, {{6, 2, 3, 3}}, {{6}}}},
      {{{1, 1}, {1, 1}, {1, 1}, {1, 1}, 4}, {{{1, 4, 4, 4}}, {{4, 1, 3, 3}}, {{4}}}},
      {{{1, 1}, {1, 1}, {1, 1}, {1, 1}, 2}, {{{1, 2, 4, 4}}, {{4, 1, 3, 3}}}},
      {{{2}, {2}, {1}, {1}, 1}, {{{2, 3, 8}}, {{4, 3, 4}}, {{4}}}},
      {{{1, 2, 1}, {0, 1, 0}, {0, 1, 1}, {1, 1, 1}, 1}, {{{1, 2, 3, 4, 3}}, {{3, 2, 2, 3, 2}}, {{3}}}},
      {plain(2), {{{1, 1, 1, 1}}, {{1, 1, 1, 1}}, {{1}}}},
      {plain(2), {{{0, 2, 4, 4}}, {{3, 2, 3, 3}}, {{3}}}},
      {plain(2), {{{3, 16, 6, 5}}, {{16, 16, 3, 3}}, {{16}}}},
      {plain(2), {{{3, 16, 7, 6}}, {{32, 16, 3, 3}}, {{32}}}},
      {{{1, 1}, {1, 1}, {0, 2}, {1, 1}, 1}, {{{2, 16, 8, 7}}, {{32, 16, 3, 3}}, {{32}}}, 4},
      {{{1, 1}, {1, 1}, {1, 1}, {1, 1}, 1}, {{{2, 16, 9, 12}}, {{16, 16, 3, 3}}}, 4},
      {{{2, 1}, {1, 0}, {0, 2}, {1, 2}, 16}, {{{2, 16, 7, 6}}, {{16, 1, 4, 3}}, {{16}}}},
      // 4 x 4 of stride 2: large enough that tiles pay, sums of hundreds of terms, and channels that fit no vector
      {{{2, 2}, {1, 1}, {1, 1}, {1, 1}, 1}, {{{1, 32, 12, 16}}, {{48, 32, 4, 4}}, {{48}}}, 3},
      {{{2, 2}, {0, 0}, {0, 0}, {1, 1}, 1}, {{{2, 32, 16, 16}}, {{64, 32, 4, 4}}}, 3},
      {{{2, 2}, {2, 2}, {2, 2}, {1, 1}, 1}, {{{2, 32, 12, 11}}, {{48, 32, 4, 4}}, {{48}}}, 3},
      {{{2, 2}, {1, 2}, {2, 2}, {1, 1}, 1}, {{{2, 16, 15, 12}}, {{48, 16, 4, 4}}, {{48}}}, 3},
      {{{2, 2}, {1, 1}, {1, 1}, {1, 1}, 1}, {{{1, 5, 6, 7}}, {{16, 5, 4, 4}}, {{16}}}},
  };
  return cases;
}

ConvShape ConvInputGrad::geometry(const Shape& g, const Shape& w) const {
  check_same_rank(g, w, "g and weight");
  ConvShape s = begin_geometry(*this, g.rank() - 2);
  check(size.size() == s.axes, "result sizes ", size, "; expected ", s.axes, " numbers");
  s.batch = g[0];
  s.out_channels = w[0];
  s.in_channels = w[1] * groups;
  s.in = size;
  s.kernel = conv_detail::spatial(w);
  check(s.out_channels % groups == 0, "weight ", w, ": ", groups, " groups do not divide ", s.out_channels);
  s.out = output_sizes(s);
  check(s.y() == g, "input ", g, " and weight ", w, " with result sizes ", size,
        "; expected input ", s.y());
  return s;
}

Metas ConvInputGrad::infer(Inputs in) const { return {{geometry(in[0].shape, in[1].shape).x(), in[0].dtype}}; }

Axes ConvInputGrad::axes_of(Inputs in) const {
  const int rank = in[0].shape.rank();
  Axes axes{{with_spatial(rank, 0, unless_grouped(Axes::sum, groups)),
             with_spatial(rank, unless_grouped(Axes::sum, groups), unless_grouped(1, groups))}};
  for (int i = 2; i < rank; ++i) axes.inputs[1][static_cast<std::size_t>(i)] = Axes::sum;
  return axes;
}

std::vector<Case<ConvInputGrad>> ConvInputGrad::domain() {
  std::vector<Case<ConvInputGrad>> cases;
  for (const Case<Conv>& c : Conv::domain()) {
    const ConvShape s = c.op.geometry(c.inputs[0].shape, c.inputs[1].shape);
    cases.push_back({conv_detail::conv_input_grad(c.op, s.x()), {{s.y()}, {s.w()}}, c.tolerance});
  }
  return cases;
}

ConvShape ConvWeightGrad::geometry(const Shape& x, const Shape& g) const {
  check_same_rank(x, g, "x and g");
  ConvShape s = begin_geometry(*this, x.rank() - 2);
  check(kernel.size() == s.axes, "kernel sizes ", kernel, "; expected ", s.axes, " numbers");
  s.batch = x[0];
  s.in_channels = x[1];
  s.out_channels = g[1];
  check(s.in_channels % groups == 0 && s.out_channels % groups == 0, groups, " groups do not divide ", s.in_channels,
        " and ", s.out_channels, " channels");
  s.in = conv_detail::spatial(x);
  s.kernel = kernel;
  s.out = output_sizes(s);
  check(s.y() == g, "x ", x, " and g ", g, " with kernel ", kernel, "; expected g ",
        s.y());
  return s;
}

Metas ConvWeightGrad::infer(Inputs in) const { return {{geometry(in[0].shape, in[1].shape).w(), in[0].dtype}}; }

Axes ConvWeightGrad::axes_of(Inputs in) const {
  const int rank = in[0].shape.rank();
  Axes axes{{with_spatial(rank, Axes::sum, unless_grouped(1, groups)),
             with_spatial(rank, Axes::sum, unless_grouped(0, groups))}};
  return axes;
}

std::vector<Case<ConvWeightGrad>> ConvWeightGrad::domain() {
  std::vector<Case<ConvWeightGrad>> cases;
  for (const Case<Conv>& c : Conv::domain()) {
    const ConvShape s = c.op.geometry(c.inputs[0].shape, c.inputs[1].shape);
    cases.push_back({conv_detail::conv_weight_grad(c.op, s.w()), {{s.x()}, {s.y()}}, c.tolerance});
  }
  return cases;
}

}  // namespace op

void register_conv_ops() { add_ops(op::Convolutions{}, "nn"); }

}  // namespace weft
