#include <cmath>

#include <weft/metrics/host.h>
#include <weft/metrics/regression.h>

namespace weft::metrics {

namespace {

void check_same_shape(const std::string& metric, const Tensor& prediction, const Tensor& target) {
  check(prediction.shape() == target.shape(), metric, ": received predictions ", prediction.shape(),
        " and targets ", target.shape(), "; expected one shape",
        prediction.numel() == target.numel() ? " (use reshape or squeeze)" : "");
}

std::int64_t samples_of(const Tensor& t) { return t.rank() ? t.size(0) : 1; }

}  // namespace

void Mean::update(const Tensor& values, const Tensor&, const Tensor& sample_weight) {
  const Weights weights(name(), sample_weight, samples_of(values), values.numel());
  with_numbers(values, [&](const auto* v) {
    for (std::int64_t i = 0, n = values.numel(); i < n; ++i) update(static_cast<double>(v[i]), weights[i]);
  });
}

void Mean::update(double value, double weight) {
  totals_[0] += value * weight;
  totals_[1] += weight;
}

void ElementMean::add(const Tensor& prediction, const Tensor& target, const Tensor& sample_weight,
                      double (*distance)(double)) {
  check_same_shape(name(), prediction, target);
  const std::int64_t n = prediction.numel();
  const Weights weights(name(), sample_weight, samples_of(prediction), n);
  double sum = 0, total = 0;
  with_numbers(prediction, [&](const auto* p) {
    with_numbers(target, [&](const auto* t) {
      for (std::int64_t i = 0; i < n; ++i) {
        const double w = weights[i];
        sum += w * distance(static_cast<double>(p[i]) - static_cast<double>(t[i]));
        total += w;
      }
    });
  });
  totals_[0] += sum;
  totals_[1] += total;
}

void MSE::update(const Tensor& prediction, const Tensor& target, const Tensor& sample_weight) {
  add(prediction, target, sample_weight, [](double d) { return d * d; });
}
double RMSE::result() const { return std::sqrt(MSE::result()); }
void MAE::update(const Tensor& prediction, const Tensor& target, const Tensor& sample_weight) {
  add(prediction, target, sample_weight, [](double d) { return std::fabs(d); });
}

// Totals of each output: weight, mean of the targets, sum of their squared deviations from it, sum of squared
// residuals. Two parts are joined by Chan's formula, which does not cancel as sums of squares do.
void R2::add(std::size_t column, double weight, double mean, double deviation, double residual) {
  double* t = totals_.data() + column * 4;
  const double total = t[0] + weight;
  if (total <= 0) return;
  const double delta = mean - t[1];
  t[2] += deviation + delta * delta * t[0] * weight / total;
  t[1] += delta * weight / total;
  t[3] += residual;
  t[0] = total;
}

void R2::update(const Tensor& prediction, const Tensor& target, const Tensor& sample_weight) {
  check_same_shape(name(), prediction, target);
  check(prediction.rank() == 1 || prediction.rank() == 2, name(), ": received shape ", prediction.shape(),
        "; expected [N] or [N, D]");
  const std::int64_t samples = prediction.size(0), outputs = prediction.rank() == 2 ? prediction.size(1) : 1;
  const Weights weights(name(), sample_weight, samples, prediction.numel());
  if (totals_.empty()) totals_.resize(static_cast<std::size_t>(outputs) * 4);
  check(totals_.size() == static_cast<std::size_t>(outputs) * 4, name(), ": received ", outputs, " outputs; expected ",
        totals_.size() / 4, " as in the batches before");
  with_numbers(prediction, [&](const auto* p) {
    with_numbers(target, [&](const auto* t) {
      for (std::int64_t i = 0; i < samples; ++i)
        for (std::int64_t d = 0; d < outputs; ++d) {
          const std::int64_t k = i * outputs + d;
          const double w = weights[k], y = static_cast<double>(t[k]), r = y - static_cast<double>(p[k]);
          add(static_cast<std::size_t>(d), w, y, 0, w * r * r);
        }
    });
  });
}

double R2::result() const {
  double sum = 0;
  for (std::size_t c = 0; c < totals_.size(); c += 4) {
    const double deviation = totals_[c + 2], residual = totals_[c + 3];
    sum += deviation > 0 ? 1 - residual / deviation : residual == 0 && totals_[c] > 0 ? 1 : 0;
  }
  return totals_.empty() ? 0 : sum / (static_cast<double>(totals_.size()) / 4);
}

void R2::merge(const R2& other) {
  if (totals_.empty()) totals_.resize(other.totals_.size());
  check(other.totals_.empty() || totals_.size() == other.totals_.size(), name(), ": merge received ",
        other.totals_.size() / 4, " outputs; expected ", totals_.size() / 4);
  for (std::size_t c = 0; c * 4 < other.totals_.size(); ++c) {
    const double* t = other.totals_.data() + c * 4;
    add(c, t[0], t[1], t[2], t[3]);
  }
}

void CosineSimilarity::update(const Tensor& prediction, const Tensor& target, const Tensor& sample_weight) {
  check_same_shape(name(), prediction, target);
  check(prediction.rank() >= 1, name(), ": received scalars; expected vectors along an axis");
  const int axis = normalize_axis(axis_, prediction.rank());
  ScoreLayout l;
  l.classes = prediction.size(axis);
  for (int i = 0; i < axis; ++i) l.outer *= prediction.shape()[i];
  for (int i = axis + 1; i < prediction.rank(); ++i) l.inner *= prediction.shape()[i];
  const Weights weights(name(), sample_weight, axis == 0 ? l.count() : samples_of(prediction), l.count());
  with_numbers(prediction, [&](const auto* p) {
    with_numbers(target, [&](const auto* t) {
      for (std::int64_t i = 0; i < l.count(); ++i) {
        double dot = 0, pp = 0, tt = 0;
        for (std::int64_t c = 0; c < l.classes; ++c) {
          const std::int64_t k = l.base(i) + c * l.stride();
          const double a = static_cast<double>(p[k]), b = static_cast<double>(t[k]);
          dot += a * b;
          pp += a * a;
          tt += b * b;
        }
        const double w = weights[i];
        totals_[0] += pp > 0 && tt > 0 ? w * dot / std::sqrt(pp * tt) : 0;
        totals_[1] += w;
      }
    });
  });
}

}  // namespace weft::metrics
