#include <weft/opdefs/slicing.h>

#include <algorithm>

#include <weft/opdefs/axes.h>

namespace weft {

namespace op {

SliceRange SliceRange::of(std::int64_t start, std::int64_t stop, std::int64_t step, std::int64_t n) {
  check(step != 0, "the step of a slice is 0; expected a positive or negative step");
  const std::int64_t lo = step > 0 ? 0 : -1, hi = step > 0 ? n : n - 1;
  const auto place = [&](std::int64_t p) { return std::clamp(p < 0 ? p + n : p, lo, hi); };
  const std::int64_t a = place(start), b = place(stop);
  const std::int64_t span = step > 0 ? b - a : a - b, width = step > 0 ? step : -step;
  return {a, span > 0 ? (span - 1) / width + 1 : 0, step};
}

TensorView slice_view(const TensorView& in, const Dims& axes, const Dims& start, const Dims& stop, const Dims& step) {
  check(axes.size() == start.size() && axes.size() == stop.size() && axes.size() == step.size(), "axes ",
        axes, ", start ", start, ", stop ", stop, ", step ", step,
        "; expected lists of equal length");
  TensorView out = in;
  std::int64_t offset = 0;
  for (int i = 0; i < axes.size(); ++i) {
    const int a = normalize_axis(axes[i], in.rank());
    const SliceRange r = SliceRange::of(start[i], stop[i], step[i], in.shape[a]);
    if (r.size > 0) offset += r.start * in.strides[a];
    out.shape[a] = r.size;
    out.strides[a] = in.strides[a] * r.step;
  }
  if (in.data) out.data = static_cast<char*>(in.data) + offset * static_cast<std::int64_t>(size_of(in.dtype));
  return out;
}

namespace {
TensorView without_data(const Meta& m) { return TensorView::of(nullptr, m.dtype, m.shape); }
}  // namespace

Metas Slice::infer(Inputs in) const {
  return {{slice_view(without_data(in[0]), axes, start, stop, step).shape, in[0].dtype}};
}

Axes Slice::axes_of(Inputs in) const {
  Axes result = parallel_axes(in);
  for (auto a : axes) result.inputs[0][static_cast<std::size_t>(normalize_axis(a, in[0].shape.rank()))] = Axes::mixed;
  return result;
}

Metas Select::infer(Inputs in) const {
  Shape shape = in[0].shape;
  const int a = normalize_axis(axis, shape.rank());
  check(index >= -shape[a] && index < shape[a], "index ", index, " on axis ", a, " of ", shape,
        "; expected ", -shape[a], " to ", shape[a] - 1);
  shape.erase(a);
  return {{shape, in[0].dtype}};
}

std::optional<TensorView> Select::view(const TensorView& in) const {
  const Meta meta{in.shape, in.dtype};
  TensorView out = in;
  out.shape = infer({&meta, 1})[0].shape;
  const int a = normalize_axis(axis, in.rank());
  const std::int64_t offset = (index < 0 ? index + in.shape[a] : index) * in.strides[a];
  out.strides.erase(a);
  if (in.data && out.numel())
    out.data = static_cast<char*>(in.data) + offset * static_cast<std::int64_t>(size_of(in.dtype));
  return out;
}

Metas SliceUpdate::infer(Inputs in) const {
  const Shape part = slice_view(without_data(in[0]), axes, start, stop, step).shape;
  check(in[1].shape == part, "value is ", in[1].shape, "; the part to replace is ", part);
  return {in[0]};
}

Metas Concat::infer(Inputs in) const {
  check(!in.empty(), "received no tensors; expected at least one");
  Meta out = in[0];
  const int a = normalize_axis(axis, out.shape.rank());
  for (std::size_t i = 1; i < in.size(); ++i) {
    const Shape& s = in[i].shape;
    bool fits = s.rank() == out.shape.rank();
    for (int k = 0; fits && k < s.rank(); ++k) fits = k == a || s[k] == out.shape[k];
    check(fits, "input ", i, " is ", s, ", input 0 is ", in[0].shape,
          "; expected equal sizes but along axis ", a);
    out.shape[a] += s[a];
  }
  return {out};
}

Axes Concat::axes_of(Inputs in) const {
  Axes result = parallel_axes(in);
  for (auto& list : result.inputs)
    list[static_cast<std::size_t>(normalize_axis(axis, in[0].shape.rank()))] = Axes::mixed;
  return result;
}

Metas Pad::infer(Inputs in) const {
  Meta out = in[0];
  check(low.size() == out.shape.rank() && high.size() == out.shape.rank(), "low ", low, " and high ",
        high, " for a tensor of shape ", out.shape, "; expected a number for each axis");
  for (int i = 0; i < low.size(); ++i) {
    constexpr std::int64_t most = std::int64_t{1} << 60;  // so that the sum cannot overflow
    check(low[i] >= 0 && high[i] >= 0 && low[i] < most && high[i] < most, "padding ", low[i], " and ", high[i],
          " of axis ", i, "; expected numbers from 0 to 2^60 (use slice to cut)");
    out.shape[i] += low[i] + high[i];
  }
  return {out};
}

Axes Pad::axes_of(Inputs in) const {
  Axes result = parallel_axes(in);
  for (int i = 0; i < low.size(); ++i)
    if (low[i] || high[i]) result.inputs[0][static_cast<std::size_t>(i)] = Axes::mixed;
  return result;
}

}  // namespace op

void register_slicing_ops() { add_ops(op::Slicing{}, "shape"); }

}  // namespace weft
