#include <cmath>

#include "reference.h"

namespace weft::optim {
namespace {

void expect_sequence(const Schedule& schedule, const std::vector<double>& expected, double base = 0.1) {
  for (std::size_t t = 0; t < expected.size(); ++t)
    EXPECT_NEAR(schedule(base, static_cast<std::int64_t>(t)), expected[t], 1e-11) << "step " << t;
}

// The learning rates of torch.optim.lr_scheduler of PyTorch 2.15, from 0.1.
TEST(Schedule, AgreesWithPyTorch) {
  expect_sequence(StepLR{.step_size = 3, .gamma = 0.5}, {0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.025, 0.025});
  expect_sequence(MultiStep{.milestones = {2, 5}}, {0.1, 0.1, 0.01, 0.01, 0.01, 0.001, 0.001});
  expect_sequence(Exponential{.gamma = 0.9}, {0.1, 0.09, 0.081, 0.0729});
  expect_sequence(Cosine{.steps = 6, .eta_min = 0.01},
                  {0.1, 0.0939711431703, 0.0775, 0.055, 0.0325, 0.0160288568297, 0.01});
  expect_sequence(Linear{.steps = 4, .start_factor = 0.25, .end_factor = 1},
                  {0.025, 0.04375, 0.0625, 0.08125, 0.1, 0.1});
  expect_sequence(Polynomial{.steps = 5, .power = 2}, {0.1, 0.064, 0.036, 0.016, 0.004, 0, 0});
  expect_sequence(CosineRestarts{.first = 2, .multiplier = 2, .eta_min = 0.01},
                  {0.1, 0.055, 0.1, 0.0868198051534, 0.055, 0.0231801948466, 0.1, 0.096574578963, 0.0868198051534});
  expect_sequence(OneCycle{.steps = 10}, {0.004, 0.052, 0.1, 0.0950484632013, 0.081174565395, 0.0611262021936,
                                          0.0388741978064, 0.018825834605, 0.00495193679865, 4e-07});
  expect_sequence(OneCycle{.steps = 10, .pct_start = 0.4, .linear = true},
                  {0.004, 0.036, 0.068, 0.1, 0.0833334, 0.0666668, 0.0500002, 0.0333336, 0.016667, 4e-07});
  expect_sequence(Sequential{.schedules = {Constant{0.5}, Exponential{.gamma = 0.9}}, .milestones = {2}},
                  {0.05, 0.05, 0.1, 0.09, 0.081});
}

TEST(Schedule, FollowsClosedForms) {
  const double pi = std::acos(-1.0);
  const Schedule warm = WarmUp{.steps = 4, .then = Cosine{.steps = 10}};
  for (int t = 0; t < 4; ++t) EXPECT_DOUBLE_EQ(warm(2.0, t), 2.0 * (t + 1) / 4);
  for (int t = 4; t <= 14; ++t) EXPECT_NEAR(warm(2.0, t), 1 + std::cos(pi * (t - 4) / 10), 1e-15);
  EXPECT_NEAR(warm(2.0, 99), 0, 1e-15);
  expect_sequence(WarmUp{.steps = 2, .start_factor = 0.5}, {0.075, 0.1, 0.1});
  expect_sequence(CosineRestarts{.first = 2, .decay = 0.5}, {0.1, 0.05, 0.05, 0.025, 0.025});
  expect_sequence(Lambda{[](std::int64_t t) { return 1.0 / static_cast<double>(1 + t); }}, {0.1, 0.05, 0.1 / 3});
  expect_sequence(Polynomial{.steps = 2, .end_lr = 0.02}, {0.1, 0.06, 0.02, 0.02});
  expect_sequence(Schedule{}, {0.1, 0.1});
}

TEST(Schedule, TakesTheLengthOfTheTraining) {
  EXPECT_THROW(Schedule(Cosine{})(0.1, 0), Error);
  const Schedule s = Schedule(WarmUp{.steps = 10, .then = Cosine{}}).fit_to(110);
  EXPECT_NEAR(s(1.0, 60), 0.5, 1e-15);
  EXPECT_NEAR(s(1.0, 110), 0, 1e-15);
  EXPECT_EQ(Schedule(Cosine{.steps = 7}).fit_to(100)(1.0, 7), 0);
  const Schedule parts = Schedule(Sequential{.schedules = {Linear{}, Linear{}}, .milestones = {4}}).fit_to(8);
  expect_sequence(parts, {0.1, 0.075, 0.05, 0.025, 0.1, 0.075, 0.05, 0.025, 0});
}

TEST(Schedule, IsMadeByName) {
  for (const std::string& name : schedule_names()) {
    const Schedule s = make_schedule(name, {.total_steps = 100});
    for (int t = 0; t < 100; ++t) {
      EXPECT_GE(s(0.1, t), 0) << name;
      EXPECT_LE(s(0.1, t), 0.1 + 1e-12) << name;
    }
  }
  EXPECT_DOUBLE_EQ(make_schedule("warmup-cosine", {.total_steps = 100})(1.0, 4), 1.0);
  EXPECT_NEAR(make_schedule("warmup-cosine", {.total_steps = 100, .warmup_steps = 20})(1.0, 60), 0.5, 1e-15);
  EXPECT_NEAR(make_schedule("cosine").fit_to(10)(1.0, 5), 0.5, 1e-15);
  try {
    make_schedule("cosin");
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("did you mean 'cosine'"), std::string::npos) << e.what();
  }
}

TEST(Schedule, PlateauAgreesWithPyTorch) {
  std::vector<Parameter> p;
  p.push_back(Parameter(zeros({1})));
  Optimizer opt{
      p, SGD{.lr = 0.1}, {.plateau = PlateauOptions{.factor = 0.5, .patience = 1, .cooldown = 1, .min_lr = 0.02}}};
  const std::vector<double> metrics = {1.0, 0.9, 0.9, 0.9, 0.9, 0.9, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8};
  // torch.optim.lr_scheduler.ReduceLROnPlateau of PyTorch 2.15
  const std::vector<double> expected = {0.1,  0.1,   0.1,   0.05,  0.05, 0.05, 0.05,
                                        0.05, 0.025, 0.025, 0.025, 0.02, 0.02, 0.02};
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    opt.observe(metrics[i]);
    EXPECT_NEAR(opt.lr(), expected[i], 1e-15) << "epoch " << i;
  }
  ReduceOnPlateau rising({.better = Better::higher, .patience = 0, .threshold = 0.1, .absolute = true});
  EXPECT_FALSE(rising.observe(0.5));
  EXPECT_TRUE(rising.observe(0.55));
  EXPECT_FALSE(rising.observe(0.65));
  EXPECT_TRUE(rising.observe(std::nan("")));
  EXPECT_THROW(ReduceOnPlateau({.factor = 1}), Error);
}

}  // namespace
}  // namespace weft::optim
