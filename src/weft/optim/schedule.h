// Learning-rate schedules: values, pure functions of how many steps (or epochs) are done.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <weft/base/error.h>

namespace weft::optim {

/// A type with `double operator()(double base, std::int64_t t) const`: the learning rate after t steps where `base` is
/// the optimizer's (or a parameter group's) own. Optional: `fit_to(total)`, which fills in a length that was left out.
template <class S>
concept IsSchedule = std::is_copy_constructible_v<S> && requires(const S& s) {
  { s(1.0, std::int64_t{0}) } -> std::convertible_to<double>;
};

/// A schedule of any type. Copies share it (it never changes). Empty: constant.
class Schedule {
 public:
  Schedule() = default;
  /// Of any type.
  template <class S>
  requires(!std::is_same_v<S, Schedule> && IsSchedule<S>) Schedule(S schedule)
      : self_(std::make_shared<const Model<S>>(std::move(schedule))) {}

  explicit operator bool() const { return self_ != nullptr; }
  /// The learning rate after t steps.
  double operator()(double base, std::int64_t t) const { return self_ ? self_->at(base, t) : base; }
  /// This schedule with lengths that were left out (`steps` 0) set so that it ends after `total` steps.
  Schedule fit_to(std::int64_t total) const { return self_ ? self_->fit_to(total) : *this; }

 private:
  struct Concept {
    virtual ~Concept() = default;
    virtual double at(double base, std::int64_t t) const = 0;
    virtual Schedule fit_to(std::int64_t total) const = 0;
  };
  template <class S> struct Model final : Concept {
    S schedule;
    explicit Model(S s) : schedule(std::move(s)) {}
    double at(double base, std::int64_t t) const override { return schedule(base, t); }
    Schedule fit_to(std::int64_t total) const override {
      if constexpr (requires { schedule.fit_to(total); }) return schedule.fit_to(total);
      else return schedule;
    }
  };
  std::shared_ptr<const Concept> self_;
};

/// base * factor
struct Constant {
  double factor = 1;                                                            ///< multiplies the learning rate
  double operator()(double base, std::int64_t) const { return base * factor; }  ///< see IsSchedule
};

/// base * gamma^floor(t / step_size)
struct StepLR {
  std::int64_t step_size = 0;                            ///< 0: a third of the training
  double gamma = 0.1;                                    ///< multiplies the learning rate
  double operator()(double base, std::int64_t t) const;  ///< see IsSchedule
  StepLR fit_to(std::int64_t total) const;               ///< see IsSchedule
};

/// base * gamma^(number of milestones reached)
struct MultiStep {
  std::vector<std::int64_t> milestones;                  ///< in rising order
  double gamma = 0.1;                                    ///< multiplies the learning rate
  double operator()(double base, std::int64_t t) const;  ///< see IsSchedule
};

/// base * gamma^t
struct Exponential {
  double gamma = 0.99;                                   ///< multiplies the learning rate
  double operator()(double base, std::int64_t t) const;  ///< see IsSchedule
};

/// From base to eta_min along half a cosine, then eta_min (PyTorch: CosineAnnealingLR, steps is T_max; Keras:
/// CosineDecay).
struct Cosine {
  std::int64_t steps = 0;                                ///< 0: the whole training
  double eta_min = 0;                                    ///< the lowest learning rate
  double operator()(double base, std::int64_t t) const;  ///< see IsSchedule
  Cosine fit_to(std::int64_t total) const;               ///< see IsSchedule
};

/// base times a factor that goes from start_factor to end_factor in a straight line (PyTorch: LinearLR, total_iters).
struct Linear {
  std::int64_t steps = 0;                                ///< 0: the whole training
  double start_factor = 1;                               ///< at the first step
  double end_factor = 0;                                 ///< at the last
  double operator()(double base, std::int64_t t) const;  ///< see IsSchedule
  Linear fit_to(std::int64_t total) const;               ///< see IsSchedule
};

/// end_lr + (base - end_lr) (1 - t / steps)^power, then end_lr.
struct Polynomial {
  std::int64_t steps = 0;                                ///< 0: the whole training
  double power = 1;                                      ///< 1: a straight line
  double end_lr = 0;                                     ///< the last learning rate
  double operator()(double base, std::int64_t t) const;  ///< see IsSchedule
  Polynomial fit_to(std::int64_t total) const;           ///< see IsSchedule
};

/// Cosine that starts again after `first` steps, each cycle `multiplier` times as long and from `decay` times the
/// height (Loshchilov, Hutter 2016; PyTorch: CosineAnnealingWarmRestarts, T_0 and T_mult; Keras: m_mul is decay).
struct CosineRestarts {
  std::int64_t first = 10;                               ///< length of the first cycle
  std::int64_t multiplier = 1;                           ///< each cycle is so many times as long as the last
  double eta_min = 0;                                    ///< the lowest learning rate
  double decay = 1;                                      ///< height of each cycle to the last
  double operator()(double base, std::int64_t t) const;  ///< see IsSchedule
};

/// One rise and one fall (Smith, Topin 2018); base is the peak: from base / div_factor up to base in pct_start of the
/// steps, then down to base / div_factor / final_div_factor. PyTorch's OneCycleLR without its cycling of momentum.
struct OneCycle {
  std::int64_t steps = 0;                                ///< 0: the whole training
  double pct_start = 0.3;                                ///< share of the steps that rise
  bool linear = false;                                   ///< straight lines instead of half cosines
  double div_factor = 25;                                ///< peak / first
  double final_div_factor = 1e4;                         ///< first / last
  double operator()(double base, std::int64_t t) const;  ///< see IsSchedule
  OneCycle fit_to(std::int64_t total) const;             ///< see IsSchedule
};

/// base * factor(t)
struct Lambda {
  std::function<double(std::int64_t t)> factor;          ///< multiplies the learning rate
  double operator()(double base, std::int64_t t) const;  ///< see IsSchedule
};

/// Schedules one after another; schedule i + 1 begins, at its own step 0, at milestones[i].
struct Sequential {
  std::vector<Schedule> schedules;                       ///< one more than milestones
  std::vector<std::int64_t> milestones;                  ///< in rising order
  double operator()(double base, std::int64_t t) const;  ///< see IsSchedule
  Sequential fit_to(std::int64_t total) const;           ///< see IsSchedule
};

/// A straight rise from start_factor * base that reaches base with its last step, then `then`.
struct WarmUp {
  std::int64_t steps = 0;                                ///< length of the rise
  Schedule then = {};                                    ///< what follows; empty: constant
  double start_factor = 0;                               ///< where the rise starts, as a share of base
  double operator()(double base, std::int64_t t) const;  ///< see IsSchedule
  WarmUp fit_to(std::int64_t total) const;               ///< see IsSchedule
};

/// Lengths for schedules made by name.
struct ScheduleOptions {
  std::int64_t total_steps = 0;                   ///< 0: filled in by Schedule::fit_to
  std::optional<std::int64_t> warmup_steps = {};  ///< of "warmup-…"; unset: a twentieth of total_steps
};
/// "constant", "cosine", "linear", "polynomial", "exponential" (to a hundredth), "step", "onecycle", "cosine-restarts",
/// and each of them after "warmup-". Throws Error with a suggestion.
Schedule make_schedule(std::string_view name, const ScheduleOptions& options = {});
/// The names that make_schedule knows.
std::vector<std::string> schedule_names();

}  // namespace weft::optim
