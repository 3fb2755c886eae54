#include <weft/ir/node.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <utility>

namespace weft {

Node::Node(NodeKind k) : kind(k) {
  static std::atomic<std::uint64_t> next{1};
  sequence = next.fetch_add(1, std::memory_order_relaxed);
}

void Node::dispose() {
  using List = SmallVector<Node*, 16>;
  thread_local constinit List* pending = nullptr;
  if (pending) {  // an outer dispose on this thread will get to it
    pending->push_back(this);
    return;
  }
  List list{this};
  pending = &list;
  while (!list.empty()) {
    Node* n = list.back();
    list.resize(list.size() - 1);
    delete n;  // its members' releases land in `list`
  }
  pending = nullptr;
}

namespace {
/// A set of nodes in a flat table, open addressing: a backward pass fills one at every step.
class NodeSet {
 public:
  /// True where it was not there.
  bool insert(Node* n) {
    if (count_ * 2 >= table_.size()) grow();
    Node*& slot = find(n);
    if (slot) return false;
    slot = n;
    ++count_;
    return true;
  }

 private:
  Node*& find(Node* n) {
    const std::size_t mask = table_.size() - 1;  // the size is a power of two
    std::size_t at = reinterpret_cast<std::uintptr_t>(n) / 64 & mask;
    while (table_[at] && table_[at] != n) at = (at + 1) & mask;
    return table_[at];
  }
  void grow() {
    std::vector<Node*> old = std::exchange(table_, std::vector<Node*>(table_.size() * 2));
    for (Node* n : old)
      if (n) find(n) = n;
  }
  std::vector<Node*> table_ = std::vector<Node*>(256);
  std::size_t count_ = 0;
};
}  // namespace

std::vector<Node*> topological(std::span<const Value> roots) {
  std::vector<Node*> order;
  NodeSet seen;
  const auto push = [&](const Value& v) {
    if (v && seen.insert(v.node.get())) order.push_back(v.node.get());
  };
  for (const Value& r : roots) push(r);
  for (std::size_t i = 0; i < order.size(); ++i) {
    const Node* n = order[i];
    for (const Value& v : n->inputs) push(v);
  }
  std::sort(order.begin(), order.end(), [](Node* a, Node* b) { return a->sequence < b->sequence; });
  return order;
}

}  // namespace weft
