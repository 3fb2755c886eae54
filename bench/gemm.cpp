// GFLOP/s of Weft's own matrix product at the sizes of common layers, f32 and f64, one thread and all of them; and of
// oneDNN's f32 product in turn with it where that is built in (one thread: Weft never starts OpenMP's).
#include <algorithm>
#include <cstdio>

#include <time.h>
#ifdef WEFT_WITH_ONEDNN
#include <dnnl.h>
#endif

#include <weft/base/thread_pool.h>
#include <weft/kernels/cpu/gemm.h>
#include <weft/ops/ops.h>

namespace {

double seconds() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

/// The best time of a call over 7 rounds.
template <class F> double best_of(double flops, F call) {
  const int calls = static_cast<int>(4e8 / flops) + 1;
  double best = 1e9;
  for (int round = 0; round < 7; ++round) {
    const double start = seconds();
    for (int i = 0; i < calls; ++i) call();
    best = std::min(best, (seconds() - start) / calls);
  }
  return best;
}

struct Sizes {
  std::int64_t m, n, k;
  double flops() const { return 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k); }
};

template <class T> struct Product {
  explicit Product(Sizes s) : size(s), a(weft::randn({s.m, s.k}, {.dtype = weft::dtype_of<T>})),
                              b(weft::randn({s.k, s.n}, {.dtype = weft::dtype_of<T>})), c(static_cast<std::size_t>(s.m * s.n)) {}
  Sizes size;
  weft::Tensor a, b;
  std::vector<T> c;
  double own() {
    return size.flops() * 1e-9 / best_of(size.flops(), [&] {
      weft::cpu_kernels::gemm(false, false, size.m, size.n, size.k, a.data<T>(), size.k, b.data<T>(), size.n, c.data(), size.n);
    });
  }
#ifdef WEFT_WITH_ONEDNN
  double onednn() {
    return size.flops() * 1e-9 / best_of(size.flops(), [&] {
      dnnl_sgemm('N', 'N', size.m, size.n, size.k, 1, a.data<T>(), size.k, b.data<T>(), size.n, 0, c.data(), size.n);
    });
  }
#endif
};

}  // namespace

int main() {
  const Sizes shapes[] = {{2048, 2048, 2048}, {512, 512, 512}, {64, 64, 64},   {16, 16, 16},
                          {32, 900, 27},      {64, 169, 288},  {32, 64, 1024}, {32, 4096, 4096}};
  const int all = weft::num_threads();
  for (int threads : {1, all}) {
    weft::set_num_threads(threads);
    for (const Sizes& s : shapes) {
      Product<float> f32(s);
      Product<double> f64(s);
      std::printf("threads %d  %5ld x %5ld x %5ld  f32 %7.1f  f64 %7.1f", threads, static_cast<long>(s.m),
                  static_cast<long>(s.n), static_cast<long>(s.k), f32.own(), f64.own());
#ifdef WEFT_WITH_ONEDNN
      if (threads == 1) std::printf("  oneDNN f32 %7.1f", f32.onednn());
#endif
      std::printf(" GFLOP/s\n");
    }
  }
}
