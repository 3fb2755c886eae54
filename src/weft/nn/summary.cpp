#include <weft/nn/summary.h>

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include <weft/tensor/tensor_impl.h>

namespace weft::nn {

namespace {

/// A graph input with a definite batch size.
struct Placeholder final : Node {};

std::uint64_t now() { return make_ref<Placeholder>()->sequence; }

/// A call of a module: its place among the modules, what it returned, and which nodes it made.
struct CallRecord {
  std::size_t module = 0;
  std::vector<Shape> outputs;
  std::uint64_t begin = 0, end = 0;
};

/// The forward pass for one batch size.
struct Run {
  std::vector<CallRecord> calls;  ///< in order of entering
  std::vector<Tensor> outputs;
};

bool same_module(ModuleRef a, ModuleRef b) {
  // A plain callable within a layer goes by another name there.
  return a == b || (a.object() == b.object() && (a.type_name() == "Lambda" || b.type_name() == "Lambda"));
}

class Recorder final : public CallObserver {
 public:
  Recorder(const std::vector<std::pair<std::string, ModuleRef>>& modules, Run& run) : modules_(modules), run_(run) {}
  void entered(ModuleRef m, std::span<const Tensor>) override {
    open_.push_back(run_.calls.size());
    CallRecord record;
    record.module = find(m);
    record.begin = now();
    run_.calls.push_back(record);
  }
  void left(ModuleRef, std::span<const Tensor>, std::span<Tensor> outputs) override {
    CallRecord& record = run_.calls[open_.back()];
    open_.pop_back();
    record.end = now();
    for (const Tensor& t : outputs) record.outputs.push_back(t.shape());
  }

 private:
  std::size_t find(ModuleRef m) const {
    for (std::size_t i = 0; i < modules_.size(); ++i)
      if (same_module(modules_[i].second, m)) return i;
    return modules_.size();  // made for the moment: no row
  }
  const std::vector<std::pair<std::string, ModuleRef>>& modules_;
  Run& run_;
  std::vector<std::size_t> open_;
};

Run trace(const std::vector<std::pair<std::string, ModuleRef>>& modules, std::span<const Meta> inputs, std::int64_t batch,
          const detail::SummaryCall& call) {
  Run run;
  std::vector<Tensor> x;
  for (const Meta& m : inputs) {
    Shape shape = m.shape;
    shape.insert(0, batch);
    auto node = make_ref<Placeholder>();
    node->outputs.push_back({shape, m.dtype});
    x.push_back(with_value(allocate_tensor({shape, m.dtype}, meta), {node, 0}, false));
  }
  detail::TraceScope scope;
  Recorder recorder(modules, run);
  run.outputs = call(x);
  return run;
}

std::vector<Node*> nodes_of(const Run& run) {
  std::vector<Value> roots;
  for (const Tensor& t : run.outputs)
    if (t.impl()->value) roots.push_back(t.impl()->value);
  return topological(roots);
}

std::int64_t macs_of(const Node& node) {
  if (!node.op || !node.op->macs) return 0;
  std::vector<Meta> in;
  for (const Value& v : node.inputs)
    if (v) in.push_back(v.node->outputs[static_cast<std::size_t>(v.index)]);
  return node.op->macs(node.attrs.get(), in, node.outputs);
}

/// Multiply-adds of the nodes made in [begin, end).
std::int64_t macs_between(const std::vector<Node*>& nodes, std::uint64_t begin, std::uint64_t end) {
  std::int64_t total = 0;
  for (const Node* n : nodes)
    if (n->sequence > begin && n->sequence < end) total += macs_of(*n);
  return total;
}

/// Bytes of what the tape would keep: inputs and outputs that the gradient rules read, each memory once.
std::int64_t kept_bytes(const std::vector<Node*>& nodes) {
  std::unordered_set<const Node*> on_tape;
  std::set<std::pair<const Node*, int>> kept;
  const auto keep = [&](Value v) {
    while (v.node->op && v.node->op->view) v = Value(v.node->inputs[0]);
    if (v.node->op) kept.insert({v.node.get(), v.index});
  };
  for (Node* n : nodes) {
    if (auto* leaf = dynamic_cast<Leaf*>(n)) {
      if (leaf->parameter && leaf->parameter->trainable) on_tape.insert(n);
      continue;
    }
    if (!n->op || !n->op->differentiable) continue;
    if (std::none_of(n->inputs.begin(), n->inputs.end(), [&](const Value& v) { return v && on_tape.count(v.node.get()); }))
      continue;
    on_tape.insert(n);
    for (std::size_t i = 0; i < n->inputs.size() && i < 32; ++i)
      if ((n->op->saves.inputs >> i & 1) && n->inputs[i]) keep(n->inputs[i]);
    for (std::size_t i = 0; i < n->outputs.size(); ++i)
      if (n->op->saves.outputs >> i & 1) keep(Value{RefPtr<Node>(n), static_cast<int>(i)});
  }
  std::int64_t bytes = 0;
  for (const auto& [node, index] : kept) {
    const Meta& m = node->outputs[static_cast<std::size_t>(index)];
    bytes += m.shape.numel() * static_cast<std::int64_t>(size_of(m.dtype));
  }
  return bytes;
}

/// Sizes that differ between two batch sizes become -1.
std::vector<Shape> open_sizes(const std::vector<Shape>& a, const std::vector<Shape>& b) {
  std::vector<Shape> open = a;
  for (std::size_t k = 0; k < open.size() && k < b.size(); ++k)
    for (int i = 0; i < open[k].rank() && i < b[k].rank(); ++i)
      if (a[k][i] != b[k][i]) open[k][i] = -1;
  return open;
}

bool is_below(const std::string& path, const std::string& ancestor) {
  return ancestor.empty() ? !path.empty() : path.size() > ancestor.size() && path.starts_with(ancestor) && path[ancestor.size()] == '.';
}

/// Numbers that one module holds itself, each cell once in the whole model.
class OwnNumbers : public FieldVisitor {
 public:
  std::int64_t count(ModuleRef m) {
    total_ = 0;
    m.visit(*this);
    return total_;
  }
  void parameter(const std::string&, Parameter& p) override {
    if (p.defined() && p.ready() && parameters_.insert(p.state()).second) total_ += p.shape().numel();
  }
  void buffer(const std::string&, Buffer& b) override {
    if (!b.ready()) return;
    for (const Buffer& other : buffers_)
      if (other == b) return;
    buffers_.push_back(b.share());
    total_ += b.tensor().numel();
  }

 private:
  std::int64_t total_ = 0;
  std::unordered_set<ParameterState*> parameters_;
  std::vector<Buffer> buffers_;
};

using Modules = std::vector<std::pair<std::string, ModuleRef>>;

/// Rows of modules in order of their first call; those that were not called come last.
std::vector<SummaryRow> module_rows(const Modules& modules, const Run& a, const Run& b, const SummaryOptions& o) {
  const std::vector<Node*> nodes_a = nodes_of(a), nodes_b = nodes_of(b);
  std::vector<std::int64_t> own(modules.size());
  OwnNumbers numbers;
  for (std::size_t i = 0; i < modules.size(); ++i) own[i] = numbers.count(modules[i].second);
  std::vector<SummaryRow> rows;
  std::vector<std::size_t> row_of(modules.size(), modules.size());
  const auto add_row = [&](std::size_t i) {
    SummaryRow row;
    row.name = modules[i].first;
    row.type = modules[i].second.type_name();
    row.depth = 0;
    for (const auto& [path, m] : modules) row.depth += is_below(row.name, path);
    if (row.depth > o.depth || (row.name.empty() && modules.size() > 1)) return false;
    if (row.name.empty()) row.name = "(itself)";
    row.parameters = own[i];
    for (std::size_t k = 0; k < modules.size(); ++k) {
      if (!is_below(modules[k].first, modules[i].first)) continue;
      if (row.depth < o.depth) row.container = true;
      else row.parameters += own[k];
    }
    row_of[i] = rows.size();
    rows.push_back(std::move(row));
    return true;
  };
  for (std::size_t c = 0; c < a.calls.size(); ++c) {
    const CallRecord& call = a.calls[c];
    if (call.module >= modules.size()) continue;
    if (row_of[call.module] == modules.size()) {
      if (!add_row(call.module)) continue;
      if (c < b.calls.size()) rows.back().outputs = open_sizes(call.outputs, b.calls[c].outputs);
    }
    SummaryRow& row = rows[row_of[call.module]];
    if (!row.container && c < b.calls.size())
      row.macs += macs_between(nodes_b, b.calls[c].begin, b.calls[c].end) - macs_between(nodes_a, call.begin, call.end);
  }
  for (std::size_t i = 1; i < modules.size(); ++i)
    if (row_of[i] == modules.size() && own[i] > 0) add_row(i);
  if (modules.size() > 1 && own[0] > 0) {  // parameters that are direct members of the model
    SummaryRow row;
    row.name = "(itself)";
    row.type = modules[0].second.type_name();
    row.parameters = own[0];
    rows.push_back(std::move(row));
  }
  return rows;
}

/// Rows of a Functional: its inputs and steps, with what they are connected to.
std::vector<SummaryRow> graph_rows(const Functional& graph, const std::vector<SummaryRow>& layers,
                                   const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  std::vector<SummaryRow> rows;
  std::vector<std::string> producer(a.size());
  const auto outputs = [&](std::size_t first, std::size_t count) {
    std::vector<Shape> x, y;
    for (std::size_t i = first; i < first + count; ++i) {
      x.push_back(a[i].shape());
      y.push_back(b[i].shape());
    }
    return open_sizes(x, y);
  };
  std::map<std::string, int> used;
  const auto unique = [&](const std::string& base) {
    const int n = used[base]++;
    return n ? base + "_" + std::to_string(n) : base;
  };
  for (const auto& [name, layer] : graph.layers()) used[name]++;
  for (std::size_t i = 0; i < graph.input_count(); ++i) {
    SummaryRow row;
    producer[i] = row.name = unique("input");
    row.type = "Input";
    row.outputs = outputs(i, 1);
    rows.push_back(std::move(row));
  }
  std::set<int> seen;
  for (const Functional::Step& step : graph.steps()) {
    SummaryRow row;
    if (step.layer >= 0) {
      const auto& [name, layer] = graph.layers()[static_cast<std::size_t>(step.layer)];
      row.name = name;
      row.type = layer.module_ref().type_name();
      if (seen.insert(step.layer).second)
        for (const SummaryRow& known : layers)
          if (known.name == name || known.name.starts_with(name + ".")) {
            row.parameters += known.parameters;
            row.macs += known.macs;
          }
    } else {
      row.name = unique(step.op->name);
      row.type = "Operation";
    }
    for (int i : step.inputs) row.connected_to.push_back(i < 0 ? "constant" : producer[static_cast<std::size_t>(i)]);
    row.outputs = outputs(static_cast<std::size_t>(step.first_output), static_cast<std::size_t>(step.output_count));
    for (int i = 0; i < step.output_count; ++i) producer[static_cast<std::size_t>(step.first_output + i)] = row.name;
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

Summary detail::summarize(ModuleRef root, const Functional* graph, std::span<const Meta> inputs, const SummaryOptions& o,
                          const SummaryCall& call) {
  name_parameters(root);
  const Modules modules = named_modules(root);
  Summary s;
  s.name = o.name.empty() ? std::string(root.type_name()) : o.name;
  s.optimizer = o.optimizer_parameters;
  // Two batch sizes tell what grows with the batch.
  const Run a = trace(modules, inputs, 2, call), b = trace(modules, inputs, 3, call);
  s.rows = module_rows(modules, a, b, o);
  const std::vector<Node*> nodes_a = nodes_of(a), nodes_b = nodes_of(b);
  for (const Node* n : nodes_b) s.macs += macs_of(*n);
  for (const Node* n : nodes_a) s.macs -= macs_of(*n);
  s.activation_bytes = kept_bytes(nodes_b) - kept_bytes(nodes_a);
  if (graph) {
    s.graph = true;
    std::vector<Tensor> x, y;
    const SummaryCall all = [&](const std::vector<Tensor>& in) { return graph->values(in); };
    x = trace(modules, inputs, 2, all).outputs;
    y = trace(modules, inputs, 3, all).outputs;
    s.rows = graph_rows(*graph, s.rows, x, y);
  }
  for (const auto& [path, p] : named_parameters(root)) {
    if (!p.ready()) continue;
    const std::int64_t n = p.shape().numel(), bytes = n * static_cast<std::int64_t>(size_of(p.state()->dtype));
    (p.trainable() ? s.trainable : s.non_trainable) += n;
    (p.trainable() ? s.trainable_bytes : s.non_trainable_bytes) += bytes;
  }
  for (const auto& [path, buffer] : named_buffers(root)) {
    s.non_trainable += buffer.tensor().numel();
    s.non_trainable_bytes += buffer.tensor().numel() * static_cast<std::int64_t>(size_of(buffer.tensor().dtype()));
  }
  return s;
}

Summary summary(const Layer& layer, std::span<const Meta> inputs, const SummaryOptions& options) {
  return detail::summarize(layer.module_ref(), layer.get<Functional>(), inputs, options,
                           [&](const std::vector<Tensor>& x) { return layer.call_all(x); });
}

}  // namespace weft::nn
