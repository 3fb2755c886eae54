// Program: the kernels that a stretch of code asks for, in order, over numbered buffers. What plans are made of.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <weft/base/precision.h>
#include <weft/ir/op.h>
#include <weft/tensor/storage.h>

namespace weft {

/// A strided view of a buffer.
struct BufferView {
  int buffer = -1;           ///< which
  std::int64_t offset = 0;   ///< of element (0, …, 0), in bytes
  DType dtype = DType::f32;  ///< of the elements
  Shape shape;               ///< sizes
  Dims strides;              ///< in elements
  friend bool operator==(const BufferView&, const BufferView&) = default;
};

/// An operator applied to buffers. Views (reshape, slice, transpose, …) are no steps: they are in the BufferViews.
struct ProgramStep {
  const OpInfo* op = nullptr;         ///< which
  Attrs attrs;                        ///< its struct
  SmallVector<BufferView, 3> inputs;  ///< what it reads
  SmallVector<BufferView, 2> outputs; ///< what it fills, each the whole of a new buffer
  int source = -1;                    ///< in a plan: the recorded step that it stands for; -1 where passes made it
  std::vector<int> fused = {};        ///< in a plan: recorded steps whose work it does beside (or without) `source`
  Precision precision = Precision::f32;  ///< that its kernel is called with
};

/// Where the memory of a buffer comes from.
enum class BufferKind : unsigned char {
  external,      ///< was there before: an argument, a weight, a number
  intermediate,  ///< made and used up by the steps
  result,        ///< made by a step, and somebody holds it afterwards
  constant,      ///< known when the plan was made
};

/// A buffer of a program.
struct ProgramBuffer {
  std::int64_t bytes = 0;                        ///< its size
  BufferKind kind = BufferKind::intermediate;  ///< whose memory it is
  int over = -1;                               ///< the buffer in whose memory it is made, by that one's last reader
  RefPtr<Storage> constant = {};               ///< the elements of a constant
};

/// Steps in order. Externals are numbered when they are first read, so two runs of the same code give equal programs.
struct Program {
  std::vector<ProgramBuffer> buffers;  ///< by number
  std::vector<ProgramStep> steps;      ///< in the order in which they were asked for
  Precision precision = Precision::f32;  ///< asked for: pass `precision` gives it to steps
  bool shares_memory = false;  ///< buffers that are never alive together may lie in one place: pass `memory-planning`
};

/// True where both apply the same operator to the same views, whatever the attributes.
bool same_reads(const ProgramStep& a, const ProgramStep& b);
/// True where a step applies the same operator with the same attributes to the same views.
bool same_step(const ProgramStep& a, const ProgramStep& b);
/// True where both programs do the same, whoever holds the results.
bool same_program(const Program& a, const Program& b);
/// One line a step, for people.
std::string to_string(const Program& p);

}  // namespace weft
