// The update rules. Formulas, names and defaults are PyTorch's (its documented order of options); keras.h has Keras's.
#pragma once

#include <array>

#include <weft/optim/rule.h>

namespace weft::optim {

/// Stochastic gradient descent: g += weight_decay p; buffer = momentum buffer + (1 - dampening) g (at first: g);
/// p -= lr buffer, or with Nesterov p -= lr (g + momentum buffer).
struct SGD {
  double lr = 1e-3;                                       ///< learning rate
  double momentum = 0;                                    ///< share of the last step that is kept
  double dampening = 0;                                   ///< share of a new gradient that momentum leaves out
  double weight_decay = 0;                                ///< pulls weights to 0
  bool nesterov = false;                                  ///< needs momentum, and no dampening
  void validate() const;                                  ///< throws Error for options out of range
  std::vector<Slot> slots(const Shape& parameter) const;  ///< see IsRule
  Tensor update(const Tensor& p, const Tensor& g, std::span<Tensor> slots, const Step& at) const;  ///< see IsRule
};

/// Adam (Kingma, Ba 2014): moving means m of g and v of g^2, corrected for their start at 0;
/// p -= lr m' / (sqrt(v') + eps). weight_decay is added to the gradient (see AdamW).
struct Adam {
  double lr = 1e-3;                            ///< learning rate
  std::array<double, 2> betas = {0.9, 0.999};  ///< decay of the means of g and of g^2
  double eps = 1e-8;                           ///< keeps the divisor from 0
  double weight_decay = 0;                     ///< pulls weights to 0
  bool amsgrad = false;                        ///< divides by the largest v so far (Reddi et al. 2018)
  /// Keras's arithmetic: eps joins sqrt(v) before the correction (the paper's "epsilon hat"), and the correction is
  /// reckoned from betas rounded to f32, which moves the first updates by some 1e-5.
  bool keras = false;
  void validate() const;    ///< throws Error for options out of range
  std::vector<Slot> slots(const Shape& parameter) const;                                           ///< see IsRule
  Tensor update(const Tensor& p, const Tensor& g, std::span<Tensor> slots, const Step& at) const;  ///< see IsRule
};

/// Adam with decoupled weight decay (Loshchilov, Hutter 2017): p *= 1 - lr weight_decay, then Adam's step.
struct AdamW {
  double lr = 1e-3;                                       ///< learning rate
  std::array<double, 2> betas = {0.9, 0.999};             ///< decay of the means of g and of g^2
  double eps = 1e-8;                                      ///< keeps the divisor from 0
  double weight_decay = 0.01;                             ///< pulls weights to 0
  bool amsgrad = false;                                   ///< as Adam's
  bool keras = false;                                     ///< as Adam's
  void validate() const;                                  ///< throws Error for options out of range
  std::vector<Slot> slots(const Shape& parameter) const;  ///< see IsRule
  Tensor update(const Tensor& p, const Tensor& g, std::span<Tensor> slots, const Step& at) const;  ///< see IsRule
};

/// RMSprop (Hinton): v = alpha v + (1 - alpha) g^2; p -= lr g / (sqrt(v) + eps).
struct RMSprop {
  double lr = 0.01;                                       ///< learning rate
  double alpha = 0.99;                                    ///< Keras: rho
  double eps = 1e-8;                                      ///< keeps the divisor from 0
  double weight_decay = 0;                                ///< pulls weights to 0
  double momentum = 0;                                    ///< share of the last step that is kept
  bool centered = false;                                  ///< v less the square of the mean of g
  bool eps_in_root = false;                               ///< sqrt(v + eps) (Keras)
  void validate() const;                                  ///< throws Error for options out of range
  std::vector<Slot> slots(const Shape& parameter) const;  ///< see IsRule
  Tensor update(const Tensor& p, const Tensor& g, std::span<Tensor> slots, const Step& at) const;  ///< see IsRule
};

/// Adagrad (Duchi et al. 2011): s += g^2; p -= lr / (1 + (step - 1) lr_decay) g / (sqrt(s) + eps).
struct Adagrad {
  double lr = 0.01;                                       ///< learning rate
  double lr_decay = 0;                                    ///< slows lr down over the steps
  double weight_decay = 0;                                ///< pulls weights to 0
  double initial_accumulator_value = 0;                   ///< s at first
  double eps = 1e-10;                                     ///< keeps the divisor from 0
  bool eps_in_root = false;                               ///< sqrt(s + eps) (Keras)
  void validate() const;                                  ///< throws Error for options out of range
  std::vector<Slot> slots(const Shape& parameter) const;  ///< see IsRule
  Tensor update(const Tensor& p, const Tensor& g, std::span<Tensor> slots, const Step& at) const;  ///< see IsRule
};

/// Adadelta (Zeiler 2012): steps in the parameter's own units.
struct Adadelta {
  double lr = 1.0;                                        ///< learning rate
  double rho = 0.9;                                       ///< decay of the means of squares
  double eps = 1e-6;                                      ///< keeps the divisor from 0
  double weight_decay = 0;                                ///< pulls weights to 0
  void validate() const;                                  ///< throws Error for options out of range
  std::vector<Slot> slots(const Shape& parameter) const;  ///< see IsRule
  Tensor update(const Tensor& p, const Tensor& g, std::span<Tensor> slots, const Step& at) const;  ///< see IsRule
};

/// Adam with the largest recent |g| in place of sqrt(v) (Kingma, Ba 2014, section 7.1).
struct Adamax {
  double lr = 2e-3;                                       ///< learning rate
  std::array<double, 2> betas = {0.9, 0.999};             ///< decay of the means of g and of g^2
  double eps = 1e-8;                                      ///< keeps the divisor from 0
  double weight_decay = 0;                                ///< pulls weights to 0
  void validate() const;                                  ///< throws Error for options out of range
  std::vector<Slot> slots(const Shape& parameter) const;  ///< see IsRule
  Tensor update(const Tensor& p, const Tensor& g, std::span<Tensor> slots, const Step& at) const;  ///< see IsRule
};

/// Adam with Nesterov momentum (Dozat 2016).
struct NAdam {
  double lr = 2e-3;                                       ///< learning rate
  std::array<double, 2> betas = {0.9, 0.999};             ///< decay of the means of g and of g^2
  double eps = 1e-8;                                      ///< keeps the divisor from 0
  double weight_decay = 0;                                ///< pulls weights to 0
  double momentum_decay = 4e-3;                           ///< how fast momentum rises to betas[0]
  bool decoupled_weight_decay = false;                    ///< as AdamW's
  void validate() const;                                  ///< throws Error for options out of range
  std::vector<Slot> slots(const Shape& parameter) const;  ///< see IsRule
  Tensor update(const Tensor& p, const Tensor& g, std::span<Tensor> slots, const Step& at) const;  ///< see IsRule
};

/// Rectified Adam (Liu et al. 2019): plain momentum until the variance of v is known well enough.
struct RAdam {
  double lr = 1e-3;                                       ///< learning rate
  std::array<double, 2> betas = {0.9, 0.999};             ///< decay of the means of g and of g^2
  double eps = 1e-8;                                      ///< keeps the divisor from 0
  double weight_decay = 0;                                ///< pulls weights to 0
  bool decoupled_weight_decay = false;                    ///< as AdamW's
  void validate() const;                                  ///< throws Error for options out of range
  std::vector<Slot> slots(const Shape& parameter) const;  ///< see IsRule
  Tensor update(const Tensor& p, const Tensor& g, std::span<Tensor> slots, const Step& at) const;  ///< see IsRule
};

/// Lion (Chen et al. 2023): p -= lr (sign(b1 m + (1 - b1) g) + weight_decay p); m = b2 m + (1 - b2) g.
struct Lion {
  double lr = 1e-4;                                       ///< learning rate
  std::array<double, 2> betas = {0.9, 0.99};              ///< share of m in the step; decay of m
  double weight_decay = 0;                                ///< pulls weights to 0
  void validate() const;                                  ///< throws Error for options out of range
  std::vector<Slot> slots(const Shape& parameter) const;  ///< see IsRule
  Tensor update(const Tensor& p, const Tensor& g, std::span<Tensor> slots, const Step& at) const;  ///< see IsRule
};

/// Muon (Jordan 2024): the momentum of a matrix, made nearly orthogonal by Newton-Schulz steps. A convolution's weight
/// counts as [out, rest]. Vectors are an Error, unless `vector_lr_scale` is set or a group gives them a rule of their own.
struct Muon {
  double lr = 1e-3;                                                  ///< learning rate
  double weight_decay = 0.1;                                         ///< decoupled
  double momentum = 0.95;                                            ///< share of the last step that is kept
  bool nesterov = true;                                              ///< looks one step ahead
  std::array<double, 3> ns_coefficients = {3.4445, -4.775, 2.0315};  ///< of the polynomial of a Newton-Schulz step
  double eps = 1e-7;                                                 ///< keeps the divisor from 0
  int ns_steps = 5;                                                  ///< Newton-Schulz steps
  /// Vectors (biases, scales of norms) go along their mean gradient by so many times lr, without decay; 0: an Error.
  double vector_lr_scale = 0;
  void validate() const;                                             ///< throws Error for options out of range
  std::vector<Slot> slots(const Shape& parameter) const;             ///< see IsRule
  Tensor update(const Tensor& p, const Tensor& g, std::span<Tensor> slots, const Step& at) const;  ///< see IsRule
};

/// Adafactor (Shazeer, Stern 2018): keeps means of g^2 of rows and columns instead of every element.
struct Adafactor {
  double lr = 0.01;                       ///< learning rate
  double beta2_decay = -0.8;              ///< the mean of g^2 takes in step^beta2_decay of a new one
  std::array<double, 2> eps = {0, 1e-3};  ///< the first, where 0, is the distance from 1 to the dtype's next number
  double d = 1.0;                         ///< clips the root mean square of an update
  double weight_decay = 0;                ///< decoupled
  void validate() const;                  ///< throws Error for options out of range
  std::vector<Slot> slots(const Shape& parameter) const;                                           ///< see IsRule
  Tensor update(const Tensor& p, const Tensor& g, std::span<Tensor> slots, const Step& at) const;  ///< see IsRule
};

}  // namespace weft::optim
