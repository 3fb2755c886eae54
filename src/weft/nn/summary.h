// What a model consists of: layers, output shapes, parameters, multiply-adds, memory.
#pragma once

#include <weft/nn/functional.h>

namespace weft::nn {

/// How a summary is made.
struct SummaryOptions {
  std::string name = {};                  ///< of the model; unset: its class
  int depth = 3;                          ///< how many levels of modules within modules become rows
  std::int64_t optimizer_parameters = 0;  ///< numbers that the optimizer keeps, for the totals
};

/// A layer of a summary.
struct SummaryRow {
  std::string name;                       ///< path: "block.0.conv"
  std::string type;                       ///< class: "Conv2d"
  int depth = 1;                          ///< 1: a direct part of the model
  bool container = false;                 ///< its parts have rows of their own, and the numbers are there
  std::vector<Shape> outputs;             ///< -1: grows with the batch; empty: not called
  std::int64_t parameters = 0;            ///< trained and other numbers (running statistics), without its parts' rows
  std::int64_t macs = 0;                  ///< multiply-adds of one sample
  std::vector<std::string> connected_to;  ///< of a Functional: what its inputs come from
};

/// A model, layer by layer.
struct Summary {
  std::string name;                      ///< its class, or as the options say
  std::vector<SummaryRow> rows;          ///< in order of the calls
  bool graph = false;                    ///< of a Functional: has "Connected to"
  std::int64_t trainable = 0;            ///< numbers of trainable parameters
  std::int64_t non_trainable = 0;        ///< of frozen ones and of buffers
  std::int64_t optimizer = 0;            ///< as the options say
  std::int64_t trainable_bytes = 0;      ///< of the trainable
  std::int64_t non_trainable_bytes = 0;  ///< of the others
  std::int64_t macs = 0;                 ///< multiply-adds of the forward pass of one sample
  std::int64_t activation_bytes = 0;     ///< what the forward pass of one sample keeps for the backward pass
};
/// The boxed table that Keras prints, with multiply-adds and activation memory.
std::string to_string(const Summary& s);

namespace detail {
using SummaryCall = std::function<std::vector<Tensor>(const std::vector<Tensor>&)>;
Summary summarize(ModuleRef root, const Functional* graph, std::span<const Meta> inputs, const SummaryOptions& options,
                  const SummaryCall& call);
}  // namespace detail

/// Follows shapes through a module without computing: `inputs` are shapes and dtypes without the batch axis. Sizes that
/// were left out are found on the way; parameters draw their first values.
template <IsModule M> Summary summary(const M& module, std::span<const Meta> inputs, const SummaryOptions& options = {}) {
  const Functional* graph = nullptr;
  if constexpr (std::is_same_v<M, Functional>) graph = &module;
  return detail::summarize(module, graph, inputs, options, [&](const std::vector<Tensor>& x) {
    return detail::call_with(module, x, ModuleRef(module).type_name());
  });
}
/// The same for a module of one input.
template <IsModule M> Summary summary(const M& module, const Shape& input, const SummaryOptions& options = {}) {
  const Meta one{input, DType::f32};
  return summary(module, std::span<const Meta>(&one, 1), options);
}
/// The same for a layer of any class.
Summary summary(const Layer& layer, std::span<const Meta> inputs, const SummaryOptions& options = {});

}  // namespace weft::nn
