#include <weft/graph/passes/uses.h>

#include <weft/base/strided.h>
#include <weft/graph/choices.h>

namespace weft {

Uses::Uses(const Program& program) : program_(program), makers_(program.buffers.size(), -1), readers_(program.buffers.size()) {
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    const ProgramStep& s = program.steps[i];
    for (const BufferView& v : s.outputs) makers_[static_cast<std::size_t>(v.buffer)] = static_cast<int>(i);
    for (std::size_t k = 0; k < s.inputs.size(); ++k) readers_[static_cast<std::size_t>(s.inputs[k].buffer)].push_back({i, k});
  }
}

const ProgramStep* Uses::maker_of(const BufferView& view) const {
  const int at = makers_[static_cast<std::size_t>(view.buffer)];
  if (at < 0) return nullptr;
  const ProgramStep& s = program_.steps[static_cast<std::size_t>(at)];
  for (const BufferView& v : s.outputs)
    if (v == view) return &s;
  return nullptr;
}

const ProgramStep* Uses::only_reader_of(const BufferView& view) const {
  const auto b = static_cast<std::size_t>(view.buffer);
  if (program_.buffers[b].kind != BufferKind::intermediate || readers_[b].size() != 1) return nullptr;
  const ProgramStep& s = program_.steps[readers_[b][0].step];
  return s.inputs[readers_[b][0].input] == view ? &s : nullptr;
}

std::vector<std::size_t> last_readers(const Program& program) {
  std::vector<std::size_t> last(program.buffers.size());
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    for (const BufferView& v : program.steps[i].outputs) last[static_cast<std::size_t>(v.buffer)] = i;
    for (const BufferView& v : program.steps[i].inputs) last[static_cast<std::size_t>(v.buffer)] = i;
  }
  return last;
}

BufferView add_buffer(Program& program, const Shape& shape, DType dtype) {
  program.buffers.push_back({shape.numel() * static_cast<std::int64_t>(size_of(dtype))});
  return {static_cast<int>(program.buffers.size()) - 1, 0, dtype, shape, contiguous_strides(shape)};
}

TensorView laid_out(const BufferView& view, std::uint32_t mask, std::size_t i) {
  const bool image = mask >> i & 1 && view.shape.rank() >= 3;
  return {nullptr, view.dtype, cpu, view.shape, image ? channels_last_strides(view.shape) : contiguous_strides(view.shape)};
}

namespace {
TensorView without_data(const BufferView& v) { return {nullptr, v.dtype, cpu, v.shape, v.strides}; }
}  // namespace

void views_of(const ProgramStep& step, SmallVector<TensorView, 4>& in, SmallVector<TensorView, 4>& out) {
  for (const BufferView& v : step.outputs) out.push_back(without_data(v));
  for (const BufferView& v : step.inputs) {
    const TensorView view = without_data(v);
    in.push_back(step.op->elementwise && !(view.shape == out[0].shape) ? broadcast_view(view, out[0].shape) : view);
  }
}

const Kernel& kernel_of(const ProgramStep& step) {
  SmallVector<TensorView, 4> in, out;
  views_of(step, in, out);
  const KernelCall call{*step.op, step.attrs.get(), in, out, step.precision};
  if (const std::string chosen = chosen_kernel(step); !chosen.empty())
    for (const Kernel& k : kernels_of(*step.op, DeviceType::cpu))
      if (k.name == chosen && !why_declined(k, call)) return k;
  return select_kernel(DeviceType::cpu, call);
}

void take_work(ProgramStep& fused, const ProgramStep& other) {
  if (other.source >= 0) fused.fused.push_back(other.source);
  fused.fused.insert(fused.fused.end(), other.fused.begin(), other.fused.end());
}

const Kernel* channels_last_kernel(const ProgramStep& step) {
  const std::string chosen = chosen_kernel(step);
  for (const Kernel& k : kernels_of(*step.op, DeviceType::cpu)) {
    if (!(k.channels_last_in | k.channels_last_out) || (!chosen.empty() && k.name != chosen)) continue;
    SmallVector<TensorView, 4> in, out;
    for (std::size_t i = 0; i < step.inputs.size(); ++i) in.push_back(laid_out(step.inputs[i], k.channels_last_in, i));
    for (std::size_t i = 0; i < step.outputs.size(); ++i) out.push_back(laid_out(step.outputs[i], k.channels_last_out, i));
    if (!why_declined(k, {*step.op, step.attrs.get(), in, out, step.precision})) return &k;
  }
  return nullptr;
}

}  // namespace weft
