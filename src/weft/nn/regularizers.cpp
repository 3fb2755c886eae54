#include <weft/nn/regularizers.h>

namespace weft::nn {

Tensor L1::operator()(const Tensor& w) const { return sum(abs(w)) * l1; }
Tensor L2::operator()(const Tensor& w) const { return sum(square(w)) * l2; }
Tensor L1L2::operator()(const Tensor& w) const { return sum(abs(w)) * l1 + sum(square(w)) * l2; }

Tensor regularization_loss(ModuleRef m) {
  Tensor total;
  for (const Parameter& p : parameters(m)) {
    const auto& penalty = p.state()->regularizer;
    if (!penalty || !p.trainable() || !p.ready()) continue;
    const Tensor term = penalty(p.tensor());
    check(term.rank() == 0, "the regularizer of '", p.state()->path, "' gave shape ", term.shape(),
          "; expected a scalar");
    total = total.defined() ? total + term : term;
  }
  return total;
}

Tensor MaxNorm::operator()(const Tensor& w) const {
  if (w.rank() == 0) return clip(w, -max_norm, max_norm);
  Dims rest;
  for (int i = 1; i < w.rank(); ++i) rest.push_back(i);
  const Tensor length = rest.empty() ? abs(w) : sqrt(sum(square(w), rest, true));
  return w * (minimum(length, max_norm) / maximum(length, 1e-12));
}
Tensor NonNegative::operator()(const Tensor& w) const { return maximum(w, 0.0); }

void apply_constraints(ModuleRef m) {
  NoGrad off;
  for (const Parameter& p : parameters(m))
    if (p.state()->constraint && p.state()->value.defined()) p.assign(p.state()->constraint(p.tensor().detach()));
}

}  // namespace weft::nn
