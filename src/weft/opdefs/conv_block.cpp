#include <weft/opdefs/conv_block.h>


namespace weft {

namespace op {

namespace {
/// Batch apart; everything else mixed: windows and channels meet.
Axes by_image(Inputs in, std::initializer_list<std::size_t> images, int code) {
  Axes axes;
  for (const Meta& m : in) axes.inputs.emplace_back(static_cast<std::size_t>(m.shape.rank()), Axes::mixed);
  for (std::size_t i : images) axes.inputs[i][0] = code;
  return axes;
}

void check_pool(const Dims& pool, const Dims& out) {
  check(pool.size() == out.size(), "pool ", pool, "; expected ", out.size(), " numbers, one a spatial axis");
  for (int i = 0; i < pool.size(); ++i)
    check(pool[i] >= 1 && pool[i] <= out[i], "pool ", pool, "; expected sizes from 1 to those of the convolution's result ", out);
}

Dims pooled_sizes(const Dims& pool, const Dims& out) {
  if (pool.empty()) return out;
  check_pool(pool, out);
  Dims sizes;
  for (int i = 0; i < out.size(); ++i) sizes.push_back(out[i] / pool[i]);
  return sizes;
}

void check_pooled(const ConvShape& s, const Dims& pool, const Meta& g, const Meta& index) {
  const Shape want = ConvShape::join(s.batch, s.out_channels, pooled_sizes(pool, s.out));
  check(!pool.empty(), "pool is empty; expected its sizes, or conv_input_grad and conv_weight_grad without a pool");
  check(g.shape == want, "g ", g, "; expected ", want);
  const Meta index_want{want, Shape(pool).numel() <= 256 ? DType::u8 : DType::i32};
  check(index == index_want, "index is ", index, "; expected ", index_want, " as max_pool makes it");
}

struct Sizes {
  Conv conv;
  Shape x, w;
  bool bias;
  Dims pool;
};
/// Pooled convolutions that the three operators are tested on.
std::vector<Sizes> pooled_cases() {
  const auto same = [](std::int64_t pad) { return Conv{{1, 1}, {pad, pad}, {pad, pad}, {1, 1}, 1}; };
  return {
      {Conv{}, {2, 3, 6, 7}, {4, 3, 3, 3}, true, {2, 2}},
      {Conv{}, {2, 3, 8, 10}, {16, 3, 3, 3}, true, {2, 2}},
      {Conv{}, {2, 16, 8, 9}, {32, 16, 3, 3}, true, {2, 2}},
      {same(1), {3, 16, 7, 6}, {16, 16, 3, 3}, false, {2, 2}},
      {same(2), {1, 3, 7, 8}, {48, 3, 5, 5}, true, {3, 2}},
      {{{2, 1}, {1, 0}, {0, 1}, {1, 1}, 1}, {2, 3, 9, 8}, {16, 3, 3, 2}, true, {2, 2}},
      {{{2, 1}, {1, 0}, {0, 1}, {1, 2}, 1}, {1, 3, 9, 8}, {16, 3, 3, 2}, true, {2, 2}},
      {Conv{}, {2, 2, 9}, {3, 2, 2}, true, {2}},
      {same(1), {1, 32, 5, 6}, {16, 32, 3, 3}, false, {2, 2}},
      {Conv{}, {2, 3, 12, 14}, {16, 3, 3, 3}, false, {2, 2}},
      {same(2), {1, 3, 11, 12}, {16, 3, 3, 3}, true, {5, 4}},
      {same(1), {3, 16, 12, 15}, {16, 16, 3, 3}, true, {2, 2}},
  };
}
/// An index for each window of y.
Sample some_index(const Shape& y, std::int64_t window) {
  std::vector<double> values(static_cast<std::size_t>(y.numel()));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i * 7 % static_cast<std::size_t>(window));
  return {y, 0, 0, values, DType::u8};
}
}  // namespace

ConvShape ConvBlock::geometry(const Shape& x, const Shape& w) const { return conv_detail::conv_like<Conv>(*this).geometry(x, w); }
Dims ConvBlock::pooled(const Dims& out) const { return pooled_sizes(pool, out); }

Metas ConvBlock::infer(Inputs in) const {
  const Metas conv = conv_detail::conv_like<Conv>(*this).infer(in);
  const ConvShape s = geometry(in[0].shape, in[1].shape);
  const Shape y = ConvShape::join(s.batch, s.out_channels, pooled(s.out));
  const DType index = Shape(pool).numel() <= 256 ? DType::u8 : DType::i32;
  return {{y, conv[0].dtype}, {pool.empty() ? Shape{0} : y, index}};
}
Axes ConvBlock::axes_of(Inputs in) const { return by_image(in, {0}, 0); }

std::vector<Case<ConvBlock>> ConvBlock::domain() {
  std::vector<Case<ConvBlock>> cases;
  for (const Sizes& c : pooled_cases())
    for (const bool relu : {true, false}) {
      auto op = conv_detail::conv_like<ConvBlock>(c.conv);
      op.relu = relu;
      op.pool = c.pool;
      std::vector<Sample> inputs{{c.x}, {c.w}};
      if (c.bias) inputs.push_back({{c.w[0]}});
      cases.push_back({op, inputs, 4});
      op.pool = {};
      cases.push_back({op, inputs, 4});
    }
  return cases;
}

ConvShape ConvBlockInputGrad::geometry(const Shape& g, const Shape& w) const {
  check(g.rank() == w.rank() && g.rank() >= 3 && size.size() == g.rank() - 2, "g ", g, ", weight ", w, " and result sizes ", size,
        "; expected [N, O, spatial…], [O, C / groups, kernel…] and a size for each spatial axis");
  return conv_detail::conv_like<Conv>(*this).geometry(ConvShape::join(g[0], w[1] * groups, size), w);
}
Metas ConvBlockInputGrad::infer(Inputs in) const {
  const ConvShape s = geometry(in[0].shape, in[2].shape);
  check_pooled(s, pool, in[0], in[1]);
  return {{s.x(), in[0].dtype}};
}
Axes ConvBlockInputGrad::axes_of(Inputs in) const { return by_image(in, {0, 1}, 0); }
std::int64_t ConvBlockInputGrad::macs(Inputs in, std::span<const Meta>) const { return geometry(in[0].shape, in[2].shape).macs(); }

std::vector<Case<ConvBlockInputGrad>> ConvBlockInputGrad::domain() {
  std::vector<Case<ConvBlockInputGrad>> cases;
  for (const Sizes& c : pooled_cases()) {
    auto op = conv_detail::conv_like<ConvBlockInputGrad>(c.conv);
    op.size = conv_detail::spatial(c.x);
    op.pool = c.pool;
    const Shape y = ConvShape::join(c.x[0], c.w[0], pooled_sizes(c.pool, c.conv.geometry(c.x, c.w).out));
    cases.push_back({op, {{y}, some_index(y, Shape(c.pool).numel()), {c.w}}, 4});
  }
  return cases;
}

ConvShape ConvBlockWeightGrad::geometry(const Shape& x, const Shape& g) const {
  check(g.rank() == x.rank() && g.rank() >= 3 && kernel.size() == x.rank() - 2, "x ", x, ", g ", g, " and kernel ", kernel,
        "; expected [N, C, spatial…], [N, O, spatial…] and a size for each spatial axis");
  check(groups >= 1 && x[1] % groups == 0, groups, " groups do not divide ", x[1], " channels");
  return conv_detail::conv_like<Conv>(*this).geometry(x, ConvShape::join(g[1], x[1] / groups, kernel));
}
Metas ConvBlockWeightGrad::infer(Inputs in) const {
  const ConvShape s = geometry(in[0].shape, in[1].shape);
  check_pooled(s, pool, in[1], in[2]);
  return {{s.w(), in[0].dtype}};
}
Axes ConvBlockWeightGrad::axes_of(Inputs in) const { return by_image(in, {0, 1, 2}, Axes::sum); }
std::int64_t ConvBlockWeightGrad::macs(Inputs in, std::span<const Meta>) const { return geometry(in[0].shape, in[1].shape).macs(); }

std::vector<Case<ConvBlockWeightGrad>> ConvBlockWeightGrad::domain() {
  std::vector<Case<ConvBlockWeightGrad>> cases;
  for (const Sizes& c : pooled_cases()) {
    auto op = conv_detail::conv_like<ConvBlockWeightGrad>(c.conv);
    op.kernel = conv_detail::spatial(c.w);
    op.pool = c.pool;
    const Shape y = ConvShape::join(c.x[0], c.w[0], pooled_sizes(c.pool, c.conv.geometry(c.x, c.w).out));
    cases.push_back({op, {{c.x}, {y}, some_index(y, Shape(c.pool).numel())}, 4});
  }
  return cases;
}

}  // namespace op

void register_conv_block_ops() { add_ops(op::ConvBlocks{}, "nn"); }

}  // namespace weft
