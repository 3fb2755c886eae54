#include <weft/autograd/gradients.h>

#include <algorithm>

#include <weft/base/thread_pool.h>
#include <weft/ops/ops.h>
#include <weft/tensor/context.h>
#include <weft/tensor/tape.h>

namespace weft {

namespace {

/// Custom gradients hold a function; they are nodes without an operator.
struct CustomNode final : Node {
  CustomNode() : Node(NodeKind::custom) {}
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
  if (node.kind == NodeKind::custom) return call_custom(static_cast<CustomNode&>(node), cotangents[0]);
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

/// Gradients that arrive at the outputs of nodes: of those in the order that topological() gives.
class Arriving {
 public:
  explicit Arriving(const std::vector<Node*>& order) : order_(order), slots_(order.size()) {}
  void add(const Value& v, const Tensor& g) {
    const auto at = std::lower_bound(order_.begin(), order_.end(), v.node->sequence,
                                     [](const Node* n, std::uint64_t sequence) { return n->sequence < sequence; });
    auto& slots = slots_[static_cast<std::size_t>(at - order_.begin())];
    if (slots.size() < v.node->outputs.size()) slots.resize(v.node->outputs.size());
    Tensor& slot = slots[static_cast<std::size_t>(v.index)];
    slot = slot.defined() ? slot + g : g;
  }
  /// Those of node i of the order; empty where none has arrived.
  SmallVector<Tensor, 1> take(std::size_t i) { return std::move(slots_[i]); }

 private:
  const std::vector<Node*>& order_;
  std::vector<SmallVector<Tensor, 1>> slots_;
};

/// Runs the tape backwards from `roots`, through `order`, which is theirs; calls at(node, gradients) for every node when its
/// gradients are complete.
void run_backward(std::span<const Value> roots, const std::vector<Node*>& order, std::span<const Tensor> cotangents,
                  bool create_graph, bool retain, FunctionRef<void(Node&, std::span<const Tensor>)> at) {
  const bool outer = std::exchange(detail::context().grad_enabled, create_graph);
  struct Restore {
    bool outer;
    ~Restore() { detail::context().grad_enabled = outer; }
  } restore{outer};
  Arriving arriving(order);
  for (std::size_t i = 0; i < roots.size(); ++i) arriving.add(roots[i], cotangents[i]);
  for (std::size_t i = order.size(); i-- > 0;) {
    Node& node = *order[i];
    const SmallVector<Tensor, 1> gradients = arriving.take(i);
    if (gradients.empty()) continue;
    at(node, gradients);
    if (node.kind != NodeKind::tape && node.kind != NodeKind::custom) continue;
    const std::vector<Tensor> to_inputs = call_rule(node, gradients);
    for (std::size_t k = 0; k < node.inputs.size() && k < to_inputs.size(); ++k)
      if (node.inputs[k] && to_inputs[k].defined()) arriving.add(node.inputs[k], to_inputs[k]);
    if (node.kind == NodeKind::tape && !retain) {
      auto& tape = static_cast<TapeNode&>(node);
      tape.saved.clear();
      tape.released = true;
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

std::vector<Tensor> detail::grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                                 const std::vector<Tensor>& cotangents, const GradOptions& options, std::vector<Leaf*>* leaves) {
  std::vector<Value> roots;
  std::vector<Tensor> seeds;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    check_on_tape(outputs[i]);
    roots.push_back(outputs[i].impl()->value);
    seeds.push_back(seed_for(outputs[i], i < cotangents.size() ? cotangents[i] : Tensor()));
  }
  std::vector<std::pair<const Node*, std::size_t>> wanted;  // by node
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    check(inputs[i].defined() && inputs[i].requires_grad(), "grad: input ", i,
          " is not on the tape; make it a leaf with requires_grad(true)");
    wanted.emplace_back(inputs[i].impl()->value.node.get(), i);
  }
  std::sort(wanted.begin(), wanted.end());
  const std::vector<Node*> order = topological(roots);
  if (leaves)
    for (Node* n : order)
      if (n->kind == NodeKind::leaf) leaves->push_back(static_cast<Leaf*>(n));
  std::vector<Tensor> result(inputs.size());
  run_backward(roots, order, seeds, options.create_graph, options.retain_graph.value_or(options.create_graph),
               [&](Node& node, std::span<const Tensor> gradients) {
                 auto found = std::lower_bound(wanted.begin(), wanted.end(), std::pair<const Node*, std::size_t>(&node, 0));
                 for (; found != wanted.end() && found->first == &node; ++found)
                   result[found->second] = gradients[static_cast<std::size_t>(inputs[found->second].impl()->value.index)];
               });
  for (std::size_t i = 0; i < result.size(); ++i)
    check(result[i].defined() || options.allow_unused, "grad: the result does not depend on input ", i,
          "; pass .allow_unused = true to get an undefined gradient");
  return result;
}

std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                         const std::vector<Tensor>& cotangents, const GradOptions& options) {
  return detail::grad(outputs, inputs, cotangents, options, nullptr);
}

std::vector<Tensor> grad(const Tensor& output, const std::vector<Tensor>& inputs, const GradOptions& options) {
  return grad(std::vector<Tensor>{output}, inputs, {}, options);
}

void Tensor::backward(const Tensor& seed, bool retain_graph) const {
  check_on_tape(*this);
  const Value root = impl_->value;
  const Tensor start = seed_for(*this, seed);
  run_backward({&root, 1}, topological({&root, 1}), {&start, 1}, false, retain_graph, [](Node& node, std::span<const Tensor> gradients) {
    if (node.kind != NodeKind::leaf) return;
    auto& leaf = static_cast<Leaf&>(node);
    detail::replacing(leaf.grad, &leaf);
    leaf.grad = leaf.grad.defined() ? leaf.grad + gradients[0] : gradients[0];
  });
}

std::vector<Leaf*> detail::leaves_of(const Tensor& root) {
  std::vector<Leaf*> leaves;
  if (!root.defined() || !root.impl()->value) return leaves;
  for (Node* n : topological({&root.impl()->value, 1}))
    if (n->kind == NodeKind::leaf) leaves.push_back(static_cast<Leaf*>(n));
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
