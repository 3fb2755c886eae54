// Dense layers.
#pragma once

#include <weft/nn/activations.h>
#include <weft/nn/init.h>
#include <weft/nn/regularizers.h>

namespace weft::nn {

struct LinearOptions {
  std::int64_t in = 0;          ///< features of x; 0: found at the first batch
  std::int64_t out = 0;         ///< features of y (Keras: units)
  bool bias = true;
  Initializer kernel_init = {};  ///< unset: Glorot uniform (see init::Scope)
  Initializer bias_init = {};    ///< unset: zeros
  Regularizer kernel_regularizer = {};
  Regularizer bias_regularizer = {};
  Constraint kernel_constraint = {};
  Activation activation = {};
};

/// y = x W^T + b over the last axis: x […, in] gives […, out]; weight [out, in], bias [out] (Keras: Dense).
class Linear : public Module<Linear> {
 public:
  explicit Linear(LinearOptions options);
  /// Throws Error naming the sizes where the last axis of x is not `in`.
  Tensor forward(const Tensor& x) const;
  Parameter weight, bias;
  LinearOptions options;
  using fields = Fields<&Linear::weight, &Linear::bias>;
};
/// Keras's name.
using Dense = Linear;

struct EmbeddingOptions {
  std::int64_t count = 0;       ///< rows: how many different indices (PyTorch: num_embeddings; Keras: input_dim)
  std::int64_t size = 0;        ///< numbers a row (PyTorch: embedding_dim; Keras: output_dim)
  std::optional<std::int64_t> padding_index = {};  ///< a row that starts as zeros and receives no gradient
  Initializer init = {};        ///< unset: standard normal (Keras: uniform ±0.05)
  Regularizer regularizer = {};
  Constraint constraint = {};
};

/// Rows of weight [count, size] by integer index: x […] gives […, size]. An index outside throws Error.
class Embedding : public Module<Embedding> {
 public:
  explicit Embedding(EmbeddingOptions options);
  Tensor forward(const Tensor& x) const { return embedding(x, weight, options.padding_index); }
  Parameter weight;
  EmbeddingOptions options;
  using fields = Fields<&Embedding::weight>;
};

namespace detail {
/// A weight of a known shape, or one whose shape waits.
Parameter make_parameter(const std::optional<Shape>& shape, const Initializer& init, const Regularizer& regularizer,
                         const Constraint& constraint = {});
}  // namespace detail

}  // namespace weft::nn
