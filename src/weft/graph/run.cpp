#include <algorithm>
#include <unordered_map>

#include <weft/graph/graph.h>
#include <weft/tensor/apply.h>
#include <weft/tensor/tensor_impl.h>

namespace weft {

namespace {

/// The batch size of the inputs, after checking that they fit.
std::int64_t check_inputs(const Graph& graph, std::span<const Tensor> inputs) {
  check(inputs.size() == graph.inputs.size(), "graph: received ", inputs.size(), " inputs; expected ", graph.inputs.size());
  std::int64_t batch = -1;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const GraphInput& expected = graph.inputs[i];
    check(inputs[i].defined(), "graph: input '", expected.name, "' is undefined");
    Shape shape = inputs[i].shape();
    const bool has_batch = expected.batched && shape.rank() == expected.meta.shape.rank();
    if (has_batch) {
      check(batch < 0 || batch == shape[0], "graph: input '", expected.name, "' has batch size ", shape[0],
            "; the inputs before have ", batch);
      batch = shape[0];
      shape[0] = expected.meta.shape[0];
    }
    if (shape == expected.meta.shape && inputs[i].dtype() == expected.meta.dtype) continue;
    std::string wanted = to_string(expected.meta.shape);
    if (expected.batched) wanted.replace(1, wanted.find_first_of(",]") - 1, "N");
    fail("graph: input '", expected.name, "' is ", to_string(inputs[i].meta()), "; expected ", name_of(expected.meta.dtype),
         wanted);
  }
  return std::max<std::int64_t>(batch, 1);
}

Attrs attributes_at(const GraphNode& n, std::int64_t batch) {
  AttrMap map = n.op->get(n.attrs.get());
  for (const BatchMultiple& m : n.batch_multiples)
    for (auto& [name, value] : map) {
      if (name != m.attribute) continue;
      if (m.entry < 0) std::get<std::int64_t>(value) *= batch;
      else std::get<std::vector<std::int64_t>>(value)[static_cast<std::size_t>(m.entry)] *= batch;
    }
  return n.op->make(map);
}

/// For each value the last node that reads it; outputs live to the end.
std::vector<int> last_uses(const Graph& graph, std::size_t values) {
  std::vector<int> last(values, -1);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i)
    for (int v : graph.nodes[i].inputs) last[static_cast<std::size_t>(v)] = static_cast<int>(i);
  for (int v : graph.outputs) last[static_cast<std::size_t>(v)] = static_cast<int>(graph.nodes.size());
  return last;
}

}  // namespace

std::vector<Tensor> run(const Graph& graph, std::span<const Tensor> inputs, std::span<const Tensor> parameters) {
  const std::int64_t batch = check_inputs(graph, inputs);
  check(parameters.size() == graph.parameters.size(), "graph: received ", parameters.size(), " parameters; expected ",
        graph.parameters.size());
  const Device device = inputs.empty() ? default_device() : inputs[0].device();
  const DeviceScope scope(device);
  std::vector<Tensor> values(inputs.begin(), inputs.end());
  values.insert(values.end(), parameters.begin(), parameters.end());
  for (const Tensor& t : graph.constants) values.push_back(t.to(device));
  std::size_t total = values.size();
  for (const GraphNode& n : graph.nodes) total += static_cast<std::size_t>(n.outputs);
  const std::vector<int> last = last_uses(graph, total);
  values.reserve(total);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const GraphNode& n = graph.nodes[i];
    std::vector<Operand> operands;
    for (int v : n.inputs) operands.emplace_back(values[static_cast<std::size_t>(v)], SourceLocation{});
    const Attrs scaled = n.batch_multiples.empty() ? Attrs() : attributes_at(n, batch);
    Tensors made = apply_op(*n.op, (scaled.get() ? scaled : n.attrs).get(), operands);
    check(made.size() == static_cast<std::size_t>(n.outputs), "graph: '", n.op->name, "' gave ", made.size(),
          " outputs; expected ", n.outputs);
    for (Tensor& t : made) values.push_back(std::move(t));
    for (int v : n.inputs)
      if (last[static_cast<std::size_t>(v)] == static_cast<int>(i)) values[static_cast<std::size_t>(v)] = {};
  }
  std::vector<Tensor> outputs;
  for (int v : graph.outputs) outputs.push_back(values[static_cast<std::size_t>(v)]);
  return outputs;
}

std::vector<Tensor> bind_parameters(const Graph& graph, const NamedTensors& named) {
  std::vector<Tensor> values;
  std::string problems;
  int count = 0;
  const auto report = [&](const std::string& text) {
    if (++count <= 5) problems += (problems.empty() ? "" : "; ") + text;
  };
  std::unordered_map<std::string_view, const Tensor*> by_name;
  for (const auto& [name, t] : named) by_name.emplace(name, &t);
  for (const GraphParameter& p : graph.parameters) {
    const auto it = by_name.find(p.name);
    const Tensor* t = it == by_name.end() ? nullptr : it->second;
    if (!t) report(cat("'", p.name, "' ", to_string(p.meta), " is missing"));
    else if (!(t->meta() == p.meta))
      report(cat("'", p.name, "' is ", to_string(t->meta()), ", expected ", to_string(p.meta)));
    values.push_back(t ? *t : Tensor());
  }
  check(count == 0, "the weights do not fit the graph: ", problems, count > 5 ? cat("; and ", count - 5, " more") : "");
  return values;
}

std::vector<Meta> infer(const Graph& graph, std::int64_t batch) {
  NoGrad off;
  std::vector<Tensor> inputs, parameters;
  for (const GraphInput& i : graph.inputs) {
    Meta m = i.meta;
    if (i.batched) m.shape[0] = batch;
    inputs.push_back(allocate_tensor(m, meta));
  }
  for (const GraphParameter& p : graph.parameters) parameters.push_back(allocate_tensor(p.meta, meta));
  Graph symbolic = graph;  // whose constants are without data, so that nothing is computed
  for (Tensor& t : symbolic.constants) t = allocate_tensor(t.meta(), meta);
  const DeviceScope scope(meta);
  std::vector<Meta> outputs;
  for (const Tensor& t : run(symbolic, inputs, parameters)) outputs.push_back(t.meta());
  return outputs;
}

}  // namespace weft
