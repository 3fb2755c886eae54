// What a compiled model keeps beside its options: running metrics, optimizer. Internal to train/.
#pragma once

#include <algorithm>

#include <weft/graph/compile.h>
#include <weft/metrics/accuracy.h>
#include <weft/ops/create.h>
#include <weft/train/model.h>

namespace weft::nn {

/// The loss as a weighted mean over samples, and the compiled metrics, each under a name of its own.
class Tracked {
 public:
  explicit Tracked(const CompileOptions& o) {
    for (const auto& m : o.metrics) add(m, m.name(), 0, false, o);
    for (const auto& m : o.weighted_metrics) add(m, taken(m.name()) ? "weighted_" + m.name() : m.name(), 0, true, o);
    for (std::size_t i = 0; i < o.output_metrics.size(); ++i)
      for (const auto& m : o.output_metrics[i]) add(m, output_name(i) + m.name(), i, false, o);
  }

  void reset() {
    loss_sum_ = samples_ = 0;
    output_loss_sums_.clear();
    for (Entry& e : entries_) e.metric.reset();
  }

  /// The losses of the single outputs, whose sum the next update() takes in; left out where there is one output.
  void set_output_losses(std::vector<Tensor> losses) { output_losses_ = std::move(losses); }

  void update(const data::Batch& batch, const std::vector<Tensor>& predictions, const Tensor& loss) {
    const auto n = static_cast<double>(batch.size());
    loss_sum_ += loss.detach().item() * n;
    samples_ += n;
    output_loss_sums_.resize(output_losses_.size());
    for (std::size_t i = 0; i < output_losses_.size(); ++i)
      if (output_losses_[i].defined()) output_loss_sums_[i] += output_losses_[i].detach().item() * n;
    NoGrad off;
    for (Entry& e : entries_) {
      check(e.output < predictions.size() && e.output < batch.labels.size(), "compile: metric '", e.name,
            "' is of output ", e.output, "; the model has ", predictions.size(), " outputs and the data ",
            batch.labels.size(), " labels");
      e.metric.update(predictions[e.output].detach(), batch.labels[e.output], e.weighted ? batch.weights : Tensor());
    }
  }

  Logs results() const {
    Logs logs;
    const auto per_sample = [&](double sum) { return samples_ > 0 ? sum / samples_ : 0; };
    logs.set("loss", per_sample(loss_sum_));
    for (std::size_t i = 0; i < output_loss_sums_.size(); ++i)
      logs.set(output_name(i) + "loss", per_sample(output_loss_sums_[i]));
    for (const Entry& e : entries_) logs.set(e.name, e.metric.result());
    return logs;
  }

  /// Exact running sums, for a resume in the middle of an epoch.
  NamedTensors state() const {
    std::vector<double> sums{loss_sum_, samples_};
    sums.insert(sums.end(), output_loss_sums_.begin(), output_loss_sums_.end());
    NamedTensors s{{"loss", tensor_of(sums, {static_cast<std::int64_t>(sums.size())}, {.device = cpu})}};
    for (const Entry& e : entries_) s.emplace_back("of." + e.name, e.metric.state());
    return s;
  }
  void set_state(const NamedTensors& s) {
    const auto find = [&](const std::string& name) -> const Tensor& {
      const Tensor* t = find_tensor(s, name);
      check(t != nullptr, "resume: the checkpoint has no state of metric '", name, "'; compile with the same metrics");
      return *t;
    };
    const std::vector<double> sums = find("loss").to_vector<double>();
    loss_sum_ = sums.at(0);
    samples_ = sums.at(1);
    output_loss_sums_.assign(sums.begin() + 2, sums.end());
    for (Entry& e : entries_) e.metric.load_state(find("of." + e.name));
  }

 private:
  struct Entry {
    metrics::Metric metric;
    std::string name;
    std::size_t output;
    bool weighted;
  };

  static std::string output_name(std::size_t i) { return "out" + std::to_string(i) + "_"; }

  bool taken(const std::string& name) const {
    return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.name == name; });
  }

  /// A name that is taken gets a number, as Keras's do: precision, precision_1, …
  void add(metrics::Metric metric, const std::string& name, std::size_t output, bool weighted, const CompileOptions& o) {
    if (auto* accuracy = metric.get<metrics::Accuracy>(); accuracy && !o.loss.empty()) {
      const Scores scores = o.loss[std::min(output, o.loss.size() - 1)].scores();
      if (scores != Scores::by_shape) accuracy->compare_elements(scores == Scores::logits ? 0 : 0.5);
    }
    std::string unique = name;
    for (int i = 1; taken(unique); ++i) unique = name + "_" + std::to_string(i);
    entries_.push_back({std::move(metric), unique, output, weighted});
  }

  std::vector<Entry> entries_;
  std::vector<Tensor> output_losses_;
  std::vector<double> output_loss_sums_;
  double loss_sum_ = 0, samples_ = 0;
};

/// Where a module's parameters are; empty while none has been drawn.
std::optional<Device> device_of(ModuleRef module);

/// What compile() sets, and what lives until the next compile().
struct Model::Compiled {
  CompileOptions options;
  Tracked tracked{options};
  std::unique_ptr<optim::Optimizer> optimizer = nullptr;  ///< made at its first use: the parameters may not be there yet
  weft::detail::Engine engine{"fit", {options.precision}};  ///< of training and evaluation: they never run at once
};

}  // namespace weft::nn
