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

/// What a Node is beside itself: asked at every step of a backward pass, where dynamic_cast would be slow.
enum class NodeKind : unsigned char {
  plain,   ///< a Node of a captured graph, a constant
  tape,    ///< a TapeNode
  custom,  ///< a custom gradient
  leaf,    ///< a Leaf
};

/// An application of an operator. Nodes without an operator are leaves: parameters, constants, graph inputs.
struct Node : RefCounted {
  const OpInfo* op = nullptr;  ///< null for leaves
  Attrs attrs;                 ///< the operator struct
  SmallVector<Value, 2> inputs;  ///< a null value stands for an input that is not part of the graph
  SmallVector<Meta, 1> outputs;  ///< shapes and dtypes
  std::uint64_t sequence = 0;    ///< grows with creation: an input's number is smaller than its user's
  const NodeKind kind;           ///< the class derived from this one

  explicit Node(NodeKind kind = NodeKind::plain);  ///< without operator, with the next sequence number
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
