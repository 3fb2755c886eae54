#include <weft/base/thread_pool.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#ifdef __linux__
#include <sched.h>
#endif

#include <weft/base/error.h>

namespace weft {

namespace {

thread_local bool inside_piece = false;

int default_threads() {
  if (const char* text = std::getenv("WEFT_THREADS")) {
    const int n = std::atoi(text);
    check(n >= 1, "WEFT_THREADS is '", text, "'; expected a number of threads from 1");
    return n;
  }
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  return std::max(1u, std::thread::hardware_concurrency());
}

int current_cpu() {
#ifdef __linux__
  return sched_getcpu();
#else
  return -1;
#endif
}

/// Moves the calling thread to another of the processors that it may use, if there is one; it may use the same afterwards.
void leave_cpu([[maybe_unused]] int cpu) {
#ifdef __linux__
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  cpu_set_t others = allowed;
  CPU_CLR(static_cast<unsigned>(cpu), &others);
  if (CPU_COUNT(&others) > 0 && sched_setaffinity(0, sizeof others, &others) == 0) sched_setaffinity(0, sizeof allowed, &allowed);
#endif
}

/// The pieces that one thread takes first, in order: the same ones of every job cut alike, so that what a thread wrote in
/// one operator it finds in its own cache in the next. On a cache line of its own.
struct alignas(64) Lane {
  std::atomic<std::int64_t> next{0};
  std::int64_t end = 0;
};

/// One parallel_for in flight.
struct Job {
  FunctionRef<void(std::int64_t, std::int64_t)> body;
  std::int64_t n, grain;
  Job(FunctionRef<void(std::int64_t, std::int64_t)> body, std::int64_t n, std::int64_t grain)
      : body(body), n(n), grain(grain) {}
  std::atomic<int> active{0};
  std::atomic<bool> failed{false};
  std::mutex error_mutex;
  std::exception_ptr error;

  /// The lane's own pieces, then what the others have left.
  void work(std::vector<Lane>& lanes, std::size_t own) {
    const bool outer = std::exchange(inside_piece, true);
    for (std::size_t i = 0; i < lanes.size(); ++i) take_from(lanes[(own + i) % lanes.size()]);
    inside_piece = outer;
  }

 private:
  void take_from(Lane& lane) {
    for (std::int64_t piece; (piece = lane.next.fetch_add(1, std::memory_order_relaxed)) < lane.end;) {
      if (failed.load(std::memory_order_relaxed)) return;
      try {
        body(piece * grain, std::min(n, (piece + 1) * grain));
      } catch (...) {
        std::scoped_lock lock(error_mutex);
        if (!error) error = std::current_exception();
        failed.store(true, std::memory_order_relaxed);
      }
    }
  }
};

class Pool {
 public:
  explicit Pool(int threads) : lanes_(static_cast<std::size_t>(threads)) {
    for (std::size_t i = 1; i < lanes_.size(); ++i) workers_.emplace_back([this, i] { loop(i); });
  }
  ~Pool() {
    {
      std::scoped_lock lock(mutex_);
      stop_ = true;
      generation_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    for (auto& w : workers_) w.join();
  }
  int threads() const { return static_cast<int>(lanes_.size()); }

  void run(Job& job, std::int64_t pieces) {
    std::scoped_lock one_job_at_a_time(run_mutex_);
    const auto threads = static_cast<std::int64_t>(lanes_.size());
    for (std::int64_t i = 0; i < threads; ++i) {
      Lane& lane = lanes_[static_cast<std::size_t>(i)];
      lane.next.store(pieces * i / threads, std::memory_order_relaxed);
      lane.end = pieces * (i + 1) / threads;
    }
    {
      std::scoped_lock lock(mutex_);
      job_ = &job;
      caller_cpu_ = current_cpu();
      generation_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    job.work(lanes_, 0);
    {
      std::scoped_lock lock(mutex_);
      job_ = nullptr;  // workers that have not joined yet stay out
    }
    for (int spins = 0; job.active.load(std::memory_order_acquire) != 0; ++spins)
      if (spins > 2000) std::this_thread::yield();
  }

 private:
  void loop(std::size_t lane) {
    std::uint64_t seen = 0;
    int together = 0;  // jobs in a row on the caller's processor
    for (;;) {
      await(seen);
      Job* job;
      int caller_cpu;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return generation_.load(std::memory_order_relaxed) != seen; });
        seen = generation_.load(std::memory_order_relaxed);
        if (stop_) return;
        job = job_;
        caller_cpu = caller_cpu_;
        if (job) job->active.fetch_add(1, std::memory_order_acquire);
      }
      if (!job) continue;
      // A worker that waits without sleeping may share the caller's processor for as long as the process runs: the scheduler
      // places threads when they wake.
      const int cpu = current_cpu();
      together = cpu >= 0 && cpu == caller_cpu ? together + 1 : 0;
      if (together == 3) {
        leave_cpu(cpu);
        together = 0;
      }
      job->work(lanes_, lane);
      job->active.fetch_sub(1, std::memory_order_release);
    }
  }
  /// Waits a little for a job without sleeping: the next operator of a step usually follows within microseconds, and
  /// waking from sleep takes longer than many an operator, which a sleeper would then miss one after another. Others who
  /// want the processor get it meanwhile.
  void await(std::uint64_t seen) const {
    const auto same = [&] { return generation_.load(std::memory_order_acquire) == seen; };
    for (int i = 0; i < 1000 && same(); ++i) pause();
    const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(500);
    while (same() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  }
  static void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }

  std::vector<Lane> lanes_;  // of the job that runs; written when no worker is at one
  std::vector<std::thread> workers_;
  std::mutex mutex_, run_mutex_;
  std::condition_variable wake_;
  std::atomic<std::uint64_t> generation_{0};
  Job* job_ = nullptr;
  int caller_cpu_ = -1;  // that job_'s caller ran on when it began
  bool stop_ = false;
};

std::mutex pool_mutex;
std::shared_ptr<Pool>& pool_slot() {
  static std::shared_ptr<Pool> pool;
  return pool;
}
std::shared_ptr<Pool> pool() {
  std::scoped_lock lock(pool_mutex);
  auto& slot = pool_slot();
  if (!slot) slot = std::make_shared<Pool>(default_threads());
  return slot;
}
std::atomic<int> thread_count{0};  // 0: not decided yet

}  // namespace

int num_threads() {
  int n = thread_count.load(std::memory_order_relaxed);
  if (n == 0) thread_count.store(n = default_threads(), std::memory_order_relaxed);
  return n;
}

void set_num_threads(int n) {
  check(n >= 1 && n <= 1024, "set_num_threads: received ", n, "; expected 1 to 1024");
  std::shared_ptr<Pool> old;
  std::scoped_lock lock(pool_mutex);
  thread_count.store(n, std::memory_order_relaxed);
  auto& slot = pool_slot();
  if (slot && slot->threads() == n) return;
  old = std::exchange(slot, n > 1 ? std::make_shared<Pool>(n) : nullptr);
}

void parallel_for(std::int64_t n, std::int64_t grain, FunctionRef<void(std::int64_t, std::int64_t)> body) {
  if (n <= 0) return;
  grain = std::max<std::int64_t>(grain, 1);
  const std::int64_t pieces = (n + grain - 1) / grain;
  if (pieces == 1 || inside_piece || num_threads() == 1) {
    const bool outer = std::exchange(inside_piece, inside_piece || pieces > 1);
    struct Restore {
      bool outer;
      ~Restore() { inside_piece = outer; }
    } restore{outer};
    for (std::int64_t piece = 0; piece < pieces; ++piece) body(piece * grain, std::min(n, (piece + 1) * grain));
    return;
  }
  Job job(body, n, grain);
  pool()->run(job, pieces);
  if (job.error) std::rethrow_exception(job.error);
}

}  // namespace weft
