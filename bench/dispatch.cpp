// The cost of one eager operation: an 8-element add, without and with gradient. Prints the minimum of 7 rounds of
// 200,000 calls in nanoseconds of this thread's processor time (a busy machine does not change it much), and the
// allocations of one call.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <new>

#include <time.h>

#include <weft/base/thread_pool.h>
#include <weft/ops/ops.h>

namespace {

long allocations = 0;

double seconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

template <class F> void measure(const char* what, F&& call) {
  for (int i = 0; i < 1000; ++i) call();
  allocations = 0;
  for (int i = 0; i < 100; ++i) call();
  const double per_call = static_cast<double>(allocations) / 100;
  double best = 1e9;
  for (int round = 0; round < 7; ++round) {
    const double start = seconds();
    for (int i = 0; i < 200000; ++i) call();
    best = std::min(best, (seconds() - start) / 200000);
  }
  std::printf("%-28s %7.0f ns  %.1f allocations\n", what, best * 1e9, per_call);
}

}  // namespace

#ifdef __GLIBC__
// Every allocation of the process passes here, operator new included.
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void* malloc(std::size_t n) {
  ++allocations;
  return __libc_malloc(n);
}
void* aligned_alloc(std::size_t alignment, std::size_t n) {
  ++allocations;
  return __libc_memalign(alignment, n);
}
}
#endif

int main() {
  using namespace weft;
  set_num_threads(1);
  const Tensor a = ones({8}), b = ones({8}), wide = ones({4, 8});
  const Tensor x = ones({8}).requires_grad(true);
  measure("add", [&] { add(a, b); });
  measure("add, with gradient", [&] { add(x, b); });
  measure("mul, with gradient", [&] { mul(x, b); });
  measure("add a number", [&] { add(a, 1.0); });
  measure("add, broadcast", [&] { add(wide, b); });
  measure("exp", [&] { exp(a); });
  measure("sum", [&] { sum(a); });
  measure("reshape", [&] { reshape(wide, {8, 4}); });
  measure("matmul 4x8 by 8x4", [&] { matmul(wide, wide, false, true); });
}
