// Dense layers.
#pragma once

#include <weft/nn/activations.h>
#include <weft/nn/init.h>
#include <weft/nn/regularizers.h>

namespace weft::nn {

/// Options of Linear, in PyTorch's order, then Keras's.
struct LinearOptions {
  std::int64_t in = 0;                  ///< features of x; 0: found at the first batch
  std::int64_t out = 0;                 ///< features of y (Keras: units)
  bool bias = true;                     ///< add a trained number a channel
  Initializer kernel_init = {};         ///< unset: Glorot uniform (see init::Scope)
  Initializer bias_init = {};           ///< unset: zeros
  Regularizer kernel_regularizer = {};  ///< a penalty on the weight
  Regularizer bias_regularizer = {};    ///< a penalty on the bias
  Constraint kernel_constraint = {};    ///< what the weight is held to
  Activation activation = {};           ///< applied to the result
};

/// y = x W^T + b over the last axis: x […, in] gives […, out]; weight [out, in], bias [out] (Keras: Dense).
class Linear : public Module<Linear> {
 public:
  /// From its options; throws Error for those that fit no layer.
  explicit Linear(LinearOptions options);
  /// Throws Error naming the sizes where the last axis of x is not `in`.
  Tensor forward(const Tensor& x) const;
  Parameter weight;       ///< trained
  Parameter bias;         ///< trained; undefined where the options leave it out
  LinearOptions options;  ///< as given
  using fields = Fields<&Linear::weight, &Linear::bias>;
};
/// Keras's name.
using Dense = Linear;

/// Options of Embedding.
struct EmbeddingOptions {
  std::int64_t count = 0;  ///< rows: how many different indices (PyTorch: num_embeddings; Keras: input_dim)
  std::int64_t size = 0;  ///< numbers a row (PyTorch: embedding_dim; Keras: output_dim)
  std::optional<std::int64_t> padding_index = {};  ///< a row that starts as zeros and receives no gradient
  Initializer init = {};  ///< unset: standard normal (Keras: uniform ±0.05)
  Regularizer regularizer = {};  ///< a penalty on the weight
  Constraint constraint = {};  ///< what the weight is held to
};

/// Rows of weight [count, size] by integer index: x […] gives […, size]. An index outside throws Error.
class Embedding : public Module<Embedding> {
 public:
  /// From its options; throws Error for those that fit no layer.
  explicit Embedding(EmbeddingOptions options);
  Tensor forward(const Tensor& x) const { return embedding(x, weight, options.padding_index); }
  Parameter weight;          ///< trained
  EmbeddingOptions options;  ///< as given
  using fields = Fields<&Embedding::weight>;
};

namespace detail {
/// A weight of a known shape, or one whose shape waits.
Parameter make_parameter(const std::optional<Shape>& shape, const Initializer& init, const Regularizer& regularizer,
                         const Constraint& constraint = {});
}  // namespace detail

}  // namespace weft::nn
