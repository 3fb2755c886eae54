// A vector whose first N elements need no allocation.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <new>
#include <span>
#include <utility>

namespace weft {

/// Grows like std::vector; keeps up to N elements inside itself.
template <class T, std::size_t N> class SmallVector {
 public:
  SmallVector() = default;
  ///@{
  /// From these elements.
  SmallVector(std::initializer_list<T> v) : SmallVector(std::span<const T>(v.begin(), v.size())) {}
  explicit SmallVector(std::span<const T> v) {
  ///@}
    reserve(v.size());
    for (const T& x : v) push_back(x);
  }
  SmallVector(const SmallVector& o) : SmallVector(std::span<const T>(o.data(), o.size_)) {}
  SmallVector(SmallVector&& o) noexcept { take(o); }
  SmallVector& operator=(SmallVector o) noexcept {
    clear_and_free();
    take(o);
    return *this;
  }
  ~SmallVector() { clear_and_free(); }

  ///@{
  /// As of std::vector.
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* data() { return data_; }
  const T* data() const { return data_; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }
  T& back() { return data_[size_ - 1]; }
  operator std::span<const T>() const { return {data_, size_}; }
  operator std::span<T>() { return {data_, size_}; }
  ///@}

  /// Appends.
  void push_back(const T& v) {
    if (size_ == capacity_) return push_back(T(v));  // v may lie in this vector
    new (data_ + size_++) T(v);
  }
  void push_back(T&& v) {
    if (size_ == capacity_) {
      T kept(std::move(v));
      reserve(capacity_ * 2);
      new (data_ + size_++) T(std::move(kept));
    } else {
      new (data_ + size_++) T(std::move(v));
    }
  }  ///< the same, moving it in
  /// Makes or destroys elements at the end.
  void resize(std::size_t n) {
    reserve(n);
    while (size_ < n) new (data_ + size_++) T();
    while (size_ > n) data_[--size_].~T();
  }
  /// Destroys all elements; the memory is kept.
  void clear() { resize(0); }
  /// Makes room for n elements.
  void reserve(std::size_t n) {
    if (n <= capacity_) return;
    T* bigger = std::allocator<T>().allocate(n);
    std::uninitialized_move_n(data_, size_, bigger);
    std::destroy_n(data_, size_);
    free_heap();
    data_ = bigger;
    capacity_ = n;
  }

 private:
  T* inside() { return reinterpret_cast<T*>(storage_); }
  void free_heap() {
    if (data_ != inside()) std::allocator<T>().deallocate(data_, capacity_);
  }
  void clear_and_free() {
    std::destroy_n(data_, size_);
    free_heap();
    data_ = inside();
    size_ = 0;
    capacity_ = N;
  }
  void take(SmallVector& o) {
    if (o.data_ != o.inside()) {
      data_ = std::exchange(o.data_, o.inside());
      capacity_ = std::exchange(o.capacity_, N);
      size_ = std::exchange(o.size_, 0);
    } else {
      std::uninitialized_move_n(o.data_, o.size_, data_);
      size_ = o.size_;
      o.clear_and_free();
    }
  }

  alignas(T) unsigned char storage_[N * sizeof(T)];
  T* data_ = inside();
  std::size_t size_ = 0, capacity_ = N;
};

}  // namespace weft
