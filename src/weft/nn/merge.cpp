#include <weft/nn/merge.h>

namespace weft::nn {

namespace {

template <class F> Tensor fold(const char* name, const std::vector<Tensor>& xs, F f) {
  check(xs.size() >= 2, name, ": received ", xs.size(), xs.size() == 1 ? " tensor" : " tensors", "; expected two or more");
  Tensor y = f(xs[0], xs[1]);
  for (std::size_t i = 2; i < xs.size(); ++i) y = f(y, xs[i]);
  return y;
}

void check_two(const char* name, const std::vector<Tensor>& xs) {
  check(xs.size() == 2, name, ": received ", xs.size(), xs.size() == 1 ? " tensor" : " tensors", "; expected two");
}

}  // namespace

Tensor Add::merge(const std::vector<Tensor>& xs) const {
  return fold("add", xs, [](const Tensor& a, const Tensor& b) { return a + b; });
}
Tensor Subtract::merge(const std::vector<Tensor>& xs) const {
  check_two("subtract", xs);
  return xs[0] - xs[1];
}
Tensor Multiply::merge(const std::vector<Tensor>& xs) const {
  return fold("multiply", xs, [](const Tensor& a, const Tensor& b) { return a * b; });
}
Tensor Average::merge(const std::vector<Tensor>& xs) const {
  return fold("average", xs, [](const Tensor& a, const Tensor& b) { return a + b; }) / static_cast<double>(xs.size());
}
Tensor Maximum::merge(const std::vector<Tensor>& xs) const {
  return fold("maximum", xs, [](const Tensor& a, const Tensor& b) { return maximum(a, b); });
}
Tensor Minimum::merge(const std::vector<Tensor>& xs) const {
  return fold("minimum", xs, [](const Tensor& a, const Tensor& b) { return minimum(a, b); });
}
Tensor Concatenate::merge(const std::vector<Tensor>& xs) const {
  check(!xs.empty(), "concatenate: received no tensors");
  return concat(xs, axis);
}

Tensor Dot::merge(const std::vector<Tensor>& xs) const {
  check_two("dot", xs);
  Tensor a = xs[0], b = xs[1];
  const auto prepare = [&](Tensor& t, const char* which, int axis) {
    check(t.rank() == 2 || t.rank() == 3, "dot: received ", which, " of shape ", t.shape(), "; expected rank 2 or 3");
    const int k = normalize_axis(axis, t.rank());
    check(k > 0, "dot: axis ", axis, " of ", which, " is the batch; expected 1 or more");
    if (options.normalize) t = t / maximum(norm(t, 2, {k}, true), 1e-12);
    return t.rank() == 2 ? unsqueeze(t, 1) : k == 2 ? t : transpose(t, 1, 2);  // [N, rows, K]
  };
  const Tensor p = prepare(a, "a", options.axis_a), q = prepare(b, "b", options.axis_b);
  check(p.size(0) == q.size(0) && p.size(2) == q.size(2), "dot: received a of shape ", xs[0].shape(), " and b of shape ",
        xs[1].shape(), "; expected equal batches and equal sizes along axes ", options.axis_a, " and ", options.axis_b);
  const Tensor y = matmul(p, q, false, true);
  if (a.rank() == 2) return squeeze(y, {1});  // [N, B]; [N, 1] for two vectors
  return b.rank() == 2 ? squeeze(y, {2}) : y;
}

}  // namespace weft::nn
