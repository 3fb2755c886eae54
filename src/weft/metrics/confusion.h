// Which class was taken for which.
#pragma once

#include <weft/metrics/metric.h>

namespace weft::metrics {

/// Options of ConfusionMatrix, IoU and MeanIoU.
struct ConfusionOptions {
  std::int64_t num_classes = 0;                   ///< 0: as many as there are scores
  int axis = 1;                                   ///< of the class scores
  std::optional<std::int64_t> ignore_index = {};  ///< targets with this label do not count
  std::string name = {};                          ///< empty: the metric's own
};

/// Counts of (right class, predicted class). Predictions are class scores [N, C] or, where integers, labels [N] (these
/// need num_classes); targets are labels [N] or one-hot [N, C].
class ConfusionMatrix : public Totals {
 public:
  /// With these options.
  explicit ConfusionMatrix(const ConfusionOptions& options = {}) : ConfusionMatrix(options, "confusion_matrix") {}
  /// Takes a batch in.
  void update(const Tensor& prediction, const Tensor& target, const Tensor& sample_weight = {});
  /// [C, C] in f64: row the right class, column the predicted one; [0, 0] before the first update.
  Tensor matrix() const;
  /// Number of classes; 0 before it is known.
  std::int64_t classes() const { return classes_; }
  /// Count of examples of class `actual` that were taken for `predicted`.
  double at(std::int64_t actual, std::int64_t predicted) const;
  /// The fraction on the diagonal: the accuracy.
  double result() const;
  /// Forgets all batches.
  void reset();
  /// Takes back what state() gave; throws Error for a vector that cannot be.
  void load_state(const Tensor& state);
  /// Adds what another has seen.
  void merge(const ConfusionMatrix& other);

 protected:
  /// With these options.
  ConfusionMatrix(const ConfusionOptions& options, const char* name);

 private:
  void set_classes(std::int64_t n);
  ConfusionOptions options_;
  std::int64_t classes_ = 0;
};

/// Intersection over union of the target classes, tp / (tp + fp + fn), averaged over those that occurred or were
/// predicted.
class IoU : public ConfusionMatrix {
 public:
  /// No target classes: all of them.
  explicit IoU(std::vector<std::int64_t> target_class_ids, const ConfusionOptions& options = {},
               const char* name = "iou")
      : ConfusionMatrix(options, name), targets_(std::move(target_class_ids)) {}
  /// The figure since reset(); 0 before the first batch.
  double result() const;

 private:
  std::vector<std::int64_t> targets_;
};
/// IoU of all classes.
class MeanIoU : public IoU {
 public:
  /// With these options.
  explicit MeanIoU(const ConfusionOptions& options = {}) : IoU({}, options, "mean_iou") {}
};

}  // namespace weft::metrics
