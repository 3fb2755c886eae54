// Where a program asks for bf16, every step that multiplies may take a kernel that rounds its factors. Which kernels there
// are, and where they are the faster, is the kernels' own business (kernels/registry.h): the others stay f32.
#include <weft/graph/passes/passes.h>

namespace weft {

void permit_bf16_products(Program& program) {
  if (program.precision != Precision::bf16) return;
  for (ProgramStep& step : program.steps)
    if (step.op->macs) step.precision = Precision::bf16;
}

}  // namespace weft
