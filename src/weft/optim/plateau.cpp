#include <algorithm>
#include <limits>

#include <weft/optim/optimizer.h>
#include <weft/optim/plateau.h>

namespace weft::optim {

ReduceOnPlateau::ReduceOnPlateau(const PlateauOptions& options) : options_(options), state_{} {
  check(options.factor > 0 && options.factor < 1, "ReduceOnPlateau: received factor ", options.factor,
        "; expected a number between 0 and 1");
  check(options.patience >= 0 && options.cooldown >= 0, "ReduceOnPlateau: received patience ", options.patience,
        ", cooldown ", options.cooldown, "; expected 0 or more");
  const double worst = std::numeric_limits<double>::infinity();
  state_.best = options.better == Better::lower ? worst : -worst;
}

bool ReduceOnPlateau::observe(double metric) {
  const double best = state_.best, t = options_.threshold;
  const bool lower = options_.better == Better::lower;
  const double bound = options_.absolute ? (lower ? best - t : best + t) : best * (lower ? 1 - t : 1 + t);
  if (lower ? metric < bound : metric > bound) {
    state_.best = metric;
    state_.bad_epochs = 0;
  } else {
    ++state_.bad_epochs;
  }
  if (state_.cooldown > 0) {
    --state_.cooldown;
    state_.bad_epochs = 0;
  }
  if (state_.bad_epochs <= options_.patience) return false;
  state_.cooldown = options_.cooldown;
  state_.bad_epochs = 0;
  return true;
}

bool ReduceOnPlateau::step(double metric, Optimizer& optimizer) {
  if (!observe(metric)) return false;
  bool lowered = false;
  for (std::size_t i = 0; i < optimizer.groups(); ++i) {
    const double now = optimizer.base_lr(i), next = std::max(now * options_.factor, options_.min_lr);
    if (now - next <= options_.eps) continue;
    optimizer.set_base_lr(i, next);
    lowered = true;
  }
  return lowered;
}

}  // namespace weft::optim
