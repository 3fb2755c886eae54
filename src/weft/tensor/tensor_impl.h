// What a Tensor points to. For Weft's own .cpp files and for backends.
#pragma once

#include <weft/base/memory.h>
#include <weft/base/view.h>
#include <weft/ir/node.h>
#include <weft/tensor/deferral.h>
#include <weft/tensor/storage.h>
#include <weft/tensor/tensor.h>

namespace weft {

/// Immutable after construction: a strided view of a storage and, on the tape, the value that produced it.
struct TensorImpl final : RefCounted {
  RefPtr<Storage> storage;  ///< null on the meta device
  TensorView view;          ///< into the storage
  Value value;              ///< its producer or leaf; null for plain data
  bool requires_grad = false;  ///< gradients flow to or through it

  /// Plain data.
  TensorImpl(RefPtr<Storage> s, const TensorView& v) : storage(std::move(s)), view(v) {
    if (storage && storage->pending()) [[unlikely]] enter_list(*storage->pending());
  }
  ~TensorImpl() override {
    if (link_) [[unlikely]] leave_list();
  }
  /// Takes itself off the list of views over a storage without memory; returns the next of them.
  TensorImpl* leave_list() {
    if (next_) next_->link_ = link_;
    *std::exchange(link_, nullptr) = next_;
    return std::exchange(next_, nullptr);
  }
  static void* operator new(std::size_t n) { return memory::allocate(n); }  ///< from the caching allocator
  static void operator delete(void* p, std::size_t n) { memory::release(p, n); }  ///< to the caching allocator

 private:
  void enter_list(Pending& p) {
    next_ = p.views;
    link_ = &p.views;
    if (next_) next_->link_ = &next_;
    p.views = this;
  }
  TensorImpl* next_ = nullptr;
  TensorImpl** link_ = nullptr;  // what points to this one
};

/// A leaf of the tape: a parameter or a tensor made with requires_grad. Holds what backward() accumulates.
struct Leaf final : Node {
  Leaf() : Node(NodeKind::leaf) {}
  Tensor grad;                                ///< undefined before the first backward()
  class ParameterState* parameter = nullptr;  ///< its cell while that lives
};

/// A tensor that a captured graph uses but does not compute.
struct Constant final : Node {
  Tensor tensor;  ///< its value
};

/// A new contiguous tensor, contents undefined.
Tensor allocate_tensor(const Meta& meta, Device device);
/// The same on the cpu whose elements are still to be computed.
Tensor pending_tensor(const Meta& meta, Deferral& deferral);
/// The same data under another view.
Tensor alias(const Tensor& t, const TensorView& view);
/// The same data as output `v` of the tape.
Tensor with_value(const Tensor& t, Value v, bool requires_grad);

/// The view of a defined tensor: shape, strides, address. Its elements may be pending: see elements_of().
inline const TensorView& view_of(const Tensor& t) { return t.impl()->view; }
/// The same for who reads or writes the elements: those of a compiled call are computed first.
inline const TensorView& elements_of(const Tensor& t) {
  const Storage* s = t.impl()->storage.get();
  if (s && s->pending()) [[unlikely]] s->pending()->deferral->settle();
  return t.impl()->view;
}

}  // namespace weft
