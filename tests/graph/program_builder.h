// Programs made by hand, for tests of passes.
#pragma once

#include <initializer_list>
#include <utility>

#include <weft/base/random.h>
#include <weft/graph/program.h>
#include <weft/opdefs/elementwise.h>

namespace weft::testing {

/// Programs on vectors of four floats, built step by step.
class ProgramBuilder {
 public:
  int external() { return buffer(BufferKind::external); }
  template <class Op> int add(const Op& op, std::initializer_list<int> inputs) {
    ProgramStep step{&info_of<Op>(), Attrs(info_of<Op>(), &op), {}, {}};
    for (int b : inputs) step.inputs.push_back(view(b));
    const int out = buffer(BufferKind::intermediate);
    step.outputs.push_back(view(out));
    program.steps.push_back(std::move(step));
    return out;
  }
  void hold(int b) { program.buffers[static_cast<std::size_t>(b)].kind = BufferKind::result; }
  Program program;

 private:
  int buffer(BufferKind kind) {
    program.buffers.push_back({16, kind});
    return static_cast<int>(program.buffers.size()) - 1;
  }
  static BufferView view(int b) { return {b, 0, DType::f32, {4}, {1}}; }
};

/// A chain with many buffers alive at odd times; sizes differ.
inline Program tangled(std::uint64_t seed) {
  RandomStream random{seed, 0};
  std::uint64_t drawn = 0;
  const auto draw = [&](std::size_t n) { return static_cast<std::size_t>(random.uniform(drawn++) * static_cast<double>(n)); };
  ProgramBuilder b;
  std::vector<int> values{b.external()};
  for (int i = 0; i < 60; ++i) values.push_back(b.add(op::Add{}, {values[draw(values.size())], values.back()}));
  for (auto& buffer : b.program.buffers)
    if (buffer.kind == BufferKind::intermediate) buffer.bytes = 1 + static_cast<std::int64_t>(draw(1000));
  b.hold(values.back());
  b.program.shares_memory = true;
  return std::move(b.program);
}

}  // namespace weft::testing
