// How Weft enters oneDNN: one thread a call, primitives made once. For the .cpp files of this folder.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include <dnnl.hpp>

// Of the OpenMP library that oneDNN uses. Weft itself is not built with OpenMP.
extern "C" {
int omp_get_max_threads(void);
void omp_set_num_threads(int);
}

namespace weft::onednn {

/// While it lives, oneDNN starts no threads of its own on this one: parallelism is Weft's, cut by shape alone (oneDNN
/// splits weight gradients by the number of threads, which changes their bits). The host program's setting comes back.
class OneThread {
 public:
  OneThread() : outer_(omp_get_max_threads()) {
    if (outer_ != 1) omp_set_num_threads(1);
  }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;
  ~OneThread() {
    if (outer_ != 1) omp_set_num_threads(outer_);
  }

 private:
  int outer_;
};

inline const dnnl::engine& engine() {
  static const dnnl::engine e(dnnl::engine::kind::cpu, 0);
  return e;
}
inline dnnl::stream& stream() {
  static thread_local dnnl::stream s(engine());
  return s;
}

/// What a primitive was made for: an operator and its sizes.
class Key {
 public:
  void add(std::int64_t v) { values_[size_++] = v; }
  template <class List> void add_all(const List& list) {
    for (auto v : list) add(v);
  }
  friend bool operator==(const Key& a, const Key& b) { return a.size_ == b.size_ && a.values_ == b.values_; }
  std::size_t hash() const {
    std::uint64_t h = 0x9E3779B97F4A7C15u;
    for (std::size_t i = 0; i < size_; ++i) h = (h ^ static_cast<std::uint64_t>(values_[i])) * 0x100000001B3u + (h >> 29);
    return h;
  }

 private:
  std::array<std::int64_t, 40> values_{};
  std::size_t size_ = 0;
};

/// Primitives by key, for all threads. Cleared when it has grown to `limit` entries (shapes that vary without end).
template <class Plan> class Cache {
 public:
  template <class Make> std::shared_ptr<const Plan> get(const Key& key, Make&& make) {
    {
      std::shared_lock lock(mutex_);
      if (auto it = plans_.find(key); it != plans_.end()) return it->second;
    }
    OneThread one;  // a primitive remembers how many threads there were when it was made
    std::shared_ptr<const Plan> made = make();
    std::unique_lock lock(mutex_);
    if (plans_.size() >= limit) plans_.clear();
    return plans_.emplace(key, std::move(made)).first->second;
  }

 private:
  static constexpr std::size_t limit = 1024;
  struct Hash {
    std::size_t operator()(const Key& k) const { return k.hash(); }
  };
  std::shared_mutex mutex_;
  std::unordered_map<Key, std::shared_ptr<const Plan>, Hash> plans_;
};

/// A change of layout, or nothing where both are the same.
class Reorder {
 public:
  Reorder() = default;
  Reorder(const dnnl::memory::desc& from, const dnnl::memory::desc& to) : from_(from), to_(to) {
    if (from == to) return;
    dnnl::primitive_attr attr;
    attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const dnnl::reorder::primitive_desc pd(engine(), from, engine(), to, attr);
    scratch_ = pd.scratchpad_desc();
    primitive_ = dnnl::reorder(pd);
    needed_ = true;
  }
  bool needed() const { return needed_; }
  std::size_t scratch_bytes() const { return needed_ ? scratch_.get_size() : 0; }
  /// `scratch`: scratch_bytes() bytes.
  void run(void* from, void* to, void* scratch) const {
    dnnl::memory a(from_, engine(), from), b(to_, engine(), to), s(scratch_, engine(), scratch);
    primitive_.execute(stream(), {{DNNL_ARG_FROM, a}, {DNNL_ARG_TO, b}, {DNNL_ARG_SCRATCHPAD, s}});
  }

 private:
  dnnl::memory::desc from_, to_, scratch_;
  dnnl::primitive primitive_;
  bool needed_ = false;
};

}  // namespace weft::onednn
