// The update rules. Formulas, names and defaults are PyTorch's (its documented order of options); keras.h has Keras's.
#pragma once

#include <array>

#include <weft/optim/rule.h>

namespace weft::optim {

/// Stochastic gradient descent: g += weight_decay p; buffer = momentum buffer + (1 - dampening) g (at first: g);
/// p -= lr buffer, or with Nesterov p -= lr (g + momentum buffer).
struct SGD {
  double lr = 1e-3;
  double momentum = 0;
  double dampening = 0;
  double weight_decay = 0;
  bool nesterov = false;  ///< needs momentum, and no dampening
  void validate() const;
  std::vector<Slot> slots(const Shape& parameter) const;
  Tensor update(const Tensor& p, const Tensor& g, std::span<Tensor> slots, const Step& at) const;
};

/// Adam (Kingma, Ba 2014): moving means m of g and v of g^2, corrected for their start at 0;
/// p -= lr m' / (sqrt(v') + eps). weight_decay is added to the gradient (see AdamW).
struct Adam {
  double lr = 1e-3;
  std::array<double, 2> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0;
  bool amsgrad = false;      ///< divides by the largest v so far (Reddi et al. 2018)
  bool eps_on_raw = false;   ///< eps joins sqrt(v) before the correction (Keras: "epsilon hat" of the paper)
  void validate() const;
  std::vector<Slot> slots(const Shape& parameter) const;
  Tensor update(const Tensor& p, const Tensor& g, std::span<Tensor> slots, const Step& at) const;
};

/// Adam with decoupled weight decay (Loshchilov, Hutter 2017): p *= 1 - lr weight_decay, then Adam's step.
struct AdamW {
  double lr = 1e-3;
  std::array<double, 2> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0.01;
  bool amsgrad = false;
  bool eps_on_raw = false;   ///< as Adam's
  void validate() const;
  std::vector<Slot> slots(const Shape& parameter) const;
  Tensor update(const Tensor& p, const Tensor& g, std::span<Tensor> slots, const Step& at) const;
};

/// RMSprop (Hinton): v = alpha v + (1 - alpha) g^2; p -= lr g / (sqrt(v) + eps).
struct RMSprop {
  double lr = 0.01;
  double alpha = 0.99;       ///< Keras: rho
  double eps = 1e-8;
  double weight_decay = 0;
  double momentum = 0;
  bool centered = false;     ///< v less the square of the mean of g
  bool eps_in_root = false;  ///< sqrt(v + eps) (Keras)
  void validate() const;
  std::vector<Slot> slots(const Shape& parameter) const;
  Tensor update(const Tensor& p, const Tensor& g, std::span<Tensor> slots, const Step& at) const;
};

/// Adagrad (Duchi et al. 2011): s += g^2; p -= lr / (1 + (step - 1) lr_decay) g / (sqrt(s) + eps).
struct Adagrad {
  double lr = 0.01;
  double lr_decay = 0;
  double weight_decay = 0;
  double initial_accumulator_value = 0;
  double eps = 1e-10;
  bool eps_in_root = false;  ///< sqrt(s + eps) (Keras)
  void validate() const;
  std::vector<Slot> slots(const Shape& parameter) const;
  Tensor update(const Tensor& p, const Tensor& g, std::span<Tensor> slots, const Step& at) const;
};

/// Adadelta (Zeiler 2012): steps in the parameter's own units.
struct Adadelta {
  double lr = 1.0;
  double rho = 0.9;
  double eps = 1e-6;
  double weight_decay = 0;
  void validate() const;
  std::vector<Slot> slots(const Shape& parameter) const;
  Tensor update(const Tensor& p, const Tensor& g, std::span<Tensor> slots, const Step& at) const;
};

/// Adam with the largest recent |g| in place of sqrt(v) (Kingma, Ba 2014, section 7.1).
struct Adamax {
  double lr = 2e-3;
  std::array<double, 2> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0;
  void validate() const;
  std::vector<Slot> slots(const Shape& parameter) const;
  Tensor update(const Tensor& p, const Tensor& g, std::span<Tensor> slots, const Step& at) const;
};

/// Adam with Nesterov momentum (Dozat 2016).
struct NAdam {
  double lr = 2e-3;
  std::array<double, 2> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0;
  double momentum_decay = 4e-3;
  bool decoupled_weight_decay = false;
  void validate() const;
  std::vector<Slot> slots(const Shape& parameter) const;
  Tensor update(const Tensor& p, const Tensor& g, std::span<Tensor> slots, const Step& at) const;
};

/// Rectified Adam (Liu et al. 2019): plain momentum until the variance of v is known well enough.
struct RAdam {
  double lr = 1e-3;
  std::array<double, 2> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0;
  bool decoupled_weight_decay = false;
  void validate() const;
  std::vector<Slot> slots(const Shape& parameter) const;
  Tensor update(const Tensor& p, const Tensor& g, std::span<Tensor> slots, const Step& at) const;
};

/// Lion (Chen et al. 2023): p -= lr (sign(b1 m + (1 - b1) g) + weight_decay p); m = b2 m + (1 - b2) g.
struct Lion {
  double lr = 1e-4;
  std::array<double, 2> betas = {0.9, 0.99};
  double weight_decay = 0;
  void validate() const;
  std::vector<Slot> slots(const Shape& parameter) const;
  Tensor update(const Tensor& p, const Tensor& g, std::span<Tensor> slots, const Step& at) const;
};

/// Muon (Jordan 2024): the momentum of a matrix, made nearly orthogonal by Newton-Schulz steps. A convolution's weight
/// counts as [out, rest]. Vectors are an Error: give them a group with a rule of their own.
struct Muon {
  double lr = 1e-3;
  double weight_decay = 0.1;  ///< decoupled
  double momentum = 0.95;
  bool nesterov = true;
  std::array<double, 3> ns_coefficients = {3.4445, -4.775, 2.0315};
  double eps = 1e-7;
  int ns_steps = 5;
  void validate() const;
  std::vector<Slot> slots(const Shape& parameter) const;
  Tensor update(const Tensor& p, const Tensor& g, std::span<Tensor> slots, const Step& at) const;
};

/// Adafactor (Shazeer, Stern 2018): keeps means of g^2 of rows and columns instead of every element.
struct Adafactor {
  double lr = 0.01;
  double beta2_decay = -0.8;
  std::array<double, 2> eps = {0, 1e-3};  ///< the first, where 0, is the distance from 1 to the dtype's next number
  double d = 1.0;                         ///< clips the root mean square of an update
  double weight_decay = 0;                ///< decoupled
  void validate() const;
  std::vector<Slot> slots(const Shape& parameter) const;
  Tensor update(const Tensor& p, const Tensor& g, std::span<Tensor> slots, const Step& at) const;
};

}  // namespace weft::optim
