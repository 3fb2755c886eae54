#include <weft/ops/shape_ops.h>

#include <weft/opdefs/shape_ops.h>
#include <weft/ops/composite.h>
#include <weft/ops/ops.h>
#include <weft/tensor/tape.h>

namespace weft {

Tensor reshape(Operand x, const Shape& shape) { return apply(op::Reshape{shape}, x); }
Tensor permute(Operand x, const Dims& axes) { return apply(op::Permute{axes}, x); }
Tensor transpose(Operand x, int a, int b) {
  const int rank = x.tensor().rank();
  Dims axes;
  for (int i = 0; i < rank; ++i) axes.push_back(i);
  std::swap(axes[detail::axis_at(x.where(), "transpose", a, rank)],
            axes[detail::axis_at(x.where(), "transpose", b, rank)]);
  return permute(x, axes);
}
Tensor broadcast_to(Operand x, const Shape& shape) {
  if (x.kind() == Operand::Kind::tensor && x.tensor().shape() == shape) return x.tensor();
  return apply(op::BroadcastTo{shape}, x);
}
Tensor sum_to(Operand x, const Shape& shape) {
  const Shape& from = x.tensor().shape();
  if (from == shape) return x.tensor();
  Dims axes;
  const int shift = from.rank() - shape.rank();
  for (int i = 0; i < from.rank(); ++i)
    if (i < shift || (shape[i - shift] == 1 && from[i] != 1)) axes.push_back(i);
  return reshape(axes.empty() ? x.tensor() : sum(x, axes, true), shape);
}
Tensor flatten(Operand x, int start_axis, int end_axis) {
  const Shape& s = x.tensor().shape();
  if (s.rank() == 0) return reshape(x, {1});
  const int a = detail::axis_at(x.where(), "flatten", start_axis, s.rank()),
            b = detail::axis_at(x.where(), "flatten", end_axis, s.rank());
  detail::check_at(x.where(), a <= b, "flatten: axes ", start_axis, " to ", end_axis, " of ", s);
  Shape out;
  std::int64_t joined = 1;
  for (int i = 0; i < s.rank(); ++i) {
    if (i < a || i > b) out.push_back(s[i]);
    else joined *= s[i];
    if (i == b) out.push_back(joined);
  }
  if (a > 0 && s.numel() > 0) out[0] = -1;  // the batch size stays open in a captured graph
  return reshape(x, out);
}
Tensor squeeze(Operand x, const Dims& axes) {
  const Shape& s = x.tensor().shape();
  const Dims chosen = axes.empty() ? Dims{} : normalize_axes(axes, s.rank());
  Shape out;
  for (int i = 0; i < s.rank(); ++i) {
    const bool drop = axes.empty() ? s[i] == 1 : chosen.contains(i);
    detail::check_at(x.where(), !drop || s[i] == 1, "squeeze: axis ", i, " of ", s, " has size ", s[i], "; expected 1");
    if (!drop) out.push_back(s[i]);
  }
  return reshape(x, out);
}
Tensor unsqueeze(Operand x, int axis) {
  Shape s = x.tensor().shape();
  s.insert(detail::axis_at(x.where(), "unsqueeze", axis, s.rank() + 1), 1);
  return reshape(x, s);
}

Tensor Tensor::contiguous() const { return is_contiguous() ? *this : apply(op::Contiguous{}, *this); }

void register_shape_gradients() { add_vjps(op::ShapeOps{}); }

}  // namespace weft
