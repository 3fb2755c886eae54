#include <weft/metrics/accuracy.h>
#include <weft/metrics/host.h>

namespace weft::metrics {

void Accuracy::update(const Tensor& prediction, const Tensor& target, const Tensor& sample_weight) {
  Pairing pair{Match::elements, {prediction.numel(), 1, 1}};
  if (form_ == Form::binary) {
    if (prediction.shape() != target.shape()) pair = pair_up(name(), prediction, target, options_.axis);
    check(pair.match == Match::elements, name(), ": received predictions ", prediction.shape(),
          " and targets ", target.shape(), "; expected one shape");
  } else {
    pair = pair_up(name(), prediction, target, options_.axis);
    check(form_ == Form::any || pair.match == (form_ == Form::sparse ? Match::labels : Match::one_hot), name(),
          ": received predictions ", prediction.shape(), " and targets ", target.shape(),
          "; expected ",
          form_ == Form::sparse ? "scores [N, C] and labels [N]" : "scores [N, C] and one-hot targets [N, C]");
  }
  const ScoreLayout& s = pair.scores;
  const std::int64_t count = s.count();
  const Weights weights(name(), sample_weight, prediction.rank() ? prediction.size(0) : 1, count);
  double right = 0, total = 0;
  with_numbers(prediction, [&](const auto* p) {
    if (pair.match == Match::labels) {
      const Host<std::int64_t> labels(target);
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t label = labels[i];
        if (options_.ignore_index && label == *options_.ignore_index) continue;
        check_label(name(), label, s.classes, i);
        const double w = weights[i];
        total += w;
        if (argmax(p + s.base(i), s.classes, s.stride()) == label) right += w;
      }
    } else {
      with_numbers(target, [&](const auto* t) {
        for (std::int64_t i = 0; i < count; ++i) {
          if (pair.match == Match::elements) {
            if (options_.ignore_index && t[i] == static_cast<double>(*options_.ignore_index)) continue;
            check_binary(name(), t[i], i);
          }
          const double w = weights[i];
          total += w;
          const bool hit = pair.match == Match::elements ? (p[i] > options_.threshold) == (t[i] != 0)
                                                         : argmax(p + s.base(i), s.classes, s.stride()) ==
                                                               argmax(t + s.base(i), s.classes, s.stride());
          if (hit) right += w;
        }
      });
    }
  });
  totals_[0] += right;
  totals_[1] += total;
}

TopK::TopK(const TopKOptions& options)
    : Totals(options.name.empty() ? cat("top_", options.k, "_accuracy") : options.name, 2), options_(options) {
  check(options.k >= 1, "TopK: received k ", options.k, "; expected 1 or more");
}

void TopK::update(const Tensor& prediction, const Tensor& target, const Tensor& sample_weight) {
  const Pairing pair = pair_up(name(), prediction, target, options_.axis);
  check(pair.match != Match::elements, name(), ": received predictions ", prediction.shape(),
        "; expected scores of several classes [N, C]");
  const ScoreLayout& s = pair.scores;
  const Weights weights(name(), sample_weight, prediction.size(0), s.count());
  std::vector<std::int64_t> labels(static_cast<std::size_t>(s.count()));
  if (pair.match == Match::labels) {
    target.copy_to(labels.data(), DType::i64);
  } else {
    with_numbers(target, [&](const auto* t) {
      for (std::int64_t i = 0; i < s.count(); ++i)
        labels[static_cast<std::size_t>(i)] = argmax(t + s.base(i), s.classes, s.stride());
    });
  }
  double right = 0, total = 0;
  with_numbers(prediction, [&](const auto* p) {
    for (std::int64_t i = 0; i < s.count(); ++i) {
      const std::int64_t label = labels[static_cast<std::size_t>(i)];
      check_label(name(), label, s.classes, i);
      const auto* scores = p + s.base(i);
      const auto mine = scores[label * s.stride()];
      std::int64_t above = 0;
      for (std::int64_t c = 0; c < s.classes; ++c) above += !(scores[c * s.stride()] <= mine);
      const double w = weights[i];
      total += w;
      // NaN anywhere counts as above; a NaN score of the right class is never a hit.
      if (mine == mine && above < options_.k) right += w;
    }
  });
  totals_[0] += right;
  totals_[1] += total;
}

}  // namespace weft::metrics
