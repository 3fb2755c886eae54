// Graphs of layers with several inputs and outputs: call layers on symbolic tensors, then name the ends.
#pragma once

#include <weft/base/view.h>
#include <weft/ir/attrs.h>
#include <weft/nn/layer.h>

namespace weft::nn {

/// A symbolic input: sizes without the batch axis. Layers and operations on it record themselves instead of computing:
///     Tensor x = nn::input({3, 32, 32});
///     Tensor y = head(relu(conv(x)) + shortcut(x));
///     nn::Functional model{x, y};
Tensor input(const Shape& shape_without_batch, DType dtype = DType::f32);
/// Keras's name of input().
inline Tensor Input(const Shape& shape_without_batch, DType dtype = DType::f32) { return input(shape_without_batch, dtype); }

/// A model made of recorded calls (Keras: the functional API). Layers are shared with the objects that were called.
class Functional : public Module<Functional> {
 public:
  /// Throws Error where an output does not depend on the inputs alone.
  Functional(std::vector<Tensor> inputs, std::vector<Tensor> outputs);
  /// One input, one output.
  Functional(const Tensor& input, const Tensor& output);
  /// One output: that tensor; throws Error where there are several (call outputs()).
  Tensor forward(const Tensor& x) const;
  Tensor forward(const Tensor& a, const Tensor& b) const;
  Tensor forward(const std::vector<Tensor>& inputs) const;
  /// All outputs.
  std::vector<Tensor> outputs(const std::vector<Tensor>& inputs) const;
  /// Every value of a run: the inputs, then each step's outputs (see Step::first_output).
  std::vector<Tensor> values(const std::vector<Tensor>& inputs) const;
  /// Number of inputs.
  std::size_t input_count() const { return inputs_.size(); }
  /// Number of outputs.
  std::size_t output_count() const { return outputs_.size(); }
  /// Shows the layers.
  void visit_fields(FieldVisitor& v);

  /// One recorded call.
  struct Step {
    int layer = -1;                  ///< which of layers(), or -1 for a plain operation
    const OpInfo* op = nullptr;      ///< the operation, where it is one
    Attrs attrs;                     ///< its attributes
    std::vector<int> inputs;         ///< values; negative: constant -1 - i
    int first_output = 0;            ///< values are numbered: graph inputs first, then each step's outputs
    int output_count = 1;            ///< how many values it makes
  };
  /// The calls, in order.
  const std::vector<Step>& steps() const { return steps_; }
  /// The layers by name ("conv2d", "conv2d_1", …); one that is called twice is there once.
  const std::vector<std::pair<std::string, Layer>>& layers() const { return layers_; }

 private:
  int own(const Layer& layer);
  std::vector<std::pair<std::string, Layer>> layers_;
  std::vector<Step> steps_;
  std::vector<Meta> inputs_;
  std::vector<int> outputs_;
  std::vector<Tensor> constants_;
};

namespace detail {

/// While it lives, modules called on symbolic tensors run their forward instead of being recorded as one call:
/// shape inference, summaries, captured graphs.
class TraceScope {
 public:
  TraceScope();
  TraceScope(const TraceScope&) = delete;
  TraceScope& operator=(const TraceScope&) = delete;
  ~TraceScope();

 private:
  bool outer_;
};

}  // namespace detail

}  // namespace weft::nn
