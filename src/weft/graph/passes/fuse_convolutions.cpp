// Puts operators of opdefs/conv_block.h in the place of conv, relu, max_pool and their gradients. The gradient of a
// max_pool is zero but at one place of each window; it is never spread out, and relu's gradient is taken before it,
// where there are fewer elements.
#include <weft/graph/passes/passes.h>
#include <weft/graph/passes/uses.h>
#include <weft/opdefs/conv_block.h>
#include <weft/opdefs/elementwise.h>
#include <weft/opdefs/pool.h>
#include <weft/opdefs/reduce.h>

namespace weft {

namespace {

template <class Op> const Op& attributes(const ProgramStep& s) { return *static_cast<const Op*>(s.attrs.get()); }
template <class Op> ProgramStep step_of(const Op& op, SmallVector<BufferView, 3> inputs, SmallVector<BufferView, 2> outputs) {
  return {&info_of<Op>(), Attrs(info_of<Op>(), &op), std::move(inputs), std::move(outputs)};
}

bool all(const Dims& d, std::int64_t value) {
  for (auto v : d)
    if (v != value) return false;
  return true;
}

/// Windows side by side, nothing padded: each element of x lies in one window at most.
template <class Pool> bool side_by_side(const Pool& p) {
  return (p.stride.empty() || p.stride == p.kernel) && all(p.pad_before, 0) && all(p.pad_after, 0) && all(p.dilation, 1);
}

/// Replaces steps of a program one by one.
class Fusion {
 public:
  explicit Fusion(Program& program) : program_(program) {}
  void run() {
    for (std::size_t i = 0; i < program_.steps.size(); ++i) relu_before_spreading(i);
    const Uses uses(program_);
    for (std::size_t i = 0; i < program_.steps.size(); ++i) {
      forward(uses, i);
      gradients(uses, i);
    }
    remove_dead_code(program_);
  }

 private:
  ProgramStep& at(std::size_t i) { return program_.steps[i]; }

  /// relu_grad(r, max_pool_grad(g, index)), where y, index = max_pool(r): max_pool_grad(relu_grad(y, g), index).
  void relu_before_spreading(std::size_t i) {
    if (at(i).op != &info_of<op::ReluGrad>()) return;
    const Uses uses(program_);
    const BufferView r = at(i).inputs[0], spread = at(i).inputs[1];
    const ProgramStep* unpool = uses.maker<op::MaxPoolGrad>(spread);
    if (!unpool || uses.only_reader<op::ReluGrad>(*unpool) != &at(i) || !side_by_side(attributes<op::MaxPoolGrad>(*unpool))) return;
    const ProgramStep* pool = uses.maker<op::MaxPool>(unpool->inputs[1]);
    if (!pool || !(pool->inputs[0] == r) || !(pool->outputs[1] == unpool->inputs[1])) return;
    if (!(unpool->inputs[0].shape == pool->outputs[0].shape)) return;
    const std::size_t first = uses.index_of(*unpool);
    const BufferView y = pool->outputs[0], g = unpool->inputs[0], index = unpool->inputs[1];
    const BufferView fewer = add_buffer(program_, g.shape, g.dtype);
    ProgramStep later = at(first);
    later.inputs = {fewer, index};
    later.outputs = at(i).outputs;
    at(first) = step_of(op::ReluGrad{}, {y, g}, {fewer});
    at(first).source = at(i).source;
    at(i) = std::move(later);
  }

  /// conv, relu, max_pool where each is the only reader of the one before.
  void forward(const Uses& uses, std::size_t i) {
    if (at(i).op != &info_of<op::Conv>()) return;
    auto block = op::conv_detail::conv_like<op::ConvBlock>(attributes<op::Conv>(at(i)));
    const ProgramStep* last = &at(i);
    SmallVector<const ProgramStep*, 3> done{last};
    block.relu = false;
    if (const ProgramStep* relu = uses.only_reader<op::Relu>(*last)) {
      block.relu = true;
      done.push_back(last = relu);
    }
    SmallVector<BufferView, 2> outputs = last->outputs;
    if (const ProgramStep* pool = uses.only_reader<op::MaxPool>(*last); pool && side_by_side(attributes<op::MaxPool>(*pool))) {
      block.pool = attributes<op::MaxPool>(*pool).kernel;
      done.push_back(last = pool);
      outputs = pool->outputs;
    }
    if (last == &at(i)) return;
    if (block.pool.empty()) outputs.push_back(add_buffer(program_, {0}, DType::u8));
    ProgramStep fused = step_of(block, at(i).inputs, outputs);
    for (const ProgramStep* s : done) take_work(fused, *s);
    if (channels_last_kernel(fused)) at(uses.index_of(*last)) = std::move(fused);
  }

  /// Readers of max_pool_grad(g, index) that can do with g and index.
  void gradients(const Uses& uses, std::size_t i) {
    ProgramStep& s = at(i);
    const bool of_weight = s.op == &info_of<op::ConvWeightGrad>(), of_input = s.op == &info_of<op::ConvInputGrad>();
    const bool of_bias = s.op == &info_of<op::Sum>();
    if (!of_weight && !of_input && !of_bias) return;
    const ProgramStep* unpool = uses.maker<op::MaxPoolGrad>(s.inputs[of_weight ? 1 : 0]);
    if (!unpool || !side_by_side(attributes<op::MaxPoolGrad>(*unpool))) return;
    const BufferView g = unpool->inputs[0], index = unpool->inputs[1];
    const Dims& window = attributes<op::MaxPoolGrad>(*unpool).kernel;
    if (of_bias) {
      Dims whole{0};  // every axis but the channels': places do not matter
      for (int a = 2; a < g.shape.rank(); ++a) whole.push_back(a);
      if (attributes<op::Sum>(s).axes == whole) s.inputs[0] = g;
      return;
    }
    ProgramStep fused;
    if (of_weight) {
      auto op = op::conv_detail::conv_like<op::ConvBlockWeightGrad>(attributes<op::ConvWeightGrad>(s));
      op.kernel = attributes<op::ConvWeightGrad>(s).kernel;
      op.pool = window;
      fused = step_of(op, {s.inputs[0], g, index}, s.outputs);
    } else {
      auto op = op::conv_detail::conv_like<op::ConvBlockInputGrad>(attributes<op::ConvInputGrad>(s));
      op.size = attributes<op::ConvInputGrad>(s).size;
      op.pool = window;
      fused = step_of(op, {g, index, s.inputs[1]}, s.outputs);
    }
    take_work(fused, *unpool);
    take_work(fused, s);
    if (channels_last_kernel(fused)) s = std::move(fused);
  }

  Program& program_;
};

}  // namespace

void fuse_convolutions(Program& program) { Fusion(program).run(); }

}  // namespace weft
