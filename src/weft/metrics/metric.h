// Metric: a running figure over batches. Any type with the members of IsMetric is one; the built-in ones are classes
// that are usable by hand: `metrics::Accuracy acc; acc.update(logits, labels); acc.result()`.
#pragma once

#include <string>
#include <vector>

#include <weft/base/box.h>
#include <weft/nn/fields.h>
#include <weft/tensor/tensor.h>

namespace weft::metrics {

/// update(prediction, target, sample weights or Tensor()), result() so far, reset(). Optional: name(); state() and
/// load_state(Tensor) to be saved; merge(other) to join what several workers have seen.
template <class M>
concept IsMetric = std::is_copy_constructible_v<M> && requires(M& m, const Tensor& t) {
  m.update(t, t, t);
  { m.result() } -> std::convertible_to<double>;
  m.reset();
};

/// A metric of any type, held by value.
class Metric {
 public:
  /// Of any type.
  template <class M>
  requires(!std::is_same_v<M, Metric> && IsMetric<M>) Metric(M metric)
      : self_(new Model<M>(std::move(metric))) {}
  /// By name, as make(): `.metrics = {"accuracy"}`.
  Metric(const char* name);
  /// Of any type.
  Metric(const std::string& name) : Metric(name.c_str()) {}

  /// Takes a batch in. `sample_weight`: one number a sample (axis 0) or one a target; undefined: all count the same.
  void update(const Tensor& prediction, const Tensor& target, const Tensor& sample_weight = {}) {
    self_->update(prediction, target, sample_weight);
  }
  /// The figure over all batches since reset(); 0 before the first.
  double result() const { return self_->result(); }
  /// Forgets all batches.
  void reset() { self_->reset(); }
  /// The key in histories.
  std::string name() const { return self_->name(); }
  /// What it has counted, to be saved; throws Error for a type without state().
  Tensor state() const { return self_->state(); }
  /// Takes back what state() gave; throws Error for a vector that cannot be.
  void load_state(const Tensor& state) { self_->load_state(state); }
  /// Adds what another metric of the same type and options has seen.
  void merge(const Metric& other) { self_->merge(*other.self_); }
  /// The metric inside, or null where it is of another type.
  template <class M> M* get() const {
    auto* model = dynamic_cast<Model<M>*>(self_.get());
    return model ? &model->metric : nullptr;
  }

 private:
  struct Concept {
    virtual ~Concept() = default;
    virtual Concept* clone() const = 0;
    virtual void update(const Tensor& prediction, const Tensor& target, const Tensor& weight) = 0;
    virtual double result() const = 0;
    virtual void reset() = 0;
    virtual std::string name() const = 0;
    virtual Tensor state() const = 0;
    virtual void load_state(const Tensor& state) = 0;
    virtual void merge(const Concept& other) = 0;
  };
  template <class M> struct Model;
  Box<Concept> self_;
};

/// A held object of one type.
template <class M> struct Metric::Model final : Concept {
  M metric;
  explicit Model(M m) : metric(std::move(m)) {}
  Concept* clone() const override { return new Model(metric); }
  void update(const Tensor& prediction, const Tensor& target, const Tensor& weight) override {
    metric.update(prediction, target, weight);
  }
  double result() const override { return metric.result(); }
  void reset() override { metric.reset(); }
  std::string name() const override {
    if constexpr (requires { std::string(metric.name()); }) return std::string(metric.name());
    else return std::string(nn::detail::type_name<M>());
  }
  Tensor state() const override {
    if constexpr (requires { metric.state(); }) return metric.state();
    else fail(name(), ": this metric has no state(), so it cannot be saved");
  }
  void load_state(const Tensor& state) override {
    if constexpr (requires { metric.load_state(state); }) metric.load_state(state);
    else fail(name(), ": this metric has no load_state()");
  }
  void merge(const Concept& other) override {
    auto* same = dynamic_cast<const Model*>(&other);
    check(same, name(), ": merge received a metric of another type (", other.name(), ")");
    if constexpr (requires { metric.merge(same->metric); }) metric.merge(same->metric);
    else fail(name(), ": this metric has no merge()");
  }
};

/// Base of built-in metrics: totals in double precision that add up over batches and workers.
class Totals {
 public:
  /// The metric's name.
  const std::string& name() const { return name_; }
  /// Forgets all batches.
  void reset();
  /// The totals, as a vector of f64 on the host.
  Tensor state() const;
  /// Throws Error for a vector that cannot be this metric's.
  void load_state(const Tensor& state);
  /// Adds what another has seen.
  void merge(const Totals& other);

 protected:
  /// `fixed` numbers; 0 where the first batch tells how many.
  Totals(std::string name, std::size_t fixed) : totals_(fixed, 0.0), name_(std::move(name)), fixed_(fixed) {}
  std::vector<double> totals_;  ///< what adds up

 private:
  std::string name_;
  std::size_t fixed_;
};

/// "accuracy", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy", "top_5_accuracy" (any number),
/// "precision", "recall", "f1", "auc", "mse", "mae", "rmse", "r2", "cosine_similarity", "mean_iou"; "acc" is
/// "accuracy". Throws Error with a suggestion.
Metric make(std::string_view name);

}  // namespace weft::metrics
