#include <weft/metrics/confusion.h>
#include <weft/metrics/host.h>
#include <weft/ops/create.h>

namespace weft::metrics {

ConfusionMatrix::ConfusionMatrix(const ConfusionOptions& options, const char* name)
    : Totals(options.name.empty() ? name : options.name, 0), options_(options) {
  check(options.num_classes >= 0, "ConfusionMatrix: received num_classes ", options.num_classes,
        "; expected 1 or more, or 0");
  set_classes(options.num_classes);
}

void ConfusionMatrix::set_classes(std::int64_t n) {
  classes_ = n;
  totals_.assign(static_cast<std::size_t>(n * n), 0.0);
}

void ConfusionMatrix::reset() { set_classes(options_.num_classes); }

void ConfusionMatrix::update(const Tensor& prediction, const Tensor& target, const Tensor& sample_weight) {
  const bool by_label = !is_floating(prediction.dtype()) && prediction.numel() == target.numel();
  Pairing pair{Match::elements, {prediction.numel(), 1, 1}};
  if (!by_label) pair = pair_up(name(), prediction, target, options_.axis);
  check(by_label || pair.match != Match::elements, name(), ": received predictions ", prediction.shape(),
        " in ", name_of(prediction.dtype()), "; expected class scores [N, C], or labels as integers");
  const ScoreLayout& s = pair.scores;
  if (classes_ == 0) {
    check(!by_label, name(), ": the number of classes is not known; set .num_classes");
    set_classes(s.classes);
  }
  check(by_label || s.classes == classes_, name(), ": received scores of ", s.classes, " classes; expected ", classes_);
  const std::int64_t n = s.count();
  const Weights weights(name(), sample_weight, prediction.rank() ? prediction.size(0) : 1, n);
  std::vector<std::int64_t> right(static_cast<std::size_t>(n)), guess(static_cast<std::size_t>(n));
  const auto largest = [&](const Tensor& scores, std::vector<std::int64_t>& out) {
    with_numbers(scores, [&](const auto* p) {
      for (std::int64_t i = 0; i < n; ++i)
        out[static_cast<std::size_t>(i)] = argmax(p + s.base(i), s.classes, s.stride());
    });
  };
  if (pair.match == Match::one_hot) largest(target, right);
  else target.copy_to(right.data(), DType::i64);
  if (by_label) prediction.copy_to(guess.data(), DType::i64);
  else largest(prediction, guess);
  for (std::int64_t i = 0; i < n; ++i) {
    if (options_.ignore_index && right[static_cast<std::size_t>(i)] == *options_.ignore_index) continue;
    check_label(name(), right[static_cast<std::size_t>(i)], classes_, i);
    check(guess[static_cast<std::size_t>(i)] >= 0 && guess[static_cast<std::size_t>(i)] < classes_, name(),
          ": received predicted label ", guess[static_cast<std::size_t>(i)], "; expected 0 to ", classes_ - 1);
  }
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t r = right[static_cast<std::size_t>(i)];
    if (options_.ignore_index && r == *options_.ignore_index) continue;
    totals_[static_cast<std::size_t>(r * classes_ + guess[static_cast<std::size_t>(i)])] += weights[i];
  }
}

Tensor ConfusionMatrix::matrix() const { return tensor_of(totals_, {classes_, classes_}, {.device = cpu}); }

double ConfusionMatrix::at(std::int64_t actual, std::int64_t predicted) const {
  check(actual >= 0 && actual < classes_ && predicted >= 0 && predicted < classes_, name(), ": there is no entry (",
        actual, ", ", predicted, "); expected classes 0 to ", classes_ - 1);
  return totals_[static_cast<std::size_t>(actual * classes_ + predicted)];
}

double ConfusionMatrix::result() const {
  double diagonal = 0, all = 0;
  for (std::int64_t i = 0; i < classes_; ++i) diagonal += at(i, i);
  for (double v : totals_) all += v;
  return all > 0 ? diagonal / all : 0;
}

void ConfusionMatrix::load_state(const Tensor& state) {
  std::int64_t n = 0;
  while (n * n < state.numel()) ++n;
  check(n * n == state.numel() && (options_.num_classes == 0 || n == options_.num_classes), name(),
        ": received a state of ", state.numel(), " numbers; expected those of ",
        options_.num_classes ? cat(options_.num_classes) : "some number of", " classes");
  Totals::load_state(state);
  classes_ = n;
}

void ConfusionMatrix::merge(const ConfusionMatrix& other) {
  if (classes_ == 0) set_classes(other.classes_);
  Totals::merge(other);
}

double IoU::result() const {
  const std::int64_t n = classes();
  double sum = 0;
  int seen = 0;
  const auto add = [&](std::int64_t c) {
    double both = -at(c, c);  // of row and column together the diagonal counts once
    for (std::int64_t k = 0; k < n; ++k) both += at(c, k) + at(k, c);
    if (both <= 0) return;
    sum += at(c, c) / both;
    ++seen;
  };
  if (n == 0) return 0;
  if (targets_.empty())
    for (std::int64_t c = 0; c < n; ++c) add(c);
  else
    for (std::int64_t c : targets_) add(c);
  return seen ? sum / seen : 0;
}

}  // namespace weft::metrics
