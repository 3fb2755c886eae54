// Penalties on weights, added to the loss, and constraints, applied after each optimizer step. Both belong to a
// parameter: `nn::Linear{{.out = 10, .kernel_regularizer = nn::L2{1e-4}}}`, or `layer.weight.state()->regularizer = …`.
#pragma once

#include <functional>

#include <weft/nn/module.h>

namespace weft::nn {

/// weight -> scalar penalty.
using Regularizer = std::function<Tensor(const Tensor&)>;
/// weight -> the nearest weight that is allowed.
using Constraint = std::function<Tensor(const Tensor&)>;

/// l1 * sum |w|
struct L1 {
  double l1 = 0.01;  ///< factor
  /// The penalty.
  Tensor operator()(const Tensor& w) const;
};
/// l2 * sum w^2 (Keras's: no factor 1/2, so its gradient is 2 * l2 * w; an optimizer's weight_decay d is l2 = d / 2).
struct L2 {
  double l2 = 0.01;  ///< factor
  /// The penalty.
  Tensor operator()(const Tensor& w) const;
};
/// l1 * sum |w| + l2 * sum w^2
struct L1L2 {
  double l1 = 0.01;  ///< factor of the absolute values
  double l2 = 0.01;  ///< factor of the squares
  /// The penalty.
  Tensor operator()(const Tensor& w) const;
};

/// The sum of all penalties below a module, a scalar on the tape; undefined where there is none. fit adds it to the
/// loss; an own loop does so itself.
Tensor regularization_loss(ModuleRef m);

/// Every output's weights (first axis) with at most this Euclidean norm; longer ones are scaled down.
struct MaxNorm {
  double max_norm = 2;  ///< the longest
  /// The nearest allowed weight.
  Tensor operator()(const Tensor& w) const;
};
/// No weight below 0.
struct NonNegative {
  /// The nearest allowed weight.
  Tensor operator()(const Tensor& w) const;
};
/// Replaces every parameter below a module that has a constraint by the nearest allowed value. optim::Optimizer does so
/// itself after each step; this is for updates of one's own.
void apply_constraints(ModuleRef m);

}  // namespace weft::nn
