#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include <weft/base/error.h>
#include <weft/base/thread_pool.h>

namespace weft {
namespace {

class ThreadPool : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override { set_num_threads(GetParam()); }
  void TearDown() override { set_num_threads(before_); }

 private:
  int before_ = num_threads();
};

TEST_P(ThreadPool, CoversEveryElementOnce) {
  EXPECT_EQ(num_threads(), GetParam());
  for (std::int64_t n : {0, 1, 7, 64, 1000}) {
    for (std::int64_t grain : {1, 3, 64, 5000}) {
      std::vector<std::atomic<int>> seen(static_cast<std::size_t>(n));
      parallel_for(n, grain, [&](std::int64_t begin, std::int64_t end) {
        EXPECT_EQ(begin % grain, 0) << "pieces are cut by shape alone";
        EXPECT_EQ(end, std::min(n, begin + grain));
        for (std::int64_t i = begin; i < end; ++i) ++seen[static_cast<std::size_t>(i)];
      });
      for (auto& s : seen) EXPECT_EQ(s, 1);
    }
  }
}

TEST_P(ThreadPool, RunsNestedCallsInside) {
  std::atomic<int> total{0};
  parallel_for(16, 1, [&](std::int64_t, std::int64_t) {
    parallel_for(10, 1, [&](std::int64_t begin, std::int64_t end) { total += static_cast<int>(end - begin); });
  });
  EXPECT_EQ(total, 160);
}

TEST_P(ThreadPool, PassesExceptionsOn) {
  EXPECT_THROW(parallel_for(100, 1, [](std::int64_t i, std::int64_t) {
                 if (i == 37) fail("piece 37");
               }),
               Error);
  EXPECT_THROW(parallel_for(4, 1, [](std::int64_t, std::int64_t) { throw std::runtime_error("other"); }),
               std::runtime_error);
  std::atomic<int> total{0};  // the pool works on after it
  parallel_for(50, 1, [&](std::int64_t, std::int64_t) { ++total; });
  EXPECT_EQ(total, 50);
}

TEST_P(ThreadPool, ServesSeveralCallers) {
  std::vector<std::int64_t> sums(4);
  std::vector<std::thread> callers;
  for (std::size_t c = 0; c < sums.size(); ++c)
    callers.emplace_back([&sums, c] {
      for (int round = 0; round < 50; ++round) {
        std::vector<std::int64_t> part(32);
        parallel_for(32, 1, [&](std::int64_t i, std::int64_t) { part[static_cast<std::size_t>(i)] = i; });
        for (auto p : part) sums[c] += p;
      }
    });
  for (auto& t : callers) t.join();
  for (auto s : sums) EXPECT_EQ(s, 50 * 496);
}

INSTANTIATE_TEST_SUITE_P(Threads, ThreadPool, ::testing::Values(1, 2, 3, 7));

TEST(ThreadCount, IsChecked) {
  EXPECT_THROW(set_num_threads(0), Error);
  EXPECT_THROW(set_num_threads(-3), Error);
  EXPECT_GE(num_threads(), 1);
}

}  // namespace
}  // namespace weft
