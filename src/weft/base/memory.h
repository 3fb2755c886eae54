// Host memory for tensors and scratch: aligned to 64 bytes, freed blocks are kept for the next request of their size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace weft {

/// Counters of the caching allocator, in bytes; of small blocks each other thread may hold back some 64 KiB.
struct MemoryStats {
  std::size_t in_use = 0;   ///< handed out now
  std::size_t peak = 0;     ///< most ever handed out at once
  std::size_t cached = 0;   ///< kept for reuse
};

namespace memory {
/// At least `bytes` bytes, aligned to 64, contents undefined; throws Error naming the size when out of memory.
void* allocate(std::size_t bytes);
/// Gives a block of allocate(bytes) back; `bytes` must be the same.
void release(void* p, std::size_t bytes) noexcept;
MemoryStats stats();
/// Returns cached blocks to the system, but the small ones that other threads keep.
void trim();
}  // namespace memory

/// Scratch memory of a kernel, given back at the end of its scope.
template <class T> class Scratch {
 public:  /// Room for n elements, contents undefined.
  explicit Scratch(std::int64_t n) : bytes_(static_cast<std::size_t>(n) * sizeof(T)), p_(memory::allocate(bytes_)) {}
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { memory::release(p_, bytes_); }
  T* data() const { return static_cast<T*>(p_); }  ///< the first of n elements, contents undefined
  operator T*() const { return data(); }  ///< data()

 private:
  std::size_t bytes_;
  void* p_;
};

/// For containers of the standard library in kernels: they take the same memory at every call.
template <class T> struct ScratchAllocator {
  using value_type = T;  ///< as the standard library asks
  ScratchAllocator() = default;
  template <class U> ScratchAllocator(const ScratchAllocator<U>&) {}  ///< all are the same
  T* allocate(std::size_t n) { return static_cast<T*>(memory::allocate(n * sizeof(T))); }  ///< room for n elements
  void deallocate(T* p, std::size_t n) noexcept { memory::release(p, n * sizeof(T)); }      ///< gives it back
  friend bool operator==(const ScratchAllocator&, const ScratchAllocator&) { return true; }
};
/// A vector that a kernel makes at each call.
template <class T> using ScratchVector = std::vector<T, ScratchAllocator<T>>;

}  // namespace weft
