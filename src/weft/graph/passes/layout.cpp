// Lays images channels-last from the first kernel that wants them so to the last. A buffer that was moved is read
// through strides; a step that cannot is given a row-major copy.
#include <algorithm>

#include <weft/base/strided.h>
#include <weft/graph/passes/passes.h>
#include <weft/graph/passes/uses.h>
#include <weft/opdefs/create.h>
#include <weft/opdefs/reduce.h>
#include <weft/opdefs/shape_ops.h>
#include <weft/opdefs/slicing.h>

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
/// Where axis a of [N, C, spatial…] is in [N, spatial…, C].
std::int64_t axis_as_it_lies(std::int64_t a, int rank) { return a == 0 ? 0 : a == 1 ? rank - 1 : a - 1; }

/// An image, or a part of one, whose channels lie side by side: not a view that is broadcast, turned round or transposed.
bool channels_side_by_side(const BufferView& v) {
  const int rank = v.shape.rank();
  return rank >= 3 && v.shape[1] > 1 && v.strides[1] == 1 && v.strides[rank - 1] >= v.shape[1];
}

/// The part of `whole` that v shows of a row-major buffer of its shape, or none where v is no slice along its axes.
BufferView same_part(const BufferView& v, const BufferView& whole) {
  BufferView part = v;
  part.buffer = -1;
  if (v.dtype != whole.dtype || v.shape.rank() != whole.shape.rank() || v.shape.numel() == 0) return part;
  const Dims rows = contiguous_strides(whole.shape);
  const auto size = static_cast<std::int64_t>(size_of(v.dtype));
  std::int64_t rest = v.offset / size;
  part.offset = whole.offset;
  for (int i = 0; i < v.shape.rank(); ++i) {
    const std::int64_t first = rest / rows[i], step = v.shape[i] == 1 ? 1 : v.strides[i] / rows[i], last = first + step * (v.shape[i] - 1);
    if (first >= whole.shape[i] || last < 0 || last >= whole.shape[i] || (v.shape[i] > 1 && step * rows[i] != v.strides[i])) return part;
    rest -= first * rows[i];
    part.offset += first * whole.strides[i] * size;
    part.strides[i] = step * whole.strides[i];
  }
  part.buffer = whole.buffer;
  return part;
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
      else if (!by_axes(step) && !element_wise(step)) sum(step);
    }
  }

 private:
  /// What the program calls `v`, where it lies now; a part of what was moved stays one.
  BufferView where_it_is(const BufferView& v) {
    const auto b = static_cast<std::size_t>(v.buffer);
    if (b >= moved_.size() || moved_[b].buffer < 0) return v;
    const BufferView& whole = moved_[b];
    if (v.offset == 0 && v.shape == whole.shape && v.strides == contiguous_strides(v.shape)) return whole;
    if (const BufferView part = same_part(v, whole); part.buffer >= 0) return part;
    BufferView other = v;  // a reshaped view
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
    if (uniform(v)) return as_channels_last(v);
    BufferView to = v;
    to.buffer = copy(as_it_lies(v)).buffer;
    to.offset = 0;
    return as_channels_last(to);
  }

  /// Is one number everywhere, so that any order is its order: a constant, or what full() makes.
  bool uniform(const BufferView& v) const {
    if (!is_contiguous(v.shape, v.strides)) return false;
    for (const ProgramStep& step : program_.steps)
      if (step.op == &info_of<op::Full>() && step.outputs[0] == v) return true;
    const ProgramBuffer& b = program_.buffers[static_cast<std::size_t>(v.buffer)];
    if (b.kind != BufferKind::constant || v.offset != 0 || b.bytes == 0) return false;
    const auto *first = static_cast<const char*>(b.constant->data()), *next = first + size_of(v.dtype);
    return std::equal(next, first + b.bytes, first);
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
      images |= v.shape == shape && !is_contiguous(v.shape, v.strides) &&
                (is_channels_last(v.shape, v.strides) || channels_side_by_side(v));
    if (!step.op->elementwise || !images) return false;
    for (BufferView& v : step.inputs) v = as_it_lies(is_contiguous(v.shape, v.strides) && v.shape == shape ? channels_last(v) : broadcast(v, shape));
    std::vector<std::pair<BufferView, BufferView>> held;
    for (BufferView& v : step.outputs) v = as_it_lies(move(v, held));
    program_.steps.push_back(std::move(step));
    for (const auto& [from, to] : held) emit_copy(from, to);
    return true;
  }
  /// A pad, a concatenation or an update of a part names axes: where its images lie channels-last so does the result, and
  /// the axes are those of the memory. False where none does.
  bool by_axes(ProgramStep& step) {
    if (step.op != &info_of<op::Pad>() && step.op != &info_of<op::SliceUpdate>() && step.op != &info_of<op::Concat>()) return false;
    if (std::none_of(step.inputs.begin(), step.inputs.end(), channels_side_by_side)) return false;
    const int rank = step.outputs[0].shape.rank();
    if (step.op == &info_of<op::Pad>()) {
      auto op = *static_cast<const op::Pad*>(step.attrs.get());
      op.low = channels_to_end(op.low);
      op.high = channels_to_end(op.high);
      step.attrs = Attrs(info_of<op::Pad>(), &op);
    } else if (step.op == &info_of<op::Concat>()) {
      const auto& from = *static_cast<const op::Concat*>(step.attrs.get());
      const op::Concat op{axis_as_it_lies(normalize_axis(from.axis, rank), rank)};
      step.attrs = Attrs(info_of<op::Concat>(), &op);
    } else {
      auto op = *static_cast<const op::SliceUpdate*>(step.attrs.get());
      for (auto& a : op.axes) a = axis_as_it_lies(a < 0 ? a + rank : a, rank);
      step.attrs = Attrs(info_of<op::SliceUpdate>(), &op);
    }
    for (BufferView& v : step.inputs) v = as_it_lies(uniform(v) ? as_channels_last(v) : v);
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
        for (auto& a : op.axes) a = axis_as_it_lies(a, rank);
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
