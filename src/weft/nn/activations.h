// Activations: as layers, and as an option of dense and convolutional layers.
#pragma once

#include <weft/nn/module.h>

namespace weft::nn {

/// tanh approximation or the exact form of GELU.
Tensor gelu_tanh(const Tensor& x);
/// min(max(x, 0), 6)
Tensor relu6(const Tensor& x);
/// scale * elu(x, alpha) with the constants of Klambauer et al., "Self-normalizing neural networks", 2017.
Tensor selu(const Tensor& x);
/// min(max(x + 3, 0), 6) / 6 (PyTorch's and Keras 3's slope 1/6).
Tensor hardsigmoid(const Tensor& x);
/// x * hardsigmoid(x)
Tensor hardswish(const Tensor& x);
/// x * tanh(softplus(x))
Tensor mish(const Tensor& x);
/// The first half of an axis times sigmoid of the second.
Tensor glu(const Tensor& x, int axis = -1);

/// What `.activation =` takes: a name ("relu", "gelu", "softmax", …), or any callable Tensor -> Tensor.
class Activation {
 public:
  /// None.
  Activation() = default;
  /// By name; throws Error with a suggestion. "linear" is none.
  Activation(const char* name);
  /// By name.
  Activation(const std::string& name) : Activation(name.c_str()) {}
  /// A function.
  template <class F>
    requires(std::is_invocable_r_v<Tensor, F&, const Tensor&> && !std::is_same_v<std::remove_cvref_t<F>, Activation>)
  Activation(F f) : f_(std::move(f)) {}
  explicit operator bool() const { return static_cast<bool>(f_); }
  /// x itself where there is none.
  Tensor operator()(const Tensor& x) const { return f_ ? f_(x) : x; }

 private:
  std::function<Tensor(const Tensor&)> f_;
};

/// max(x, 0)
struct ReLU : Module<ReLU> {
  Tensor forward(const Tensor& x) const { return relu(x); }
};
/// relu6
struct ReLU6 : Module<ReLU6> {
  Tensor forward(const Tensor& x) const { return relu6(x); }
};
/// x where x > 0, negative_slope * x elsewhere. PyTorch's slope 0.01 (Keras: 0.3).
class LeakyReLU : public Module<LeakyReLU> {
 public:
  /// With that slope.
  LeakyReLU(double negative_slope = 0.01) : negative_slope(negative_slope) {}
  Tensor forward(const Tensor& x) const { return leaky_relu(x, negative_slope); }
  double negative_slope;  ///< as given
  using fields = Fields<>;
};
/// x where x > 0, weight * x elsewhere; the weight is trained: one for all (PyTorch's default) or one a channel (axis 1).
class PReLU : public Module<PReLU> {
 public:
  /// `num_parameters` weights, all `init` at first.
  explicit PReLU(std::int64_t num_parameters = 1, double init = 0.25);
  Tensor forward(const Tensor& x) const;
  Parameter weight;  ///< trained
  using fields = Fields<&PReLU::weight>;
};
/// x * Phi(x). `GELU{"tanh"}` is the approximation 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).
class GELU : public Module<GELU> {
 public:
  /// "none" or "tanh"; throws Error for another word.
  explicit GELU(std::string approximate = "none");
  Tensor forward(const Tensor& x) const { return approximate == "tanh" ? gelu_tanh(x) : gelu(x); }
  std::string approximate;  ///< as given
  using fields = Fields<>;
};
/// x * sigmoid(x) (Keras: swish)
struct SiLU : Module<SiLU> {
  Tensor forward(const Tensor& x) const { return silu(x); }
};
/// 1 / (1 + e^-x)
struct Sigmoid : Module<Sigmoid> {
  Tensor forward(const Tensor& x) const { return sigmoid(x); }
};
/// tanh x
struct Tanh : Module<Tanh> {
  Tensor forward(const Tensor& x) const { return tanh(x); }
};
/// softmax along an axis (PyTorch: dim).
class Softmax : public Module<Softmax> {
 public:
  /// Along that axis.
  Softmax(int axis = -1) : axis(axis) {}
  Tensor forward(const Tensor& x) const { return softmax(x, axis); }
  int axis;  ///< as given
  using fields = Fields<>;
};
/// ln softmax along an axis.
class LogSoftmax : public Module<LogSoftmax> {
 public:
  /// Along that axis.
  LogSoftmax(int axis = -1) : axis(axis) {}
  Tensor forward(const Tensor& x) const { return log_softmax(x, axis); }
  int axis;  ///< as given
  using fields = Fields<>;
};
/// x where x > 0, alpha * (e^x - 1) elsewhere.
class ELU : public Module<ELU> {
 public:
  /// With that alpha.
  ELU(double alpha = 1) : alpha(alpha) {}
  Tensor forward(const Tensor& x) const { return elu(x, alpha); }
  double alpha;  ///< as given
  using fields = Fields<>;
};
/// selu
struct SELU : Module<SELU> {
  Tensor forward(const Tensor& x) const { return selu(x); }
};
/// hardswish
struct Hardswish : Module<Hardswish> {
  Tensor forward(const Tensor& x) const { return hardswish(x); }
};
/// hardsigmoid
struct Hardsigmoid : Module<Hardsigmoid> {
  Tensor forward(const Tensor& x) const { return hardsigmoid(x); }
};
/// min(max(x, lo), hi)
class Hardtanh : public Module<Hardtanh> {
 public:
  /// Between these.
  Hardtanh(double lo = -1, double hi = 1) : lo(lo), hi(hi) {}
  Tensor forward(const Tensor& x) const { return clip(x, lo, hi); }
  double lo;  ///< as given
  double hi;  ///< as given
  using fields = Fields<>;
};
/// ln(1 + e^(beta x)) / beta
class Softplus : public Module<Softplus> {
 public:
  /// With that beta.
  Softplus(double beta = 1) : beta(beta) {}
  Tensor forward(const Tensor& x) const { return beta == 1 ? softplus(x) : softplus(x * beta) / beta; }
  double beta;  ///< as given
  using fields = Fields<>;
};
/// mish
struct Mish : Module<Mish> {
  Tensor forward(const Tensor& x) const { return mish(x); }
};
/// glu along an axis.
class GLU : public Module<GLU> {
 public:
  /// Along that axis.
  GLU(int axis = -1) : axis(axis) {}
  Tensor forward(const Tensor& x) const { return glu(x, axis); }
  int axis;  ///< as given
  using fields = Fields<>;
};

}  // namespace weft::nn
