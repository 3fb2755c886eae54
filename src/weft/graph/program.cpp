#include <weft/graph/program.h>

#include <weft/base/error.h>

namespace weft {

bool same_reads(const ProgramStep& a, const ProgramStep& b) {
  if (a.op != b.op || a.inputs.size() != b.inputs.size() || a.outputs.size() != b.outputs.size()) return false;
  for (std::size_t i = 0; i < a.inputs.size(); ++i)
    if (!(a.inputs[i] == b.inputs[i])) return false;
  return true;
}

bool same_step(const ProgramStep& a, const ProgramStep& b) {
  if (!same_reads(a, b)) return false;
  for (std::size_t i = 0; i < a.outputs.size(); ++i)
    if (!(a.outputs[i] == b.outputs[i])) return false;
  return a.op->attributes_vary || a.op->equal(a.attrs.get(), b.attrs.get());
}

bool same_program(const Program& a, const Program& b) {
  if (a.steps.size() != b.steps.size() || a.buffers.size() != b.buffers.size()) return false;
  for (std::size_t i = 0; i < a.buffers.size(); ++i) {
    const bool external = a.buffers[i].kind == BufferKind::external;
    if (a.buffers[i].bytes != b.buffers[i].bytes || external != (b.buffers[i].kind == BufferKind::external)) return false;
  }
  for (std::size_t i = 0; i < a.steps.size(); ++i)
    if (!same_step(a.steps[i], b.steps[i])) return false;
  return true;
}

namespace {
std::string to_string(const Program& p, const BufferView& v) {
  const BufferKind kind = p.buffers[static_cast<std::size_t>(v.buffer)].kind;
  const char* mark = kind == BufferKind::external ? "@" : kind == BufferKind::result ? "!" : kind == BufferKind::constant ? "#" : "%";
  std::string s = cat(mark, v.buffer, ":", to_string(Meta{v.shape, v.dtype}));
  if (!is_contiguous(v.shape, v.strides)) s += cat("/", Shape(v.strides));
  return v.offset ? s + cat("+", v.offset) : s;
}
}  // namespace

std::string to_string(const Program& p) {
  std::string text;
  for (const ProgramStep& s : p.steps) {
    for (std::size_t i = 0; i < s.outputs.size(); ++i) text += (i ? ", " : "") + to_string(p, s.outputs[i]);
    text += " = " + s.op->name + "(";
    for (std::size_t i = 0; i < s.inputs.size(); ++i) text += (i ? ", " : "") + to_string(p, s.inputs[i]);
    const std::string attributes = to_string(s.op->get(s.attrs.get()));
    text += (attributes.empty() ? ")" : ") {" + attributes + "}") + std::string("\n");
  }
  return text;
}

}  // namespace weft
