#include <weft/nn/activations.h>

#include <cmath>

#include <weft/nn/init.h>

namespace weft::nn {

Tensor gelu_tanh(const Tensor& x) {
  return x * 0.5 * (tanh((x + x * x * x * 0.044715) * std::sqrt(2 / 3.14159265358979323846)) + 1.0);
}
Tensor relu6(const Tensor& x) { return minimum(relu(x), 6.0); }
Tensor selu(const Tensor& x) { return elu(x, 1.6732632423543772) * 1.0507009873554805; }
Tensor hardsigmoid(const Tensor& x) { return clip(x + 3.0, 0, 6) / 6.0; }
Tensor hardswish(const Tensor& x) { return x * hardsigmoid(x); }
Tensor mish(const Tensor& x) { return x * tanh(softplus(x)); }
Tensor glu(const Tensor& x, int axis) {
  check(x.rank() > 0 && x.size(axis) % 2 == 0, "glu: axis ", axis, " of ", x.shape(), "; expected an even size");
  const std::vector<Tensor> halves = split(x, x.size(axis) / 2, axis);
  return halves[0] * sigmoid(halves[1]);
}

Activation::Activation(const char* name) {
  using F = Tensor (*)(const Tensor&);
  static const std::vector<std::pair<std::string, F>> all{
      {"linear", nullptr},
      {"relu", [](const Tensor& x) { return relu(x); }},
      {"relu6", relu6},
      {"leaky_relu", [](const Tensor& x) { return leaky_relu(x); }},
      {"gelu", [](const Tensor& x) { return gelu(x); }},
      {"gelu_tanh", gelu_tanh},
      {"silu", [](const Tensor& x) { return silu(x); }},
      {"swish", [](const Tensor& x) { return silu(x); }},
      {"sigmoid", [](const Tensor& x) { return sigmoid(x); }},
      {"tanh", [](const Tensor& x) { return tanh(x); }},
      {"softmax", [](const Tensor& x) { return softmax(x); }},
      {"log_softmax", [](const Tensor& x) { return log_softmax(x); }},
      {"elu", [](const Tensor& x) { return elu(x); }},
      {"selu", selu},
      {"exponential", [](const Tensor& x) { return exp(x); }},
      {"hardswish", hardswish},
      {"hardsigmoid", hardsigmoid},
      {"hardtanh", [](const Tensor& x) { return clip(x, -1, 1); }},
      {"softplus", [](const Tensor& x) { return softplus(x); }},
      {"mish", mish},
  };
  std::vector<std::string> names;
  for (const auto& [key, f] : all) {
    if (key == name) {
      if (f) f_ = f;
      return;
    }
    names.push_back(key);
  }
  fail("activation '", name, "' is unknown", suggestion(name, names), "; a function is accepted too");
}

PReLU::PReLU(std::int64_t num_parameters, double init) : weight({num_parameters}, init::constant(init)) {
  check(num_parameters >= 1, "prelu: num_parameters is ", num_parameters, "; expected 1 or the number of channels");
}
Tensor PReLU::forward(const Tensor& x) const {
  const std::int64_t n = weight.shape()[0];
  if (n == 1) return where(x > 0.0, x, x * weight);
  check(x.rank() >= 2 && x.size(1) == n, "prelu: received x of shape ", x.shape(), "; expected ", n,
        " channels in axis 1 (weight ", weight.shape(), ")");
  Shape per_channel(Dims::filled(x.rank(), 1));
  per_channel[1] = n;
  return where(x > 0.0, x, x * reshape(weight, per_channel));
}

GELU::GELU(std::string a) : approximate(std::move(a)) {
  check(approximate == "none" || approximate == "tanh", "gelu: approximate is '", approximate,
        "'; expected \"none\" or \"tanh\"");
}

}  // namespace weft::nn
