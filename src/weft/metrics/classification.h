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

struct CountOptions {
  double threshold = 0.5;                           ///< of yes-or-no predictions: above it is yes (0 for logits)
  std::optional<std::int64_t> class_id = {};        ///< looks at this class alone
  Average average = Average::macro;
  int axis = 1;                                     ///< of the classes
  std::optional<std::int64_t> ignore_index = {};    ///< targets with this label do not count
  std::string name = {};                            ///< empty: the metric's own
};

/// Base of metrics over counts. Predictions and targets of one shape are yes-or-no answers against 0 and 1 ([N, C]: C
/// labels an example, each a class of its own); scores [N, C] with labels [N] are decided by the largest score.
class Counts : public Totals {
 public:
  void update(const Tensor& prediction, const Tensor& target, const Tensor& sample_weight = {});
  /// 1 for yes-or-no answers; 0 before the first update.
  std::size_t classes() const { return totals_.size() / 4; }
  double true_positives(std::size_t c) const { return totals_[c * 4]; }
  double false_positives(std::size_t c) const { return totals_[c * 4 + 1]; }
  double false_negatives(std::size_t c) const { return totals_[c * 4 + 2]; }
  double true_negatives(std::size_t c) const { return totals_[c * 4 + 3]; }

 protected:
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
  explicit Precision(const CountOptions& options = {}) : Counts(options, "precision") {}
  double result() const;
};
/// tp / (tp + fn); 0 where nothing was there.
class Recall : public Counts {
 public:
  explicit Recall(const CountOptions& options = {}) : Counts(options, "recall") {}
  double result() const;
};
/// The weighted harmonic mean of precision and recall: (1 + beta^2) tp / ((1 + beta^2) tp + beta^2 fn + fp).
class FBeta : public Counts {
 public:
  explicit FBeta(double beta, const CountOptions& options = {}) : Counts(options, "fbeta"), beta_(beta) {
    check(beta > 0, "FBeta: received beta ", beta, "; expected a number above 0");
  }
  double result() const;

 protected:
  FBeta(double beta, const CountOptions& options, const char* name) : Counts(options, name), beta_(beta) {}

 private:
  double beta_;
};
/// FBeta with beta 1.
class F1 : public FBeta {
 public:
  explicit F1(const CountOptions& options = {}) : FBeta(1, options, "f1") {}
};
/// Counts over all classes (Keras: TruePositives and so on).
class TruePositives : public Counts {
 public:
  explicit TruePositives(const CountOptions& options = {}) : Counts(options, "true_positives") {}
  double result() const { return summed(0); }
};
class FalsePositives : public Counts {
 public:
  explicit FalsePositives(const CountOptions& options = {}) : Counts(options, "false_positives") {}
  double result() const { return summed(1); }
};
class FalseNegatives : public Counts {
 public:
  explicit FalseNegatives(const CountOptions& options = {}) : Counts(options, "false_negatives") {}
  double result() const { return summed(2); }
};
class TrueNegatives : public Counts {
 public:
  explicit TrueNegatives(const CountOptions& options = {}) : Counts(options, "true_negatives") {}
  double result() const { return summed(3); }
};

struct AUCOptions {
  /// 0: exact, from all scores (kept until reset). Else scores, which must be in [0, 1], are counted between so many
  /// thresholds, in constant memory, by Keras's formula (its default: 200).
  std::int64_t num_thresholds = 0;
  std::string name = {};  ///< empty: "auc"
};

/// The area under the ROC curve: how often a positive example scores above a negative one, ties counting half. One score
/// a target, targets 0 or 1; 0 before both kinds were seen.
class AUC : public Totals {
 public:
  explicit AUC(const AUCOptions& options = {});
  void update(const Tensor& prediction, const Tensor& target, const Tensor& sample_weight = {});
  double result() const;
  void merge(const AUC& other);

 private:
  double exact() const;
  AUCOptions options_;
};

}  // namespace weft::metrics
