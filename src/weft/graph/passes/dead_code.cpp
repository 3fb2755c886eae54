#include <weft/graph/passes/passes.h>

namespace weft {

void remove_dead_code(Program& program) {
  std::vector<bool> needed(program.buffers.size());
  for (std::size_t i = 0; i < needed.size(); ++i) needed[i] = program.buffers[i].kind == BufferKind::result;
  std::vector<ProgramStep> kept;
  for (auto step = program.steps.rbegin(); step != program.steps.rend(); ++step) {
    bool live = false;
    for (const BufferView& v : step->outputs) live |= needed[static_cast<std::size_t>(v.buffer)];
    if (!live) continue;
    for (const BufferView& v : step->inputs) needed[static_cast<std::size_t>(v.buffer)] = true;
    kept.push_back(std::move(*step));
  }
  program.steps.assign(std::make_move_iterator(kept.rbegin()), std::make_move_iterator(kept.rend()));
}

}  // namespace weft
