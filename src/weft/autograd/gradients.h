// Reverse-mode differentiation over the tape.
#pragma once

#include <functional>

#include <weft/tensor/tensor.h>

namespace weft {

struct Leaf;

/// How grad() differentiates.
struct GradOptions {
  /// Record the gradient computation itself, so that it can be differentiated again.
  bool create_graph = false;
  /// Keep what the tape saved for another backward; follows create_graph where unset.
  std::optional<bool> retain_graph = {};
  /// A tensor that the result does not depend on gets an undefined gradient instead of an Error.
  bool allow_unused = false;
};

/// d(output)/d(inputs), for leaves (requires_grad) and any tensors on the tape. `output` must be a scalar.
std::vector<Tensor> grad(const Tensor& output, const std::vector<Tensor>& inputs, const GradOptions& options = {});
/// The same for several outputs with a cotangent each (undefined: ones, for scalars).
std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                         const std::vector<Tensor>& cotangents, const GradOptions& options = {});

/// The function x -> df/dx of a function with a scalar result; nests: grad(grad(f)).
std::function<Tensor(const Tensor&)> grad(std::function<Tensor(const Tensor&)> f);
/// x -> {f(x), df/dx}.
std::function<std::pair<Tensor, Tensor>(const Tensor&)> value_and_grad(std::function<Tensor(const Tensor&)> f);

/// The value of f(x...) with a gradient of one's own: backward(inputs, output, cotangent) gives a gradient an input.
Tensor custom_gradient(const std::vector<Tensor>& inputs,
                       const std::function<Tensor(const std::vector<Tensor>&)>& forward,
                       std::function<std::vector<Tensor>(const std::vector<Tensor>& inputs, const Tensor& output,
                                                         const Tensor& cotangent)> backward);
/// x, through which no gradient flows (PyTorch: detach).
Tensor stop_gradient(const Tensor& x);

namespace detail {
/// Every leaf that `root` depends on and that gets gradients.
std::vector<Leaf*> leaves_of(const Tensor& root);
/// weft::grad; `leaves`, where given, receives leaves_of() the outputs.
std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                         const std::vector<Tensor>& cotangents, const GradOptions& options, std::vector<Leaf*>* leaves);
}  // namespace detail

}  // namespace weft
