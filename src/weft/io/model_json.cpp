#include <weft/io/model_json.h>

#include <algorithm>

#include <weft/base/version.h>
#include <weft/io/json_values.h>
#include <weft/tensor/tensor_impl.h>

namespace weft {

namespace {

using detail::Json;

constexpr int format = 1;
constexpr const char* batch_key = "batch";

Json meta_json(const std::string& name, const Meta& m) {
  return {{"name", name}, {"dtype", name_of(m.dtype)}, {"shape", std::vector<std::int64_t>(m.shape.begin(), m.shape.end())}};
}

Json input_json(const GraphInput& input) {
  Json j = meta_json(input.name, input.meta);
  if (input.batched) j["shape"][0] = batch_key;
  return j;
}

Json node_json(const GraphNode& n) {
  Json attributes = detail::to_json_value(n.op->get(n.attrs.get()));
  for (const BatchMultiple& m : n.batch_multiples) {
    Json& place = m.entry < 0 ? attributes[m.attribute] : attributes[m.attribute][static_cast<std::size_t>(m.entry)];
    place = Json{{batch_key, place.get<std::int64_t>()}};
  }
  Json j{{"op", n.op->name}, {"inputs", n.inputs}, {"attributes", attributes}};
  if (n.outputs != 1) j["outputs"] = n.outputs;
  return j;
}

/// One element a line: readable, and differences show.
std::string lines(const Json& list) {
  std::string s = "[";
  for (const Json& element : list) s += (s.size() > 1 ? ",\n    " : "\n    ") + detail::dump_json(element);
  return s + (list.empty() ? "]" : "\n  ]");
}

const Json& field(const Json& object, const char* name) {
  check(object.is_object() && object.contains(name), "'", name, "' is missing");
  return object[name];
}

const Json& list(const Json& object, const char* name) {
  const Json& value = field(object, name);
  check(value.is_array(), "'", name, "' is no list");
  return value;
}

std::string text(const Json& object, const char* name) {
  const Json& value = field(object, name);
  check(value.is_string(), "'", name, "' is ", value.dump().substr(0, 100), "; expected a text");
  return value.get<std::string>();
}

std::int64_t whole(const Json& value, const char* what) {
  check(value.is_number_integer(), what, " is ", value.dump().substr(0, 100), "; expected a whole number");
  return value.get<std::int64_t>();
}

GraphInput parse_tensor(const Json& j) {
  GraphInput t{.name = text(j, "name"), .meta = {{}, parse_dtype(text(j, "dtype"))}, .batched = false};
  for (const Json& size : list(j, "shape")) {
    const bool batch = size == batch_key && t.meta.shape.empty();
    const std::int64_t n = batch ? 1 : whole(size, "a size");
    check(n >= 0 && n < (std::int64_t{1} << 40), "'", t.name, "' has a size of ", n);
    t.batched |= batch;
    t.meta.shape.push_back(n);
  }
  return t;
}

/// Takes {"batch": k} for k, and notes where.
std::int64_t take_multiple(const std::string& name, int entry, const Json& value, GraphNode& node) {
  node.batch_multiples.push_back({name, entry});
  return whole(value[batch_key], "a multiple of the batch size");
}

bool is_multiple(const Json& v) { return v.is_object() && v.size() == 1 && v.contains(batch_key); }

AttrMap parse_attributes_of(Json attributes, GraphNode& node) {
  check(attributes.is_object(), "'attributes' is no object");
  for (auto& [name, value] : attributes.items()) {
    if (is_multiple(value)) value = take_multiple(name, -1, value, node);
    if (!value.is_array()) continue;
    for (std::size_t i = 0; i < value.size(); ++i)
      if (is_multiple(value[i])) value[i] = take_multiple(name, static_cast<int>(i), value[i], node);
  }
  return detail::attributes_from(attributes);
}

GraphNode parse_node(const Json& j, int values) {
  GraphNode n;
  n.op = &get_op(text(j, "op"));
  for (const Json& input : list(j, "inputs")) {
    const std::int64_t v = whole(input, "an input");
    check(v >= 0 && v < values, "input ", v, " is not made before; expected 0 to ", values - 1);
    n.inputs.push_back(static_cast<int>(v));
  }
  n.attrs = n.op->make(parse_attributes_of(field(j, "attributes"), n));
  if (j.contains("outputs")) {
    const std::int64_t count = whole(j["outputs"], "'outputs'");
    check(count >= 1 && count <= 1024, "has ", count, " outputs");
    n.outputs = static_cast<int>(count);
  }
  return n;
}

Graph parse_graph(const Json& j) {
  Graph g;
  for (const Json& input : list(j, "inputs")) g.inputs.push_back(parse_tensor(input));
  for (const Json& parameter : list(j, "parameters")) {
    const GraphInput t = parse_tensor(parameter);
    g.parameters.push_back({t.name, t.meta});
  }
  for (const Json& constant : list(j, "constants")) {
    const GraphInput t = parse_tensor(constant);
    check(t.name == constant_name(g.constants.size()), "constant ", g.constants.size(), " is named '", t.name, "'");
    g.constants.push_back(allocate_tensor(t.meta, meta));
  }
  int values = g.first_node_value();
  for (const Json& node : list(j, "nodes")) {
    try {
      g.nodes.push_back(parse_node(node, values));
    } catch (Error& e) {
      fail("node ", g.nodes.size(), ": ", e.message());
    }
    values += g.nodes.back().outputs;
  }
  for (const Json& output : list(j, "outputs")) {
    const std::int64_t v = whole(output, "an output");
    check(v >= 0 && v < values, "output ", v, " is not made; expected 0 to ", values - 1);
    g.outputs.push_back(static_cast<int>(v));
  }
  check(!g.outputs.empty(), "the graph has no output");
  try {
    for (std::int64_t batch : {1, 2}) infer(g, batch);
  } catch (const Error& e) {
    fail("the graph does not fit together: ", e.what());
  }
  return g;
}

}  // namespace

std::string constant_name(std::size_t i) { return cat("__constant.", i); }

std::string to_json(const ModelDescription& model) {
  const Graph& g = model.graph;
  Json inputs = Json::array(), parameters = Json::array(), constants = Json::array(), nodes = Json::array();
  for (const GraphInput& i : g.inputs) inputs.push_back(input_json(i));
  for (const GraphParameter& p : g.parameters) parameters.push_back(meta_json(p.name, p.meta));
  for (std::size_t i = 0; i < g.constants.size(); ++i) constants.push_back(meta_json(constant_name(i), g.constants[i].meta()));
  for (const GraphNode& n : g.nodes) nodes.push_back(node_json(n));
  const auto dump = [](const auto& v) { return detail::dump_json(Json(v)); };
  return cat("{\n  \"format\": ", format, ",\n  \"weft\": ", dump(version()), ",\n  \"name\": ", dump(model.name),
             ",\n  \"preprocessing\": ", detail::dump_json(detail::to_json_value(model.preprocessing)),
             ",\n  \"classes\": ", dump(model.class_names), ",\n  \"inputs\": ", lines(inputs),
             ",\n  \"parameters\": ", lines(parameters), ",\n  \"constants\": ", lines(constants), ",\n  \"nodes\": ",
             lines(nodes), ",\n  \"outputs\": ", dump(g.outputs), "\n}\n");
}

ModelDescription parse_model(std::string_view json) {
  const Json j = detail::parse_json(json);
  const std::int64_t found = whole(field(j, "format"), "'format'");
  check(found == format, "has format ", found, "; this version of Weft (", version(), ") reads format ", format);
  ModelDescription model;
  model.name = text(j, "name");
  model.preprocessing = detail::attributes_from(field(j, "preprocessing"));
  for (const Json& name : list(j, "classes")) {
    check(name.is_string(), "a class name is no text");
    model.class_names.push_back(name.get<std::string>());
  }
  model.graph = parse_graph(j);
  return model;
}

}  // namespace weft
