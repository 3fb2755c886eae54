#include <weft/train/loss.h>

namespace weft::nn {

Tensor AnyLoss::weighted(const Tensor& prediction, const Tensor& target, const Tensor& weights) const {
  check(static_cast<bool>(weighted_), name_, " cannot weight samples: give it a per_sample(prediction, target) that "
        "returns one loss a sample");
  return weighted_(prediction, target, weights);
}

LossList::LossList(std::initializer_list<AnyLoss> losses) : losses_(losses) {}

}  // namespace weft::nn
