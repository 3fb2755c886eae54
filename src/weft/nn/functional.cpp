#include <weft/nn/functional.h>

#include <algorithm>
#include <map>

#include <weft/tensor/apply.h>
#include <weft/tensor/tensor_impl.h>

namespace weft::nn {

namespace {

thread_local bool tracing = false;

/// A symbolic graph input.
struct InputNode final : Node {};

/// A recorded call of a layer.
struct LayerNode final : Node {
  Layer layer;
};

/// The batch size that stands for any while layers infer their shapes.
constexpr std::int64_t symbolic_batch = 2;

std::string unique_name(std::string_view type, std::map<std::string, int>& used) {
  std::string name;
  for (std::size_t i = 0; i < type.size(); ++i) {
    const char c = type[i];
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper && i > 0 && !(type[i - 1] >= 'A' && type[i - 1] <= 'Z')) name += '_';
    name += upper ? static_cast<char>(c - 'A' + 'a') : c;
  }
  const int n = used[name]++;
  return n ? name + "_" + std::to_string(n) : name;
}

}  // namespace

Tensor input(const Shape& shape_without_batch, DType dtype) {
  Shape shape = shape_without_batch;
  shape.insert(0, symbolic_batch);
  auto node = make_ref<InputNode>();
  node->outputs.push_back({shape, dtype});
  return with_value(allocate_tensor({shape, dtype}, meta), {node, 0}, false);
}

namespace detail {

TraceScope::TraceScope() : outer_(std::exchange(tracing, true)) {}
TraceScope::~TraceScope() { tracing = outer_; }

bool builds_graph(std::span<const Tensor> inputs) {
  if (tracing) return false;
  for (const Tensor& t : inputs)
    if (!is_symbolic(t) || !t.impl()->value) return false;
  return true;
}

Tensor record_call(Layer layer, const std::vector<Tensor>& inputs) {
  Meta result;
  {
    TraceScope scope;
    result = layer.call(inputs).meta();
  }
  auto node = make_ref<LayerNode>();
  node->layer = std::move(layer);
  for (const Tensor& t : inputs) node->inputs.push_back(t.impl()->value);
  node->outputs.push_back(result);
  return with_value(allocate_tensor(result, meta), {node, 0}, false);
}

}  // namespace detail

/// A layer that was called before is known by its parameters.
int Functional::own(const Layer& layer) {
  const std::vector<Parameter> mine = nn::parameters(layer.module_ref());
  std::map<std::string, int> names;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    if (!mine.empty() && nn::parameters(layers_[i].second.module_ref()) == mine) return static_cast<int>(i);
    unique_name(layers_[i].second.module_ref().type_name(), names);
  }
  Layer shared = layer;
  detail::share_state(layer.module_ref(), shared.module_ref());
  layers_.emplace_back(unique_name(layer.module_ref().type_name(), names), std::move(shared));
  return static_cast<int>(layers_.size()) - 1;
}

Functional::Functional(std::vector<Tensor> inputs, std::vector<Tensor> outputs) {
  check(!inputs.empty() && !outputs.empty(), "Functional: expected at least one input and one output");
  std::map<Node*, int> first_value;
  for (const Tensor& t : inputs) {
    check(detail::is_symbolic(t) && t.impl()->value && dynamic_cast<InputNode*>(t.impl()->value.node.get()),
          "Functional: an input is not from nn::input()");
    first_value[t.impl()->value.node.get()] = static_cast<int>(inputs_.size());
    inputs_.push_back(t.meta());
  }
  std::vector<Value> roots;
  for (const Tensor& t : outputs) {
    check(detail::is_symbolic(t) && t.impl()->value, "Functional: an output is not symbolic; compute it from nn::input()");
    roots.push_back(t.impl()->value);
  }
  int next = static_cast<int>(inputs_.size());
  for (Node* node : topological(roots)) {
    if (first_value.count(node)) continue;
    check(!dynamic_cast<InputNode*>(node), "Functional: an output depends on an nn::input() that is not among the inputs");
    if (auto* constant = dynamic_cast<Constant*>(node)) {
      first_value[node] = -1 - static_cast<int>(constants_.size());
      constants_.push_back(constant->tensor);
      continue;
    }
    check(node->op || dynamic_cast<LayerNode*>(node),
          "Functional: a parameter is used directly; put the operation into a layer so that the model owns it");
    Step step;
    if (auto* call = dynamic_cast<LayerNode*>(node)) {
      step.layer = own(call->layer);
    } else {
      step.op = node->op;
      step.attrs = node->attrs;
    }
    for (const Value& v : node->inputs) {
      const int base = first_value.at(v.node.get());
      step.inputs.push_back(base < 0 ? base : base + v.index);
    }
    step.first_output = next;
    step.output_count = static_cast<int>(node->outputs.size());
    first_value[node] = next;
    next += step.output_count;
    steps_.push_back(std::move(step));
  }
  for (const Value& v : roots) outputs_.push_back(first_value.at(v.node.get()) + v.index);
}

std::vector<Tensor> Functional::values(const std::vector<Tensor>& inputs) const {
  check(inputs.size() == inputs_.size(), "received ", inputs.size(), " inputs; expected ", inputs_.size());
  std::vector<Tensor> values = inputs;
  for (const Step& step : steps_) {
    std::vector<Tensor> in;
    for (int i : step.inputs)
      in.push_back(i < 0 ? constants_[static_cast<std::size_t>(-1 - i)].to(inputs[0].device())
                         : values[static_cast<std::size_t>(i)]);
    if (step.layer >= 0) {
      values.push_back(layers_[static_cast<std::size_t>(step.layer)].second.call(in));
      continue;
    }
    const std::vector<Operand> operands(in.begin(), in.end());
    for (Tensor& t : apply_op(*step.op, step.attrs.get(), operands)) values.push_back(std::move(t));
  }
  return values;
}

std::vector<Tensor> Functional::outputs(const std::vector<Tensor>& inputs) const {
  const std::vector<Tensor> all = values(inputs);
  std::vector<Tensor> result;
  for (int i : outputs_) result.push_back(all[static_cast<std::size_t>(i)]);
  return result;
}

Functional::Functional(const Tensor& input, const Tensor& output) : Functional(std::vector{input}, std::vector{output}) {}

Tensor Functional::forward(const Tensor& x) const { return forward(std::vector{x}); }
Tensor Functional::forward(const Tensor& a, const Tensor& b) const { return forward(std::vector{a, b}); }
Tensor Functional::forward(const std::vector<Tensor>& inputs) const {
  std::vector<Tensor> all = outputs(inputs);
  check(all.size() == 1, "this model has ", all.size(), " outputs; call outputs()");
  return all[0];
}

void Functional::visit_fields(FieldVisitor& v) {
  for (auto& [name, layer] : layers_) detail::visit_field(name, layer, v);
}

}  // namespace weft::nn
