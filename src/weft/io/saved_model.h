// A model in a folder, usable without its source: model.json (what it computes) and model.safetensors (its numbers).
#pragma once

#include <memory>

#include <weft/graph/graph.h>
#include <weft/nn/layer.h>

namespace weft {

struct ModelDescription;

/// A model that was captured, or loaded from a folder.
struct SavedModel {
  std::shared_ptr<ModelDescription> description;  ///< what it computes (io/model_json.h); copies share it
  NamedTensors weights;  ///< parameters and buffers by name

  /// Evaluates it; `x` as the model's forward took it (preprocessed). No gradients. Safe from several threads.
  Tensor operator()(const Tensor& x) const { return run({x})[0]; }
  std::vector<Tensor> run(const std::vector<Tensor>& inputs) const;  ///< the same for any number of inputs and outputs
};

/// Captures what a module computes in evaluation mode (its modes are as before afterwards), with its weights.
/// `function` calls it. Parameters must have their shapes: call the module on a batch first.
SavedModel capture_model(nn::ModuleRef module, const GraphFunction& function, const std::vector<GraphInput>& inputs);
/// The same for a module that takes tensors and returns one or a list: `capture_model(net, {{"x", {{1, 3, 32, 32}}}})`.
template <nn::IsModule M> SavedModel capture_model(const M& module, const std::vector<GraphInput>& inputs) {
  const nn::ModuleRef ref(module);
  return capture_model(
      ref,
      [&](const std::vector<Tensor>& x) { return nn::detail::call_with(const_cast<M&>(module), x, ref.type_name()); },
      inputs);
}

/// Writes model.safetensors and model.json into the folder, which is made where it is missing; each atomically.
void save_model(const std::string& folder, const SavedModel& model);
/// Reads both. Throws Error where a file is damaged, or where they do not fit each other: "model.json does not fit the
/// weights", with the names.
SavedModel load_model(const std::string& folder);

}  // namespace weft
