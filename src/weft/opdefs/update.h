// One step of an optimizer for one parameter, fused: what a rule would do in a dozen operators. Not differentiable.
#pragma once

#include <cmath>

#include <weft/opdefs/define.h>

namespace weft::op {

struct AdamUpdate {
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0;
  bool decoupled = false;  ///< AdamW: the decay shrinks p itself instead of entering the gradient
  std::int64_t step = 1;   ///< number of this update: 1, 2, …
  static constexpr auto signature = sig("adam_update(p, g, m, v) -> p_next, m_next, v_next");
  static constexpr auto doc = "Adam (Kingma and Ba, 2015) or AdamW: m and v are the moving means of g and g^2, "
                              "p_next = p - lr * (m / (1 - beta1^step)) / (sqrt(v / (1 - beta2^step)) + eps)";
  static constexpr Types types = Types::floating;
  static constexpr bool attributes_vary = true;
  Metas infer(Inputs in) const;
  Axes axes_of(Inputs in) const;
  static std::vector<Case<AdamUpdate>> domain() {
    const auto inputs = [](Shape s) { return std::vector<Sample>{{s}, {s}, {s}, {s, 0.1, 2}}; };
    AdamUpdate decay{.weight_decay = 0.1, .step = 3}, decoupled{.weight_decay = 0.1, .decoupled = true, .step = 7};
    return {
        {{}, inputs({3, 5}), 4}, {decay, inputs({37}), 4}, {decoupled, inputs({4, 1, 9}), 4}, {{}, inputs({0, 2}), 4}};
  }

  /// The numbers that are the same for every element.
  struct Constants {
    double decay, shrink, take1, keep2, take2, size, root, eps;
  };
  Constants constants() const {
    const double t = static_cast<double>(step);
    return {decoupled ? 0 : weight_decay, decoupled ? 1 - lr * weight_decay : 1, 1 - beta1, beta2, 1 - beta2,
            lr / (1 - std::pow(beta1, t)), std::sqrt(1 - std::pow(beta2, t)), eps};
  }
  /// The formula of an element: p, m, v become the next ones. The order of operations is that of optim::Adam written in
  /// operators, so both give the same bits.
  static void advance(const Constants& c, double& p, double g, double& m, double& v) {
    if (c.decay != 0) g = g + p * c.decay;
    p = p * c.shrink;
    m = m + (g - m) * c.take1;
    v = v * c.keep2 + g * g * c.take2;
    p = p - m * c.size / (std::sqrt(v) / c.root + c.eps);
  }
};

struct SgdUpdate {
  double lr = 1e-2, momentum = 0, dampening = 0;
  bool nesterov = false;
  double weight_decay = 0;
  static constexpr auto signature = sig("sgd_update(p, g, buffer?) -> p_next, buffer_next");
  static constexpr auto doc =
      "stochastic gradient descent with momentum as in PyTorch: the first update has no buffer yet; "
      "without momentum buffer_next is empty";
  static constexpr Types types = Types::floating;
  static constexpr bool attributes_vary = true;
  Metas infer(Inputs in) const;
  Axes axes_of(Inputs in) const;
  static std::vector<Case<SgdUpdate>> domain() {
    return {{{}, {{{3, 5}}, {{3, 5}}}},
            {{0.1, 0.9, 0, false, 0.01}, {{{37}}, {{37}}}},
            {{0.1, 0.9, 0.5, false, 0.01}, {{{37}}, {{37}}, {{37}}}},
            {{0.1, 0.9, 0, true, 0}, {{{4, 1, 9}}, {{4, 1, 9}}, {{4, 1, 9}}}},
            {{0.1, 0.9, 0, false, 0}, {{{0, 2}}, {{0, 2}}, {{0, 2}}}}};
  }

  /// The formula of an element; `first`: there is no buffer yet.
  void advance(bool first, double& p, double g, double& buffer) const {
    g = g + p * weight_decay;
    if (momentum != 0) {
      buffer = first ? g : buffer * momentum + g * (1 - dampening);
      g = nesterov ? g + buffer * momentum : buffer;
    }
    p = p - g * lr;
  }
};

using Updates = OpList<AdamUpdate, SgdUpdate>;

}  // namespace weft::op

namespace weft {
/// Puts this family into the operator table.
void register_update_ops();
}  // namespace weft
