// Rules without bias correction.
#include <algorithm>
#include <cmath>
#include <limits>

#include <weft/ops/ops.h>
#include <weft/ops/update.h>
#include <weft/optim/rules.h>

namespace weft::optim {

namespace {

void at_least_0(const char* rule, const char* option, double v) {
  check(v >= 0 && std::isfinite(v), rule, ": received ", option, " ", v, "; expected a finite number, 0 or more");
}
void below_1(const char* rule, const char* option, double v) {
  check(v >= 0 && v < 1, rule, ": received ", option, " ", v, "; expected a number in [0, 1)");
}
/// The gradient with weight decay added.
Tensor decayed(const Tensor& g, const Tensor& p, double weight_decay) {
  return weight_decay != 0 ? g + p * weight_decay : g;
}
/// (1 - weight) a + weight b
Tensor lerp(const Tensor& a, const Tensor& b, double weight) { return a + (b - a) * weight; }
Tensor mean_of_squares(const Tensor& mean, const Tensor& g, double decay) {
  return mean * decay + square(g) * (1 - decay);
}
Tensor root(const Tensor& x, double eps, bool inside) { return inside ? sqrt(x + eps) : sqrt(x) + eps; }

}  // namespace

Rule::Rule() : Rule(Adam{}) {}

void SGD::validate() const {
  at_least_0("SGD", "momentum", momentum);
  at_least_0("SGD", "weight_decay", weight_decay);
  check(!nesterov || (momentum > 0 && dampening == 0), "SGD: received nesterov with momentum ", momentum,
        " and dampening ", dampening, "; expected momentum above 0 and no dampening");
}

std::vector<Slot> SGD::slots(const Shape& parameter) const {
  if (momentum == 0) return {};
  return {{"momentum_buffer", parameter}};
}

Tensor SGD::update(const Tensor& p, const Tensor& g, std::span<Tensor> slots, const Step& at) const {
  const Tensors next = sgd_update(
      p, g, momentum != 0 && at.number > 1 ? slots[0] : Tensor(),
      {.lr = at.lr, .momentum = momentum, .dampening = dampening, .nesterov = nesterov, .weight_decay = weight_decay});
  if (momentum != 0) slots[0] = next[1];
  return next[0];
}

void RMSprop::validate() const {
  below_1("RMSprop", "alpha", alpha);
  at_least_0("RMSprop", "eps", eps);
  at_least_0("RMSprop", "weight_decay", weight_decay);
  at_least_0("RMSprop", "momentum", momentum);
}

std::vector<Slot> RMSprop::slots(const Shape& parameter) const {
  std::vector<Slot> s{{"square_avg", parameter}};
  if (momentum != 0) s.push_back({"momentum_buffer", parameter});
  if (centered) s.push_back({"grad_avg", parameter});
  return s;
}

Tensor RMSprop::update(const Tensor& p, const Tensor& grad, std::span<Tensor> slots, const Step& at) const {
  const Tensor g = decayed(grad, p, weight_decay);
  slots[0] = mean_of_squares(slots[0], g, alpha);
  Tensor v = slots[0];
  if (centered) {
    Tensor& mean = slots[momentum != 0 ? 2 : 1];
    mean = lerp(mean, g, 1 - alpha);
    v = v - square(mean);
  }
  const Tensor step = g / root(v, eps, eps_in_root);
  if (momentum == 0) return p - step * at.lr;
  slots[1] = slots[1] * momentum + step;
  return p - slots[1] * at.lr;
}

void Adagrad::validate() const {
  at_least_0("Adagrad", "lr_decay", lr_decay);
  at_least_0("Adagrad", "weight_decay", weight_decay);
  at_least_0("Adagrad", "initial_accumulator_value", initial_accumulator_value);
  at_least_0("Adagrad", "eps", eps);
}

std::vector<Slot> Adagrad::slots(const Shape& parameter) const {
  return {{"sum", parameter, initial_accumulator_value}};
}

Tensor Adagrad::update(const Tensor& p, const Tensor& grad, std::span<Tensor> slots, const Step& at) const {
  const Tensor g = decayed(grad, p, weight_decay);
  slots[0] = slots[0] + square(g);
  const double lr_now = at.lr / (1 + static_cast<double>(at.number - 1) * lr_decay);
  return p - g * lr_now / root(slots[0], eps, eps_in_root);
}

void Adadelta::validate() const {
  check(rho >= 0 && rho <= 1, "Adadelta: received rho ", rho, "; expected a number in [0, 1]");
  at_least_0("Adadelta", "eps", eps);
  at_least_0("Adadelta", "weight_decay", weight_decay);
}

std::vector<Slot> Adadelta::slots(const Shape& parameter) const {
  return {{"square_avg", parameter}, {"acc_delta", parameter}};
}

Tensor Adadelta::update(const Tensor& p, const Tensor& grad, std::span<Tensor> slots, const Step& at) const {
  const Tensor g = decayed(grad, p, weight_decay);
  slots[0] = mean_of_squares(slots[0], g, rho);
  const Tensor delta = sqrt(slots[1] + eps) / sqrt(slots[0] + eps) * g;
  slots[1] = mean_of_squares(slots[1], delta, rho);
  return p - delta * at.lr;
}

void Lion::validate() const {
  for (double b : betas) below_1("Lion", "betas", b);
  at_least_0("Lion", "weight_decay", weight_decay);
}

std::vector<Slot> Lion::slots(const Shape& parameter) const { return {{"exp_avg", parameter}}; }

Tensor Lion::update(const Tensor& p, const Tensor& g, std::span<Tensor> slots, const Step& at) const {
  const Tensor kept = weight_decay != 0 ? p * (1 - at.lr * weight_decay) : p;
  const Tensor direction = sign(lerp(slots[0], g, 1 - betas[0]));
  slots[0] = lerp(slots[0], g, 1 - betas[1]);
  return kept - direction * at.lr;
}

void Muon::validate() const {
  below_1("Muon", "momentum", momentum);
  at_least_0("Muon", "weight_decay", weight_decay);
  at_least_0("Muon", "vector_lr_scale", vector_lr_scale);
  check(ns_steps >= 1 && ns_steps < 100, "Muon: received ns_steps ", ns_steps, "; expected 1 to 99");
}

std::vector<Slot> Muon::slots(const Shape& parameter) const {
  check(parameter.rank() >= 2 || vector_lr_scale > 0, "Muon: received a parameter of shape ", parameter,
        "; expected a matrix; set vector_lr_scale, or give biases and other vectors a group with a rule of its own: "
        ".groups = {{.pattern = \"*.bias\", .rule = optim::AdamW{}}}");
  return {{"momentum_buffer", parameter}};
}

Tensor Muon::update(const Tensor& p, const Tensor& g, std::span<Tensor> slots, const Step& at) const {
  slots[0] = lerp(slots[0], g, 1 - momentum);
  const Tensor direction = nesterov ? lerp(g, slots[0], momentum) : slots[0];
  if (p.rank() < 2) return p - direction * (at.lr * vector_lr_scale);
  const std::int64_t rows = p.size(0), columns = rows ? p.numel() / rows : 0;
  Tensor x = reshape(direction.dtype() == DType::f64 ? direction : cast(direction, DType::f32), {rows, columns});
  if (rows > columns) x = x.transpose();
  x = x / maximum(sqrt(sum(square(x))), eps);
  const auto [a, b, c] = ns_coefficients;
  for (int i = 0; i < ns_steps; ++i) {
    const Tensor gram = matmul(x, x.transpose());
    x = x * a + matmul(gram * b + matmul(gram, gram) * c, x);
  }
  if (rows > columns) x = x.transpose();
  const double lr_here =
      at.lr *
      std::sqrt(std::max(1.0, static_cast<double>(rows) / static_cast<double>(std::max<std::int64_t>(columns, 1))));
  return p * (1 - at.lr * weight_decay) - cast(reshape(x, p.shape()), p.dtype()) * lr_here;
}

void Adafactor::validate() const {
  check(beta2_decay <= 0, "Adafactor: received beta2_decay ", beta2_decay, "; expected 0 or less");
  at_least_0("Adafactor", "eps", eps[0]);
  at_least_0("Adafactor", "eps", eps[1]);
  check(d >= 1, "Adafactor: received d ", d, "; expected 1 or more");
  at_least_0("Adafactor", "weight_decay", weight_decay);
}

std::vector<Slot> Adafactor::slots(const Shape& parameter) const {
  if (parameter.rank() < 2) return {{"variance", parameter}};
  Shape rows = parameter, columns = parameter;
  rows[rows.rank() - 1] = 1;
  columns[columns.rank() - 2] = 1;
  return {{"row_var", rows}, {"col_var", columns}};
}

namespace {
double spacing_at_1(DType t) {
  switch (t) {
    case DType::f64:
      return std::numeric_limits<double>::epsilon();
    case DType::f16:
      return 0x1p-10;
    case DType::bf16:
      return 0x1p-7;
    default:
      return std::numeric_limits<float>::epsilon();
  }
}
Tensor root_mean_square(const Tensor& x) { return sqrt(mean(square(x))); }
}  // namespace

Tensor Adafactor::update(const Tensor& p, const Tensor& g, std::span<Tensor> slots, const Step& at) const {
  const double eps1 = eps[0] > 0 ? eps[0] : spacing_at_1(p.dtype()), t = static_cast<double>(at.number);
  const double fresh = std::pow(t, beta2_decay);
  const Tensor alpha = maximum(root_mean_square(p), eps[1]) * std::min(at.lr, 1 / std::sqrt(t));
  const Tensor kept = weight_decay != 0 ? p * (1 - at.lr * weight_decay) : p;
  Tensor variance;
  if (slots.size() == 2) {
    slots[0] = lerp(slots[0], mean(square(g), {-1}, true), fresh);
    slots[1] = lerp(slots[1], mean(square(g), {-2}, true), fresh);
    variance = slots[0] * slots[1] / maximum(mean(slots[0], {-2}, true), eps1);
  } else {
    variance = slots[0] = lerp(slots[0], square(g), fresh);
  }
  const Tensor step = g * rsqrt(maximum(variance, eps1 * eps1));
  return kept - step * (alpha / maximum(root_mean_square(step) / d, 1.0));
}

}  // namespace weft::optim
