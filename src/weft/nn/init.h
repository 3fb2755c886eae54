// Initializers: the first values of parameters. Element i of a result is a pure function of the stream and i, computed
// on the host in double, so every device, layout and thread count gets the same numbers.
#pragma once

#include <weft/tensor/state.h>

namespace weft::nn::init {

/// How many inputs reach one output of a weight, and how many outputs one input reaches.
struct Fans {
  double in = 0;   ///< inputs an output
  double out = 0;  ///< outputs an input
};
/// Fans of a weight in PyTorch's layout: Linear [out, in], convolution [O, I / groups, k…], transposed convolution
/// [I, O / groups, k…] (with in and out as the layout has them). Rank 1: both are its size.
Fans fans_of(const Shape& weight);

/// Which number of connections a scaled initializer divides by.
enum class FanMode : unsigned char { fan_in, fan_out, fan_avg };
/// What a scaled initializer draws from.
enum class Distribution : unsigned char {
  uniform,
  normal,
  truncated_normal,  ///< cut at two standard deviations, widened so that the variance stays (Keras's he_normal and others)
};

/// Variance scale / fan: the family behind Glorot, He and LeCun. A layer fills in `fans` where the parameter's own shape
/// does not tell them (a bias, a depthwise kernel).
struct VarianceScaling {
  double scale = 1;                                            ///< of the variance
  FanMode mode = FanMode::fan_in;                              ///< which fan
  Distribution distribution = Distribution::truncated_normal;  ///< drawn from
  Fans fans = {};                                              ///< set by the layer; unset: of the shape
  /// The first value.
  Tensor operator()(const Shape& shape, DType dtype, RandomStream stream) const;
};

/// All 0.
Tensor zeros(const Shape& shape, DType dtype, RandomStream stream);
/// All 1.
Tensor ones(const Shape& shape, DType dtype, RandomStream stream);
/// All `value`.
Initializer constant(double value);
/// Normal numbers.
Initializer normal(double mean = 0, double stddev = 1);
/// Uniform numbers in [lo, hi).
Initializer uniform(double lo = 0, double hi = 1);
/// Normal numbers cut at `cut` standard deviations from the mean.
Initializer truncated_normal(double mean = 0, double stddev = 1, double cut = 2);
/// Orthonormal rows (or columns, whichever are fewer) of the weight seen as a matrix [first axis, the rest], times gain.
/// Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks", 2014.
Initializer orthogonal(double gain = 1);
/// Keras's VarianceScaling.
Initializer variance_scaling(double scale = 1, FanMode mode = FanMode::fan_in,
                             Distribution distribution = Distribution::truncated_normal);
/// Uniform in ±gain * sqrt(6 / (fan_in + fan_out)) (PyTorch: xavier_uniform). The default of layers.
/// Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.
Initializer glorot_uniform(double gain = 1);
/// Normal with stddev gain * sqrt(2 / (fan_in + fan_out)) (PyTorch: xavier_normal).
Initializer glorot_normal(double gain = 1);
/// Uniform in ±sqrt(6 / fan) (PyTorch: kaiming_uniform). For ReLU networks.
/// He et al., "Delving deep into rectifiers", 2015.
Initializer he_uniform(FanMode mode = FanMode::fan_in);
/// Normal with stddev sqrt(2 / fan) (PyTorch: kaiming_normal).
Initializer he_normal(FanMode mode = FanMode::fan_in);
/// Uniform in ±sqrt(3 / fan_in).
Initializer lecun_uniform();
/// Normal with stddev sqrt(1 / fan_in). For SELU networks.
Initializer lecun_normal();
/// What PyTorch's Linear and convolutions use for weights and biases: uniform in ±1 / sqrt(fan_in)
/// (kaiming_uniform with a = sqrt(5)); a bias takes the fan of its layer's weight.
Initializer torch_default();

/// The initializer of that name with its default arguments ("he_uniform", "kaiming_uniform", "torch_default", …);
/// throws Error with a suggestion.
Initializer by_name(std::string_view name);

/// While it lives, layers that are made on this thread and name no initializer take these (weights of dense and
/// convolutional layers; biases): `nn::init::Scope scope{nn::init::torch_default(), nn::init::torch_default()};`.
class Scope {
 public:
  /// Sets them for this thread.
  explicit Scope(Initializer kernel, Initializer bias = zeros);
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  ~Scope();
  /// For weights.
  const Initializer& kernel() const { return kernel_; }
  /// For biases.
  const Initializer& bias() const { return bias_; }

 private:
  Initializer kernel_, bias_;
  Scope* outer_;
};

/// What a layer takes: `chosen` where it is set, else the Scope's, else Glorot uniform.
Initializer kernel_or_default(const Initializer& chosen);
/// The same for biases; else zeros.
Initializer bias_or_default(const Initializer& chosen);
/// Tells a parameter's VarianceScaling initializer the fans of its layer; nothing for other initializers.
void set_fans(const Parameter& p, Fans fans);

}  // namespace weft::nn::init
