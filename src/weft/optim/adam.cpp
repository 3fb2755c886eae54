// The rules of Adam's family.
#include <cmath>

#include <weft/ops/update.h>
#include <weft/optim/rules.h>

namespace weft::optim {

namespace {

void check_adam(const char* rule, const std::array<double, 2>& betas, double eps, double weight_decay) {
  for (double b : betas) check(b >= 0 && b < 1, rule, ": received betas ", b, "; expected numbers in [0, 1)");
  check(eps >= 0, rule, ": received eps ", eps, "; expected 0 or more");
  check(weight_decay >= 0, rule, ": received weight_decay ", weight_decay, "; expected 0 or more");
}

Tensor decayed(const Tensor& g, const Tensor& p, double weight_decay) {
  return weight_decay != 0 ? g + p * weight_decay : g;
}

/// The two moving means, slots 0 and 1.
void advance_means(std::span<Tensor> slots, const Tensor& g, const std::array<double, 2>& betas) {
  slots[0] = slots[0] + (g - slots[0]) * (1 - betas[0]);
  slots[1] = slots[1] * betas[1] + square(g) * (1 - betas[1]);
}

/// 1 - beta^t: what a mean that started at 0 has seen of its total weight.
double seen(double beta, std::int64_t t) { return 1 - std::pow(beta, static_cast<double>(t)); }

/// The same as Keras reckons it: beta is f32, and so is the power unless the weights are f64.
double seen_by_keras(double beta, std::int64_t t, DType weights) {
  const auto b = static_cast<float>(beta);
  if (weights == f64) return seen(static_cast<double>(b), t);
  return static_cast<double>(1 - std::pow(b, static_cast<float>(t)));
}

template <class R> std::vector<Slot> adam_slots(const R& rule, const Shape& parameter) {
  std::vector<Slot> s{{"exp_avg", parameter}, {"exp_avg_sq", parameter}};
  if (rule.amsgrad) s.push_back({"max_exp_avg_sq", parameter});
  return s;
}

/// Adam's step, with the weight decay in the gradient or (decoupled) in p: fused, but for AMSGrad.
template <class R>
Tensor adam_step(const R& rule, const Tensor& p, const Tensor& g, std::span<Tensor> slots, const Step& at,
                 bool decoupled) {
  const double first = seen(rule.betas[0], at.number), root = std::sqrt(seen(rule.betas[1], at.number));
  double lr = at.lr, eps = rule.eps, decay = rule.weight_decay;
  if (rule.keras) {
    eps /= root;  // sqrt(v) / root + eps / root
    lr *= first / seen_by_keras(rule.betas[0], at.number, p.dtype()) *
          std::sqrt(seen_by_keras(rule.betas[1], at.number, p.dtype())) / root;
    if (decoupled && lr != 0) decay *= at.lr / lr;
  }
  if (!rule.amsgrad) {
    const Tensors next = adam_update(p, g, slots[0], slots[1],
                                     {.lr = lr,
                                      .beta1 = rule.betas[0],
                                      .beta2 = rule.betas[1],
                                      .eps = eps,
                                      .weight_decay = decay,
                                      .decoupled = decoupled,
                                      .step = at.number});
    slots[0] = next[1];
    slots[1] = next[2];
    return next[0];
  }
  advance_means(slots, decoupled ? g : decayed(g, p, rule.weight_decay), rule.betas);
  slots[2] = maximum(slots[2], slots[1]);
  const Tensor kept = decoupled && rule.weight_decay != 0 ? p * (1 - at.lr * rule.weight_decay) : p;
  return kept - slots[0] * (lr / first) / (sqrt(slots[2]) / root + eps);
}

}  // namespace

void Adam::validate() const { check_adam("Adam", betas, eps, weight_decay); }
std::vector<Slot> Adam::slots(const Shape& parameter) const { return adam_slots(*this, parameter); }
Tensor Adam::update(const Tensor& p, const Tensor& g, std::span<Tensor> slots, const Step& at) const {
  return adam_step(*this, p, g, slots, at, false);
}

void AdamW::validate() const { check_adam("AdamW", betas, eps, weight_decay); }
std::vector<Slot> AdamW::slots(const Shape& parameter) const { return adam_slots(*this, parameter); }
Tensor AdamW::update(const Tensor& p, const Tensor& g, std::span<Tensor> slots, const Step& at) const {
  return adam_step(*this, p, g, slots, at, true);
}

void Adamax::validate() const { check_adam("Adamax", betas, eps, weight_decay); }
std::vector<Slot> Adamax::slots(const Shape& parameter) const {
  return {{"exp_avg", parameter}, {"exp_inf", parameter}};
}
Tensor Adamax::update(const Tensor& p, const Tensor& grad, std::span<Tensor> slots, const Step& at) const {
  const Tensor g = decayed(grad, p, weight_decay);
  slots[0] = slots[0] + (g - slots[0]) * (1 - betas[0]);
  slots[1] = maximum(slots[1] * betas[1], abs(g) + eps);
  return p - slots[0] * (at.lr / seen(betas[0], at.number)) / slots[1];
}

void NAdam::validate() const {
  check_adam("NAdam", betas, eps, weight_decay);
  check(momentum_decay >= 0, "NAdam: received momentum_decay ", momentum_decay, "; expected 0 or more");
}
std::vector<Slot> NAdam::slots(const Shape& parameter) const {
  return {{"exp_avg", parameter}, {"exp_avg_sq", parameter}, {"mu_product", {}, 1, true}};
}
Tensor NAdam::update(const Tensor& param, const Tensor& grad, std::span<Tensor> slots, const Step& at) const {
  const bool apart = decoupled_weight_decay && weight_decay != 0;
  const Tensor p = apart ? param * (1 - at.lr * weight_decay) : param;
  const Tensor g = apart ? grad : decayed(grad, param, weight_decay);
  const auto momentum_at = [&](std::int64_t t) {
    return betas[0] * (1 - 0.5 * std::pow(0.96, static_cast<double>(t) * momentum_decay));
  };
  const double mu = momentum_at(at.number), next = momentum_at(at.number + 1);
  slots[2] = slots[2] * mu;
  const auto rate = [&](double up, const Tensor& down) { return cast((up / down).to(p.device()), p.dtype()); };
  advance_means(slots, g, betas);
  const Tensor size = sqrt(slots[1] / seen(betas[1], at.number)) + eps;
  return p - g * rate(at.lr * (1 - mu), 1 - slots[2]) / size - slots[0] * rate(at.lr * next, 1 - slots[2] * next) / size;
}

void RAdam::validate() const { check_adam("RAdam", betas, eps, weight_decay); }
std::vector<Slot> RAdam::slots(const Shape& parameter) const {
  return {{"exp_avg", parameter}, {"exp_avg_sq", parameter}};
}
Tensor RAdam::update(const Tensor& param, const Tensor& grad, std::span<Tensor> slots, const Step& at) const {
  const bool apart = decoupled_weight_decay && weight_decay != 0;
  const Tensor p = apart ? param * (1 - at.lr * weight_decay) : param;
  advance_means(slots, apart ? grad : decayed(grad, param, weight_decay), betas);
  const double size = at.lr / seen(betas[0], at.number), of_v = seen(betas[1], at.number);
  const double longest = 2 / (1 - betas[1]) - 1;  // length of the moving mean of v; now:
  const double length = longest - 2 * static_cast<double>(at.number) * (1 - of_v) / of_v;
  if (length <= 5) return p - slots[0] * size;
  const double rectified = std::sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length));
  return p - slots[0] * (size * rectified * std::sqrt(of_v)) / (sqrt(slots[1]) + eps);
}

}  // namespace weft::optim
