#include <weft/opdefs/shape_ops.h>

#include <weft/base/strided.h>

namespace weft {

namespace op {

Metas Reshape::infer(Inputs in) const {
  const std::int64_t total = in[0].shape.numel();
  Shape out = shape;
  std::int64_t known = 1;
  int open = -1;
  for (int i = 0; i < out.rank(); ++i) {
    if (out[i] != -1) {
      check(out[i] >= 0, "size ", out[i], " in ", shape, "; expected sizes from 0, or one -1");
      const bool fits = !__builtin_mul_overflow(known, out[i], &known);
      check(fits, "shape ", shape, " has more elements than 64 bits can count");
      continue;
    }
    check(open < 0, "two sizes of -1 in ", shape);
    open = i;
  }
  if (open >= 0) out[open] = known ? total / known : 0;
  check(out.numel() == total, "cannot give ", in[0].shape, " (", total, " elements) the shape ",
        shape);
  return {{out, in[0].dtype}};
}

std::optional<TensorView> Reshape::view(const TensorView& in) const {
  const Meta meta{in.shape, in.dtype};
  TensorView out = in;
  out.shape = infer({&meta, 1})[0].shape;
  out.strides = contiguous_strides(out.shape);
  if (in.contiguous()) return out;
  // Match runs of input axes that lie row-major in memory with runs of output axes of the same product.
  int i = 0, o = 0;
  while (i < in.rank() || o < out.rank()) {
    const int i0 = i, o0 = o;
    std::int64_t pi = i < in.rank() ? in.shape[i++] : 1, po = o < out.rank() ? out.shape[o++] : 1;
    while (pi != po) {
      if (pi < po && i < in.rank()) pi *= in.shape[i++];
      else if (o < out.rank()) po *= out.shape[o++];
      else return std::nullopt;
    }
    std::int64_t stride = 1;  // of the innermost axis of the run that is longer than 1
    bool found = false;
    std::int64_t expected = 0;
    for (int k = i - 1; k >= i0; --k) {
      if (in.shape[k] == 1) continue;
      if (!found) stride = in.strides[k];
      else if (in.strides[k] != expected) return std::nullopt;
      expected = in.strides[k] * in.shape[k];
      found = true;
    }
    for (int k = o - 1; k >= o0; --k) {
      out.strides[k] = stride;
      stride *= out.shape[k];
    }
  }
  return out;
}

Metas Permute::infer(Inputs in) const {
  const Shape& from = in[0].shape;
  check(axes.size() == from.rank(), "axes ", axes, " for a tensor of shape ", from,
        "; expected each axis once");
  normalize_axes(axes, from.rank());
  Shape out;
  for (auto a : axes) out.push_back(from[normalize_axis(a, from.rank())]);
  return {{out, in[0].dtype}};
}

std::optional<TensorView> Permute::view(const TensorView& in) const {
  TensorView out = in;
  for (int i = 0; i < axes.size(); ++i) {
    const int a = normalize_axis(axes[i], in.rank());
    out.shape[i] = in.shape[a];
    out.strides[i] = in.strides[a];
  }
  return out;
}

Dims Permute::inverse() const {
  Dims inv = axes;
  for (int i = 0; i < axes.size(); ++i) inv[normalize_axis(axes[i], axes.size())] = i;
  return inv;
}

Metas BroadcastTo::infer(Inputs in) const {
  check(broadcasts_to(in[0].shape, shape), "shape ", in[0].shape, " does not broadcast to ",
        shape);
  return {{shape, in[0].dtype}};
}

std::optional<TensorView> BroadcastTo::view(const TensorView& in) const { return broadcast_view(in, shape); }

}  // namespace op

void register_shape_ops() { add_ops(op::ShapeOps{}, "shape"); }

}  // namespace weft
