#include <weft/graph/passes/passes.h>

#include <numeric>
#include <unordered_map>

namespace weft {

namespace {
/// Equal for steps that may be the same: the operator and the buffers it reads.
std::size_t hash_of(const ProgramStep& s) {
  std::size_t h = std::hash<const void*>()(s.op);
  for (const BufferView& v : s.inputs)
    h = h * 1000003 + static_cast<std::size_t>(v.buffer) * 31 + static_cast<std::size_t>(v.offset) + static_cast<std::size_t>(v.shape.numel());
  return h;
}

bool same_work(const Program& p, const ProgramStep& a, const ProgramStep& b) {
  if (!same_reads(a, b)) return false;
  for (std::size_t i = 0; i < a.outputs.size(); ++i) {
    const BufferView &x = a.outputs[i], &y = b.outputs[i];
    // Somebody holds a result: it stays a buffer of its own.
    if (p.buffers[static_cast<std::size_t>(y.buffer)].kind == BufferKind::result) return false;
    if (x.dtype != y.dtype || !(x.shape == y.shape)) return false;
  }
  return a.op->equal(a.attrs.get(), b.attrs.get());
}
}  // namespace

void share_common_subexpressions(Program& program) {
  std::vector<int> now(program.buffers.size());  // which buffer holds what this one held
  std::iota(now.begin(), now.end(), 0);
  std::unordered_multimap<std::size_t, std::size_t> seen;
  std::vector<ProgramStep> kept;
  for (ProgramStep& step : program.steps) {
    for (BufferView& v : step.inputs) v.buffer = now[static_cast<std::size_t>(v.buffer)];
    const std::size_t h = hash_of(step);
    const ProgramStep* twin = nullptr;
    if (!step.op->attributes_vary)  // its attributes are those of one call
      for (auto [at, end] = seen.equal_range(h); at != end && !twin; ++at)
        if (same_work(program, kept[at->second], step)) twin = &kept[at->second];
    if (twin) {
      for (std::size_t i = 0; i < step.outputs.size(); ++i)
        now[static_cast<std::size_t>(step.outputs[i].buffer)] = twin->outputs[i].buffer;
      continue;
    }
    seen.emplace(h, kept.size());
    kept.push_back(std::move(step));
  }
  program.steps = std::move(kept);
}

}  // namespace weft
