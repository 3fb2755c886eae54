// Intrusive reference counts: one allocation an object, and a handle of one word.
#pragma once

#include <atomic>
#include <utility>

namespace weft {

/// Base of objects that are counted from inside. `dispose()` is called when the count reaches zero.
class RefCounted {
 public:
  RefCounted() = default;
  RefCounted(const RefCounted&) = delete;
  RefCounted& operator=(const RefCounted&) = delete;
  /// One handle more.
  void retain() const { count_.fetch_add(1, std::memory_order_relaxed); }
  /// One handle less; disposes of the object with the last.
  void release() const {
    if (count_.fetch_sub(1, std::memory_order_acq_rel) == 1) const_cast<RefCounted*>(this)->dispose();
  }
  /// True where exactly one handle exists.
  bool unique() const { return count_.load(std::memory_order_acquire) == 1; }

 protected:
  virtual ~RefCounted() = default;
  /// Destroys the object; graph nodes override it to destroy long chains without recursion.
  virtual void dispose() { delete this; }

 private:
  mutable std::atomic<int> count_{0};
};

/// Handle to a RefCounted object.
template <class T> class RefPtr {
 public:
  RefPtr() = default;
  ///@{
  /// A handle to p (counted), to nothing, or to a base of what another handle holds.
  RefPtr(std::nullptr_t) {}
  explicit RefPtr(T* p) : p_(p) {
    if (p_) p_->retain();
  }
  RefPtr(const RefPtr& o) : RefPtr(o.p_) {}
  RefPtr(RefPtr&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
  template <class U> RefPtr(const RefPtr<U>& o) : RefPtr(static_cast<T*>(o.get())) {}
  ///@}
  RefPtr& operator=(RefPtr o) noexcept {
    std::swap(p_, o.p_);
    return *this;
  }
  ~RefPtr() {
    if (p_) p_->release();
  }
  /// The object; null for an empty handle.
  T* get() const { return p_; }
  T* operator->() const { return p_; }
  T& operator*() const { return *p_; }
  explicit operator bool() const { return p_ != nullptr; }
  friend bool operator==(const RefPtr& a, const RefPtr& b) { return a.p_ == b.p_; }
  /// Gives the pointer up without releasing it.
  T* leak() { return std::exchange(p_, nullptr); }

 private:
  T* p_ = nullptr;
};

/// new T(args…) in a handle.
template <class T, class... A> RefPtr<T> make_ref(A&&... args) { return RefPtr<T>(new T(std::forward<A>(args)...)); }

}  // namespace weft
