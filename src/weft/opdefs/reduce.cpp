#include <weft/opdefs/reduce.h>

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

Metas Sum::infer(Inputs in) const {
  return {{reduced_shape(in[0].shape, axes, keepdim), is_floating(in[0].dtype) ? in[0].dtype : DType::i64}};
}

}  // namespace op

void register_reduce_ops() { add_ops(op::Reductions{}, "reduce"); }

}  // namespace weft
