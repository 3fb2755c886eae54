// Reference kernels of normalisation, softmax and cross-entropy.
#include <cmath>

#include <weft/kernels/ref/reference.h>
#include <weft/opdefs/norm.h>
#include <weft/opdefs/softmax.h>

namespace weft {

namespace {
using namespace reference;

/// Calls f(index) for every element of one channel (axis 1) of `shape`.
template <class F> void for_each_of_channel(const Shape& shape, std::int64_t channel, F&& f) {
  Shape rest = shape;
  rest[1] = 1;
  for_each_index(rest, [&](const Dims& at) {
    Dims index = at;
    index[1] = channel;
    f(static_cast<const Dims&>(index));
  });
}

double or_one(const KernelCall& call, std::size_t input, std::int64_t channel) {
  return call.in.size() > input ? get<double>(call.in[input], {channel}) : 1;
}

template <class Op, bool relu> void run_batch_norm(const KernelCall& call) {
  const TensorView& x = call.in[0];
  const double eps = call.attributes<Op>().eps, n = op::norm_detail::elements_a_channel(x.shape);
  for (std::int64_t c = 0; c < x.shape[1]; ++c) {
    double mean = 0, var = 0;
    for_each_of_channel(x.shape, c, [&](const Dims& i) { mean += get<double>(x, i) / n; });
    for_each_of_channel(x.shape, c, [&](const Dims& i) {
      const double d = get<double>(x, i) - mean;
      var += d * d / n;
    });
    const double scale = or_one(call, 1, c) / std::sqrt(var + eps), shift = call.in.size() > 2 ? get<double>(call.in[2], {c}) : 0;
    for_each_of_channel(x.shape, c, [&](const Dims& i) {
      const double y = (get<double>(x, i) - mean) * scale + shift;
      put(call.out[0], i, relu && y <= 0 ? 0 : y);
    });
    store(call.out[1], c, mean);
    store(call.out[2], c, var);
  }
}

template <class Op, bool relu> void run_batch_norm_grad(const KernelCall& call) {
  const TensorView& x = call.in[0];
  const double eps = call.attributes<Op>().eps, n = op::norm_detail::elements_a_channel(x.shape);
  for (std::int64_t c = 0; c < x.shape[1]; ++c) {
    const double mean = get<double>(call.in[2], {c}), r = 1 / std::sqrt(get<double>(call.in[3], {c}) + eps);
    const double w = or_one(call, 4, c);
    const double shift = call.in.size() > 5 ? get<double>(call.in[5], {c}) : 0;
    const auto g = [&](const Dims& i) {
      return relu && (get<double>(x, i) - mean) * r * w + shift <= 0 ? 0 : get<double>(call.in[1], i);
    };
    double sum_g = 0, sum_gx = 0;
    for_each_of_channel(x.shape, c, [&](const Dims& i) {
      sum_g += g(i);
      sum_gx += g(i) * (get<double>(x, i) - mean) * r;
    });
    for_each_of_channel(x.shape, c, [&](const Dims& i) {
      const double xhat = (get<double>(x, i) - mean) * r;
      put(call.out[0], i, w * r * (g(i) - sum_g / n - xhat * sum_gx / n));
    });
    store(call.out[1], c, sum_gx);
    store(call.out[2], c, sum_g);
  }
}

/// Calls f(row, offset_of_element(k)) …: a view as rows of its last `axes` axes, each element by its index.
struct Rows {
  Shape outer, inner;
  Rows(const Shape& s, std::int64_t axes)
      : outer(std::span<const std::int64_t>(s.begin(), s.end() - axes)), inner(std::span<const std::int64_t>(s.end() - axes, s.end())) {}
  template <class F> void for_each(const Dims& row, F&& f) const {
    for_each_index(inner, [&](const Dims& k) {
      Dims index = row;
      for (auto v : k) index.push_back(v);
      f(static_cast<const Dims&>(index));
    });
  }
};

void run_standardize(const KernelCall& call) {
  const auto& op = call.attributes<op::Standardize>();
  const TensorView& x = call.in[0];
  const Rows rows(x.shape, op.axes);
  const auto n = static_cast<double>(rows.inner.numel());
  for_each_index(rows.outer, [&](const Dims& row) {
    double mean = 0, var = 0;
    if (op.center) rows.for_each(row, [&](const Dims& i) { mean += get<double>(x, i) / n; });
    rows.for_each(row, [&](const Dims& i) {
      const double d = get<double>(x, i) - mean;
      var += d * d / n;
    });
    const double rstd = 1 / std::sqrt(var + op.eps);
    rows.for_each(row, [&](const Dims& i) { put(call.out[0], i, (get<double>(x, i) - mean) * rstd); });
    put(call.out[1], row, rstd);
  });
}

void run_standardize_grad(const KernelCall& call) {
  const auto& op = call.attributes<op::StandardizeGrad>();
  const TensorView &y = call.in[0], &g = call.in[2];
  const Rows rows(y.shape, op.axes);
  const auto n = static_cast<double>(rows.inner.numel());
  for_each_index(rows.outer, [&](const Dims& row) {
    double mean_g = 0, mean_gy = 0;
    rows.for_each(row, [&](const Dims& i) {
      if (op.center) mean_g += get<double>(g, i) / n;
      mean_gy += get<double>(g, i) * get<double>(y, i) / n;
    });
    const double rstd = get<double>(call.in[1], row);
    rows.for_each(row, [&](const Dims& i) {
      put(call.out[0], i, rstd * (get<double>(g, i) - mean_g - get<double>(y, i) * mean_gy));
    });
  });
}

/// Calls f(at) for each vector of `shape` along `axis`; at(k) is the index of its element k.
template <class F> void for_each_vector(const Shape& shape, std::int64_t axis, F&& f) {
  const int a = normalize_axis(axis, shape.rank());
  Shape rest = shape;
  rest[a] = 1;
  if (shape.numel() == 0) return;
  for_each_index(rest, [&](const Dims& first) {
    Dims index = first;
    f([&](std::int64_t k) -> const Dims& {
      index[a] = k;
      return index;
    });
  });
}

/// The largest element and ln of the sum of e^(x - largest).
template <class At> std::pair<double, double> log_sum(const TensorView& x, std::int64_t n, At& at) {
  double top = get<double>(x, at(0)), total = 0;
  for (std::int64_t k = 1; k < n; ++k) top = std::fmax(top, get<double>(x, at(k)));
  for (std::int64_t k = 0; k < n; ++k) total += std::exp(get<double>(x, at(k)) - top);
  return {top, std::log(total)};
}

template <class Op, bool logarithm> void run_softmax(const KernelCall& call) {
  const TensorView& x = call.in[0];
  const std::int64_t axis = normalize_axis(call.attributes<Op>().axis, x.rank()), n = x.shape[static_cast<int>(axis)];
  for_each_vector(x.shape, axis, [&](auto at) {
    const auto [top, log_total] = log_sum(x, n, at);
    for (std::int64_t k = 0; k < n; ++k) {
      const double v = get<double>(x, at(k)) - top - log_total;
      put(call.out[0], at(k), logarithm ? v : std::exp(v));
    }
  });
}

void run_softmax_grad(const KernelCall& call) {
  const TensorView &y = call.in[0], &g = call.in[1];
  const std::int64_t axis = normalize_axis(call.attributes<op::SoftmaxGrad>().axis, y.rank());
  const std::int64_t n = y.shape[static_cast<int>(axis)];
  for_each_vector(y.shape, axis, [&](auto at) {
    double gy = 0;
    for (std::int64_t k = 0; k < n; ++k) gy += get<double>(g, at(k)) * get<double>(y, at(k));
    for (std::int64_t k = 0; k < n; ++k) put(call.out[0], at(k), get<double>(y, at(k)) * (get<double>(g, at(k)) - gy));
  });
}

Dims without_class(const Dims& index) {
  Dims at = index;
  at.erase(1);
  return at;
}

void check_label(std::int64_t label, std::int64_t classes, std::int64_t ignore) {
  check(label >= 0 && label < classes, "label ", label, "; expected 0 to ", classes - 1, " (logits have ", classes,
        " classes) or ignore_index ", ignore);
}

void run_cross_entropy(const KernelCall& call) {
  const auto& op = call.attributes<op::SoftmaxCrossEntropy>();
  const TensorView& z = call.in[0];
  const std::int64_t n = z.shape[1];
  for_each_vector(z.shape, 1, [&](auto at) {
    const Dims sample = without_class(at(0));
    const auto label = get<std::int64_t>(call.in[1], sample);
    if (label == op.ignore_index) return put(call.out[0], sample, 0.0);
    check_label(label, n, op.ignore_index);
    const auto [top, log_total] = log_sum(z, n, at);
    double spread = 0;
    for (std::int64_t k = 0; k < n; ++k) spread += (top + log_total - get<double>(z, at(k))) / static_cast<double>(n);
    put(call.out[0], sample,
        (1 - op.label_smoothing) * (top + log_total - get<double>(z, at(label))) + op.label_smoothing * spread);
  });
}

void run_cross_entropy_grad(const KernelCall& call) {
  const auto& op = call.attributes<op::SoftmaxCrossEntropyGrad>();
  const TensorView& z = call.in[0];
  const std::int64_t n = z.shape[1];
  for_each_vector(z.shape, 1, [&](auto at) {
    const Dims sample = without_class(at(0));
    const auto label = get<std::int64_t>(call.in[1], sample);
    const double g = get<double>(call.in[2], sample);
    if (label != op.ignore_index) check_label(label, n, op.ignore_index);
    const auto [top, log_total] = log_sum(z, n, at);
    for (std::int64_t k = 0; k < n; ++k) {
      const double target = (k == label ? 1 - op.label_smoothing : 0) + op.label_smoothing / static_cast<double>(n);
      const double p = std::exp(get<double>(z, at(k)) - top - log_total);
      put(call.out[0], at(k), label == op.ignore_index ? 0.0 : g * (p - target));
    }
  });
}

}  // namespace

void register_ref_norm() {
  add_reference<op::BatchNorm>(&run_batch_norm<op::BatchNorm, false>);
  add_reference<op::BatchNormGrad>(&run_batch_norm_grad<op::BatchNormGrad, false>);
  add_reference<op::BatchNormRelu>(&run_batch_norm<op::BatchNormRelu, true>);
  add_reference<op::BatchNormReluGrad>(&run_batch_norm_grad<op::BatchNormReluGrad, true>);
  add_reference<op::Standardize>(&run_standardize);
  add_reference<op::StandardizeGrad>(&run_standardize_grad);
  add_reference<op::Softmax>(&run_softmax<op::Softmax, false>);
  add_reference<op::LogSoftmax>(&run_softmax<op::LogSoftmax, true>);
  add_reference<op::SoftmaxGrad>(&run_softmax_grad);
  add_reference<op::SoftmaxCrossEntropy>(&run_cross_entropy);
  add_reference<op::SoftmaxCrossEntropyGrad>(&run_cross_entropy_grad);
}

}  // namespace weft
