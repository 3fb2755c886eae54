// How the time of a training step grows: the tutorial CNN, compiled, for batches from 1 to 1024, widths and threads.
// bench_growth [LARGEST_WIDTH [LARGEST_BATCH [THREADS]]] prints CSV for one image: width,threads,batch,median_us,least_us,cpu_us
// (wall-clock times; median of the processor's time, which other programs disturb less). bench/growth.py draws it and looks for
// cliffs.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include <weft/base/thread_pool.h>
#include <weft/nn/zoo.h>
#include <weft/weft.h>

using namespace weft;

namespace {

using clock_type = std::chrono::steady_clock;
double seconds_since(clock_type::time_point t) { return std::chrono::duration<double>(clock_type::now() - t).count(); }

/// What all threads of the process have used.
double processor_seconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

constexpr int rounds = 5;
constexpr double shortest_sample = 0.02;  // seconds: what a timer and a scheduler do is little beside it

/// 1, 2, 3, 4, 6, 8, 12, … up to `largest`.
std::vector<std::int64_t> batches(std::int64_t largest) {
  std::vector<std::int64_t> list{1};
  for (std::int64_t power = 2; power <= largest; power *= 2)
    for (const std::int64_t b : {power, power + power / 2})
      if (b <= largest) list.push_back(b);
  return list;
}

struct Case {
  Tensor x, y;
  std::vector<double> samples = {}, processor = {};  ///< seconds for one image
};

/// All batches of one width on so many threads. The rounds go over all batches in turn, so that what else the machine does
/// for a while falls on one sample of each, not on all samples of one.
void measure(std::int64_t width, int threads, std::int64_t largest) {
  set_num_threads(threads);
  manual_seed(0);
  nn::Sequential net = nn::zoo::tutorial_cnn(10, width);
  nn::set_training(net, true);
  net(zeros({1, 3, 32, 32}));  // sizes are found, weights drawn
  optim::Optimizer opt{net, optim::Adam{.lr = 1e-3}};
  auto step = weft::compile([&](const Tensor& x, const Tensor& y) {
    const Tensor loss = nn::cross_entropy(net(x), y);
    opt.step(nn::grad(loss, net));
    return loss.detach();
  });
  std::vector<Case> cases;
  for (const std::int64_t batch : batches(largest)) {
    cases.push_back({rand({batch, 3, 32, 32}), randint(0, 10, {batch})});
    step(cases.back().x, cases.back().y).item();  // the plan is made, memory is found
  }
  for (int round = 0; round < rounds; ++round)
    for (Case& c : cases) {
      const auto began = clock_type::now();
      const double used = processor_seconds();
      int steps = 0;
      do {
        step(c.x, c.y).item();
        ++steps;
      } while (seconds_since(began) < shortest_sample);
      const double images = static_cast<double>(steps * c.x.size(0));
      c.samples.push_back(seconds_since(began) / images);
      c.processor.push_back((processor_seconds() - used) / images);
    }
  for (Case& c : cases) {
    std::sort(c.samples.begin(), c.samples.end());
    std::sort(c.processor.begin(), c.processor.end());
    std::printf("%lld,%d,%lld,%.3f,%.3f,%.3f\n", static_cast<long long>(width), threads,
                static_cast<long long>(c.x.size(0)), c.samples[rounds / 2] * 1e6, c.samples[0] * 1e6,
                c.processor[rounds / 2] * 1e6);
  }
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) try {
  const auto argument = [&](int i, std::int64_t otherwise) { return argc > i ? std::atoll(argv[i]) : otherwise; };
  const std::int64_t width = argument(1, 8), batch = argument(2, 1024), threads = argument(3, 2);
  check(width >= 1 && batch >= 1 && threads >= 1,
        "bench_growth [LARGEST_WIDTH [LARGEST_BATCH [THREADS]]]: expected whole numbers, 1 or more");
  std::printf("width,threads,batch,median_us,least_us,cpu_us\n");
  for (std::int64_t w = 1; w <= width; w *= 2)
    for (int t = 1; t <= threads; ++t) measure(w, t, batch);
  return 0;
} catch (const Error& e) {
  std::fprintf(stderr, "bench_growth: %s\n", e.what());
  return 2;
}
