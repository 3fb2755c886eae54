// A captured computation: what a model's forward does, for any batch size, without the model's source.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <weft/base/view.h>
#include <weft/ir/attrs.h>
#include <weft/tensor/named.h>

namespace weft {

/// An input of a graph. Where `batched`, the first axis is the batch and its size in `meta` means nothing (1).
struct GraphInput {
  std::string name = "x";  ///< for callers and files
  Meta meta;  ///< shape and dtype
  bool batched = true;  ///< the first axis is the batch
};

/// A named tensor that a graph reads: a parameter or a buffer of the model.
struct GraphParameter {
  std::string name;  ///< its path in the model
  Meta meta;  ///< shape and dtype
};

/// An integer attribute, or entry `entry` of a list of them, that is a multiple of the batch size: the attribute holds
/// the multiple.
struct BatchMultiple {
  std::string attribute;  ///< its name
  int entry = -1;  ///< -1: the attribute is no list
  friend bool operator==(const BatchMultiple&, const BatchMultiple&) = default;
};

/// An operator applied to values.
struct GraphNode {
  const OpInfo* op = nullptr;  ///< the operator
  Attrs attrs;  ///< at batch size 1
  std::vector<BatchMultiple> batch_multiples;  ///< attributes that grow with the batch
  std::vector<int> inputs;  ///< values, numbered as Graph says
  int outputs = 1;  ///< how many values it makes
};

/// Values are numbered: inputs, then parameters, then constants, then the outputs of each node in turn.
struct Graph {
  std::vector<GraphInput> inputs;  ///< in the order of the function's arguments
  std::vector<GraphParameter> parameters;  ///< those that are used, in the order in which the model names them
  std::vector<Tensor> constants;           ///< tensors that the function used and that bear no name
  std::vector<GraphNode> nodes;            ///< in topological order
  std::vector<int> outputs;  ///< values, in the order of the function's results

  /// The number of the first node's first output.
  int first_node_value() const { return static_cast<int>(inputs.size() + parameters.size() + constants.size()); }
};

/// A function to capture: as many tensors as the graph has inputs, one or more results.
using GraphFunction = std::function<std::vector<Tensor>(const std::vector<Tensor>&)>;

/// Runs `function` on symbolic tensors and keeps what it does, without gradients. `named` are the tensors that stay
/// replaceable (parameters, buffers); operations on them alone are captured too. Other tensors become constants. It runs
/// at batch sizes 2 and 3: an integer attribute that differs must be a multiple of the batch size. Throws Error, naming
/// the operator, for anything else that depends on the batch size, for random operators and for unnamed parameters.
Graph capture(const GraphFunction& function, const std::vector<GraphInput>& inputs, const NamedTensors& named);

/// Evaluates the graph operator by operator. `parameters` in the order of graph.parameters (see bind_parameters). Gradients flow
/// where the tape is on. Throws Error for inputs of other shapes or dtypes than captured, the batch size aside.
std::vector<Tensor> run(const Graph& graph, std::span<const Tensor> inputs, std::span<const Tensor> parameters);

/// The graph's parameters out of named tensors. Throws Error naming those that are missing or that have another shape
/// or dtype; names that the graph does not use are ignored.
std::vector<Tensor> bind_parameters(const Graph& graph, const NamedTensors& named);

/// Shapes and dtypes of the outputs at a batch size, without computing; throws Error where the graph does not fit
/// together.
std::vector<Meta> infer(const Graph& graph, std::int64_t batch);

}  // namespace weft
