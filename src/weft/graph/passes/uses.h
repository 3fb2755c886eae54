// Who makes and who reads each buffer of a program. For passes that match patterns of steps.
#pragma once

#include <vector>

#include <weft/graph/program.h>
#include <weft/kernels/registry.h>
#include <weft/opdefs/define.h>

namespace weft {

/// An input of a step.
struct Use {
  std::size_t step = 0, input = 0;
};

/// The maker and the readers of each buffer, as the program was when this was made.
class Uses {
 public:
  explicit Uses(const Program& program);
  /// The step that fills all that the view shows, and shows nothing else of it, where it is an Op; else null.
  template <class Op> const ProgramStep* maker(const BufferView& view) const {
    const ProgramStep* s = maker_of(view);
    return s && s->op == &info_of<Op>() ? s : nullptr;
  }
  /// The only reader of output `o` of a step, where it is an Op, reads all of it, and nobody holds it; else null.
  template <class Op> const ProgramStep* only_reader(const ProgramStep& step, std::size_t o = 0) const {
    const ProgramStep* s = only_reader_of(step.outputs[o]);
    return s && s->op == &info_of<Op>() ? s : nullptr;
  }
  const std::vector<Use>& readers(const BufferView& view) const { return readers_[static_cast<std::size_t>(view.buffer)]; }
  std::size_t index_of(const ProgramStep& step) const { return static_cast<std::size_t>(&step - program_.steps.data()); }

 private:
  const ProgramStep* maker_of(const BufferView& view) const;
  const ProgramStep* only_reader_of(const BufferView& view) const;
  const Program& program_;
  std::vector<int> makers_;
  std::vector<std::vector<Use>> readers_;
};

/// The last step that reads each buffer; its maker where nobody does.
std::vector<std::size_t> last_readers(const Program& program);

/// A new buffer for elements of a shape, row-major.
BufferView add_buffer(Program& program, const Shape& shape, DType dtype);

/// The view with the strides that a kernel's mask asks for: channels-last where bit `i` is set.
TensorView laid_out(const BufferView& view, std::uint32_t mask, std::size_t i);

/// The views that a step's kernel is given, without memory: inputs of element-wise operators are broadcast.
void views_of(const ProgramStep& step, SmallVector<TensorView, 4>& in, SmallVector<TensorView, 4>& out);
/// The kernel that a plan takes for the step.
const Kernel& kernel_of(const ProgramStep& step);

/// Notes that `fused` does the work of `other`, for people who look at the plan.
void take_work(ProgramStep& fused, const ProgramStep& other);

/// The kernel written for this step with images channels-last, or null.
const Kernel* channels_last_kernel(const ProgramStep& step);

}  // namespace weft
