// Computes what no argument, weight or random number has a part in, once, when the plan is made: full(), arange() and
// what is made of them. Their attributes are compared at every call, so they are the same at every replay. Numbers in
// expressions and captured tensors are externals, read anew each time: they are no constants.
#include <weft/graph/passes/passes.h>
#include <weft/graph/passes/uses.h>
#include <weft/opdefs/create.h>
#include <weft/tensor/context.h>

namespace weft {

namespace {

/// A plan keeps its constants; larger ones are quicker filled than read, or not worth their memory.
constexpr std::int64_t most_bytes = 1 << 20;

class Folding {
 public:
  explicit Folding(Program& program) : program_(program) {}

  void run() {
    std::vector<ProgramStep> kept;
    for (ProgramStep& step : program_.steps)
      if (!is_constant(step) || !compute(step)) kept.push_back(std::move(step));
    if (kept.size() == program_.steps.size()) return void(program_.steps = std::move(kept));
    program_.steps = std::move(kept);
    drop_unread();
  }

 private:
  ProgramBuffer& buffer(const BufferView& v) { return program_.buffers[static_cast<std::size_t>(v.buffer)]; }

  bool is_constant(const ProgramStep& step) {
    if (step.op->attributes_vary) return false;
    if (step.inputs.empty() && step.op != &info_of<op::Full>() && step.op != &info_of<op::Arange>()) return false;
    for (const BufferView& v : step.inputs)
      if (buffer(v).kind != BufferKind::constant) return false;
    for (const BufferView& v : step.outputs)
      if (buffer(v).kind != BufferKind::intermediate || buffer(v).bytes > most_bytes) return false;
    return true;
  }

  TensorView view(const BufferView& v) {
    return {static_cast<char*>(buffer(v).constant->data()) + v.offset, v.dtype, cpu, v.shape, v.strides};
  }

  /// False where the kernel throws: it is to throw at each call.
  bool compute(const ProgramStep& step) {
    SmallVector<TensorView, 4> in, out;
    for (const BufferView& v : step.outputs) buffer(v).constant = Storage::allocate(static_cast<std::size_t>(buffer(v).bytes), cpu);
    for (const BufferView& v : step.inputs) in.push_back(view(v));
    for (const BufferView& v : step.outputs) out.push_back(view(v));
    try {
      detail::run_kernel(*step.op, step.attrs.get(), in, out, cpu);
    } catch (const Error&) {
      for (const BufferView& v : step.outputs) buffer(v).constant = {};
      return false;
    }
    for (const BufferView& v : step.outputs) buffer(v).kind = BufferKind::constant;
    return true;
  }

  void drop_unread() {
    std::vector<bool> read(program_.buffers.size());
    for (const ProgramStep& step : program_.steps)
      for (const BufferView& v : step.inputs) read[static_cast<std::size_t>(v.buffer)] = true;
    for (std::size_t i = 0; i < read.size(); ++i)
      if (!read[i]) program_.buffers[i].constant = {};
  }

  Program& program_;
};

}  // namespace

void fold_constants(Program& program) { Folding(program).run(); }

}  // namespace weft
