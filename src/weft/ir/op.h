// The operator table: everything the framework knows of an operator, read from its struct once, at registration.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <weft/base/small_vector.h>
#include <weft/base/view.h>
#include <weft/ir/attribute.h>
#include <weft/ir/signature.h>

namespace weft {

struct VjpCall;  // tensor/: what a gradient rule is called with

/// Shapes and dtypes of an operator's inputs, in order; inputs left out at the end are missing.
using Inputs = std::span<const Meta>;
/// Shapes and dtypes of its outputs.
using Metas = SmallVector<Meta, 2>;

/// Which dtypes an operator computes in; its value inputs are promoted together and then converted.
enum class Types : unsigned char {
  any,       ///< each input stays as it is
  numeric,   ///< the promoted dtype
  floating,  ///< the promoted dtype; bool and integers become f32
  integral,  ///< the promoted dtype, which must be bool or an integer
  boolean,   ///< converted to bool
};

/// Which inputs and outputs a gradient rule reads; the tape keeps these alone.
struct Saves {
  std::uint32_t inputs = 0, outputs = 0;
  constexpr Saves operator|(Saves o) const { return {inputs | o.inputs, outputs | o.outputs}; }
};
inline constexpr Saves saves_nothing{};
/// saves_inputs(0, 2): the first and the third input.
template <class... I> constexpr Saves saves_inputs(I... i) { return {(0u | ... | (1u << i)), 0}; }
template <class... I> constexpr Saves saves_outputs(I... i) { return {0, (0u | ... | (1u << i))}; }

/// How each axis of each input meets the outputs: the number of the output axis that it runs along, or one of the
/// codes below. It proves what may be computed in pieces (shards of a batch, tiles).
struct Axes {
  static constexpr int sum = -1, max = -2, mixed = -3;
  std::vector<std::vector<int>> inputs;  ///< empty: everything is mixed
};

/// An input of a test case: uniform random numbers in [lo, hi), or the values given.
struct Sample {
  Shape shape;
  double lo = -2, hi = 2;
  std::vector<double> values = {};
};

/// Attributes of an operator, held by value whatever its type.
class Attrs {
 public:
  Attrs() = default;
  Attrs(const struct OpInfo& info, const void* op);
  Attrs(const Attrs& o);
  Attrs(Attrs&& o) noexcept;
  Attrs& operator=(Attrs o) noexcept;
  ~Attrs();
  /// The operator struct; null where empty.
  const void* get() const { return data_; }
  void* get() { return data_; }

 private:
  const struct OpInfo* info_ = nullptr;
  void* data_ = nullptr;
  alignas(8) unsigned char inside_[32];
};

/// A case from an operator's `domain`: the generic test, the benchmark and the docs draw from it.
struct OpCase {
  Attrs attrs;
  std::vector<Sample> inputs;
  double tolerance = 1;  ///< multiplies the dtype's tolerance
};

/// One entry of the table.
struct OpInfo {
  std::uint32_t id = 0;
  std::string name, family, doc;
  Signature signature;
  Types types = Types::any;
  bool elementwise = false;     ///< has a formula per element: broadcasts, and any strides are fine
  bool differentiable = false;  ///< has a gradient rule
  bool random = false;          ///< has a `stream` member (RandomStream)
  Saves saves;

  std::size_t size = 0;
  void (*construct)(void* to) = nullptr;
  void (*copy)(void* to, const void* from) = nullptr;
  void (*destroy)(void*) = nullptr;
  Metas (*infer)(const void* op, Inputs in) = nullptr;
  /// For operators that only look at memory differently (reshape, slice, …): the strided view of `in`, or false where
  /// strides cannot express it and the input must be copied first. Null for other operators.
  bool (*view)(const void* op, const TensorView& in, TensorView& out) = nullptr;
  AttrMap (*get)(const void* op) = nullptr;
  void (*set)(void* op, const AttrMap& values) = nullptr;
  std::vector<OpCase> (*domain)(const OpInfo&) = nullptr;
  Axes (*axes)(const void* op, Inputs in) = nullptr;
  /// Multiply-adds of one call; 0 where the operator does none to speak of.
  std::int64_t (*macs)(const void* op, Inputs in, std::span<const Meta> out) = nullptr;
  /// Attached by ops/, which knows Tensor; null in the deploy runtime.
  void (*vjp)(const void* op, VjpCall& call) = nullptr;

  /// Attributes of default-constructed value with `values` set over them; throws Error naming an unknown one.
  Attrs make(const AttrMap& values) const;
};

/// Fills the table with a library's operators, kernels and gradient rules; called once, at the first look-up. Each
/// library defines it: ops/registry.cpp for Weft, deploy/ for the runtime.
void register_builtin_ops();

/// The entry of that name, or null.
const OpInfo* find_op(std::string_view name);
/// The entry of that name; throws Error with a suggestion.
const OpInfo& get_op(std::string_view name);
/// All entries in order of registration.
std::span<const OpInfo* const> all_ops();
/// Adds an entry and interns its id. A second registration of the same name returns the first entry.
OpInfo& add_op(OpInfo info);

}  // namespace weft
