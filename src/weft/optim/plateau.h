// Lowering the learning rate when a metric stops getting better.
#pragma once

#include <cstdint>

namespace weft::optim {

class Optimizer;

enum class Better : unsigned char { lower, higher };

/// Options of ReduceOnPlateau.
struct PlateauOptions {
  Better better = Better::lower;  ///< PyTorch: mode min or max
  double factor = 0.1;            ///< multiplies the learning rate
  std::int64_t patience = 10;     ///< epochs without improvement that are borne
  double threshold = 1e-4;        ///< what counts as improvement (Keras: min_delta, absolute)
  bool absolute = false;          ///< threshold is a difference, not a fraction (PyTorch: threshold_mode abs)
  std::int64_t cooldown = 0;      ///< epochs after a reduction that are not counted
  double min_lr = 0;              ///< never below it
  double eps = 1e-8;              ///< smaller changes of the learning rate are left out
};

/// ReduceLROnPlateau of both PyTorch and Keras. Either bound to an optimizer (`.plateau`), whose state it is then saved
/// with, or by hand: `plateau.step(val_loss, opt)` after each epoch.
class ReduceOnPlateau {
 public:
  /// Throws Error unless factor is in (0, 1) and the counts are 0 or more.
  explicit ReduceOnPlateau(const PlateauOptions& options = {});
  /// Takes the metric of an epoch; true where the learning rate is to be lowered now. NaN counts as no improvement.
  bool observe(double metric);
  /// observe(), and lowers the learning rate of every group; true where it did.
  bool step(double metric, Optimizer& optimizer);

  /// What it remembers.
  struct State {
    double best;                  ///< the best metric so far
    std::int64_t bad_epochs = 0;  ///< epochs since
    std::int64_t cooldown = 0;    ///< epochs still to be passed over
  };
  /// What it remembers.
  const State& state() const { return state_; }
  /// Goes on from there.
  void set_state(const State& s) { state_ = s; }
  /// As given.
  const PlateauOptions& options() const { return options_; }

 private:
  PlateauOptions options_;
  State state_;
};

}  // namespace weft::optim
