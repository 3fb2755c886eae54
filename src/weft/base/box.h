// Box: owns an object of a polymorphic class and copies it by value.
#pragma once

#include <cstddef>
#include <utility>

namespace weft {

/// Owns an object of a class derived from T; copying a Box copies the object by its `T* clone() const` (a new object).
/// What a class that holds "anything of this kind" by value is made of (nn::Layer, metrics::Metric, optim::Rule); it
/// compiles faster than a std::unique_ptr.
template <class T> class Box {
 public:
  Box() = default;
  Box(std::nullptr_t) {}  ///< empty
  explicit Box(T* object) : object_(object) {}  ///< takes the object over
  Box(const Box& o) : object_(o.object_ ? o.object_->clone() : nullptr) {}  ///< copies the object
  Box(Box&& o) noexcept : object_(std::exchange(o.object_, nullptr)) {}  ///< leaves `o` empty
  Box& operator=(Box o) noexcept {
    std::swap(object_, o.object_);
    return *this;
  }
  ~Box() { delete object_; }
  T* get() const { return object_; }  ///< the object; null where empty
  T* operator->() const { return object_; }
  T& operator*() const { return *object_; }
  explicit operator bool() const { return object_ != nullptr; }  ///< true unless empty

 private:
  T* object_ = nullptr;
};

}  // namespace weft
