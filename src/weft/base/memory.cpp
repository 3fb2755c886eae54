#include <weft/base/memory.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <utility>
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
  std::atomic<std::size_t> in_use{0}, peak{0}, cached{0};
};
Cache& cache() {
  static Cache* c = new Cache;  // outlives every tensor in a static variable
  return *c;
}

void count_in(Cache& c, std::ptrdiff_t size) {
  const std::size_t now = c.in_use.fetch_add(static_cast<std::size_t>(size), std::memory_order_relaxed) + static_cast<std::size_t>(size);
  std::size_t peak = c.peak.load(std::memory_order_relaxed);
  while (size > 0 && now > peak && !c.peak.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
  }
}

/// Small free blocks of one thread, linked through their first word: taken and given back without a lock. Bytes taken
/// from it or given to it are told to the counters of all threads only once they are many.
struct Local {
  static constexpr int small_classes = 28;  // up to 4 KiB
  static constexpr int most = 64;           // blocks kept of one class
  static constexpr std::ptrdiff_t many = 1 << 16;
  void* head[small_classes];
  int count[small_classes];
  std::ptrdiff_t taken;  // bytes in use that the counters do not know of; as many fewer are cached
  bool closed;  // the thread is ending: what is still freed goes to the shared lists
};
thread_local constinit Local local{};

void tell(Cache& c) {
  const std::ptrdiff_t taken = std::exchange(local.taken, 0);
  count_in(c, taken);
  c.cached.fetch_sub(static_cast<std::size_t>(taken), std::memory_order_relaxed);
}
void take_local(Cache& c, std::ptrdiff_t size) {
  local.taken += size;
  if (local.taken > Local::many || local.taken < -Local::many) [[unlikely]] tell(c);
}

void share(Cache& c, int k, void* p) {
  const std::size_t size = size_of_class(k);
  std::scoped_lock lock(c.mutex);
  if (c.cached.load(std::memory_order_relaxed) + size > cache_limit) return std::free(p);
  c.free[k].push_back(p);
  c.cached.fetch_add(size, std::memory_order_relaxed);
}

void flush_local(Cache& c) {
  tell(c);
  for (int k = 0; k < Local::small_classes; ++k)
    while (void* p = local.head[k]) {
      local.head[k] = *static_cast<void**>(p);
      --local.count[k];
      c.cached.fetch_sub(size_of_class(k), std::memory_order_relaxed);
      share(c, k, p);
    }
}

/// Gives a thread's blocks to the others when it ends.
struct Closer {
  ~Closer() {
    local.closed = true;
    flush_local(cache());
  }
};

void keep_local(Cache& c, int k, void* p) {
  thread_local Closer closer;  // constructed with the thread's first block
  static_cast<void>(closer);
  *static_cast<void**>(p) = local.head[k];
  local.head[k] = p;
  ++local.count[k];
  take_local(c, -static_cast<std::ptrdiff_t>(size_of_class(k)));
}

void trim_locked(Cache& c) {
  for (int k = 0; k < classes; ++k) {
    for (void* p : c.free[k]) std::free(p);
    c.cached.fetch_sub(c.free[k].size() * size_of_class(k), std::memory_order_relaxed);
    c.free[k].clear();
  }
}

void* from_system(Cache& c, int k, std::size_t bytes) {
  const std::size_t size = (size_of_class(k) + 63) / 64 * 64;
  void* p = std::aligned_alloc(64, size);
  if (!p) {
    trim();
    p = std::aligned_alloc(64, size);
  }
  check(p, "out of memory: ", bytes, " bytes requested, ", c.in_use.load(), " in use; use a smaller batch or model");
  return p;
}

}  // namespace

void* allocate(std::size_t bytes) {
  const int k = class_of(bytes);
  Cache& c = cache();
  void* p = nullptr;
  if (k < Local::small_classes && local.head[k]) {
    p = local.head[k];
    local.head[k] = *static_cast<void**>(p);
    --local.count[k];
    take_local(c, static_cast<std::ptrdiff_t>(size_of_class(k)));
    return p;
  }
  check(k < classes, "out of memory: ", bytes, " bytes requested");
  {
    std::scoped_lock lock(c.mutex);
    if (auto& list = c.free[k]; !list.empty()) {
      p = list.back();
      list.pop_back();
      c.cached.fetch_sub(size_of_class(k), std::memory_order_relaxed);
    }
  }
  if (!p) p = from_system(c, k, bytes);
  count_in(c, static_cast<std::ptrdiff_t>(size_of_class(k)));
  return p;
}

void release(void* p, std::size_t bytes) noexcept {
  const int k = class_of(bytes);
  Cache& c = cache();
  if (k < Local::small_classes && local.count[k] < Local::most && !local.closed) return keep_local(c, k, p);
  c.in_use.fetch_sub(size_of_class(k), std::memory_order_relaxed);
  share(c, k, p);
}

MemoryStats stats() {
  Cache& c = cache();
  tell(c);  // other threads may hold back some of theirs
  return {c.in_use.load(), c.peak.load(), c.cached.load()};
}

void trim() {
  Cache& c = cache();
  flush_local(c);
  std::scoped_lock lock(c.mutex);
  trim_locked(c);
}

}  // namespace weft::memory
