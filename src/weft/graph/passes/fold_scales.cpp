// A convolution followed by numbers a channel that its result is multiplied by, and others that are added (batch norm
// with fixed statistics): the numbers go into weights and bias, which are smaller than the result.
#include <weft/graph/passes/passes.h>
#include <weft/graph/passes/uses.h>
#include <weft/opdefs/conv.h>
#include <weft/opdefs/elementwise.h>

namespace weft {

namespace {

/// The operand of a step beside `y` where it holds one number a channel, [1, C, 1…], and the step changes neither shape
/// nor dtype of y; else null.
const BufferView* by_channel(const ProgramStep& step, const BufferView& y) {
  const BufferView& other = step.inputs[step.inputs[0] == y ? 1 : 0];
  Shape channels(Dims::filled(y.shape.rank(), 1));
  channels[1] = y.shape[1];
  return other.shape == channels && other.dtype == y.dtype && step.outputs[0] == BufferView{step.outputs[0].buffer, 0, y.dtype, y.shape, y.strides}
             ? &other
             : nullptr;
}

/// The numbers [1, C, 1…] as an array of another rank whose axis 0 is the channels.
BufferView along_first_axis(const BufferView& v, int rank) {
  BufferView r = v;
  r.shape = Shape(Dims::filled(rank, 1));
  r.strides = Dims::filled(rank, 1);
  r.shape[0] = v.shape[1];
  r.strides[0] = v.strides[1];
  return r;
}

/// What takes the place of a convolution and the steps behind it.
class Folding {
 public:
  Folding(Program& program, const Uses& uses, const ProgramStep& conv) : program_(program), conv_(conv), last_(&conv) {
    const BufferView& y = conv.outputs[0];
    if (const ProgramStep* mul = uses.only_reader<op::Mul>(conv); mul && (scale_ = by_channel(*mul, y))) {
      last_ = mul;
      if (const ProgramStep* add = uses.only_reader<op::Add>(*mul); add && (shift_ = by_channel(*add, mul->outputs[0]))) last_ = add;
      mul_ = mul;
    }
  }
  /// Less work for the weights than for the result?
  bool pays() const { return scale_ && conv_.outputs[0].shape.numel() * 2 >= conv_.inputs[1].shape.numel(); }
  const ProgramStep& last() const { return *last_; }
  std::vector<ProgramStep> steps() {
    ProgramStep folded = conv_;
    folded.outputs = last_->outputs;
    take_work(folded, *mul_);
    if (last_ != mul_) take_work(folded, *last_);
    const BufferView& w = conv_.inputs[1];
    folded.inputs[1] = apply(op::Mul{}, w, along_first_axis(*scale_, w.shape.rank()));
    if (conv_.inputs.size() > 2) {
      folded.inputs[2] = apply(op::Mul{}, conv_.inputs[2], along_first_axis(*scale_, 1));
      if (shift_) folded.inputs[2] = apply(op::Add{}, folded.inputs[2], along_first_axis(*shift_, 1));
    } else if (shift_) {
      folded.inputs.push_back(along_first_axis(*shift_, 1));
    }
    made_.push_back(std::move(folded));
    return std::move(made_);
  }

 private:
  template <class Op> BufferView apply(const Op& op, const BufferView& a, const BufferView& b) {
    const BufferView out = add_buffer(program_, a.shape, a.dtype);
    made_.push_back({&info_of<Op>(), Attrs(info_of<Op>(), &op), {a, b}, {out}});
    return out;
  }
  Program& program_;
  const ProgramStep& conv_;
  const ProgramStep *last_, *mul_ = nullptr;
  const BufferView *scale_ = nullptr, *shift_ = nullptr;
  std::vector<ProgramStep> made_;
};

}  // namespace

void fold_scales(Program& program) {
  const Uses uses(program);
  std::vector<std::vector<ProgramStep>> made(program.steps.size());
  std::vector<bool> gone(program.steps.size(), false);
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    const ProgramStep& conv = program.steps[i];
    if (conv.op != &info_of<op::Conv>()) continue;
    Folding folding(program, uses, conv);
    if (folding.pays()) {
      gone[i] = true;
      made[uses.index_of(folding.last())] = folding.steps();  // there all numbers are known
    }
  }
  std::vector<ProgramStep> steps;
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    if (made[i].empty() && !gone[i]) steps.push_back(std::move(program.steps[i]));
    for (ProgramStep& s : made[i]) steps.push_back(std::move(s));
  }
  program.steps = std::move(steps);
  remove_dead_code(program);  // the multiplication
}

}  // namespace weft
