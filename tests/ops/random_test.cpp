// Statistics of random numbers; bounds are five standard errors or more, and the seeds are fixed.
#include "support/values.h"

#include <algorithm>
#include <cmath>

#include <weft/base/thread_pool.h>
#include <weft/opdefs/random.h>
#include <weft/tensor/apply.h>

namespace weft::testing {
namespace {

constexpr std::int64_t many = 200000;

TEST(Random, UniformAndNormalHaveTheirMoments) {
  Generator g(1);
  const Tensor u = rand({many}, {}, &g), n = randn({many}, {}, &g);
  EXPECT_NEAR(mean(u).item(), 0.5, 5 * 0.2887 / std::sqrt(many));
  EXPECT_NEAR(var(u).item(), 1.0 / 12, 0.002);
  EXPECT_GE(min(u).item(), 0);
  EXPECT_LT(max(u).item(), 1);
  EXPECT_NEAR(mean(n).item(), 0, 5 / std::sqrt(many));
  EXPECT_NEAR(var(n).item(), 1, 0.02);
  EXPECT_NEAR(mean(pow(n, 4)).item(), 3, 0.2);
  EXPECT_NEAR(mean(abs(n) < 1.96).item(), 0.95, 0.004);
}

TEST(Random, SeedsDecideOnEveryDevice) {
  Generator a(5), b(5);
  const Tensor x = randn({100}, {.device = cpu}, &a), y = randn({100}, {.device = ref()}, &b);
  EXPECT_LT(max(abs(x - y.to(cpu))).item(), 1e-6);
  EXPECT_GT(max(abs(x - randn({100}, {.device = cpu}, &a))).item(), 0.1) << "the next draw differs";
  a.manual_seed(5);
  EXPECT_EQ(max(abs(x - randn({100}, {.device = cpu}, &a))).item(), 0);
}

TEST(Random, WholeNumbersAreEquallyLikely) {
  Generator g(2);
  const Tensor x = randint(-3, 7, {many}, {}, &g);
  EXPECT_EQ(x.dtype(), i64);
  const auto counts = bincount(x + 3).to_vector<double>();
  ASSERT_EQ(counts.size(), 10u);
  for (double c : counts) EXPECT_NEAR(c, many / 10.0, 5 * std::sqrt(many * 0.09));
  expect_error([] { randint(3, 3, {2}); }, "empty");
}

TEST(Random, PermutationsHoldEveryNumberOnce) {
  Generator g(3);
  const Tensor p = randperm(1000, {}, &g);
  auto v = p.to_vector<std::int64_t>();
  EXPECT_FALSE(std::is_sorted(v.begin(), v.end()));
  std::sort(v.begin(), v.end());
  for (std::int64_t i = 0; i < 1000; ++i) EXPECT_EQ(v[static_cast<std::size_t>(i)], i);
  // The place of each element of three: six orders, each as often.
  std::vector<int> orders(27);
  for (int i = 0; i < 6000; ++i) {
    const auto q = randperm(3, {}, &g).to_vector<int>();
    ++orders[static_cast<std::size_t>(q[0] * 9 + q[1] * 3 + q[2])];
  }
  for (int c : orders) EXPECT_TRUE(c == 0 || std::abs(c - 1000) < 150) << c;
  expect_values(sum(shuffle(arange(10), 0, &g)), {}, {45});
}

TEST(Random, ClassesFollowTheirLogits) {
  Generator g(4);
  const Tensor logits = log(tensor({{1.0, 2.0, 7.0}, {5.0, 5.0, 0.0}}));
  const Tensor x = categorical(logits, 20000, &g);
  ASSERT_EQ(x.shape(), (Shape{2, 20000}));
  const double want[2][3] = {{0.1, 0.2, 0.7}, {0.5, 0.5, 0}};
  for (int row = 0; row < 2; ++row) {
    const auto counts = bincount(select(x, 0, row), std::nullopt, 3).to_vector<double>();
    for (int c = 0; c < 3; ++c) EXPECT_NEAR(counts[static_cast<std::size_t>(c)] / 20000, want[row][c], 0.02);
  }
}

TEST(Random, BernoulliAndTruncatedNormal) {
  Generator g(5);
  const Tensor b = bernoulli(full({many}, 0.3), &g);
  EXPECT_NEAR(mean(b).item(), 0.3, 5 * 0.4583 / std::sqrt(many));
  const Tensor t = truncated_normal({many}, 1, 2, -2, 2, {}, &g);
  EXPECT_GE(min(t).item(), -3);
  EXPECT_LE(max(t).item(), 5);
  EXPECT_NEAR(mean(t).item(), 1, 0.02);
  EXPECT_NEAR(weft::std(t).item(), 2 * 0.87962566, 0.01);  // scipy.stats.truncnorm(-2, 2).std()
}

TEST(Random, DropoutKeepsTheMean) {
  Generator g(6);
  const Tensor y = dropout(ones({many}), 0.25, &g);
  EXPECT_NEAR(mean(cast(y == 0.0, f32)).item(), 0.25, 5 * 0.433 / std::sqrt(many));
  EXPECT_NEAR(max(y).item(), 4.0 / 3, 1e-6);
  const RandomStream stream{1, 2};
  const Tensor x = ones({3, 5});
  const auto mask = dropout(x, 0.5, stream).to_vector<float>();
  EXPECT_EQ(dropout(transpose(ones({5, 3})), 0.5, stream).to_vector<float>(), mask) << "whatever the layout";
  for (std::uint64_t i = 0; i < 15; ++i) EXPECT_EQ(mask[i] != 0, stream.word(i) >= 0x80000000u);
  expect_error([&] { dropout(x, 1.5, &g); }, "1.5");
}

TEST(Random, TheCpuDrawsWhatTheReferenceDraws) {
  const RandomStream stream{0x123456789abcdef0u, 0xfedcba9876543211u};
  for (std::int64_t n : {1, 31, 1027, 70001}) {
    for (DType t : {f32, f64, f16}) {
      const Tensor x = cast(linspace(-3, 3, n), t);
      for (double p : {0.0, 0.3, 1.0})
        EXPECT_EQ(dropout(x, p, stream).to_vector<double>(), dropout(x.to(ref()), p, stream).to_vector<double>()) << n << " " << p;
    }
    const auto same = [&](const auto& op) {
      const auto on = [&](Device device) {
        DeviceScope scope{device};
        return apply(op).template to_vector<double>();
      };
      EXPECT_EQ(on(cpu), on(ref())) << n;
    };
    same(op::RandomUniform{{n}, f32, -1, 2, stream});
    same(op::RandomNormal{{n}, f32, -1, 2, stream});
    same(op::RandomInteger{{n}, i64, -5, 1000, stream});
  }
}

}  // namespace
}  // namespace weft::testing
