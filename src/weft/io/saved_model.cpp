#include <weft/io/saved_model.h>

#include <unordered_set>

#include <weft/base/files.h>
#include <weft/io/model_json.h>
#include <weft/io/module_state.h>
#include <weft/io/safetensors.h>
#include <weft/nn/functional.h>

namespace weft {

namespace {

/// Puts a module into evaluation mode; at the end each layer has its own mode again.
class Evaluating {
 public:
  explicit Evaluating(nn::ModuleRef m) {
    for (nn::Mode* mode : detail::modes_of(m)) {
      if (!mode->training) continue;
      mode->training = false;
      changed_.push_back(mode);
    }
  }
  Evaluating(const Evaluating&) = delete;
  Evaluating& operator=(const Evaluating&) = delete;
  ~Evaluating() {
    for (nn::Mode* mode : changed_) mode->training = true;
  }

 private:
  std::vector<nn::Mode*> changed_;
};

/// The graph's tensors among those of a weights file; constants are put in place.
NamedTensors take_weights(Graph& graph, const NamedTensors& file) {
  NamedTensors weights;
  for (const auto& [name, t] : file)
    if (!name.starts_with("__constant.")) weights.emplace_back(name, t);
  bind_parameters(graph, weights);
  for (std::size_t i = 0; i < graph.constants.size(); ++i) {
    const std::string name = constant_name(i);
    const Tensor* t = find_tensor(file, name);
    const Meta expected = graph.constants[i].meta();
    check(t, "'", name, "' ", expected, " is missing");
    check(t->meta() == expected, "'", name, "' is ", t->meta(), ", expected ", expected);
    graph.constants[i] = *t;
  }
  return weights;
}

}  // namespace

std::vector<Tensor> SavedModel::run(const std::vector<Tensor>& inputs) const {
  NoGrad off;
  return weft::run(description->graph, inputs, bind_parameters(description->graph, weights));
}

SavedModel capture_model(nn::ModuleRef module, const GraphFunction& function, const std::vector<GraphInput>& inputs) {
  nn::name_parameters(module);
  const Evaluating evaluating(module);
  SavedModel model;
  NamedTensors live;  // the cells' own handles, by which the capture knows them
  std::unordered_set<const ParameterState*> seen;
  for (const detail::StateEntry& e : detail::state_of(module)) {
    check(e.ready(), "capture: '", e.path, "' has no shape yet; call the module on a batch first");
    const Tensor& t = e.parameter.defined() ? e.parameter.tensor() : e.buffer.tensor();
    model.weights.emplace_back(e.path, t.detach());
    if (!e.parameter.defined() || seen.insert(e.parameter.state()).second) live.emplace_back(e.path, t);
  }
  const nn::detail::TraceScope tracing;
  model.description = std::make_shared<ModelDescription>();
  model.description->name = std::string(module.type_name());
  model.description->graph = capture(function, inputs, live);
  return model;
}

void save_model(const std::string& folder, const SavedModel& model) {
  make_folder(folder);
  NamedTensors file = model.weights;
  for (std::size_t i = 0; i < model.description->graph.constants.size(); ++i)
    file.emplace_back(constant_name(i), model.description->graph.constants[i]);
  const std::string json = to_json(*model.description);
  save_safetensors(folder + "/model.safetensors", file, {{"format", "pt"}});
  write_file_atomically(folder + "/model.json", json);
}

SavedModel load_model(const std::string& folder) {
  const std::string path = folder + "/model.json";
  const std::string json = read_file(path);
  SavedModel model;
  try {
    model.description = std::make_shared<ModelDescription>(parse_model(json));
  } catch (const Error& e) {
    fail(path, ": ", e.message());
  }
  const std::string weights = folder + "/model.safetensors";
  const NamedTensors file = load_safetensors(weights).tensors;
  try {
    model.weights = take_weights(model.description->graph, file);
  } catch (const Error& e) {
    fail("model.json does not fit the weights: ", path, " with ", weights, ": ", e.message());
  }
  return model;
}

}  // namespace weft
