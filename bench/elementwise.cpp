// Nanoseconds an element of common operators on a million f32 elements, one thread: element-wise, reductions, copies.
#include <algorithm>
#include <cstdio>

#include <time.h>

#include <weft/base/thread_pool.h>
#include <weft/ops/ops.h>

namespace {

double seconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

template <class F> void measure(const char* what, double elements, F&& call) {
  call();
  double best = 1e9;
  for (int round = 0; round < 10; ++round) {
    const double start = seconds();
    call();
    best = std::min(best, seconds() - start);
  }
  std::printf("%-24s %7.3f ns an element\n", what, best / elements * 1e9);
}

}  // namespace

int main() {
  using namespace weft;
  set_num_threads(1);
  const Tensor x = randn({64, 16, 32, 32}), y = randn({64, 16, 32, 32}), bias = randn({16, 1, 1}),
               wide = randn({1024, 1024});
  const double n = static_cast<double>(x.numel());
  measure("add", n, [&] { add(x, y); });
  measure("add a bias of channels", n, [&] { add(x, bias); });
  measure("mul by a number", n, [&] { mul(x, 0.5); });
  measure("relu", n, [&] { relu(x); });
  measure("exp", n, [&] { exp(x); });
  measure("log1p", n, [&] { log1p(abs(x)); });
  measure("tanh", n, [&] { tanh(x); });
  measure("sigmoid", n, [&] { sigmoid(x); });
  measure("gelu", n, [&] { gelu(x); });
  measure("sin", n, [&] { sin(x); });
  measure("tan (lane by lane)", n, [&] { tan(x); });
  measure("less", n, [&] { less(x, y); });
  measure("where", n, [&] { where(less(x, y), x, y); });
  measure("sum of all", n, [&] { sum(x); });
  measure("sum to channels", n, [&] { sum(x, {0, 2, 3}); });
  measure("sum of rows", n, [&] { sum(wide, {1}); });
  measure("sum of columns", n, [&] { sum(wide, {0}); });
  measure("transpose", n, [&] { wide.transpose().contiguous(); });
  measure("to f16", n, [&] { x.to(f16); });
  measure("rand", n, [&] { rand({64, 16, 32, 32}); });
  measure("randn", n, [&] { randn({64, 16, 32, 32}); });
  measure("adam_update", n, [&] { adam_update(x, y, x, abs(y)); });
}
