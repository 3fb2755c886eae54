#include <weft/opdefs/matmul.h>

namespace weft {

namespace op {

namespace {
Shape leading(const Shape& s) { return Shape(std::span<const std::int64_t>(s.begin(), s.end() - 2)); }
}  // namespace

Metas MatMul::infer(Inputs in) const {
  const Shape &a = in[0].shape, &b = in[1].shape;
  check(a.rank() >= 2 && b.rank() >= 2, "shapes ", a, " and ", b,
        "; expected matrices (rank 2 or more); unsqueeze a vector");
  const std::int64_t m = a[a.rank() - (transpose_a ? 1 : 2)], k = a[a.rank() - (transpose_a ? 2 : 1)];
  const std::int64_t k2 = b[b.rank() - (transpose_b ? 1 : 2)], n = b[b.rank() - (transpose_b ? 2 : 1)];
  check(k == k2, "shapes ", a, transpose_a ? " (transposed)" : "", " and ", b,
        transpose_b ? " (transposed)" : "", ": inner sizes ", k, " and ", k2, " differ");
  Shape out = broadcast(leading(a), leading(b));
  out.push_back(m);
  out.push_back(n);
  return {{out, in[0].dtype}};
}

Axes MatMul::axes_of(Inputs in) const {
  const int rank = infer(in)[0].shape.rank();
  Axes axes;
  for (std::size_t which : {0u, 1u}) {
    auto& list = axes.inputs.emplace_back();
    const int r = in[which].shape.rank();
    for (int i = 0; i < r - 2; ++i) list.push_back(rank - r + i);
    const bool transposed = which == 0 ? transpose_a : transpose_b;
    const int kept = which == 0 ? rank - 2 : rank - 1;
    const bool kept_first = (which == 0) != transposed;
    list.push_back(kept_first ? kept : Axes::sum);
    list.push_back(kept_first ? Axes::sum : kept);
  }
  return axes;
}

std::int64_t MatMul::macs(Inputs in, std::span<const Meta> out) const {
  const Shape& a = in[0].shape;
  return out[0].shape.numel() * a[a.rank() - (transpose_a ? 2 : 1)];
}

}  // namespace op

void register_matmul_ops() { add_ops(op::Products{}, "linalg"); }

}  // namespace weft
