#include <weft/ir/node.h>

#include <algorithm>
#include <atomic>
#include <unordered_set>

namespace weft {

Node::Node() {
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

std::vector<Node*> topological(std::span<const Value> roots) {
  std::vector<Node*> order, stack;
  std::unordered_set<Node*> seen;
  const auto push = [&](const Value& v) {
    if (v && seen.insert(v.node.get()).second) stack.push_back(v.node.get());
  };
  for (const Value& r : roots) push(r);
  while (!stack.empty()) {
    Node* n = stack.back();
    stack.pop_back();
    order.push_back(n);
    for (const Value& v : n->inputs) push(v);
  }
  std::sort(order.begin(), order.end(), [](Node* a, Node* b) { return a->sequence < b->sequence; });
  return order;
}

}  // namespace weft
