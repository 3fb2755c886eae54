#include <weft/tensor/apply.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include <weft/base/strided.h>
#include <weft/kernels/registry.h>
#include <weft/opdefs/elementwise.h>
#include <weft/opdefs/shape_ops.h>
#include <weft/tensor/context.h>
#include <weft/tensor/state.h>
#include <weft/tensor/tape.h>

namespace weft {

namespace detail {
Context& context() {
  static thread_local Context c;
  return c;
}
}  // namespace detail

DeviceScope::DeviceScope(Device device) : outer_(std::exchange(detail::context().device, device)) {}
DeviceScope::~DeviceScope() { detail::context().device = outer_; }
Device default_device() {
  if (const auto& d = detail::context().device) return *d;
  static const Device best = devices().front();
  return best;
}
NoGrad::NoGrad() : outer_(std::exchange(detail::context().grad_enabled, false)) {}
NoGrad::~NoGrad() { detail::context().grad_enabled = outer_; }
bool grad_enabled() { return detail::context().grad_enabled; }
Observer::Observer() : outer_(std::exchange(detail::context().observer, this)) {}
Observer::~Observer() { detail::context().observer = outer_; }
DetectAnomaly::DetectAnomaly() : outer_(std::exchange(detail::context().detect_anomaly, true)) {}
DetectAnomaly::~DetectAnomaly() { detail::context().detect_anomaly = outer_; }

namespace {

/// The spec of input i: a variadic last input stands for all that follow.
const InputSpec& spec_of(const OpInfo& info, std::size_t i) {
  return info.signature.inputs[std::min(i, info.signature.inputs.size() - 1)];
}

void check_count(const OpInfo& info, std::size_t given) {
  const auto& specs = info.signature.inputs;
  std::size_t required = 0;
  for (const InputSpec& s : specs) required += !s.optional && !s.variadic;
  const bool open = !specs.empty() && specs.back().variadic;
  if (given >= required && (open || given <= specs.size())) return;
  fail("received ", given, " inputs; expected ", required,
       open ? " or more" : given > specs.size() ? cat(" to ", specs.size()) : "");
}

Device place(const OpInfo& info, std::span<const Operand> inputs) {
  std::optional<Device> device;
  std::size_t first = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].kind() != Operand::Kind::tensor) continue;
    const Tensor& t = inputs[i].tensor();
    check(t.defined(), "input '", spec_of(info, i).name, "' is an undefined tensor");
    const Device d = t.device();
    if (!device || (*device != d && d.type == DeviceType::meta)) {
      device = d;
      first = i;
    } else if (*device != d && device->type != DeviceType::meta) {
      fail(spec_of(info, first).name, " on ", to_string(*device), ", ", spec_of(info, i).name, " on ", to_string(d),
           "; move one with .to(device)");
    }
  }
  return device ? *device : default_device();
}

/// The dtype in which value inputs meet; only meaningful where info.types is not `any`.
DType common_dtype(const OpInfo& info, std::span<const Operand> inputs) {
  std::optional<DType> strong;
  auto weak = Operand::Kind::none;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (spec_of(info, i).kind != InputKind::value) continue;
    if (inputs[i].kind() == Operand::Kind::tensor) {
      const DType d = inputs[i].tensor().dtype();
      strong = strong ? promote(*strong, d) : d;
    } else {
      weak = std::max(weak, inputs[i].kind());
    }
  }
  DType c = strong.value_or(DType::boolean);
  if (weak == Operand::Kind::real && !is_floating(c)) c = DType::f32;
  if (weak == Operand::Kind::integer && c == DType::boolean) c = DType::i64;
  if (info.types == Types::floating && !is_floating(c)) c = DType::f32;
  if (info.types == Types::boolean) c = DType::boolean;
  check(info.types != Types::integral || !is_floating(c), "received ", name_of(c), "; expected bool or integers");
  return c;
}

Tensor scalar(const Operand& v, DType dtype, Device device) {
  Tensor t = allocate_tensor({{}, dtype}, is_host(device) || device.type == DeviceType::meta ? device : cpu);
  if (device.type == DeviceType::meta) {  // its number must survive into the captured graph
    auto constant = make_ref<Constant>();
    constant->tensor = scalar(v, dtype, cpu);
    constant->outputs.push_back({{}, dtype});
    return with_value(t, {constant, 0}, false);
  }
  double real = v.number();
  std::int64_t whole = v.integer();
  const bool exact = !is_floating(dtype) && v.kind() != Operand::Kind::real;
  copy_elements(exact ? TensorView::of(&whole, DType::i64, {}) : TensorView::of(&real, DType::f64, {}), view_of(t));
  return is_host(device) ? t : t.to(device);
}

Tensor convert(const Tensor& t, DType dtype) { return t.dtype() == dtype ? t : apply(op::Cast{dtype}, t); }

Tensor resolve(const OpInfo& info, std::size_t i, const Operand& operand, DType common, Device device) {
  const InputKind kind = spec_of(info, i).kind;
  if (operand.kind() == Operand::Kind::tensor) {
    const Tensor& t = operand.tensor();
    switch (kind) {
      case InputKind::boolean: return convert(t, DType::boolean);
      case InputKind::index:
        check(!is_floating(t.dtype()), "input '", spec_of(info, i).name, "' is ", name_of(t.dtype()),
              "; expected integers; convert with .to(i64)");
        return convert(t, DType::i64);
      case InputKind::value: return info.types == Types::any ? t : convert(t, common);
      case InputKind::as_is: return t;
    }
  }
  check(operand.kind() != Operand::Kind::none, "input '", spec_of(info, i).name, "' is missing");
  DType dtype = common;
  if (kind == InputKind::boolean) dtype = DType::boolean;
  else if (kind == InputKind::index) dtype = DType::i64;
  else if (info.types == Types::any || kind == InputKind::as_is)
    dtype = operand.kind() == Operand::Kind::real ? DType::f32
            : operand.kind() == Operand::Kind::integer ? DType::i64 : DType::boolean;
  return scalar(operand, dtype, device);
}

/// A result that only looks at its input's memory differently; undefined where strides cannot express it.
Tensor try_view(const OpInfo& info, const void* op, const Tensor& in, const Meta& inferred) {
  check_sizes(inferred);
  TensorView out;
  if (info.view(op, view_of(in), out)) return alias(in, out);
  const Tensor packed = in.contiguous();
  check(info.view(op, view_of(packed), out), "internal: no view of a contiguous tensor");
  return alias(packed, out);
}

SmallVector<TensorView, 4> views_of(std::span<const Tensor> tensors) {
  SmallVector<TensorView, 4> views;
  for (const Tensor& t : tensors) views.push_back(elements_of(t));
  return views;
}

bool all_finite(std::span<const Tensor> tensors) {
  for (const Tensor& t : tensors) {
    if (!t.defined() || !is_floating(t.dtype()) || t.device().type == DeviceType::meta) continue;
    for (double v : t.detach().to_vector<double>())
      if (!std::isfinite(v)) return false;
  }
  return true;
}

void report_anomaly(const OpInfo& info, const void* op, std::span<const Tensor> in, std::span<const Tensor> out) {
  if (all_finite(out) || !all_finite(in)) return;
  std::string shapes;
  for (const Tensor& t : in) shapes += (shapes.empty() ? "" : ", ") + to_string(t.meta());
  fail("detect_anomaly: made a NaN or infinity from finite inputs (", shapes, ") with attributes {",
       to_string(info.get(op)), "}");
}

Tensors run(const OpInfo& info, const void* op, std::span<const Operand> operands, SourceLocation where) {
  while (!operands.empty() && operands.back().kind() == Operand::Kind::none) operands = operands.first(operands.size() - 1);
  while (!operands.empty() && !operands.back().present()) operands = operands.first(operands.size() - 1);
  check_count(info, operands.size());
  const Device device = place(info, operands);
  const DType common = info.types == Types::any ? DType::f32 : common_dtype(info, operands);
  SmallVector<Tensor, 4> inputs;
  SmallVector<Meta, 4> metas;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    inputs.push_back(resolve(info, i, operands[i], common, device));
    const TensorView& v = view_of(inputs[i]);
    metas.push_back({v.shape, v.dtype});
  }
  Tensors outputs;
  const Metas inferred = info.infer(op, metas);
  if (device.type == DeviceType::meta) {
    for (const Meta& m : inferred) outputs.push_back(allocate_tensor(m, device));
  } else {
    auto& context = detail::context();
    using clock = std::chrono::steady_clock;
    const auto start = context.observer ? clock::now() : clock::time_point{};
    if (info.view) {
      outputs.push_back(try_view(info, op, inputs[0], inferred[0]));
    } else {
      Deferral* const deferral = device == cpu ? detail::deferral() : nullptr;
      for (const Meta& m : inferred) outputs.push_back(deferral ? pending_tensor(m, *deferral) : allocate_tensor(m, device));
      if (deferral) deferral->apply(info, op, inputs, outputs);
      else detail::run_kernel(info, op, views_of(inputs), views_of(outputs), device);
    }
    if (context.detect_anomaly) report_anomaly(info, op, inputs, outputs);
    if (context.observer)
      context.observer->applied(info, op, inputs, outputs, std::chrono::duration<double>(clock::now() - start).count());
  }
  detail::record(info, op, inputs, outputs, where);
  return outputs;
}

}  // namespace

Tensors apply_op(const OpInfo& info, const void* op, std::span<const Operand> operands) {
  SourceLocation where;
  for (const Operand& o : operands)
    if (o.where().line) {
      where = o.where();
      break;
    }
  try {
    return run(info, op, operands, where);
  } catch (Error& e) {
    e.in(info.name).at(where);
    throw;
  }
}

void detail::run_kernel(const OpInfo& info, const void* op, std::span<const TensorView> inputs,
                        std::span<const TensorView> outputs, Device device) {
  SmallVector<TensorView, 4> in;
  for (const TensorView& v : inputs)
    if (!info.elementwise || v.shape == outputs[0].shape) in.push_back(v);
    else in.push_back(broadcast_view(v, outputs[0].shape));
  const KernelCall call{info, op, in, outputs};
  const Kernel& kernel = select_kernel(device.type, call);
  if (!kernel.contiguous) return kernel.run(call);
  SmallVector<Tensor, 4> packed;
  for (TensorView& v : in) {
    if (v.contiguous()) continue;
    packed.push_back(allocate_tensor({v.shape, v.dtype}, device));
    const op::Contiguous copy;
    const TensorView from = v;
    v = view_of(packed.back());
    run_kernel(info_of<op::Contiguous>(), &copy, {&from, 1}, {&v, 1}, device);
  }
  kernel.run(call);
}

namespace detail {

namespace {

Value value_of(const Tensor& t, bool symbolic) {
  const Value& v = t.impl()->value;
  if (v || !symbolic) return v;
  auto constant = make_ref<Constant>();
  constant->tensor = t;
  constant->outputs.push_back(t.meta());
  return {constant, 0};
}

void record_symbolic(const OpInfo& info, const void* op, std::span<const Tensor> inputs, std::span<Tensor> outputs) {
  auto node = make_ref<Node>();
  node->op = &info;
  node->attrs = Attrs(info, op);
  bool grad = false;
  for (const Tensor& t : inputs) {
    node->inputs.push_back(value_of(t, true));
    grad |= t.requires_grad();
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    node->outputs.push_back(outputs[i].meta());
    outputs[i].impl()->value = {node, static_cast<int>(i)};
  }
}

}  // namespace

void record(const OpInfo& info, const void* op, std::span<const Tensor> inputs, std::span<Tensor> outputs,
            SourceLocation where) {
  if (outputs[0].device().type == DeviceType::meta) return record_symbolic(info, op, inputs, outputs);
  if (!context().grad_enabled || !info.vjp) return;
  std::uint32_t needs = 0;
  bool any = false;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i].requires_grad()) {
      any = true;
      if (i < 32) needs |= 1u << i;
    }
  if (!any) return;
  auto node = make_ref<TapeNode>();
  node->op = &info;
  node->attrs = Attrs(info, op);
  node->needs = needs;
  node->where = where;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Tensor& t = inputs[i];
    node->inputs.push_back(t.requires_grad() ? t.impl()->value : Value{});
    node->input_metas.push_back({t.shape(), t.dtype()});
    if (i < 32 && (info.saves.inputs >> i & 1)) node->saved.push_back(t);
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    node->outputs.push_back({outputs[i].shape(), outputs[i].dtype()});
    if (info.saves.outputs >> i & 1) node->saved.push_back(alias(outputs[i], view_of(outputs[i])));
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!is_floating(outputs[i].dtype())) continue;
    outputs[i].impl()->value = {node, static_cast<int>(i)};
    outputs[i].impl()->requires_grad = true;
  }
}

}  // namespace detail

namespace {
std::size_t saved_slot(std::uint32_t mask, int i) {
  return static_cast<std::size_t>(__builtin_popcount(mask & ((1u << i) - 1u)));
}
}  // namespace

Tensor Saved<Tensor>::in(int i) const {
  check(node_->op->saves.inputs >> i & 1, "internal: the gradient of ", node_->op->name, " reads input ", i,
        ", which `saves` does not name");
  check(!node_->released, "the tape was freed by an earlier backward; call it with retain_graph = true");
  return node_->saved[saved_slot(node_->op->saves.inputs, i)];
}

Tensor Saved<Tensor>::out(int i) const {
  check(node_->op->saves.outputs >> i & 1, "internal: the gradient of ", node_->op->name, " reads output ", i,
        ", which `saves` does not name");
  check(!node_->released, "the tape was freed by an earlier backward; call it with retain_graph = true");
  std::size_t inputs = 0;
  for (std::size_t k = 0; k < node_->input_metas.size() && k < 32; ++k) inputs += node_->op->saves.inputs >> k & 1;
  const Tensor& raw = node_->saved[inputs + saved_slot(node_->op->saves.outputs, i)];
  return is_floating(raw.dtype()) ? with_value(raw, {RefPtr<Node>(node_), i}, true) : raw;
}

}  // namespace weft
