#include <weft/opdefs/norm.h>

namespace weft {

namespace op {

namespace {
Shape channels_of(const Shape& x) {
  check(x.rank() >= 2, "x has shape ", x, "; expected rank 2 or more: [N, C, …]");
  return {x[1]};
}

/// Channels stay apart; the batch is mixed (statistics run over it).
std::vector<int> channels_apart(int rank) {
  std::vector<int> list(static_cast<std::size_t>(rank), Axes::mixed);
  list[1] = 1;
  return list;
}

/// Leading axes stay apart, the last `axes` are mixed.
Axes rows_apart(Inputs in, std::int64_t axes) {
  Axes out;
  const auto kept = in[0].shape.rank() - static_cast<int>(axes);
  for (const Meta& m : in) {
    auto& list = out.inputs.emplace_back();
    for (int i = 0; i < m.shape.rank(); ++i) list.push_back(i < kept ? i : Axes::mixed);
  }
  return out;
}

Shape leading(const Shape& x, std::int64_t axes) {
  check(axes >= 1 && axes <= x.rank(), "rows of ", axes, " axes in shape ", x, "; expected 1 to ", x.rank());
  return Shape(std::span<const std::int64_t>(x.begin(), x.end() - axes));
}
}  // namespace

namespace norm_detail {
Dims batch_axes(int rank) {
  Dims axes{0};
  for (int i = 2; i < rank; ++i) axes.push_back(i);
  return axes;
}
Shape per_row(const Shape& x, std::int64_t axes) {
  Shape s = x;
  for (auto a : last_axes(x.rank(), axes)) s[static_cast<int>(a)] = 1;
  return s;
}
Dims last_axes(int rank, std::int64_t axes) {
  Dims list;
  for (int i = rank - static_cast<int>(axes); i < rank; ++i) list.push_back(i);
  return list;
}
}  // namespace norm_detail

Metas BatchNorm::infer(Inputs in) const {
  const Shape channels = channels_of(in[0].shape);
  for (std::size_t i = 1; i < in.size(); ++i)
    check(in[i].shape == channels, i == 1 ? "weight " : "bias ", in[i].shape, " for x ",
          in[0].shape, "; expected one number a channel, ", channels);
  return {in[0], {channels, in[0].dtype}, {channels, in[0].dtype}};
}
Axes BatchNorm::axes_of(Inputs in) const {
  Axes axes{{channels_apart(in[0].shape.rank())}};
  for (std::size_t i = 1; i < in.size(); ++i) axes.inputs.push_back({1});
  return axes;
}

Metas BatchNormGrad::infer(Inputs in) const {
  const Shape channels = channels_of(in[0].shape);
  check(in[1].shape == in[0].shape, "g ", in[1].shape, "; expected x's shape ", in[0].shape);
  for (std::size_t i = 2; i < in.size(); ++i)
    check(in[i].shape == channels, "input ", i, " has shape ", in[i].shape, "; expected one number a channel, ",
          channels);
  return {in[0], {channels, in[0].dtype}, {channels, in[0].dtype}};
}
Axes BatchNormGrad::axes_of(Inputs in) const {
  Axes axes{{channels_apart(in[0].shape.rank()), channels_apart(in[0].shape.rank())}};
  for (std::size_t i = 2; i < in.size(); ++i) axes.inputs.push_back({1});
  return axes;
}

Metas Standardize::infer(Inputs in) const { return {in[0], {leading(in[0].shape, axes), in[0].dtype}}; }
Axes Standardize::axes_of(Inputs in) const { return rows_apart(in, axes); }

Metas StandardizeGrad::infer(Inputs in) const {
  const Shape rows = leading(in[0].shape, axes);
  check(in[1].shape == rows && in[2].shape == in[0].shape, "y ", in[0].shape, ", rstd ",
        in[1].shape, ", g ", in[2].shape, "; expected rstd ", rows, " and g like y");
  return {in[0]};
}
Axes StandardizeGrad::axes_of(Inputs in) const { return rows_apart(in, axes); }

}  // namespace op

void register_norm_ops() {
  add_ops(op::Norms{}, "nn");
  add_ops(op::NormBlocks{}, "nn");
}

}  // namespace weft
