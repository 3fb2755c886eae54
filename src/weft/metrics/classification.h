// Figures made of true and false positives and negatives.
#pragma once

#include <weft/metrics/metric.h>

namespace weft::metrics {

/// How the figures of classes become one. Classes that neither occurred nor were predicted do not count in macro.
enum class Average : unsigned char {
  macro,     ///< the mean over classes
  micro,     ///< of the counts of all classes together
  weighted,  ///< the mean, weighted by how often a class occurs
};

/// Options of Precision, Recall, F1 and the like.
struct CountOptions {
  double threshold = 0.5;                         ///< of yes-or-no predictions: above it is yes (0 for logits)
  std::optional<std::int64_t> class_id = {};      ///< looks at this class alone
  Average average = Average::macro;               ///< how the figures of classes become one
  int axis = 1;                                   ///< of the classes
  std::optional<std::int64_t> ignore_index = {};  ///< targets with this label do not count
  std::string name = {};                          ///< empty: the metric's own
};

/// Base of metrics over counts. Predictions and targets of one shape are yes-or-no answers against 0 and 1 ([N, C]: C
/// labels an example, each a class of its own); scores [N, C] with labels [N] are decided by the largest score.
class Counts : public Totals {
 public:
  /// Takes a batch in.
  void update(const Tensor& prediction, const Tensor& target, const Tensor& sample_weight = {});
  /// 1 for yes-or-no answers; 0 before the first update.
  std::size_t classes() const { return totals_.size() / 4; }
  /// Hits of class c.
  double true_positives(std::size_t c) const { return totals_[c * 4]; }
  /// False alarms of class c.
  double false_positives(std::size_t c) const { return totals_[c * 4 + 1]; }
  /// Misses of class c.
  double false_negatives(std::size_t c) const { return totals_[c * 4 + 2]; }
  /// Right rejections of class c.
  double true_negatives(std::size_t c) const { return totals_[c * 4 + 3]; }

 protected:
  /// With these options.
  Counts(const CountOptions& options, const char* name)
      : Totals(options.name.empty() ? name : options.name, 0), options_(options) {}
  /// figure(counts of a class or of all: tp, fp, fn, tn), averaged as the options say.
  double averaged(double (*figure)(const double* counts, double beta), double beta = 1) const;
  /// Count k summed over classes (or of class_id).
  double summed(std::size_t k) const;

 private:
  void add(std::int64_t c, bool predicted, bool actual, double weight);
  CountOptions options_;
};

/// tp / (tp + fp); 0 where nothing was predicted.
class Precision : public Counts {
 public:
  /// With these options.
  explicit Precision(const CountOptions& options = {}) : Counts(options, "precision") {}
  /// The figure since reset(); 0 before the first batch.
  double result() const;
};
/// tp / (tp + fn); 0 where nothing was there.
class Recall : public Counts {
 public:
  /// With these options.
  explicit Recall(const CountOptions& options = {}) : Counts(options, "recall") {}
  /// The figure since reset(); 0 before the first batch.
  double result() const;
};
/// The weighted harmonic mean of precision and recall: (1 + beta^2) tp / ((1 + beta^2) tp + beta^2 fn + fp).
class FBeta : public Counts {
 public:
  /// With these options.
  explicit FBeta(double beta, const CountOptions& options = {}) : Counts(options, "fbeta"), beta_(beta) {
    check(beta > 0, "FBeta: received beta ", beta, "; expected a number above 0");
  }
  /// The figure since reset(); 0 before the first batch.
  double result() const;

 protected:
  /// With these options.
  FBeta(double beta, const CountOptions& options, const char* name) : Counts(options, name), beta_(beta) {}

 private:
  double beta_;
};
/// FBeta with beta 1.
class F1 : public FBeta {
 public:
  /// With these options.
  explicit F1(const CountOptions& options = {}) : FBeta(1, options, "f1") {}
};
/// Counts over all classes (Keras: TruePositives and so on).
class TruePositives : public Counts {
 public:
  /// With these options.
  explicit TruePositives(const CountOptions& options = {}) : Counts(options, "true_positives") {}
  /// The figure since reset(); 0 before the first batch.
  double result() const { return summed(0); }
};
/// False alarms.
class FalsePositives : public Counts {
 public:
  /// With these options.
  explicit FalsePositives(const CountOptions& options = {}) : Counts(options, "false_positives") {}
  /// The figure since reset(); 0 before the first batch.
  double result() const { return summed(1); }
};
/// Misses.
class FalseNegatives : public Counts {
 public:
  /// With these options.
  explicit FalseNegatives(const CountOptions& options = {}) : Counts(options, "false_negatives") {}
  /// The figure since reset(); 0 before the first batch.
  double result() const { return summed(2); }
};
/// Right rejections.
class TrueNegatives : public Counts {
 public:
  /// With these options.
  explicit TrueNegatives(const CountOptions& options = {}) : Counts(options, "true_negatives") {}
  /// The figure since reset(); 0 before the first batch.
  double result() const { return summed(3); }
};

/// Options of AUC.
struct AUCOptions {
  /// 0: exact, from all scores (kept until reset). Else scores, which must be in [0, 1], are counted between so many
  /// thresholds, in constant memory, by Keras's formula (its default: 200).
  std::int64_t num_thresholds = 0;
  std::string name = {};  ///< empty: "auc"
};

/// The area under the ROC curve: how often a positive example scores above a negative one, ties counting half. One
/// score a target, targets 0 or 1; 0 before both kinds were seen.
class AUC : public Totals {
 public:
  /// With these options.
  explicit AUC(const AUCOptions& options = {});
  /// Takes a batch in.
  void update(const Tensor& prediction, const Tensor& target, const Tensor& sample_weight = {});
  /// The figure since reset(); 0 before the first batch.
  double result() const;
  /// Adds what another has seen.
  void merge(const AUC& other);

 private:
  double exact() const;
  AUCOptions options_;
};

}  // namespace weft::metrics
