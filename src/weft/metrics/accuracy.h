// How often predictions are right.
#pragma once

#include <weft/metrics/metric.h>

namespace weft::metrics {

/// Options of Accuracy and its fixed forms.
struct AccuracyOptions {
  double threshold = 0.5;  ///< of a yes-or-no prediction: above it is yes (0 for logits)
  int axis = 1;            ///< of the classes: 1 for [N, C] and [N, C, H, W]; Keras's text models: -1
  std::optional<std::int64_t> ignore_index = {};  ///< targets with this label do not count
  std::string name = {};                          ///< empty: "accuracy" and so on
};

/// The fraction of right predictions. Picks its form by the shapes, as Keras does: class scores [N, C] with labels [N]
/// or [N, 1] (sparse), with one-hot targets [N, C] (categorical), or one number each against 0 and 1 (binary). Scores
/// may be logits or probabilities, but for the threshold. Throws Error for shapes that do not fit and labels out of
/// range.
class Accuracy : public Totals {
 public:
  /// With these options.
  explicit Accuracy(const AccuracyOptions& options = {}) : Accuracy(options, Form::any, "accuracy") {}
  /// Takes a batch in.
  void update(const Tensor& prediction, const Tensor& target, const Tensor& sample_weight = {});
  /// The figure since reset(); 0 before the first batch.
  double result() const { return totals_[1] > 0 ? totals_[0] / totals_[1] : 0; }
  /// Where the form is still to be picked by shapes: each prediction is a yes or a no instead, from `threshold` on (a
  /// trainer calls it where the loss says so).
  void compare_elements(double threshold) {
    if (form_ != Form::any) return;
    form_ = Form::binary;
    if (options_.threshold == AccuracyOptions{}.threshold) options_.threshold = threshold;
  }

 protected:
  /// How predictions are compared.
  enum class Form : unsigned char { any, binary, categorical, sparse };
  /// With these options.
  Accuracy(const AccuracyOptions& options, Form form, const char* name)
      : Totals(options.name.empty() ? name : options.name, 2), options_(options), form_(form) {}

 private:
  AccuracyOptions options_;
  Form form_;
};

/// Elements on the right side of the threshold, targets 0 or 1 of the same shape (many labels an example count singly).
class BinaryAccuracy : public Accuracy {
 public:
  /// With these options.
  explicit BinaryAccuracy(const AccuracyOptions& options = {}) : Accuracy(options, Form::binary, "binary_accuracy") {}
};
/// Accuracy with one-hot targets.
class CategoricalAccuracy : public Accuracy {
 public:
  /// With these options.
  explicit CategoricalAccuracy(const AccuracyOptions& options = {})
      : Accuracy(options, Form::categorical, "categorical_accuracy") {}
};
/// Accuracy with labels.
class SparseCategoricalAccuracy : public Accuracy {
 public:
  /// With these options.
  explicit SparseCategoricalAccuracy(const AccuracyOptions& options = {})
      : Accuracy(options, Form::sparse, "sparse_categorical_accuracy") {}
};

/// Options of TopK.
struct TopKOptions {
  std::int64_t k = 5;     ///< how many count
  int axis = 1;           ///< of the classes
  std::string name = {};  ///< empty: "top_5_accuracy"
};

/// How often the right class is among the k with the highest scores: fewer than k are above it. Targets as Accuracy's.
class TopK : public Totals {
 public:
  /// Throws Error for k below 1.
  explicit TopK(const TopKOptions& options = {});
  /// Takes a batch in.
  void update(const Tensor& prediction, const Tensor& target, const Tensor& sample_weight = {});
  /// The figure since reset(); 0 before the first batch.
  double result() const { return totals_[1] > 0 ? totals_[0] / totals_[1] : 0; }

 private:
  TopKOptions options_;
};

}  // namespace weft::metrics
