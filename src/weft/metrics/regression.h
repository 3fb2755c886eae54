// Distances between predictions and targets, and plain means.
#pragma once

#include <weft/metrics/metric.h>

namespace weft::metrics {

/// Options of metrics that have none but a name.
struct MetricOptions {
  std::string name = {};  ///< empty: the metric's own
};

/// The (weighted) mean of values: of the first argument's elements; a target is not looked at. `m.update(loss)`.
class Mean : public Totals {
 public:
  /// With these options.
  explicit Mean(const MetricOptions& options = {}) : Totals(options.name.empty() ? "mean" : options.name, 2) {}
  /// Takes a batch in.
  void update(const Tensor& values, const Tensor& target = {}, const Tensor& sample_weight = {});
  /// One value that stands for `weight` samples.
  void update(double value, double weight = 1);
  /// The figure since reset(); 0 before the first batch.
  double result() const { return totals_[1] > 0 ? totals_[0] / totals_[1] : 0; }
};

/// Base of means over elements of a distance; predictions and targets must be of one shape ([N] and [N, 1] are not).
class ElementMean : public Totals {
 public:
  /// The figure since reset(); 0 before the first batch.
  double result() const { return totals_[1] > 0 ? totals_[0] / totals_[1] : 0; }

 protected:
  using Totals::Totals;
  /// Adds a batch; distance of prediction - target.
  void add(const Tensor& prediction, const Tensor& target, const Tensor& sample_weight, double (*distance)(double));
};

/// The mean squared error.
class MSE : public ElementMean {
 public:
  /// With these options.
  explicit MSE(const MetricOptions& options = {}) : MSE(options, "mse") {}
  /// Takes a batch in.
  void update(const Tensor& prediction, const Tensor& target, const Tensor& sample_weight = {});

 protected:
  /// With these options.
  MSE(const MetricOptions& options, const char* name) : ElementMean(options.name.empty() ? name : options.name, 2) {}
};
/// The root of the mean squared error.
class RMSE : public MSE {
 public:
  /// With these options.
  explicit RMSE(const MetricOptions& options = {}) : MSE(options, "rmse") {}
  /// The figure since reset(); 0 before the first batch.
  double result() const;
};
/// The mean absolute error.
class MAE : public ElementMean {
 public:
  /// With these options.
  explicit MAE(const MetricOptions& options = {}) : ElementMean(options.name.empty() ? "mae" : options.name, 2) {}
  /// Takes a batch in.
  void update(const Tensor& prediction, const Tensor& target, const Tensor& sample_weight = {});
};

/// The coefficient of determination, 1 - residual / total sum of squares; for [N, D] the mean over the D outputs. A
/// target that never varies gives 1 for exact predictions, else 0.
class R2 : public Totals {
 public:
  /// With these options.
  explicit R2(const MetricOptions& options = {}) : Totals(options.name.empty() ? "r2" : options.name, 0) {}
  /// Takes a batch in.
  void update(const Tensor& prediction, const Tensor& target, const Tensor& sample_weight = {});
  /// The figure since reset(); 0 before the first batch.
  double result() const;
  /// As Totals::merge, but means and deviations are joined.
  void merge(const R2& other);

 private:
  void add(std::size_t column, double weight, double mean, double deviation, double residual);
};

/// Options of CosineSimilarity.
struct CosineSimilarityOptions {
  int axis = -1;          ///< the axis of the vectors
  std::string name = {};  ///< empty: "cosine_similarity"
};
/// The mean cosine of the angle between prediction and target along an axis.
class CosineSimilarity : public Totals {
 public:
  /// With these options.
  explicit CosineSimilarity(const CosineSimilarityOptions& options = {})
      : Totals(options.name.empty() ? "cosine_similarity" : options.name, 2), axis_(options.axis) {}
  /// Takes a batch in.
  void update(const Tensor& prediction, const Tensor& target, const Tensor& sample_weight = {});
  /// The figure since reset(); 0 before the first batch.
  double result() const { return totals_[1] > 0 ? totals_[0] / totals_[1] : 0; }

 private:
  int axis_;
};

}  // namespace weft::metrics
