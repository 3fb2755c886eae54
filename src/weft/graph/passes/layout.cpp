// Lays images channels-last from the first kernel that wants them so to the last. A buffer that was moved is read
// through strides; a step that cannot is given a row-major copy.
#include <algorithm>

#include <weft/base/strided.h>
#include <weft/graph/passes/passes.h>
#include <weft/graph/passes/uses.h>
#include <weft/opdefs/reduce.h>
#include <weft/opdefs/shape_ops.h>

namespace weft {

namespace {

/// [N, C, spatial…] as [N, spatial…, C].
template <class D> D channels_to_end(const D& d) {
  D moved{d[0]};
  for (int i = 2; i < d.size(); ++i) moved.push_back(d[i]);
  moved.push_back(d[1]);
  return moved;
}
/// The same memory seen in the order in which a channels-last image lies.
BufferView as_it_lies(const BufferView& v) {
  return {v.buffer, v.offset, v.dtype, Shape(channels_to_end(static_cast<const Dims&>(v.shape))), channels_to_end(v.strides)};
}
BufferView as_channels_last(BufferView v) {
  v.strides = channels_last_strides(v.shape);
  return v;
}

class Layout {
 public:
  explicit Layout(Program& program) : program_(program), moved_(program.buffers.size()) {}

  void run() {
    std::vector<ProgramStep> old = std::move(program_.steps);
    program_.steps.clear();
    for (ProgramStep& step : old) {
      for (BufferView& v : step.inputs) v = where_it_is(v);
      if (const Kernel* kernel = worth_moving(step)) images_to_end(step, *kernel);
      else if (!element_wise(step)) sum(step);
    }
  }

 private:
  /// What the program calls `v`, where it lies now.
  BufferView where_it_is(const BufferView& v) {
    const auto b = static_cast<std::size_t>(v.buffer);
    if (b >= moved_.size() || moved_[b].buffer < 0) return v;
    const BufferView& whole = moved_[b];
    if (v.offset == 0 && v.shape == whole.shape && v.strides == contiguous_strides(v.shape)) return whole;
    BufferView other = v;  // a reshaped or sliced view
    other.buffer = row_major(whole).buffer;
    return other;
  }

  /// A copy of the view in memory of its own, row-major in the order of the view's axes; made once.
  BufferView copy(const BufferView& v) {
    for (const auto& [from, to] : copies_)
      if (from == v) return to;
    const BufferView to = add_buffer(program_, v.shape, v.dtype);
    emit_copy(v, to);
    copies_.emplace_back(v, to);
    return to;
  }
  void emit_copy(const BufferView& from, const BufferView& to) {
    const op::Contiguous op;
    program_.steps.push_back({&info_of<op::Contiguous>(), Attrs(info_of<op::Contiguous>(), &op), {from}, {to}});
  }
  BufferView row_major(const BufferView& v) { return copy(v); }
  BufferView channels_last(const BufferView& v) {
    if (is_channels_last(v.shape, v.strides)) return v;
    BufferView to = v;
    to.buffer = copy(as_it_lies(v)).buffer;
    to.offset = 0;
    return as_channels_last(to);
  }

  /// Output v of a step lies channels-last from now on; one that somebody holds goes to a buffer of its own and is
  /// copied behind the step.
  BufferView move(const BufferView& v, std::vector<std::pair<BufferView, BufferView>>& held) {
    BufferView now = v;
    if (program_.buffers[static_cast<std::size_t>(v.buffer)].kind != BufferKind::intermediate) {
      now = add_buffer(program_, v.shape, v.dtype);
      held.emplace_back(as_channels_last(now), v);
    }
    now = as_channels_last(now);
    moved_[static_cast<std::size_t>(v.buffer)] = now;
    return now;
  }

  /// The kernel that takes the step's images channels-last, where it repays moving them: it multiplies, or one of them
  /// lies so already.
  static const Kernel* worth_moving(const ProgramStep& step) {
    bool lies_so = step.op->macs != nullptr;
    for (const BufferView& v : step.inputs) lies_so |= !is_contiguous(v.shape, v.strides) && is_channels_last(v.shape, v.strides);
    return lies_so ? channels_last_kernel(step) : nullptr;
  }

  void images_to_end(ProgramStep& step, const Kernel& kernel) {
    for (std::size_t i = 0; i < step.inputs.size(); ++i)
      if (kernel.channels_last_in >> i & 1) step.inputs[i] = channels_last(step.inputs[i]);
    std::vector<std::pair<BufferView, BufferView>> held;
    for (std::size_t i = 0; i < step.outputs.size(); ++i)
      if (kernel.channels_last_out >> i & 1 && step.outputs[i].shape.rank() >= 3) step.outputs[i] = move(step.outputs[i], held);
    program_.steps.push_back(std::move(step));
    for (const auto& [from, to] : held) emit_copy(from, to);
  }

  /// Element by element the order does not matter: the result lies as the images do. False where there are none.
  bool element_wise(ProgramStep& step) {
    const Shape shape = step.outputs[0].shape;
    bool images = false;
    for (const BufferView& v : step.inputs)
      images |= v.shape == shape && !is_contiguous(v.shape, v.strides) && is_channels_last(v.shape, v.strides);
    if (!step.op->elementwise || !images) return false;
    for (BufferView& v : step.inputs) v = as_it_lies(is_contiguous(v.shape, v.strides) && v.shape == shape ? channels_last(v) : broadcast(v, shape));
    std::vector<std::pair<BufferView, BufferView>> held;
    for (BufferView& v : step.outputs) v = as_it_lies(move(v, held));
    program_.steps.push_back(std::move(step));
    for (const auto& [from, to] : held) emit_copy(from, to);
    return true;
  }
  static BufferView broadcast(const BufferView& v, const Shape& to) {
    return {v.buffer, v.offset, v.dtype, to, broadcast_strides(v.shape, v.strides, to)};
  }

  /// A sum reads the images as they lie where that leaves the order of its result; any other step is left to strides.
  void sum(ProgramStep& step) {
    if (step.op == &info_of<op::Sum>() && !is_contiguous(step.inputs[0].shape, step.inputs[0].strides) &&
        is_channels_last(step.inputs[0].shape, step.inputs[0].strides)) {
      auto op = *static_cast<const op::Sum*>(step.attrs.get());
      const int rank = step.inputs[0].shape.rank();
      bool channels = false, all_spatial = true;
      for (auto& a : op.axes) {
        if (a < 0) a += rank;
        channels |= a == 1;
      }
      for (int i = 2; i < rank; ++i) all_spatial &= std::find(op.axes.begin(), op.axes.end(), i) != op.axes.end();
      if (!op.keepdim && !op.axes.empty() && (channels || all_spatial)) {
        for (auto& a : op.axes) a = a == 0 ? 0 : a == 1 ? rank - 1 : a - 1;
        step.inputs[0] = as_it_lies(step.inputs[0]);
        step.attrs = Attrs(info_of<op::Sum>(), &op);
      }
    }
    program_.steps.push_back(std::move(step));
  }

  Program& program_;
  std::vector<BufferView> moved_;  // by buffer of the program before: where it lies now
  std::vector<std::pair<BufferView, BufferView>> copies_;
};

}  // namespace

void lay_channels_last(Program& program) { Layout(program).run(); }

}  // namespace weft
