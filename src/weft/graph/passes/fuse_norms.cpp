// Puts batch_norm_relu in the place of batch_norm and relu, and one operator in the place of their gradients: the
// activations go through memory once instead of twice.
#include <algorithm>

#include <weft/graph/passes/passes.h>
#include <weft/graph/passes/uses.h>
#include <weft/opdefs/elementwise.h>
#include <weft/opdefs/norm.h>

namespace weft {

namespace {

template <class Op> void replace(ProgramStep& step, const Op& op) {
  step.op = &info_of<Op>();
  step.attrs = Attrs(info_of<Op>(), &op);
}

/// Other dtypes have only the reference for the fused forms.
bool is_f32(const ProgramStep& step) { return step.inputs[0].dtype == DType::f32; }

void forward(Program& program) {
  const Uses uses(program);
  std::vector<std::size_t> done;
  for (ProgramStep& step : program.steps) {
    if (step.op != &info_of<op::BatchNorm>()) continue;
    const ProgramStep* relu = uses.only_reader<op::Relu>(step);
    if (!relu) continue;
    ProgramStep fused = step;
    replace(fused, op::BatchNormRelu{static_cast<const op::BatchNorm*>(step.attrs.get())->eps});
    fused.outputs[0] = relu->outputs[0];
    take_work(fused, *relu);
    if (!is_f32(fused)) continue;
    step = std::move(fused);  // here, not where relu is: mean and var may be read between them
    done.push_back(uses.index_of(*relu));
  }
  std::sort(done.rbegin(), done.rend());
  for (std::size_t i : done) program.steps.erase(program.steps.begin() + static_cast<std::ptrdiff_t>(i));
}

void backward(Program& program) {
  const Uses uses(program);
  for (ProgramStep& step : program.steps) {
    if (step.op != &info_of<op::BatchNormGrad>()) continue;
    const ProgramStep* mask = uses.maker<op::ReluGrad>(step.inputs[1]);
    if (!mask || uses.only_reader<op::BatchNormGrad>(*mask) != &step) continue;
    const ProgramStep* norm = uses.maker<op::BatchNormRelu>(mask->inputs[0]);
    if (!norm || !(norm->outputs[0] == mask->inputs[0]) || !(norm->inputs[0] == step.inputs[0])) continue;
    const double eps = static_cast<const op::BatchNormGrad*>(step.attrs.get())->eps;
    ProgramStep fused = step;
    replace(fused, op::BatchNormReluGrad{eps});
    fused.inputs = {step.inputs[0], mask->inputs[1], norm->outputs[1], norm->outputs[2]};
    for (std::size_t i = 1; i < norm->inputs.size(); ++i) fused.inputs.push_back(norm->inputs[i]);
    take_work(fused, *mask);
    if (is_f32(fused)) step = std::move(fused);
  }
  remove_dead_code(program);
}

}  // namespace

void fuse_norms(Program& program) {
  forward(program);
  backward(program);
}

}  // namespace weft
