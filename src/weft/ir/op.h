// The operator table: everything the framework knows of an operator, read from its struct once, at registration.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <weft/base/small_vector.h>
#include <weft/base/view.h>
#include <weft/ir/attribute.h>
#include <weft/ir/attrs.h>
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
  std::uint32_t inputs = 0;   ///< bit i: input i
  std::uint32_t outputs = 0;  ///< bit i: output i
  /// Both.
  constexpr Saves operator|(Saves o) const { return {inputs | o.inputs, outputs | o.outputs}; }
};
inline constexpr Saves saves_nothing{};
/// saves_inputs(0, 2): the first and the third input.
template <class... I> constexpr Saves saves_inputs(I... i) { return {(0u | ... | (1u << i)), 0}; }
/// saves_outputs(0): the first output.
template <class... I> constexpr Saves saves_outputs(I... i) { return {0, (0u | ... | (1u << i))}; }

/// How each axis of each input meets the outputs: the number of the output axis that it runs along, or one of the
/// codes below. It proves what may be computed in pieces (shards of a batch, tiles).
struct Axes {
  static constexpr int sum = -1;    ///< summed over
  static constexpr int max = -2;    ///< the largest taken over
  static constexpr int mixed = -3;  ///< anything else: cannot be cut
  std::vector<std::vector<int>> inputs;  ///< empty: everything is mixed
};

/// An input of a test case: uniform random numbers in [lo, hi), or the values given.
struct Sample {
  Shape shape;                      ///< sizes
  double lo = -2;                   ///< least
  double hi = 2;                    ///< bound, not reached
  std::vector<double> values = {};  ///< row-major; empty: random
  std::optional<DType> dtype = {};  ///< of an ":any" input that is always the same; unset: that of the case
};

/// A case from an operator's `domain`: the generic test, the benchmark and the docs draw from it.
struct OpCase {
  Attrs attrs;                 ///< the operator struct
  std::vector<Sample> inputs;  ///< in the signature's order
  double tolerance = 1;  ///< multiplies the dtype's tolerance
};

/// One entry of the table.
struct OpInfo {
  std::uint32_t id = 0;         ///< interned: the same in every library of the process
  std::string name;             ///< as in the signature
  std::string family;           ///< "elementwise", "conv", …
  std::string doc;              ///< the formula, a line
  Signature signature;          ///< names of inputs and outputs
  Types types = Types::any;     ///< which dtypes it computes in
  bool elementwise = false;     ///< has a formula per element: broadcasts, and any strides are fine
  bool differentiable = false;  ///< has a gradient rule
  bool random = false;          ///< has a `stream` member (RandomStream)
  bool attributes_vary = false; ///< attributes change from call to call (a stream, the number of a step): a plan reads them anew
  Saves saves;                  ///< what its gradient rule reads

  std::size_t size = 0;         ///< of the struct, in bytes
  ///@{
  /// Make, copy and destroy a struct in memory of `size` bytes.
  void (*construct)(void* to) = nullptr;
  void (*copy)(void* to, const void* from) = nullptr;
  void (*destroy)(void*) = nullptr;
  ///@}
  /// The same attributes?
  bool (*equal)(const void* a, const void* b) = nullptr;
  /// Gives a struct the attributes of another.
  void (*assign)(void* to, const void* from) = nullptr;
  /// Shapes and dtypes of the outputs; throws Error where the inputs do not fit.
  Metas (*infer)(const void* op, Inputs in) = nullptr;
  /// For operators that only look at memory differently (reshape, slice, …): the strided view of `in`, or false where
  /// strides cannot express it and the input must be copied first. Null for other operators.
  bool (*view)(const void* op, const TensorView& in, TensorView& out) = nullptr;
  /// The attributes by name.
  AttrMap (*get)(const void* op) = nullptr;
  /// Sets attributes by name; throws Error for an unknown one.
  void (*set)(void* op, const AttrMap& values) = nullptr;
  /// The cases that tests, benchmark and documentation draw from.
  std::vector<OpCase> (*domain)(const OpInfo&) = nullptr;
  /// How axes of inputs and outputs meet; null: everything is mixed.
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
