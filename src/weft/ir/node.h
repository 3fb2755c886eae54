// The graph: nodes and the values they produce. The tape, a captured graph and a saved architecture are these nodes.
#pragma once

#include <weft/base/memory.h>
#include <weft/base/ref_ptr.h>
#include <weft/base/small_vector.h>
#include <weft/ir/op.h>

namespace weft {

struct Node;

/// Output `index` of `node`.
struct Value {
  RefPtr<Node> node;  ///< what produces it
  int index = 0;      ///< which output of it
  /// False for no value.
  explicit operator bool() const { return static_cast<bool>(node); }
};

/// An application of an operator. Nodes without an operator are leaves: parameters, constants, graph inputs.
struct Node : RefCounted {
  const OpInfo* op = nullptr;  ///< null for leaves
  Attrs attrs;                 ///< the operator struct
  SmallVector<Value, 2> inputs;  ///< a null value stands for an input that is not part of the graph
  SmallVector<Meta, 1> outputs;  ///< shapes and dtypes
  std::uint64_t sequence = 0;    ///< grows with creation: an input's number is smaller than its user's

  Node();  ///< a leaf, with the next sequence number
  // The tape makes and frees many: from the caching allocator. Sizes are those of the derived class.
  static void* operator new(std::size_t n) { return memory::allocate(n); }  ///< from the caching allocator
  static void operator delete(void* p, std::size_t n) { memory::release(p, n); }  ///< to the caching allocator

 protected:
  /// Destroys chains of any length without recursion.
  void dispose() override;
};

/// All nodes that `roots` depend on, inputs before users.
std::vector<Node*> topological(std::span<const Value> roots);

}  // namespace weft
