#include <weft/opdefs/reduce.h>

#include <weft/opdefs/scan.h>

namespace weft {

namespace op {

Shape reduced_shape(const Shape& in, const Dims& axes, bool keepdim) {
  const Dims reduced = normalize_axes(axes, in.rank());
  Shape out;
  for (int i = 0; i < in.rank(); ++i) {
    if (!reduced.contains(i)) out.push_back(in[i]);
    else if (keepdim) out.push_back(1);
  }
  return out;
}

Axes reduction_axes(Inputs in, const Dims& axes, bool keepdim, int code) {
  const int rank = in[0].shape.rank();
  const Dims reduced = normalize_axes(axes, rank);
  std::vector<int> list;
  int position = 0;
  for (int i = 0; i < rank; ++i) {
    const bool gone = reduced.contains(i);
    list.push_back(gone ? code : position);
    position += !gone || keepdim;
  }
  return {{list}};
}

Permute reduced_last(int rank, const Dims& axes) {
  const Dims reduced = normalize_axes(axes, rank);
  Permute p;
  for (int i = 0; i < rank; ++i)
    if (!reduced.contains(i)) p.axes.push_back(i);
  for (auto a : reduced) p.axes.push_back(a);
  return p;
}

namespace {
DType accumulator(DType t) { return is_floating(t) ? t : DType::i64; }

/// Reductions without a value for no elements.
Shape nonempty_reduction(const Shape& in, const Dims& axes, bool keepdim) {
  for (auto a : normalize_axes(axes, in.rank()))
    check(in[static_cast<int>(a)] > 0, "axis ", a, " of ", in, " has no elements; expected at least one");
  return reduced_shape(in, axes, keepdim);
}

Shape arg_shape(const Shape& in, const Dims& axes, bool keepdim) {
  check(axes.size() <= 1, "axes ", axes, "; expected one axis, or none for the flattened tensor");
  return nonempty_reduction(in, axes, keepdim);
}
}  // namespace

Metas Sum::infer(Inputs in) const { return {{reduced_shape(in[0].shape, axes, keepdim), accumulator(in[0].dtype)}}; }
Metas Prod::infer(Inputs in) const { return {{reduced_shape(in[0].shape, axes, keepdim), accumulator(in[0].dtype)}}; }
Metas Amax::infer(Inputs in) const { return {{nonempty_reduction(in[0].shape, axes, keepdim), in[0].dtype}}; }
Metas Amin::infer(Inputs in) const { return {{nonempty_reduction(in[0].shape, axes, keepdim), in[0].dtype}}; }
Metas ArgMax::infer(Inputs in) const { return {{arg_shape(in[0].shape, axes, keepdim), DType::i64}}; }
Metas ArgMin::infer(Inputs in) const { return {{arg_shape(in[0].shape, axes, keepdim), DType::i64}}; }

Axes scan_axes(Inputs in, std::int64_t axis) {
  Axes axes;
  for (const Meta& m : in) {
    auto& list = axes.inputs.emplace_back();
    for (int i = 0; i < m.shape.rank(); ++i)
      list.push_back(i == normalize_axis(axis, m.shape.rank()) ? Axes::mixed : i);
  }
  return axes;
}

namespace {
Metas infer_cumulative(Inputs in, std::int64_t axis) {
  normalize_axis(axis, in[0].shape.rank());
  return {{in[0].shape, accumulator(in[0].dtype)}};
}
}  // namespace

Metas CumSum::infer(Inputs in) const { return infer_cumulative(in, axis); }
Metas CumProd::infer(Inputs in) const { return infer_cumulative(in, axis); }
Metas LinearScan::infer(Inputs in) const {
  check(in[0].shape == in[1].shape, "a is ", in[0].shape, ", b is ", in[1].shape,
        "; expected equal shapes");
  normalize_axis(axis, in[0].shape.rank());
  return {in[0]};
}

}  // namespace op

void register_reduce_ops() {
  add_ops(op::Reductions{}, "reduce");
  add_ops(op::Scans{}, "reduce");
}

}  // namespace weft
