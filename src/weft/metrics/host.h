// Reading predictions, targets and weights on the host. For this folder's .cpp files.
#pragma once

#include <weft/base/error.h>
#include <weft/tensor/storage.h>
#include <weft/tensor/tensor.h>

namespace weft::metrics {

/// Row-major numbers of a tensor as T: its own memory where that is what it holds, else a copy.
template <class T> class Host {
 public:
  explicit Host(const Tensor& t) : tensor_(t) {
    if (t.dtype() == dtype_of<T> && is_host(t.device()) && t.is_contiguous()) {
      p_ = t.data<T>();
    } else {
      copy_ = t.to_vector<T>();
      p_ = copy_.data();
    }
  }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;
  T operator[](std::int64_t i) const { return p_[i]; }
  const T* data() const { return p_; }

 private:
  Tensor tensor_;  ///< keeps the memory alive
  std::vector<T> copy_;
  const T* p_;
};

/// Calls f with the numbers as float (floating tensors up to f32) or double (all others), so that none changes.
template <class F> void with_numbers(const Tensor& t, F&& f) {
  const bool narrow = is_floating(t.dtype()) && t.dtype() != DType::f64;
  if (narrow) f(Host<float>(t).data());
  else f(Host<double>(t).data());
}

/// Weights of targets: one each, or one a sample.
class Weights {
 public:
  /// `count` targets in `samples` samples; throws Error naming the metric for another number of weights.
  Weights(const std::string& metric, const Tensor& weight, std::int64_t samples, std::int64_t count) {
    if (!weight.defined()) return;
    const std::int64_t n = weight.numel();
    check(n == count || n == samples, metric, ": received sample weights of shape ", weight.shape(),
          "; expected ", samples, " (one a sample)", count == samples ? "" : cat(" or ", count, " (one a target)"));
    values_ = weight.to_vector<double>();
    per_ = n ? count / n : 1;
  }
  double operator[](std::int64_t i) const {
    return values_.empty() ? 1.0 : values_[static_cast<std::size_t>(i / per_)];
  }

 private:
  std::vector<double> values_;
  std::int64_t per_ = 1;
};

/// A batch of class scores: class c of target i is at scores[base(i) + c * stride].
struct ScoreLayout {
  std::int64_t outer = 1, classes = 1, inner = 1;
  std::int64_t count() const { return outer * inner; }
  std::int64_t base(std::int64_t i) const { return i / inner * classes * inner + i % inner; }
  std::int64_t stride() const { return inner; }
};

/// What a prediction and a target are to each other.
enum class Match : unsigned char {
  elements,  ///< one number each: scores of a yes or no against 0 and 1, or labels against labels
  one_hot,   ///< scores of classes against scores of the same shape
  labels,    ///< scores of classes against the right class's number
};
struct Pairing {
  Match match;
  ScoreLayout scores;
};
/// Reads it off the shapes, classes along `axis`; throws Error naming both where they do not fit.
Pairing pair_up(const std::string& metric, const Tensor& prediction, const Tensor& target, int axis);

/// The class with the largest score (NaN counts as largest, the first of equals wins).
template <class T> std::int64_t argmax(const T* p, std::int64_t classes, std::int64_t stride) {
  std::int64_t best = 0;
  for (std::int64_t c = 1; c < classes; ++c) {
    const T v = p[c * stride], top = p[best * stride];
    if (v > top || (v != v && top == top)) best = c;
  }
  return best;
}

/// Throws Error unless label is in [0, classes).
inline void check_label(const std::string& metric, std::int64_t label, std::int64_t classes, std::int64_t i) {
  check(label >= 0 && label < classes, metric, ": received label ", label, " (target ", i, "); expected 0 to ",
        classes - 1);
}
/// Throws Error unless v is 0 or 1.
inline void check_binary(const std::string& metric, double v, std::int64_t i) {
  check(v == 0 || v == 1, metric, ": received target ", v, " (target ", i, "); expected 0 or 1");
}

}  // namespace weft::metrics
