// Rule: how a parameter follows its gradient. Any aggregate with the members below is one.
#pragma once

#include <string>
#include <vector>

#include <weft/base/box.h>
#include <weft/nn/fields.h>
#include <weft/ops/elementwise.h>

namespace weft::optim {

/// What a rule remembers of one parameter between steps: a tensor of the parameter's dtype and device.
struct Slot {
  std::string name;      ///< "momentum_buffer"; the state is saved under parameter path and this
  Shape shape;           ///< mostly the parameter's
  double init = 0;       ///< every element at first
  bool on_host = false;  ///< an f64 in host memory whatever the parameter is: numbers, not weights
};

/// Where an update stands.
struct Step {
  std::int64_t number;  ///< updates of this parameter, this one included: 1, 2, …
  double lr;            ///< the learning rate of this update: option, group and schedule are worked in
};

/// What makes a type a rule. `lr` is the learning rate unless a group or a schedule says otherwise; `slots` lists what
/// is kept for a parameter of that shape; `update` returns the parameter's new value and replaces slots in place. A
/// member `double weight_decay` can be set by parameter groups; a member `void validate() const` throws Error for bad
/// options.
///
///     struct SignSGD {
///       double lr = 1e-3;
///       std::vector<optim::Slot> slots(const Shape&) const { return {}; }
///       Tensor update(const Tensor& p, const Tensor& g, std::span<Tensor>, const optim::Step& at) const {
///         return p - at.lr * sign(g);
///       }
///     };
template <class R>
concept IsRule = std::is_copy_constructible_v<R> &&
    requires(const R& r, const Tensor& t, std::span<Tensor> slots, const Shape& shape, const Step& at) {
  { r.lr } -> std::convertible_to<double>;
  { r.slots(shape) } -> std::convertible_to<std::vector<Slot>>;
  { r.update(t, t, slots, at) } -> std::convertible_to<Tensor>;
};

/// A rule of any type, held by value.
class Rule {
 public:
  /// Adam, with its defaults.
  Rule();
  /// Of any type.
  template <class R>
  requires(!std::is_same_v<R, Rule> && IsRule<R>) Rule(R rule) : self_(new Model<R>(std::move(rule))) {
    self_->validate();
  }

  /// The type's name: "Adam".
  std::string_view name() const { return self_->name(); }
  /// Its learning rate.
  double lr() const { return self_->lr(); }
  /// Unset where the rule has none.
  std::optional<double> weight_decay() const { return self_->weight_decay(); }
  /// Throws Error where the rule has no weight decay.
  void set_weight_decay(double v);
  /// See IsRule.
  std::vector<Slot> slots(const Shape& parameter) const { return self_->slots(parameter); }
  /// See IsRule.
  Tensor update(const Tensor& parameter, const Tensor& gradient, std::span<Tensor> slots, const Step& at) const {
    return self_->update(parameter, gradient, slots, at);
  }
  /// Its options by name, those that are numbers: {{"lr", 0.001}, {"betas.0", 0.9}, …}; empty for a type that is no
  /// aggregate.
  std::vector<std::pair<std::string, double>> options() const;
  /// The rule inside, or null where it is of another type.
  template <class R> const R* get() const {
    auto* model = dynamic_cast<const Model<R>*>(self_.get());
    return model ? &model->rule : nullptr;
  }

 private:
  struct Concept {
    virtual ~Concept() = default;
    virtual Concept* clone() const = 0;
    virtual std::string_view name() const = 0;
    virtual double lr() const = 0;
    virtual std::optional<double> weight_decay() const = 0;
    virtual void set_weight_decay(double v) = 0;
    virtual void validate() const = 0;
    virtual std::vector<Slot> slots(const Shape& parameter) const = 0;
    virtual Tensor update(const Tensor& p, const Tensor& g, std::span<Tensor> slots, const Step& at) const = 0;
    virtual void options(std::vector<std::pair<std::string, double>>& list) const = 0;
  };
  static void append_option(std::vector<std::pair<std::string, double>>& list, std::string_view name, double value);
  template <class R> struct Model;
  Box<Concept> self_;
};

/// "Adam(lr = 0.001, betas = (0.9, 0.999), …)"
std::string to_string(const Rule& rule);

/// A held object of one type.
template <class R> struct Rule::Model final : Concept {
  R rule;
  explicit Model(R r) : rule(std::move(r)) {}
  Concept* clone() const override { return new Model(rule); }
  std::string_view name() const override { return nn::detail::type_name<R>(); }
  double lr() const override { return rule.lr; }
  std::optional<double> weight_decay() const override {
    if constexpr (requires { rule.weight_decay; }) return rule.weight_decay;
    else return std::nullopt;
  }
  void set_weight_decay(double v) override {
    if constexpr (requires { rule.weight_decay = v; }) rule.weight_decay = v;
    else fail("optimizer: ", name(), " has no weight_decay; a group sets it to ", v);
  }
  void validate() const override {
    check(rule.lr >= 0 && rule.lr <= 1e300, name(), ": received lr ", double(rule.lr),
          "; expected a finite number, 0 or more");
    if constexpr (requires { rule.validate(); }) rule.validate();
  }
  std::vector<Slot> slots(const Shape& parameter) const override { return rule.slots(parameter); }
  Tensor update(const Tensor& p, const Tensor& g, std::span<Tensor> slots, const Step& at) const override {
    return rule.update(p, g, slots, at);
  }
  void options(std::vector<std::pair<std::string, double>>& list) const override {
    if constexpr (std::is_aggregate_v<R>)
      reflect::for_each_field(rule, [&]<class T>(std::string_view field, const T& value) {
        if constexpr (std::is_arithmetic_v<T>) append_option(list, field, static_cast<double>(value));
        else if constexpr (requires {
                             std::tuple_size<T>::value;
                             value[0] + 1.0;
                           })
          for (std::size_t i = 0; i < value.size(); ++i)
            append_option(list, std::string(field) + "." + std::to_string(i), value[i]);
      });
  }
};

}  // namespace weft::optim
