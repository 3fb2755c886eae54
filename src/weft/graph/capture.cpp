#include <algorithm>
#include <cstring>
#include <unordered_map>
#include <variant>

#include <weft/graph/graph.h>
#include <weft/opdefs/transfer.h>
#include <weft/tensor/apply.h>
#include <weft/tensor/observer.h>
#include <weft/tensor/tensor_impl.h>

namespace weft {

namespace {

/// A symbolic input.
struct InputNode final : Node {
  int index = 0;
};

/// Records operations on real tensors as well, so that what is made of parameters (a transposed or normalized weight)
/// is computed from them at each run and not frozen.
class RealRecorder final : public Observer {
 public:
  void applied(const OpInfo& info, const void* op, std::span<const Tensor> in, std::span<const Tensor> out, double) override {
    auto node = make_ref<Node>();
    node->op = &info;
    node->attrs = Attrs(info, op);
    for (const Tensor& t : in) {
      if (t.impl()->value) {
        node->inputs.push_back(t.impl()->value);
        continue;
      }
      auto constant = make_ref<Constant>();
      constant->tensor = t;
      node->inputs.push_back({constant, 0});
    }
    for (std::size_t i = 0; i < out.size(); ++i) {
      node->outputs.push_back(out[i].meta());
      out[i].impl()->value = {node, static_cast<int>(i)};
    }
  }
};

std::string bytes_of_host(const Tensor& t) {
  std::string s(static_cast<std::size_t>(t.numel()) * size_of(t.dtype()), '\0');
  t.copy_to(s.data(), t.dtype());
  return s;
}

bool same_constant(const Tensor& a, const Tensor& b) {
  if (a.impl() == b.impl()) return true;
  return a.meta() == b.meta() && bytes_of_host(a) == bytes_of_host(b);
}

/// One run of the function at one batch size, turned into numbered nodes.
class Capture {
 public:
  Capture(const GraphFunction& function, const std::vector<GraphInput>& inputs, const NamedTensors& named, std::int64_t batch)
      : named_(named) {
    graph_.inputs = inputs;
    for (std::size_t i = 0; i < named.size(); ++i) {
      const auto& [name, t] = named[i];
      check(t.defined(), "capture: '", name, "' is undefined");
      by_impl_.emplace(t.impl().get(), i);
      if (t.impl()->value) by_node_.emplace(t.impl()->value.node.get(), i);
    }
    trace(function, batch);
    number_leaves();
    for (Node* n : order_)
      if (n->op && !is_transfer(*n)) add_node(*n);
    for (const Value& v : roots_) graph_.outputs.push_back(number_of(v));
  }

  Graph graph() && { return std::move(graph_); }

 private:
  void trace(const GraphFunction& function, std::int64_t batch) {
    std::vector<Tensor> in;
    for (std::size_t i = 0; i < graph_.inputs.size(); ++i) {
      Meta& m = graph_.inputs[i].meta;
      if (graph_.inputs[i].batched) {
        check(m.shape.rank() > 0, "capture: input '", graph_.inputs[i].name, "' is a scalar; expected a first axis for the batch");
        m.shape[0] = batch;
      }
      auto node = make_ref<InputNode>();
      node->index = static_cast<int>(i);
      node->outputs.push_back(m);
      in.push_back(with_value(allocate_tensor(m, meta), {node, 0}, false));
      if (graph_.inputs[i].batched) m.shape[0] = 1;
    }
    NoGrad off;
    const DeviceScope symbolic(meta);  // tensors that the function makes may depend on the batch size: record them too
    const RealRecorder recorder;
    outputs_ = function(in);
    check(!outputs_.empty(), "capture: the function returned no tensor");
    for (const Tensor& t : outputs_) {
      check(t.defined(), "capture: the function returned an undefined tensor");
      roots_.push_back(producer(t));
    }
    order_ = topological(roots_);
  }

  static Value producer(const Tensor& t) {
    if (t.impl()->value) return t.impl()->value;
    auto constant = make_ref<Constant>();
    constant->tensor = t;
    return {constant, 0};
  }

  static bool is_transfer(const Node& n) { return n.op == &info_of<op::Transfer>(); }

  /// Which named tensor a leaf is, if any.
  const std::size_t* named_leaf(const Node& n) const {
    if (const auto it = by_node_.find(&n); it != by_node_.end()) return &it->second;
    if (const auto* constant = dynamic_cast<const Constant*>(&n))
      if (const auto it = by_impl_.find(constant->tensor.impl().get()); it != by_impl_.end()) return &it->second;
    return nullptr;
  }

  void number_leaves() {
    std::vector<bool> used(named_.size(), false);
    for (const Node* n : order_) {
      if (n->op) continue;
      if (const std::size_t* i = named_leaf(*n)) used[*i] = true;
    }
    std::vector<int> position(named_.size(), -1);
    const int first = static_cast<int>(graph_.inputs.size());
    for (std::size_t i = 0; i < named_.size(); ++i) {
      if (!used[i]) continue;
      position[i] = first + static_cast<int>(graph_.parameters.size());
      graph_.parameters.push_back({named_[i].first, named_[i].second.meta()});
    }
    for (Node* n : order_) {
      if (n->op) continue;
      if (const std::size_t* i = named_leaf(*n)) numbers_[n] = position[*i];
      else if (const auto* input = dynamic_cast<const InputNode*>(n)) numbers_[n] = input->index;
      else numbers_[n] = constant_number(*n);
    }
    next_ = graph_.first_node_value();
  }

  int constant_number(const Node& n) {
    const auto* constant = dynamic_cast<const Constant*>(&n);
    check(constant, "capture: a parameter of shape ", n.outputs.empty() ? "" : to_string(n.outputs[0].shape),
          " is used that bears no name; make its layer a member of the module, or list it in `using fields`");
    const Tensor& t = constant->tensor;
    check(t.device().type != DeviceType::meta, "capture: a symbolic tensor of another capture, or of empty(), is used");
    const int first = static_cast<int>(graph_.inputs.size() + graph_.parameters.size());
    for (std::size_t i = 0; i < graph_.constants.size(); ++i) {
      const Tensor& c = graph_.constants[i];
      if (c.impl() == t.impl() || (t.numel() == 1 && same_constant(c, t))) return first + static_cast<int>(i);
    }
    graph_.constants.push_back(t);
    return first + static_cast<int>(graph_.constants.size()) - 1;
  }

  int number_of(const Value& v) const {
    const Node* n = v.node.get();
    if (n->op && is_transfer(*n)) return number_of(n->inputs[0]);
    return numbers_.at(n) + v.index;
  }

  void add_node(Node& n) {
    check(!n.op->random, "capture: the operator '", n.op->name,
          "' draws random numbers; capture in evaluation mode: call eval() first");
    GraphNode node;
    node.op = n.op;
    node.attrs = n.attrs;
    for (const Value& v : n.inputs) node.inputs.push_back(number_of(v));
    node.outputs = static_cast<int>(n.outputs.size());
    numbers_[&n] = next_;
    next_ += node.outputs;
    graph_.nodes.push_back(std::move(node));
  }

  const NamedTensors& named_;
  Graph graph_;
  std::vector<Tensor> outputs_;
  std::vector<Value> roots_;
  std::vector<Node*> order_;
  std::unordered_map<const TensorImpl*, std::size_t> by_impl_;
  std::unordered_map<const Node*, std::size_t> by_node_;
  std::unordered_map<const Node*, int> numbers_;
  int next_ = 0;
};

constexpr std::int64_t small_batch = 2, large_batch = 3;

[[noreturn]] void depends_on_batch(const GraphNode& n, const std::string& what) {
  fail("capture: the operator '", n.op->name, "' depends on the batch size: ", what,
       "; expected the same for every batch size, or an integer attribute that is a multiple of it");
}

/// The multiple of the batch size that is `a` at batch size 2 and `b` at 3.
std::int64_t multiple(const GraphNode& n, const std::string& name, std::int64_t a, std::int64_t b) {
  const std::int64_t k = b - a;
  if (a != small_batch * k)
    depends_on_batch(n, cat("its attribute '", name, "' is ", a, " at batch size 2 and ", b, " at 3"));
  return k;
}

void merge_attributes(GraphNode& n, const GraphNode& larger) {
  AttrMap a = n.op->get(n.attrs.get());
  const AttrMap b = n.op->get(larger.attrs.get());
  for (std::size_t i = 0; i < a.size(); ++i) {
    auto& [name, value] = a[i];
    if (value == b[i].second) continue;
    auto* one = std::get_if<std::int64_t>(&value);
    auto* list = std::get_if<std::vector<std::int64_t>>(&value);
    if (one) {
      *one = multiple(n, name, *one, std::get<std::int64_t>(b[i].second));
      n.batch_multiples.push_back({name, -1});
      continue;
    }
    const auto* other = std::get_if<std::vector<std::int64_t>>(&b[i].second);
    if (!list || !other || list->size() != other->size())
      depends_on_batch(n, cat("its attribute '", name, "' is {", to_string(AttrMap{a[i]}), "} at batch size 2 and {",
                              to_string(AttrMap{b[i]}), "} at 3"));
    for (std::size_t k = 0; k < list->size(); ++k) {
      if ((*list)[k] == (*other)[k]) continue;
      (*list)[k] = multiple(n, name, (*list)[k], (*other)[k]);
      n.batch_multiples.push_back({name, static_cast<int>(k)});
    }
  }
  if (!n.batch_multiples.empty()) n.attrs = n.op->make(a);
}

}  // namespace

Graph capture(const GraphFunction& function, const std::vector<GraphInput>& inputs, const NamedTensors& named) {
  Graph g = Capture(function, inputs, named, small_batch).graph();
  const Graph larger = Capture(function, inputs, named, large_batch).graph();
  for (std::size_t i = 0; i < std::max(g.nodes.size(), larger.nodes.size()); ++i) {
    if (i == g.nodes.size()) depends_on_batch(larger.nodes[i], "it is applied at batch size 3, but not at 2");
    if (i == larger.nodes.size()) depends_on_batch(g.nodes[i], "it is applied at batch size 2, but not at 3");
    const GraphNode &a = g.nodes[i], &b = larger.nodes[i];
    if (a.op != b.op) depends_on_batch(a, cat("in its place, batch size 3 applies '", b.op->name, "'"));
    if (a.inputs != b.inputs || a.outputs != b.outputs) depends_on_batch(a, "its inputs are other ones at batch size 3");
    merge_attributes(g.nodes[i], b);
  }
  check(g.outputs == larger.outputs, "capture: the function returns other values at batch size 2 than at 3");
  for (std::size_t i = 0; i < g.constants.size(); ++i) {
    if (i < larger.constants.size() && same_constant(g.constants[i], larger.constants[i])) continue;
    const int value = static_cast<int>(g.inputs.size() + g.parameters.size() + i);
    for (const GraphNode& n : g.nodes)
      if (std::find(n.inputs.begin(), n.inputs.end(), value) != n.inputs.end())
        depends_on_batch(n, "one of its inputs is a number or tensor that the function computes from the batch size outside of operators");
    fail("capture: the function returns a constant that depends on the batch size");
  }
  return g;
}

}  // namespace weft
