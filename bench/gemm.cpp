// GFLOP/s of Weft's own matrix product: f32 and f64, the sizes of common layers, one thread and all of them.
#include <algorithm>
#include <cstdio>

#include <time.h>

#include <weft/base/thread_pool.h>
#include <weft/kernels/cpu/gemm.h>
#include <weft/ops/ops.h>

namespace {

double seconds() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

template <class T> double rate(std::int64_t m, std::int64_t n, std::int64_t k) {
  const weft::Tensor a = weft::randn({m, k}, {.dtype = weft::dtype_of<T>}),
                     b = weft::randn({k, n}, {.dtype = weft::dtype_of<T>});
  std::vector<T> c(static_cast<std::size_t>(m * n));
  const double flops = 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  const int calls = static_cast<int>(4e8 / flops) + 1;
  double best = 1e9;
  for (int round = 0; round < 7; ++round) {
    const double start = seconds();
    for (int i = 0; i < calls; ++i)
      weft::cpu_kernels::gemm(false, false, m, n, k, a.data<T>(), k, b.data<T>(), n, c.data(), n);
    best = std::min(best, (seconds() - start) / calls);
  }
  return flops / best * 1e-9;
}

}  // namespace

int main() {
  const std::int64_t shapes[][3] = {{2048, 2048, 2048}, {512, 512, 512}, {64, 64, 64},   {16, 16, 16},
                                    {32, 900, 27},      {64, 169, 288},  {32, 64, 1024}, {32, 4096, 4096}};
  const int all = weft::num_threads();
  for (int threads : {1, all}) {
    weft::set_num_threads(threads);
    for (const auto& s : shapes)
      std::printf("threads %d  %5ld x %5ld x %5ld  f32 %7.1f  f64 %7.1f GFLOP/s\n", threads, static_cast<long>(s[0]),
                  static_cast<long>(s[1]), static_cast<long>(s[2]), rate<float>(s[0], s[1], s[2]),
                  rate<double>(s[0], s[1], s[2]));
  }
}
