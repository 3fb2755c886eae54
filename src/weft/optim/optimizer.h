// Optimizer: a rule bound to parameters.
#pragma once

#include <weft/nn/module.h>
#include <weft/optim/plateau.h>
#include <weft/optim/rule.h>
#include <weft/optim/schedule.h>
#include <weft/tensor/named.h>

namespace weft::optim {

/// Parameters with options of their own: those whose path matches `pattern` ('*' any run, '?' one character); a
/// parameter belongs to the first group that matches.
struct Group {
  std::string pattern;                      ///< "*.bias", "encoder.*"
  std::optional<double> lr = {};            ///< a learning rate of its own
  double lr_scale = 1;                      ///< or so many times the optimizer's
  std::optional<double> weight_decay = {};  ///< pulls weights to 0
  std::optional<Rule> rule = {};            ///< a rule of its own
};

/// A moving mean of the weights: average = decay average + (1 - decay) weight after every update, starting at the
/// first.
struct Ema {
  double decay = 0.999;  ///< share of the old mean that is kept
};
/// The plain mean of the weights after updates start, start + every, … (stochastic weight averaging).
struct Swa {
  std::int64_t start = 0;  ///< the first update that counts
  std::int64_t every = 1;  ///< updates between two that count
};

/// Which mean of the weights is kept: none, an Ema or an Swa.
class Average {
 public:
  Average() = default;
  Average(Ema e) : kind_(1), ema_(e) {}  ///< `.average = Ema{.decay = 0.99}`
  Average(Swa s) : kind_(2), swa_(s) {}  ///< `.average = Swa{.start = 1000}`
  explicit operator bool() const { return kind_ != 0; }        ///< true where one is kept
  const Ema* ema() const { return kind_ == 1 ? &ema_ : nullptr; }  ///< null where it is none
  const Swa* swa() const { return kind_ == 2 ? &swa_ : nullptr; }  ///< null where it is none

 private:
  int kind_ = 0;
  Ema ema_;
  Swa swa_;
};

/// What a schedule counts.
enum class Interval : unsigned char { step, epoch };

/// Options of an Optimizer.
struct OptimizerOptions {
  Schedule schedule = {};              ///< what becomes of the learning rate
  Interval interval = Interval::step;  ///< what the schedule counts
  std::vector<Group> groups = {};      ///< parameters with options of their own
  double clip_norm = 0;            ///< bounds the norm of all gradients together (Keras: global_clipnorm); 0: no bound
  double clip_value = 0;           ///< bounds each element
  double clip_parameter_norm = 0;  ///< bounds the norm of each gradient (Keras: clipnorm)
  std::int64_t accumulate = 1;     ///< so many calls of step() make one update with the mean of their gradients
  Average average = {};                                  ///< of the weights: Ema or Swa; see swap_average()
  std::optional<PlateauOptions> plateau = {};           ///< see observe()
};

/// Updates parameters from gradients. Frozen parameters and those without a gradient are left alone (no decay either).
/// Gradients are clipped by value, then each, then together. Slots appear with a parameter's first update, on its
/// device and in its dtype, and follow it when it moves. A parameter's constraint (nn/regularizers.h) is applied after
/// its update. Not copyable: it stands for the state of one training.
class Optimizer {
 public:
  /// All parameters of a module. Throws Error for bad options and for a group that matches nothing.
  Optimizer(nn::ModuleRef module, Rule rule, OptimizerOptions options = {});
  /// These parameters, by these names.
  Optimizer(const nn::NamedParameters& parameters, Rule rule, OptimizerOptions options = {});
  /// These parameters; one without a path is known by its number.
  Optimizer(const std::vector<Parameter>& parameters, Rule rule, OptimizerOptions options = {});
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;
  Optimizer(Optimizer&&) noexcept = default;
  Optimizer& operator=(Optimizer&&) noexcept = default;

  /// One step from gradients as values: `opt.step(grad(loss, net))`; those of other parameters are ignored. True where
  /// parameters were updated (false while gradients accumulate). Throws Error for a gradient of another shape.
  bool step(const nn::Gradients& gradients);
  /// One step from what backward() accumulated in .grad().
  bool step();
  /// Clears .grad() of all parameters.
  void zero_grad();

  /// Updates done.
  std::int64_t steps() const { return counts_->steps; }
  /// Epochs done, as told by end_epoch().
  std::int64_t epochs() const { return counts_->epochs; }
  /// Counts an epoch: moves schedules with Interval::epoch on.
  void end_epoch() { ++counts_->epochs; }
  /// Takes the metric of an epoch for `.plateau`; true where it lowered the learning rate.
  bool observe(double metric);
  /// Gives schedules whose length was left out the length of the training, in what `interval` counts, from the optimizer's
  /// first update (or epoch) on.
  void set_total_steps(std::int64_t total);
  /// Updates that the next `batches` calls of step() make (fewer where gradients are accumulated).
  std::int64_t updates_in(std::int64_t batches) const;

  /// The learning rate of the next update of a group; 0: the parameters that no group matched.
  double lr(std::size_t group = 0) const;
  /// Sets the learning rate that the schedule starts from, for all groups without their own; theirs scale with it.
  void set_lr(double lr);
  /// A group's learning rate before its schedule.
  double base_lr(std::size_t group = 0) const { return group_at(group).base_lr; }
  /// Sets it.
  void set_base_lr(std::size_t group, double lr);
  /// Number of groups, the default one included.
  std::size_t groups() const { return groups_.size(); }
  /// The group's rule.
  const Rule& rule(std::size_t group = 0) const { return group_at(group).rule; }
  /// As given.
  const OptimizerOptions& options() const { return options_; }
  /// Handles to all of them.
  std::vector<Parameter> parameters() const;

  /// Exchanges weights and averages (`.average`); call it again to get the weights back. step() in between is an Error.
  void swap_average();
  /// True between the two.
  bool average_swapped() const { return swapped_; }
  /// The averages by parameter name; empty before the first update.
  NamedTensors average() const;

  /// Everything that the coming updates depend on, as named tensors on the host or the parameter's device: counts
  /// (i64), learning rates (f64), slots ("slot.conv.weight.exp_avg"), half-accumulated gradients, averages.
  NamedTensors state_dict() const;
  /// Takes it back; the updates that follow are bit for bit those that would have followed. Throws Error, and changes
  /// nothing, where it belongs to other parameters or another rule.
  void load_state_dict(const NamedTensors& state);
  /// Numbers that the slots hold, or will hold once every trainable parameter was updated (summary()).
  std::int64_t slot_elements() const;

 private:
  struct GroupState {
    std::string pattern;
    Rule rule;
    double base_lr;
    double lr_scale;
    bool own_lr;
  };
  /// The cell of what is kept of a parameter between updates.
  struct Memory : RefCounted {
    std::vector<Tensor> slots;
    Tensor accumulated, average;
    std::int64_t count = 0;  ///< updates of the parameter
  };
  /// The cell of what is counted.
  struct Counts : RefCounted {
    std::int64_t steps = 0, epochs = 0, accumulated = 0, averaged = 0;
  };
  struct Entry {
    Parameter parameter;
    std::string name;
    std::size_t group;
    std::vector<Slot> specs = {};
    RefPtr<Memory> memory = make_ref<Memory>();
  };
  struct Loading;

  const GroupState& group_at(std::size_t i) const;
  void make_groups(Rule rule);
  void check_options() const;
  std::vector<Tensor> collect(const nn::Gradients& gradients) const;
  bool accumulate(std::vector<Tensor>& gradients);
  void update(Entry& e, const Tensor& gradient);
  void update_average();
  bool run(std::vector<Tensor> gradients);

  OptimizerOptions options_;
  Schedule schedule_;  // options_.schedule, as long as the training
  std::vector<GroupState> groups_;
  std::vector<Entry> entries_;
  ReduceOnPlateau plateau_;  // used where options_.plateau is set
  RefPtr<Counts> counts_ = make_ref<Counts>();
  bool swapped_ = false;
};

/// Averages in place of weights while it lives: evaluate, save, predict with them.
class AverageScope {
 public:
  /// Swaps the averages in.
  explicit AverageScope(Optimizer& optimizer) : optimizer_(optimizer) { optimizer_.swap_average(); }
  AverageScope(const AverageScope&) = delete;
  AverageScope& operator=(const AverageScope&) = delete;
  ~AverageScope() { optimizer_.swap_average(); }

 private:
  Optimizer& optimizer_;
};

/// Options that rules made by name share; unset: the rule's default. Naming one that the rule lacks is an Error.
struct RuleOptions {
  std::optional<double> lr = {};            ///< learning rate
  std::optional<double> weight_decay = {};  ///< pulls weights to 0
  std::optional<double> momentum = {};      ///< of SGD, RMSprop and Muon
  std::optional<bool> nesterov = {};        ///< of SGD and Muon
};
/// "sgd", "adam", "adamw", "rmsprop", "adagrad", "adadelta", "adamax", "nadam", "radam", "lion", "muon", "adafactor",
/// in any case; Muon with vector_lr_scale 50. Throws Error with a suggestion.
Rule make(std::string_view name, const RuleOptions& options = {});
/// The names that make knows.
std::vector<std::string> rule_names();

}  // namespace weft::optim
