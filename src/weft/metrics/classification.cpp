#include <algorithm>

#include <weft/metrics/classification.h>
#include <weft/metrics/host.h>

namespace weft::metrics {

namespace {

double ratio(double a, double b) { return b > 0 ? a / b : 0; }
double precision_of(const double* n, double) { return ratio(n[0], n[0] + n[1]); }
double recall_of(const double* n, double) { return ratio(n[0], n[0] + n[2]); }
double fbeta_of(const double* n, double beta) {
  const double b = beta * beta;
  return ratio((1 + b) * n[0], (1 + b) * n[0] + b * n[2] + n[1]);
}

}  // namespace

void Counts::add(std::int64_t c, bool predicted, bool actual, double weight) {
  totals_[static_cast<std::size_t>(c * 4 + (predicted ? (actual ? 0 : 1) : (actual ? 2 : 3)))] += weight;
}

void Counts::update(const Tensor& prediction, const Tensor& target, const Tensor& sample_weight) {
  const Pairing pair = pair_up(name(), prediction, target, options_.axis);
  const ScoreLayout& s = pair.scores;
  const std::int64_t n = s.count(), samples = prediction.rank() ? prediction.size(0) : 1;
  const Weights weights(name(), sample_weight, samples, pair.match == Match::one_hot ? prediction.numel() : n);
  if (totals_.empty()) totals_.resize(static_cast<std::size_t>(s.classes) * 4);
  check(totals_.size() == static_cast<std::size_t>(s.classes) * 4, name(), ": received ", s.classes,
        " classes; expected ", classes(), " as in the batches before");
  check(!options_.class_id || (*options_.class_id >= 0 && *options_.class_id < s.classes), name(),
        ": received class_id ", options_.class_id.value_or(0), " and predictions of ", s.classes, " classes");
  const std::vector<double> before = totals_;
  try {
    with_numbers(prediction, [&](const auto* p) {
      if (pair.match == Match::labels) {
        const Host<std::int64_t> labels(target);
        for (std::int64_t i = 0; i < n; ++i) {
          if (options_.ignore_index && labels[i] == *options_.ignore_index) continue;
          check_label(name(), labels[i], s.classes, i);
          const std::int64_t guess = argmax(p + s.base(i), s.classes, s.stride());
          for (std::int64_t c = 0; c < s.classes; ++c) add(c, c == guess, c == labels[i], weights[i]);
        }
        return;
      }
      with_numbers(target, [&](const auto* t) {
        for (std::int64_t i = 0; i < n; ++i)
          for (std::int64_t c = 0; c < s.classes; ++c) {
            const std::int64_t k = s.base(i) + c * s.stride();
            if (options_.ignore_index && t[k] == static_cast<double>(*options_.ignore_index)) continue;
            check_binary(name(), t[k], k);
            add(c, p[k] > options_.threshold, t[k] != 0, weights[pair.match == Match::one_hot ? k : i]);
          }
      });
    });
  } catch (...) {
    totals_ = before;  // a bad target leaves the figure as it was
    throw;
  }
}

double Counts::averaged(double (*figure)(const double* counts, double beta), double beta) const {
  if (options_.class_id) return classes() ? figure(totals_.data() + *options_.class_id * 4, beta) : 0;
  if (options_.average == Average::micro || classes() == 1) {
    double all[4] = {};
    for (std::size_t i = 0; i < totals_.size(); ++i) all[i % 4] += totals_[i];
    return figure(all, beta);
  }
  double sum = 0, weight = 0;
  for (std::size_t c = 0; c < classes(); ++c) {
    const double* n = totals_.data() + c * 4;
    const double w = options_.average == Average::weighted ? n[0] + n[2] : n[0] + n[1] + n[2] > 0 ? 1 : 0;
    sum += w * figure(n, beta);
    weight += w;
  }
  return ratio(sum, weight);
}

double Counts::summed(std::size_t k) const {
  if (options_.class_id) return classes() ? totals_[static_cast<std::size_t>(*options_.class_id) * 4 + k] : 0;
  double sum = 0;
  for (std::size_t i = k; i < totals_.size(); i += 4) sum += totals_[i];
  return sum;
}

double Precision::result() const { return averaged(precision_of); }
double Recall::result() const { return averaged(recall_of); }
double FBeta::result() const { return averaged(fbeta_of, beta_); }

// Totals of an exact AUC: score, target and weight of every example. Of a counted one: for each number of thresholds
// below a score, the weights of positives, then those of negatives.
AUC::AUC(const AUCOptions& options)
    : Totals(options.name.empty() ? "auc" : options.name,
             options.num_thresholds > 0 ? static_cast<std::size_t>(options.num_thresholds + 1) * 2 : 0),
      options_(options) {
  check(options.num_thresholds == 0 || options.num_thresholds >= 2, "AUC: received num_thresholds ",
        options.num_thresholds, "; expected 2 or more, or 0 for the exact area");
}

void AUC::update(const Tensor& prediction, const Tensor& target, const Tensor& sample_weight) {
  const Pairing pair = prediction.shape() == target.shape() ? Pairing{Match::elements, {prediction.numel(), 1, 1}}
                                                            : pair_up(name(), prediction, target, 1);
  check(pair.match == Match::elements, name(), ": received predictions ", prediction.shape(),
        " and targets ", target.shape(), "; expected one score a target");
  const std::int64_t n = prediction.numel(), steps = options_.num_thresholds;
  const Weights weights(name(), sample_weight, prediction.rank() ? prediction.size(0) : 1, n);
  const Host<double> scores(prediction), targets(target);
  std::vector<std::int64_t> below(steps > 0 ? static_cast<std::size_t>(n) : 0);
  for (std::int64_t i = 0; i < n; ++i) {
    check_binary(name(), targets[i], i);
    check(scores[i] == scores[i], name(), ": received a score that is NaN (target ", i, ")");
    if (steps == 0) continue;
    const double s = scores[i];
    check(s >= 0 && s <= 1, name(), ": received score ", s,
          "; expected probabilities in [0, 1] (apply sigmoid, or use the exact area)");
    // Thresholds: just below 0, k / (steps - 1), just above 1.
    std::int64_t k = std::min<std::int64_t>(static_cast<std::int64_t>(s * static_cast<double>(steps - 1)), steps - 2);
    while (k > 0 && static_cast<double>(k) / static_cast<double>(steps - 1) >= s) --k;
    while (k + 1 < steps - 1 && static_cast<double>(k + 1) / static_cast<double>(steps - 1) < s) ++k;
    below[static_cast<std::size_t>(i)] = k + 1;
  }
  for (std::int64_t i = 0; i < n; ++i) {
    if (steps == 0) {
      for (double v : {scores[i], targets[i], weights[i]}) totals_.push_back(v);
    } else {
      totals_[static_cast<std::size_t>(below[static_cast<std::size_t>(i)] + (targets[i] != 0 ? 0 : steps + 1))] +=
          weights[i];
    }
  }
}

double AUC::exact() const {
  std::vector<std::size_t> order(totals_.size() / 3);
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i * 3;
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return totals_[a] < totals_[b] || (totals_[a] == totals_[b] && a < b);
  });
  double area = 0, positives = 0, negatives = 0;  // of the scores below
  for (std::size_t i = 0; i < order.size();) {
    double up = 0, down = 0;
    const double score = totals_[order[i]];
    for (; i < order.size() && totals_[order[i]] == score; ++i)
      (totals_[order[i] + 1] != 0 ? up : down) += totals_[order[i] + 2];
    area += up * (negatives + down / 2);
    positives += up;
    negatives += down;
  }
  return ratio(area, positives * negatives);
}

double AUC::result() const {
  const auto steps = static_cast<std::size_t>(options_.num_thresholds);
  if (steps == 0) return exact();
  double positives = 0, negatives = 0, area = 0;
  for (std::size_t k = 0; k <= steps; ++k) {
    positives += totals_[k];
    negatives += totals_[steps + 1 + k];
  }
  if (positives <= 0 || negatives <= 0) return 0;
  double tp = 0, fp = 0, last_tpr = 0, last_fpr = 0;
  for (std::size_t k = steps + 1; k-- > 1;) {  // at the threshold with number k, all scores above it count
    tp += totals_[k];
    fp += totals_[steps + 1 + k];
    const double tpr = tp / positives, fpr = fp / negatives;
    area += (fpr - last_fpr) * (tpr + last_tpr) / 2;
    last_tpr = tpr;
    last_fpr = fpr;
  }
  return area;
}

void AUC::merge(const AUC& other) {
  check(options_.num_thresholds == other.options_.num_thresholds, name(), ": merge received one with num_thresholds ",
        other.options_.num_thresholds, "; expected ", options_.num_thresholds);
  if (options_.num_thresholds > 0) return Totals::merge(other);
  const std::vector<double> theirs = other.totals_;  // `other` may be this one
  totals_.insert(totals_.end(), theirs.begin(), theirs.end());
}

}  // namespace weft::metrics
