#include <weft/graph/plan.h>

#include <chrono>

#include <weft/base/error.h>
#include <weft/base/format.h>
#include <weft/graph/passes/passes.h>
#include <weft/graph/passes/uses.h>
#include <weft/opdefs/shape_ops.h>

namespace weft {

namespace {

/// Puts a copying step before each kernel that needs row-major inputs and would be given others.
void make_inputs_contiguous(Program& program) {
  std::vector<ProgramStep> steps;
  for (ProgramStep& step : program.steps) {
    if (const Kernel& kernel = kernel_of(step); kernel.contiguous)
      for (std::size_t i = 0; i < step.inputs.size(); ++i) {
        BufferView& v = step.inputs[i];
        if (is_contiguous(v.shape, v.strides) || kernel.channels_last_in >> i & 1) continue;
        const op::Contiguous copy;
        const BufferView packed{static_cast<int>(program.buffers.size()), 0, v.dtype, v.shape, contiguous_strides(v.shape)};
        program.buffers.push_back({v.shape.numel() * static_cast<std::int64_t>(size_of(v.dtype))});
        steps.push_back({&info_of<op::Contiguous>(), Attrs(info_of<op::Contiguous>(), &copy), {v}, {packed}});
        v = packed;
      }
    steps.push_back(std::move(step));
  }
  program.steps = std::move(steps);
}

}  // namespace

Plan::Plan(Program recorded, Arena& arena) : recorded_(std::move(recorded)), program_(recorded_), arena_(arena) {
  for (std::size_t i = 0; i < program_.steps.size(); ++i) program_.steps[i].source = static_cast<int>(i);
  run_passes(program_);
  make_inputs_contiguous(program_);
  places_ = plan_memory(program_);
  arena_.reserve(places_.bytes);
  bound_.resize(program_.steps.size());
  for (std::size_t i = 0; i < bound_.size(); ++i) bind(program_.steps[i], bound_[i]);
}

void Plan::bind(const ProgramStep& step, Bound& bound) {
  views_of(step, bound.in, bound.out);
  bound.step = &step;
  // Attributes that vary are read where set_attributes() writes them.
  bound.attributes = (step.op->attributes_vary ? recorded_.steps[static_cast<std::size_t>(step.source)] : step).attrs.get();
  bound.kernel = &kernel_of(step);
  const auto place = [&](TensorView& view, const BufferView& v) {
    const auto b = static_cast<std::size_t>(v.buffer);
    if (const ProgramBuffer& buffer = program_.buffers[b]; buffer.kind == BufferKind::constant)
      view.data = static_cast<char*>(buffer.constant->data()) + v.offset;
    else if (places_.offset[b] < 0) patches_.push_back({&view, b, v.offset});
  };
  for (std::size_t i = 0; i < step.inputs.size(); ++i) place(bound.in[i], step.inputs[i]);
  for (std::size_t i = 0; i < step.outputs.size(); ++i) place(bound.out[i], step.outputs[i]);
}

void Plan::run(const Bound& b) const {
  try {
    b.kernel->run({*b.step->op, b.attributes, b.in, b.out, b.step->precision});
  } catch (Error& e) {
    e.in(b.step->op->name);
    throw;
  }
}

void Plan::run_timed() {
  using Clock = std::chrono::steady_clock;
  for (Bound& b : bound_) {
    const auto start = Clock::now();
    run(b);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    if (b.seconds == 0 || seconds < b.seconds) b.seconds = seconds;
  }
}

/// The arena has moved: a plan made later needed a larger one.
void Plan::place() {
  base_ = arena_.data();
  const auto put = [&](TensorView& view, const BufferView& v) {
    const std::int64_t at = places_.offset[static_cast<std::size_t>(v.buffer)];
    if (at >= 0) view.data = base_ + at + v.offset;
  };
  for (Bound& b : bound_) {
    for (std::size_t i = 0; i < b.in.size(); ++i) put(b.in[i], b.step->inputs[i]);
    for (std::size_t i = 0; i < b.out.size(); ++i) put(b.out[i], b.step->outputs[i]);
  }
}

void Plan::run(std::span<void* const> memory) {
  arena_.reserve(places_.bytes);  // nothing to do, but after a plan that did not find room
  if (base_ != arena_.data()) place();
  for (const Patch& p : patches_) p.view->data = static_cast<char*>(memory[p.buffer]) + p.offset;
  if (++runs_ % 16 == 0) return run_timed();
  for (const Bound& b : bound_) run(b);
}

std::string Plan::describe() const {
  std::string text = cat("arena: ", places_.bytes, " bytes\n");
  for (const Bound& b : bound_) {
    if (b.seconds > 0) text += format("%8.1f us  ", b.seconds * 1e6);
    text += b.kernel->name;
    for (const BufferView& v : b.step->outputs) {
      const std::int64_t at = places_.offset[static_cast<std::size_t>(v.buffer)];
      text += " -> " + to_string(Meta{v.shape, v.dtype}) + (at < 0 ? std::string(" (held outside)") : cat(" at ", at));
    }
    text += "\n";
  }
  return text;
}

}  // namespace weft
