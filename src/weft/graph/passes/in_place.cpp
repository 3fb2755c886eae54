// Lets an element-wise step write over an input that nobody reads after it: the arena needs one buffer less, and the
// memory is in the cache already.
#include <weft/graph/passes/passes.h>
#include <weft/graph/passes/uses.h>

namespace weft {

namespace {

/// The input whose memory the step's output may take: all of an intermediate buffer that has its last reader here and
/// lies as the output does. -1 where there is none.
int overwritten(const Program& program, std::size_t at, const std::vector<std::size_t>& last_reader) {
  const ProgramStep& step = program.steps[at];
  const BufferView& out = step.outputs[0];
  const auto buffer = [&](int b) -> const ProgramBuffer& { return program.buffers[static_cast<std::size_t>(b)]; };
  const auto lies_as_output = [&](const BufferView& v) {
    return v.offset == out.offset && v.dtype == out.dtype && v.shape == out.shape && v.strides == out.strides;
  };
  for (const BufferView& v : step.inputs) {
    if (buffer(v.buffer).kind != BufferKind::intermediate || last_reader[static_cast<std::size_t>(v.buffer)] != at) continue;
    if (buffer(v.buffer).bytes != buffer(out.buffer).bytes) continue;
    bool all = true;  // x + x.transpose() reads elements that are written already
    for (const BufferView& w : step.inputs) all &= w.buffer != v.buffer || lies_as_output(w);
    if (all) return v.buffer;
  }
  return -1;
}

}  // namespace

void overwrite_inputs(Program& program) {
  const std::vector<std::size_t> last_reader = last_readers(program);
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    const ProgramStep& step = program.steps[i];
    if (!step.op->elementwise || step.outputs.size() != 1) continue;
    ProgramBuffer& out = program.buffers[static_cast<std::size_t>(step.outputs[0].buffer)];
    if (out.kind != BufferKind::intermediate) continue;
    if (const int b = overwritten(program, i, last_reader); b >= 0 && kernel_of(step).in_place) out.over = b;
  }
}

}  // namespace weft
