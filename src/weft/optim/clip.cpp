#include <algorithm>

#include <weft/optim/clip.h>
#include <weft/tensor/context.h>
#include <weft/tensor/storage.h>

namespace weft::optim {

namespace {

Tensor sum_of_squares(const Tensor& t) {
  return sum(square(t.dtype() == DType::f16 || t.dtype() == DType::bf16 ? cast(t, DType::f32) : t));
}

/// t times a scalar in t's own dtype. On the host, and outside of a compiled step, a factor of 1 costs nothing.
void scale(Tensor& t, const Tensor& factor) {
  if (is_host(factor.device()) && !weft::detail::deferral() && factor.item() == 1) return;
  t = t * cast(factor.to(t.device()), t.dtype());
}

std::vector<Tensor> accumulated(const std::vector<Parameter>& parameters) {
  std::vector<Tensor> values;
  for (const Parameter& p : parameters) values.push_back(p.grad());
  return values;
}
void put_back(const std::vector<Parameter>& parameters, const std::vector<Tensor>& values) {
  for (std::size_t i = 0; i < values.size(); ++i)
    if (values[i].defined()) parameters[i].set_grad(values[i]);
}

void check_limit(const char* what, double limit) {
  check(limit > 0, what, ": received ", limit, "; expected a number above 0");
}

}  // namespace

Tensor global_norm(const std::vector<Tensor>& values) {
  NoGrad off;
  Tensor total;
  for (const Tensor& t : values) {
    if (!t.defined()) continue;
    const Tensor s = sum_of_squares(t);
    total = total.defined() ? total + s.to(total.device()) : s;
  }
  return total.defined() ? sqrt(total) : zeros({});
}

Tensor clip_grad_norm(std::vector<Tensor>& values, double max_norm) {
  check_limit("clip_grad_norm", max_norm);
  NoGrad off;
  Tensor norm = global_norm(values);
  const Tensor factor = minimum(max_norm / (norm + 1e-6), 1.0);
  for (Tensor& t : values)
    if (t.defined()) scale(t, factor);
  return norm;
}
Tensor clip_grad_norm(nn::Gradients& gradients, double max_norm) { return clip_grad_norm(gradients.values, max_norm); }
Tensor clip_grad_norm(const std::vector<Parameter>& parameters, double max_norm) {
  std::vector<Tensor> values = accumulated(parameters);
  Tensor norm = clip_grad_norm(values, max_norm);
  put_back(parameters, values);
  return norm;
}

void clip_each_norm(std::vector<Tensor>& values, double max_norm) {
  check_limit("clip_each_norm", max_norm);
  NoGrad off;
  for (Tensor& t : values)
    if (t.defined()) scale(t, max_norm / maximum(sqrt(sum_of_squares(t)), max_norm));
}

void clip_grad_value(std::vector<Tensor>& values, double limit) {
  check_limit("clip_grad_value", limit);
  NoGrad off;
  for (Tensor& t : values)
    if (t.defined()) t = clip(t, -limit, limit);
}
void clip_grad_value(nn::Gradients& gradients, double limit) { clip_grad_value(gradients.values, limit); }
void clip_grad_value(const std::vector<Parameter>& parameters, double limit) {
  std::vector<Tensor> values = accumulated(parameters);
  clip_grad_value(values, limit);
  put_back(parameters, values);
}

}  // namespace weft::optim
