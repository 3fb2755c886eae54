#include <weft/train/loss.h>

#include <weft/ops/ops.h>

namespace weft::nn {

Tensor AnyLoss::weighted(const Tensor& prediction, const Tensor& target, const Tensor& weights) const {
  check(static_cast<bool>(per_sample_), name_, " cannot weight samples: give it a per_sample(prediction, target) that "
        "returns one loss a sample");
  const Tensor losses = per_sample_(prediction, target);
  check(weights.shape() == losses.shape(), name_, ": sample weights of shape ", weights.shape(),
        "; expected ", losses.shape());
  return mean(losses * weights);
}

LossList::LossList(std::initializer_list<AnyLoss> losses) : losses_(losses) {}

}  // namespace weft::nn
