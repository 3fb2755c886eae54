// Losses of any class, as compile() takes them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <weft/nn/fields.h>
#include <weft/nn/losses.h>

namespace weft::nn {

/// Any loss: an object with `operator()(prediction, target) -> scalar` and, for sample weights,
/// `per_sample(prediction, target) -> [N]` or `weighted(prediction, target, weights) -> scalar`; or a plain function of
/// the first kind. Weights of one change nothing.
class AnyLoss {
 public:
  AnyLoss() = default;
  template <class L>
    requires std::is_invocable_r_v<Tensor, const L&, const Tensor&, const Tensor&>
  AnyLoss(L loss) : name_(nn::detail::type_name<L>()) {
    if constexpr (requires { { L::scores } -> std::convertible_to<Scores>; }) scores_ = L::scores;
    if constexpr (requires { loss.weighted(Tensor(), Tensor(), Tensor()); })
      weighted_ = [loss](const Tensor& p, const Tensor& t, const Tensor& w) { return loss.weighted(p, t, w); };
    else if constexpr (requires { loss.per_sample(Tensor(), Tensor()); })
      weighted_ = [loss](const Tensor& p, const Tensor& t, const Tensor& w) { return weigh(loss, p, t, w); };
    value_ = [loss = std::move(loss)](const Tensor& p, const Tensor& t) { return loss(p, t); };
  }  ///< holds a copy of the loss; its name is that of its class
  explicit operator bool() const { return static_cast<bool>(value_); }
  Tensor operator()(const Tensor& prediction, const Tensor& target) const { return value_(prediction, target); }
  /// The same with a weight a sample, [N] or [N, 1]; throws Error for a loss without per_sample.
  Tensor weighted(const Tensor& prediction, const Tensor& target, const Tensor& weights) const;
  const std::string& name() const { return name_; }  ///< name of the loss's class
  Scores scores() const { return scores_; }          ///< what the predictions are, where the loss says so

 private:
  template <class L> static Tensor weigh(const L& loss, const Tensor& p, const Tensor& t, const Tensor& weights) {
    if constexpr (requires(L all) { all.reduction = Reduction::none; })
      if (loss.reduction != Reduction::mean) {
        L all = loss;
        all.reduction = Reduction::none;
        return sum(detail::weigh("loss", all(p, t), weights));
      }
    return mean(detail::weigh("loss", loss.per_sample(p, t), weights));
  }
  std::string name_;
  Scores scores_ = Scores::by_shape;
  std::function<Tensor(const Tensor&, const Tensor&)> value_;
  std::function<Tensor(const Tensor&, const Tensor&, const Tensor&)> weighted_;
};

/// One loss, or one an output: `.loss = nn::CrossEntropy{}` or `.loss = {nn::MSELoss{}, nn::CrossEntropy{}}`.
class LossList {
 public:
  LossList() = default;
  template <class L>
    requires std::is_constructible_v<AnyLoss, L>
  LossList(L loss) : losses_{AnyLoss(std::move(loss))} {}  ///< one loss for all outputs
  LossList(std::initializer_list<AnyLoss> losses);  ///< one an output
  bool empty() const { return losses_.empty(); }  ///< true where there is none
  std::size_t size() const { return losses_.size(); }  ///< how many there are
  /// The loss of output i: the only one where there is one.
  const AnyLoss& operator[](std::size_t i) const { return losses_[losses_.size() == 1 ? 0 : i]; }

 private:
  std::vector<AnyLoss> losses_;
};

}  // namespace weft::nn
