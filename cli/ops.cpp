// weft ops [list] | show NAME | run NAME IN.npz OUT.npz: all read from the operator table.
#include <algorithm>
#include <cstdio>

#include "commands.h"
#include "functions.h"
#include <weft/autograd/gradients.h>
#include <weft/io/json.h>
#include <weft/io/npz.h>
#include <weft/kernels/registry.h>
#include <weft/ops/ops.h>
#include <weft/tensor/apply.h>

namespace weft::cli {

namespace {

std::string signature_text(const OpInfo& op) {
  std::string s = op.name + "(";
  for (std::size_t i = 0; i < op.signature.inputs.size(); ++i) {
    const InputSpec& in = op.signature.inputs[i];
    s += (i ? ", " : "") + in.name + (in.variadic ? "..." : in.optional ? "?" : "");
    if (in.kind == InputKind::index) s += ": int";
    if (in.kind == InputKind::boolean) s += ": bool";
  }
  s += ") -> ";
  for (std::size_t i = 0; i < op.signature.outputs.size(); ++i) s += (i ? ", " : "") + op.signature.outputs[i];
  return s;
}

/// The dtype that value inputs of dtype d are computed in; none where they are refused.
std::optional<DType> computed(Types types, DType d) {
  if (types == Types::floating && !is_floating(d)) return f32;
  if (types == Types::integral && is_floating(d)) return {};
  return types == Types::boolean ? boolean : d;
}

/// Shapes and dtypes of a case's inputs, those that promote being d.
std::vector<Meta> metas_of(const OpInfo& op, const OpCase& c, DType d) {
  std::vector<Meta> metas;
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    const InputKind kind = op.signature.inputs[std::min(i, op.signature.inputs.size() - 1)].kind;
    metas.push_back({c.inputs[i].shape, kind == InputKind::index ? i64 : kind == InputKind::boolean ? boolean : d});
  }
  return metas;
}

/// "bool, u8, i32 -> i64; i64, f16, bf16, f32, f64 -> the same": what `infer` makes of each dtype of the inputs.
std::string results_of(const OpInfo& op) {
  for (const auto& [name, value] : op.get(op.make({}).get()))
    if (name == "dtype" || name == "to") return "the dtype that the attribute `" + name + "` names";
  const OpCase c = op.domain(op)[0];
  std::vector<std::pair<DType, Metas>> results;
  for (int i = 0; i < dtype_count; ++i) {
    const auto d = static_cast<DType>(i);
    if (const auto in = computed(op.types, d)) results.emplace_back(d, op.infer(c.attrs.get(), metas_of(op, c, *in)));
  }
  const auto always = [&](std::size_t k) {
    return std::all_of(results.begin(), results.end(),
                       [&](const auto& r) { return r.second[k].dtype == results[0].second[k].dtype; });
  };
  std::vector<std::pair<std::string, std::string>> rows;  // dtypes, and what they give
  for (const auto& [d, metas] : results) {
    std::string out;
    for (std::size_t k = 0; k < metas.size(); ++k)
      out += (k ? ", " : "") + std::string(metas[k].dtype == d && !always(k) ? "the same" : name_of(metas[k].dtype));
    if (rows.empty() || rows.back().second != out) rows.emplace_back("", out);
    rows.back().first += (rows.back().first.empty() ? "" : ", ") + std::string(name_of(d));
  }
  std::string text;
  for (const auto& [from, to] : rows) text += (text.empty() ? "" : "; ") + from + " -> " + to;
  return text;
}

const char* describe(Types types) {
  switch (types) {
    case Types::any:
      return "each input as it is";
    case Types::numeric:
      return "the promoted dtype of the inputs";
    case Types::floating:
      return "the promoted dtype; bool and integers compute in f32";
    case Types::integral:
      return "bool and integers";
    default:
      return "bool";
  }
}

void list_ops() {
  std::string family;
  int count = 0;
  for (const OpInfo* op : all_ops()) {
    if (op->family != family) std::printf("%s%s\n", count ? "\n" : "", (family = op->family).c_str());
    std::printf("  %-22s %s\n", op->name.c_str(), op->doc.c_str());
    ++count;
  }
  std::printf("\ncomposites, written in operators\n");
  const std::vector<std::string> composites = composite_names();
  for (const std::string& name : composites) std::printf("  %s\n", name.c_str());
  std::printf("\n%d operators and %zu composites; `weft ops show NAME` tells more.\n", count, composites.size());
}

void show_case(const OpInfo& op, const OpCase& c) {
  const std::vector<Meta> metas = metas_of(op, c, computed(op.types, f32).value_or(i64));
  std::string text;
  for (const Meta& m : metas) text += (text.empty() ? "" : ", ") + to_string(m);
  std::string out;
  for (const Meta& m : op.infer(c.attrs.get(), metas)) out += (out.empty() ? "" : ", ") + to_string(m);
  const std::string attributes = to_string(op.get(c.attrs.get()));
  std::printf("  (%s)%s%s%s -> %s\n", text.c_str(), attributes.empty() ? "" : " {", attributes.c_str(),
              attributes.empty() ? "" : "}", out.c_str());
}

/// A function of ops/ without an operator of its own: what its header says.
void show_composite(const std::string& name) {
  for (const PublicFunction& f : public_functions())
    if (f.name == name) std::printf("%s\n%s\n\n", f.declaration.c_str(), f.doc.c_str());
  std::printf("A composite: written in operators, it has their dtypes, gradients and implementations.\n");
}

void show_op(const std::string& name) {
  const std::vector<std::string> composites = composite_names();
  if (std::find(composites.begin(), composites.end(), name) != composites.end()) return show_composite(name);
  const OpInfo& op = get_op(name);
  std::printf("%s\n  %s\n\n", signature_text(op).c_str(), op.doc.c_str());
  std::printf("family       %s\n", op.family.c_str());
  std::printf("dtypes       %s\n", describe(op.types));
  if (op.domain) std::printf("results      %s\n", results_of(op).c_str());
  std::printf("gradient     %s\n", op.vjp ? "yes, of any order" : "none");
  if (op.random) std::printf("random       element i is a function of the stream (seed, counter) and i\n");
  const AttrMap attributes = op.get(op.make({}).get());
  std::printf("attributes   %s\n", attributes.empty() ? "none" : to_string(attributes).c_str());
  for (DeviceType d : {DeviceType::cpu, DeviceType::ref}) {
    std::string list;
    for (const Kernel& k : kernels_of(op, d)) list += (list.empty() ? "" : ", ") + k.name;
    std::printf("on %-9s %s\n", to_string(Device{d, 0}).c_str(),
                list.empty() ? op.view ? "a view" : "-" : list.c_str());
  }
  if (!op.domain) return;
  std::printf("shapes, by example\n");
  for (const OpCase& c : op.domain(op)) show_case(op, c);
}

struct RunOptions {
  std::string name, in, out, attrs = "{}", device = "cpu";
  bool grad = false;
};

/// An array by position ("in0") or by the operator's name for it; undefined where the file has neither.
Tensor find_array(const NamedTensors& arrays, const std::string& name, const std::string& numbered) {
  for (const auto& [key, t] : arrays)
    if (key == name || key == numbered) return t;
  return {};
}

std::vector<Tensor> gather_inputs(const OpInfo& op, const NamedTensors& arrays, Device device) {
  std::vector<Tensor> inputs;
  const auto& specs = op.signature.inputs;
  for (std::size_t i = 0;; ++i) {
    const bool variadic = !specs.empty() && specs.back().variadic && i + 1 >= specs.size();
    if (i >= specs.size() && !variadic) break;
    const InputSpec& spec = specs[std::min(i, specs.size() - 1)];
    const Tensor t = find_array(arrays, variadic ? "" : spec.name, "in" + std::to_string(i));
    if (!t.defined()) {
      check(variadic || spec.optional, op.name, ": the file has no array 'in", i, "' (or '", spec.name, "')");
      break;
    }
    inputs.push_back(t.to(device));
  }
  return inputs;
}

/// The attributes of --attrs; an error names the option.
Attrs read_attributes(const OpInfo& op, const std::string& text) {
  try {
    return op.make(parse_attributes(text));
  } catch (Error& e) {
    e.in("--attrs");
    throw;
  }
}

void run_op(const RunOptions& o) {
  const OpInfo& op = get_op(o.name);
  const Attrs attrs = read_attributes(op, o.attrs);
  const Device device = parse_device(o.device);
  const NamedTensors arrays = load_npz(o.in);
  std::vector<Tensor> inputs = gather_inputs(op, arrays, device);
  DeviceScope scope(device);
  if (o.grad)
    for (Tensor& t : inputs)
      if (is_floating(t.dtype())) t = t.requires_grad(true);
  std::vector<Operand> operands;
  for (const Tensor& t : inputs) operands.emplace_back(t, SourceLocation{});
  const Tensors outputs = apply_op(op, attrs.get(), operands);
  NamedTensors results;
  for (std::size_t i = 0; i < outputs.size(); ++i)
    results.emplace_back("out" + std::to_string(i), outputs[i].detach().to(cpu));
  if (o.grad) {
    check(op.vjp != nullptr, op.name, " has no gradient");
    std::vector<Tensor> tracked, seeds, wanted;
    std::vector<std::size_t> position;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (!outputs[i].requires_grad()) continue;
      tracked.push_back(outputs[i]);
      const Tensor cot = find_array(arrays, "", "cot" + std::to_string(i));
      seeds.push_back(cot.defined() ? cot.to(device) : ones_like(outputs[i]));
    }
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (inputs[i].requires_grad()) {
        wanted.push_back(inputs[i]);
        position.push_back(i);
      }
    check(!wanted.empty() && !tracked.empty(),
          "--grad: nothing is differentiable: ", wanted.empty() ? "no input is floating" : "no output is floating",
          "; convert the arrays, or leave --grad out");
    const std::vector<Tensor> gradients = grad(tracked, wanted, seeds, {.allow_unused = true});
    for (std::size_t k = 0; k < gradients.size(); ++k)
      results.emplace_back("grad" + std::to_string(position[k]),
                           (gradients[k].defined() ? gradients[k] : zeros_like(wanted[k])).detach().to(cpu));
  }
  save_npz(o.out, results);
  for (const auto& [name, t] : results) std::printf("%s %s\n", name.c_str(), to_string(t.meta()).c_str());
}

}  // namespace

void add_ops(CLI::App& app) {
  CLI::App* ops = app.add_subcommand("ops", "List the operators, show one, or run one on arrays");
  CLI::App* list = ops->add_subcommand("list", "List all operators (the default)");
  CLI::App* show =
      ops->add_subcommand("show", "Formula, attributes, shapes, dtypes and implementations of an operator");
  auto name = std::make_shared<std::string>();
  show->add_option("name", *name, "Operator")->required();
  show->callback([name] { show_op(*name); });
  CLI::App* run = ops->add_subcommand("run", "Run an operator on arrays from an .npz (in0, in1, … or by name)");
  auto o = std::make_shared<RunOptions>();
  run->add_option("name", o->name, "Operator")->required();
  run->add_option("in", o->in, "Input .npz")->required();
  run->add_option("out", o->out, "Output .npz: out0, out1, …")->required();
  run->add_option("--attrs", o->attrs, "Attributes as a JSON object");
  run->add_option("--device", o->device, "Device: cpu or ref");
  run->add_flag("--grad", o->grad, "Also write grad0, … for cotangents cot0, … (ones where absent)");
  run->callback([o] { run_op(*o); });
  list->callback([] {});
  ops->callback([ops, show, run] {
    if (!show->parsed() && !run->parsed()) list_ops();
  });
}

}  // namespace weft::cli
