#include <algorithm>
#include <cmath>

#include <weft/optim/schedule.h>

namespace weft::optim {

namespace {

constexpr double pi = 3.14159265358979323846;

/// From a to b along half a cosine as x goes from 0 to 1.
double half_cosine(double a, double b, double x) { return b + (a - b) * (1 + std::cos(pi * x)) / 2; }

/// t / steps, at most 1.
double progress(const char* schedule, std::int64_t t, std::int64_t steps) {
  check(steps > 0, schedule, ": received steps ", steps,
        "; expected 1 or more: give the number of steps, or call fit_to(total steps) (fit does)");
  return std::min(1.0, static_cast<double>(std::max<std::int64_t>(t, 0)) / static_cast<double>(steps));
}

template <class S> S with_steps(S s, std::int64_t total) {
  if (s.steps == 0) s.steps = std::max<std::int64_t>(total, 1);
  return s;
}

}  // namespace

double StepLR::operator()(double base, std::int64_t t) const {
  check(step_size > 0, "StepLR: received step_size ", step_size, "; expected 1 or more");
  return base * std::pow(gamma, static_cast<double>(t / step_size));
}
StepLR StepLR::fit_to(std::int64_t total) const {
  StepLR s = *this;
  if (s.step_size == 0) s.step_size = std::max<std::int64_t>((total + 2) / 3, 1);
  return s;
}

double MultiStep::operator()(double base, std::int64_t t) const {
  const auto reached = std::count_if(milestones.begin(), milestones.end(), [&](std::int64_t m) { return m <= t; });
  return base * std::pow(gamma, static_cast<double>(reached));
}

double Exponential::operator()(double base, std::int64_t t) const {
  return base * std::pow(gamma, static_cast<double>(t));
}

double Cosine::operator()(double base, std::int64_t t) const {
  return half_cosine(base, eta_min, progress("Cosine", t, steps));
}
Cosine Cosine::fit_to(std::int64_t total) const { return with_steps(*this, total); }

double Linear::operator()(double base, std::int64_t t) const {
  return base * (start_factor + (end_factor - start_factor) * progress("Linear", t, steps));
}
Linear Linear::fit_to(std::int64_t total) const { return with_steps(*this, total); }

double Polynomial::operator()(double base, std::int64_t t) const {
  return end_lr + (base - end_lr) * std::pow(1 - progress("Polynomial", t, steps), power);
}
Polynomial Polynomial::fit_to(std::int64_t total) const { return with_steps(*this, total); }

double CosineRestarts::operator()(double base, std::int64_t t) const {
  check(first > 0 && multiplier > 0, "CosineRestarts: received first ", first, ", multiplier ", multiplier,
        "; expected 1 or more for both");
  std::int64_t cycle = 0, length = first, at = std::max<std::int64_t>(t, 0);
  if (multiplier == 1) {
    cycle = at / first;
    at %= first;
  } else {
    for (; at >= length; length *= multiplier, ++cycle) at -= length;
  }
  const double peak = decay == 1 ? base : eta_min + (base - eta_min) * std::pow(decay, static_cast<double>(cycle));
  return half_cosine(peak, eta_min, static_cast<double>(at) / static_cast<double>(length));
}

double OneCycle::operator()(double base, std::int64_t t) const {
  progress("OneCycle", t, steps);
  const double top = pct_start * static_cast<double>(steps) - 1, end = static_cast<double>(steps) - 1;
  const double low = base / div_factor, last = low / final_div_factor;
  const auto blend = [&](double a, double b, double x) {
    x = std::clamp(x, 0.0, 1.0);
    return linear ? a + (b - a) * x : half_cosine(a, b, x);
  };
  const double at = static_cast<double>(t);
  if (at <= top) return blend(low, base, top > 0 ? at / top : 1);
  return blend(base, last, end > top ? (at - top) / (end - top) : 1);
}
OneCycle OneCycle::fit_to(std::int64_t total) const { return with_steps(*this, total); }

double Lambda::operator()(double base, std::int64_t t) const {
  check(static_cast<bool>(factor), "Lambda: the schedule has no function; set .factor");
  return base * factor(t);
}

double Sequential::operator()(double base, std::int64_t t) const {
  check(schedules.size() == milestones.size() + 1, "Sequential: received ", schedules.size(), " schedules and ",
        milestones.size(), " milestones; expected one milestone less than schedules");
  std::size_t i = 0;
  while (i < milestones.size() && t >= milestones[i]) ++i;
  return schedules[i](base, t - (i ? milestones[i - 1] : 0));
}
Sequential Sequential::fit_to(std::int64_t total) const {
  Sequential s = *this;
  for (std::size_t i = 0; i < s.schedules.size(); ++i) {
    const std::int64_t from = i && i <= milestones.size() ? milestones[i - 1] : 0;
    s.schedules[i] = s.schedules[i].fit_to((i < milestones.size() ? milestones[i] : total) - from);
  }
  return s;
}

double WarmUp::operator()(double base, std::int64_t t) const {
  if (t >= steps) return then(base, t - steps);
  return base * (start_factor + (1 - start_factor) * static_cast<double>(t + 1) / static_cast<double>(steps));
}
WarmUp WarmUp::fit_to(std::int64_t total) const {
  WarmUp s = *this;
  s.then = then.fit_to(total - steps);
  return s;
}

namespace {

/// "warmup-" by name: how long the rise is may wait for the length of the training.
struct WarmUpPart {
  std::optional<std::int64_t> steps;
  Schedule then;
  double operator()(double base, std::int64_t t) const {
    check(steps.has_value(), "warm-up: the number of steps is not known; call fit_to(total steps) (fit does)");
    return WarmUp{.steps = *steps, .then = then}(base, t);
  }
  WarmUpPart fit_to(std::int64_t total) const {
    const std::int64_t rise = steps.value_or(total / 20);
    return {rise, then.fit_to(total - rise)};
  }
};

/// Down to a hundredth over the training.
struct ExponentialDecay {
  std::int64_t steps = 0;
  double operator()(double base, std::int64_t t) const {
    return base * std::pow(0.01, progress("exponential", t, steps));
  }
  ExponentialDecay fit_to(std::int64_t total) const { return with_steps(*this, total); }
};

/// Four cycles, each twice as long as the one before.
struct Restarts {
  std::int64_t steps = 0;
  double operator()(double base, std::int64_t t) const {
    progress("cosine-restarts", t, steps);
    return CosineRestarts{.first = std::max<std::int64_t>((steps + 14) / 15, 1), .multiplier = 2}(base, t);
  }
  Restarts fit_to(std::int64_t total) const { return with_steps(*this, total); }
};

Schedule plain(std::string_view name) {
  if (name == "constant") return Constant{};
  if (name == "cosine") return Cosine{};
  if (name == "linear") return Linear{};
  if (name == "polynomial") return Polynomial{.power = 2};
  if (name == "exponential") return ExponentialDecay{};
  if (name == "step") return StepLR{};
  if (name == "onecycle") return OneCycle{};
  if (name == "cosine-restarts") return Restarts{};
  return {};
}

}  // namespace

std::vector<std::string> schedule_names() {
  std::vector<std::string> names;
  for (const char* prefix : {"", "warmup-"})
    for (const char* name :
         {"constant", "cosine", "linear", "polynomial", "exponential", "step", "onecycle", "cosine-restarts"})
      names.push_back(std::string(prefix) + name);
  return names;
}

Schedule make_schedule(std::string_view name, const ScheduleOptions& options) {
  const std::string_view prefix = "warmup-";
  const bool rises = name.substr(0, prefix.size()) == prefix;
  Schedule schedule = plain(rises ? name.substr(prefix.size()) : name);
  if (!schedule) {
    std::string all;
    for (const auto& n : schedule_names()) all += (all.empty() ? "" : ", ") + n;
    fail("schedule: received '", name, "'; expected one of ", all, suggestion(name, schedule_names()));
  }
  if (rises) schedule = WarmUpPart{options.warmup_steps, schedule};
  return options.total_steps > 0 ? schedule.fit_to(options.total_steps) : schedule;
}

}  // namespace weft::optim
