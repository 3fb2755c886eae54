// The running metrics of one pass over data. Internal to train/.
#pragma once

#include <weft/ops/create.h>
#include <weft/train/model.h>

namespace weft::nn {

/// The loss as a weighted mean over samples, and the compiled metrics.
class Tracked {
 public:
  Tracked(std::vector<metrics::Metric> plain, std::vector<metrics::Metric> weighted)
      : plain_(std::move(plain)), weighted_(std::move(weighted)) {}

  void reset() {
    loss_sum_ = samples_ = 0;
    for (auto& m : plain_) m.reset();
    for (auto& m : weighted_) m.reset();
  }

  void update(const data::Batch& batch, const std::vector<Tensor>& predictions, const Tensor& loss) {
    const auto n = static_cast<double>(batch.size());
    loss_sum_ += loss.detach().item() * n;
    samples_ += n;
    if (plain_.empty() && weighted_.empty()) return;
    NoGrad off;
    const Tensor prediction = predictions[0].detach(), target = batch.y();
    for (auto& m : plain_) m.update(prediction, target);
    for (auto& m : weighted_) m.update(prediction, target, batch.weights);
  }

  Logs results() const {
    Logs logs;
    logs.set("loss", samples_ > 0 ? loss_sum_ / samples_ : 0);
    for (const auto& m : plain_) logs.set(m.name(), m.result());
    for (const auto& m : weighted_) logs.set(m.name(), m.result());
    return logs;
  }

  /// Exact running sums, for a resume in the middle of an epoch.
  NamedTensors state() const {
    NamedTensors s{{"loss", tensor_of(std::vector<double>{loss_sum_, samples_}, {2}, {.device = cpu})}};
    for (std::size_t i = 0; i < plain_.size(); ++i) s.emplace_back("plain." + std::to_string(i), plain_[i].state());
    for (std::size_t i = 0; i < weighted_.size(); ++i) s.emplace_back("weighted." + std::to_string(i), weighted_[i].state());
    return s;
  }
  void set_state(const NamedTensors& s) {
    const auto find = [&](const std::string& name) -> const Tensor& {
      const Tensor* t = find_tensor(s, name);
      check(t != nullptr, "resume: the checkpoint has no state of metric '", name, "'; compile with the same metrics");
      return *t;
    };
    const std::vector<double> loss = find("loss").to_vector<double>();
    loss_sum_ = loss.at(0);
    samples_ = loss.at(1);
    for (std::size_t i = 0; i < plain_.size(); ++i) plain_[i].load_state(find("plain." + std::to_string(i)));
    for (std::size_t i = 0; i < weighted_.size(); ++i) weighted_[i].load_state(find("weighted." + std::to_string(i)));
  }

 private:
  std::vector<metrics::Metric> plain_, weighted_;
  double loss_sum_ = 0, samples_ = 0;
};

/// What compile() sets, and what lives until the next compile().
struct Model::Compiled {
  CompileOptions options;
  Tracked tracked{options.metrics, options.weighted_metrics};
  std::unique_ptr<optim::Optimizer> optimizer = nullptr;  ///< made at its first use: the parameters may not be there yet
};

}  // namespace weft::nn
