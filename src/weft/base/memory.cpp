#include <weft/base/memory.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <vector>

#include <weft/base/error.h>

namespace weft::memory {

namespace {

// Size classes: four steps within each power of two from 64 bytes, so at most a quarter is wasted.
constexpr int classes = 4 * 42;
int class_of(std::size_t bytes) {
  bytes = std::max<std::size_t>(bytes, 64);
  const int power = std::bit_width(bytes - 1) - 1;  // 2^power < bytes <= 2^(power + 1)
  const std::size_t step = std::size_t{1} << (power - 2);
  const int quarter = static_cast<int>((bytes - (std::size_t{1} << power) + step - 1) / step);
  return (power - 5) * 4 + quarter - 1;
}
std::size_t size_of_class(int c) {
  const int power = c / 4 + 5, quarter = c % 4 + 1;
  return (std::size_t{1} << power) + static_cast<std::size_t>(quarter) * (std::size_t{1} << (power - 2));
}

constexpr std::size_t cache_limit = std::size_t{1} << 30;

struct Cache {
  std::mutex mutex;
  std::vector<void*> free[classes];
  MemoryStats stats;
};
Cache& cache() {
  static Cache* c = new Cache;  // outlives every tensor in a static variable
  return *c;
}

void trim_locked(Cache& c) {
  for (auto& list : c.free) {
    for (void* p : list) std::free(p);
    list.clear();
  }
  c.stats.cached = 0;
}

}  // namespace

void* allocate(std::size_t bytes) {
  const int k = class_of(bytes);
  check(k < classes, "out of memory: ", bytes, " bytes requested");
  const std::size_t size = size_of_class(k);
  Cache& c = cache();
  std::scoped_lock lock(c.mutex);
  c.stats.in_use += size;
  c.stats.peak = std::max(c.stats.peak, c.stats.in_use);
  if (auto& list = c.free[k]; !list.empty()) {
    void* p = list.back();
    list.pop_back();
    c.stats.cached -= size;
    return p;
  }
  void* p = std::aligned_alloc(64, (size + 63) / 64 * 64);
  if (!p) {
    trim_locked(c);
    p = std::aligned_alloc(64, (size + 63) / 64 * 64);
  }
  if (!p) {
    c.stats.in_use -= size;
    fail("out of memory: ", bytes, " bytes requested, ", c.stats.in_use, " in use; use a smaller batch or model");
  }
  return p;
}

void release(void* p, std::size_t bytes) noexcept {
  const int k = class_of(bytes);
  const std::size_t size = size_of_class(k);
  Cache& c = cache();
  std::scoped_lock lock(c.mutex);
  c.stats.in_use -= size;
  if (c.stats.cached + size > cache_limit) return std::free(p);
  c.free[k].push_back(p);
  c.stats.cached += size;
}

MemoryStats stats() {
  std::scoped_lock lock(cache().mutex);
  return cache().stats;
}

void trim() {
  std::scoped_lock lock(cache().mutex);
  trim_locked(cache());
}

}  // namespace weft::memory
