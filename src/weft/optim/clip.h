// Bounding gradients.
#pragma once

#include <weft/nn/module.h>

namespace weft::optim {

/// The norm of all values together, as a scalar (f32, or f64 where any is); undefined ones count nothing.
Tensor global_norm(const std::vector<Tensor>& values);
/// Scales all values so that their norm together is at most max_norm: times min(1, max_norm / (norm + 1e-6)), PyTorch's
/// clip_grad_norm_ (Keras: global_clipnorm). Returns the norm before.
Tensor clip_grad_norm(std::vector<Tensor>& values, double max_norm);
Tensor clip_grad_norm(nn::Gradients& gradients, double max_norm);
/// The same for what backward() accumulated in .grad().
Tensor clip_grad_norm(const std::vector<Parameter>& parameters, double max_norm);
/// Each value scaled by itself so that its norm is at most max_norm (Keras: clipnorm).
void clip_each_norm(std::vector<Tensor>& values, double max_norm);
/// Each element to [-limit, limit] (PyTorch: clip_grad_value_; Keras: clipvalue).
void clip_grad_value(std::vector<Tensor>& values, double limit);
void clip_grad_value(nn::Gradients& gradients, double limit);
void clip_grad_value(const std::vector<Parameter>& parameters, double limit);

}  // namespace weft::optim
