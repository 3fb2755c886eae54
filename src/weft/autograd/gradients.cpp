#include <weft/autograd/gradients.h>

#include <unordered_map>
#include <unordered_set>

#include <weft/ops/ops.h>
#include <weft/tensor/context.h>
#include <weft/tensor/tape.h>

namespace weft {

namespace {

/// Gradients that arrive at each output of a node.
using Pending = std::unordered_map<Node*, std::vector<Tensor>>;

void accumulate(Pending& pending, const Value& v, const Tensor& g) {
  auto& slots = pending[v.node.get()];
  if (slots.size() < v.node->outputs.size()) slots.resize(v.node->outputs.size());
  Tensor& slot = slots[static_cast<std::size_t>(v.index)];
  slot = slot.defined() ? slot + g : g;
}

/// Custom gradients hold a function; they are nodes without an operator.
struct CustomNode final : Node {
  std::vector<Tensor> in;
  Tensor out;
  std::function<std::vector<Tensor>(const std::vector<Tensor>&, const Tensor&, const Tensor&)> backward;
};

std::vector<Tensor> call_custom(const CustomNode& node, const Tensor& cotangent) {
  std::vector<Tensor> gradients = node.backward(node.in, node.out, cotangent);
  check(gradients.size() == node.in.size(), "custom_gradient: backward returned ", gradients.size(),
        " gradients; expected ", node.in.size(), ", one for each input (an undefined one where none flows)");
  for (std::size_t i = 0; i < gradients.size(); ++i)
    check(!gradients[i].defined() || gradients[i].shape() == node.in[i].shape(), "custom_gradient: backward returned ",
          gradients[i].defined() ? to_string(gradients[i].meta()) : "", " for input ", i, "; expected the shape of ",
          to_string(node.in[i].meta()));
  return gradients;
}

std::vector<Tensor> call_rule(Node& node, std::span<const Tensor> cotangents) {
  if (const auto* custom = dynamic_cast<CustomNode*>(&node)) return call_custom(*custom, cotangents[0]);
  auto& tape = static_cast<TapeNode&>(node);
  try {
    VjpCall call{Saved<Tensor>(tape), cotangents, {}};
    node.op->vjp(node.attrs.get(), call);
    for (std::size_t i = 0; i < call.gradients.size() && i < tape.input_metas.size(); ++i) {
      Tensor& g = call.gradients[i];
      if (!g.defined()) continue;
      if (g.shape() != tape.input_metas[i].shape) g = sum_to(g, tape.input_metas[i].shape);
      if (g.dtype() != tape.input_metas[i].dtype) g = cast(g, tape.input_metas[i].dtype);
    }
    return std::move(call.gradients);
  } catch (const Error& e) {  // where the forward call stands says more than what its rule is made of
    throw Error(e.subject().empty() ? e.message() : e.subject() + ": " + e.message())
        .in("gradient of " + node.op->name)
        .at(tape.where);
  }
}

/// Runs the tape backwards from `roots`; calls at(node, gradients) for every node when its gradients are complete.
void run_backward(std::span<const Value> roots, std::span<const Tensor> cotangents, bool create_graph, bool retain,
                  const std::function<void(Node&, std::vector<Tensor>&)>& at) {
  const bool outer = std::exchange(detail::context().grad_enabled, create_graph);
  struct Restore {
    bool outer;
    ~Restore() { detail::context().grad_enabled = outer; }
  } restore{outer};
  Pending pending;
  for (std::size_t i = 0; i < roots.size(); ++i) accumulate(pending, roots[i], cotangents[i]);
  const std::vector<Node*> order = topological(roots);
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    Node& node = **it;
    auto found = pending.find(&node);
    if (found == pending.end()) continue;
    std::vector<Tensor> gradients = std::move(found->second);
    pending.erase(found);
    at(node, gradients);
    auto* tape = dynamic_cast<TapeNode*>(&node);
    if (!tape && !dynamic_cast<CustomNode*>(&node)) continue;
    const std::vector<Tensor> to_inputs = call_rule(node, gradients);
    for (std::size_t i = 0; i < node.inputs.size() && i < to_inputs.size(); ++i)
      if (node.inputs[i] && to_inputs[i].defined()) accumulate(pending, node.inputs[i], to_inputs[i]);
    if (tape && !retain) {
      tape->saved.clear();
      tape->released = true;
    }
  }
}

Tensor seed_for(const Tensor& output, const Tensor& given) {
  if (given.defined()) {
    check(given.shape() == output.shape(), "backward: seed of shape ", given.shape(), "; expected ",
          output.shape());
    return given.dtype() == output.dtype() ? given : cast(given, output.dtype());
  }
  check(output.numel() == 1, "backward: the result has shape ", output.shape(),
        "; expected a scalar (reduce it with mean() or sum()) or a seed");
  return ones_like(output);
}

void check_on_tape(const Tensor& output) {
  check(output.defined() && output.requires_grad(),
        "backward: the result does not depend on any parameter or tensor with requires_grad (or was made under NoGrad)");
}

}  // namespace

std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                         const std::vector<Tensor>& cotangents, const GradOptions& options) {
  std::vector<Value> roots;
  std::vector<Tensor> seeds;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    check_on_tape(outputs[i]);
    roots.push_back(outputs[i].impl()->value);
    seeds.push_back(seed_for(outputs[i], i < cotangents.size() ? cotangents[i] : Tensor()));
  }
  std::unordered_map<Node*, std::vector<std::size_t>> wanted;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    check(inputs[i].defined() && inputs[i].requires_grad(), "grad: input ", i,
          " is not on the tape; make it a leaf with requires_grad(true)");
    wanted[inputs[i].impl()->value.node.get()].push_back(i);
  }
  std::vector<Tensor> result(inputs.size());
  run_backward(roots, seeds, options.create_graph, options.retain_graph.value_or(options.create_graph),
               [&](Node& node, std::vector<Tensor>& gradients) {
                 auto found = wanted.find(&node);
                 if (found == wanted.end()) return;
                 for (std::size_t i : found->second)
                   result[i] = gradients[static_cast<std::size_t>(inputs[i].impl()->value.index)];
               });
  for (std::size_t i = 0; i < result.size(); ++i)
    check(result[i].defined() || options.allow_unused, "grad: the result does not depend on input ", i,
          "; pass .allow_unused = true to get an undefined gradient");
  return result;
}

std::vector<Tensor> grad(const Tensor& output, const std::vector<Tensor>& inputs, const GradOptions& options) {
  return grad(std::vector<Tensor>{output}, inputs, {}, options);
}

void Tensor::backward(const Tensor& seed, bool retain_graph) const {
  check_on_tape(*this);
  const Value root = impl_->value;
  const Tensor start = seed_for(*this, seed);
  run_backward({&root, 1}, {&start, 1}, false, retain_graph, [](Node& node, std::vector<Tensor>& gradients) {
    auto* leaf = dynamic_cast<Leaf*>(&node);
    if (!leaf) return;
    detail::replacing(leaf->grad, leaf);
    leaf->grad = leaf->grad.defined() ? leaf->grad + gradients[0] : gradients[0];
  });
}

std::vector<Leaf*> detail::leaves_of(const Tensor& root) {
  std::vector<Leaf*> leaves;
  if (!root.defined() || !root.impl()->value) return leaves;
  for (Node* n : topological({&root.impl()->value, 1}))
    if (auto* leaf = dynamic_cast<Leaf*>(n)) leaves.push_back(leaf);
  return leaves;
}

std::function<std::pair<Tensor, Tensor>(const Tensor&)> value_and_grad(std::function<Tensor(const Tensor&)> f) {
  return [f = std::move(f)](const Tensor& x) {
    // A fresh leaf that the outer tape, if any, still reaches: x itself where it is tracked, else a leaf of our own.
    const bool nested = x.requires_grad();
    const Tensor own = nested ? reshape(x, x.shape()) : x.requires_grad(true);
    const Tensor y = f(own);
    check(y.numel() == 1, "grad(f): f returned shape ", y.shape(), "; expected a scalar");
    if (!y.requires_grad()) return std::pair(y, zeros_like(x));
    // Keep the tape of the gradient only where something outside can differentiate it again.
    bool outside = nested;
    for (Leaf* leaf : detail::leaves_of(y)) outside |= leaf != own.impl()->value.node.get();
    Tensor g = grad(y, {own}, {.create_graph = outside, .allow_unused = true})[0];
    if (!g.defined()) g = zeros_like(x);
    return std::pair(outside ? y : y.detach(), g);
  };
}

std::function<Tensor(const Tensor&)> grad(std::function<Tensor(const Tensor&)> f) {
  return [both = value_and_grad(std::move(f))](const Tensor& x) { return both(x).second; };
}

Tensor custom_gradient(const std::vector<Tensor>& inputs,
                       const std::function<Tensor(const std::vector<Tensor>&)>& forward,
                       std::function<std::vector<Tensor>(const std::vector<Tensor>&, const Tensor&, const Tensor&)> backward) {
  Tensor out;
  {
    NoGrad off;
    out = forward(inputs);
  }
  bool any = false;
  for (const Tensor& t : inputs) any |= t.requires_grad();
  if (!any || !grad_enabled()) return out;
  auto node = make_ref<CustomNode>();
  node->outputs.push_back(out.meta());
  for (const Tensor& t : inputs) node->inputs.push_back(t.requires_grad() ? t.impl()->value : Value{});
  node->in = inputs;
  node->out = out;
  node->backward = std::move(backward);
  return with_value(out, {node, 0}, true);
}

Tensor stop_gradient(const Tensor& x) { return x.detach(); }

}  // namespace weft
