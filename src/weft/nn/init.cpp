#include <weft/nn/init.h>

#include <algorithm>
#include <cmath>

#include <weft/base/thread_pool.h>
#include <weft/opdefs/scalar_math.h>
#include <weft/ops/create.h>

namespace weft::nn::init {

namespace {

thread_local Scope* current_scope = nullptr;

using Values = std::vector<double>;

/// f(i) for every element, as a tensor.
template <class F> Tensor draw(const Shape& shape, DType dtype, F f) {
  Values v(static_cast<std::size_t>(shape.numel()));
  parallel_for(shape.numel(), 1 << 14, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) v[static_cast<std::size_t>(i)] = f(static_cast<std::uint64_t>(i));
  });
  return tensor_of(v, shape, {.dtype = dtype});
}

/// Standard normal given that |x| < cut, by the inverse of its distribution function: one draw an element.
double truncated(RandomStream s, std::uint64_t i, double cut) {
  const double part = std::erf(cut / std::sqrt(2.0));  // the probability of |x| < cut
  return std::sqrt(2.0) * math::erfinv(part * (2 * s.uniform(i) - 1));
}

/// Standard deviation of the standard normal cut at two: sqrt(1 - 4 phi(2) / (2 Phi(2) - 1)).
constexpr double truncated_stddev = 0.87962566103423978;

/// Gram-Schmidt, twice, on the rows of [rows, columns], rows <= columns; r's diagonal comes out positive, which makes q
/// uniform over orthogonal matrices (Mezzadri, "How to generate random matrices from the classical compact groups", 2007).
void orthonormalise_rows(Values& m, std::int64_t rows, std::int64_t columns) {
  const auto row = [&](std::int64_t i) { return m.data() + i * columns; };
  const auto dot = [&](const double* a, const double* b) {
    double s = 0;
    for (std::int64_t k = 0; k < columns; ++k) s += a[k] * b[k];
    return s;
  };
  for (std::int64_t i = 0; i < rows; ++i) {
    for (int pass = 0; pass < 2; ++pass)
      for (std::int64_t j = 0; j < i; ++j) {
        const double s = dot(row(i), row(j));
        for (std::int64_t k = 0; k < columns; ++k) row(i)[k] -= s * row(j)[k];
      }
    const double scale = 1 / std::sqrt(dot(row(i), row(i)));
    for (std::int64_t k = 0; k < columns; ++k) row(i)[k] *= scale;
  }
}

Initializer scaled(double scale, FanMode mode, Distribution distribution) {
  return VarianceScaling{scale, mode, distribution};
}

}  // namespace

Fans fans_of(const Shape& w) {
  if (w.rank() == 0) return {1, 1};
  if (w.rank() == 1) return {static_cast<double>(w[0]), static_cast<double>(w[0])};
  double field = 1;
  for (int i = 2; i < w.rank(); ++i) field *= static_cast<double>(w[i]);
  return {static_cast<double>(w[1]) * field, static_cast<double>(w[0]) * field};
}

Tensor VarianceScaling::operator()(const Shape& shape, DType dtype, RandomStream stream) const {
  const Fans f = fans.in > 0 ? fans : fans_of(shape);
  const double fan = mode == FanMode::fan_in ? f.in : mode == FanMode::fan_out ? f.out : (f.in + f.out) / 2;
  const double variance = scale / std::max(1.0, fan), stddev = std::sqrt(variance);
  switch (distribution) {
    case Distribution::uniform: {
      const double limit = std::sqrt(3 * variance);
      return draw(shape, dtype, [=](std::uint64_t i) { return limit * (2 * stream.uniform(i) - 1); });
    }
    case Distribution::normal: return draw(shape, dtype, [=](std::uint64_t i) { return stddev * stream.normal(i); });
    default:
      return draw(shape, dtype, [=](std::uint64_t i) { return stddev / truncated_stddev * truncated(stream, i, 2); });
  }
}

Tensor zeros(const Shape& shape, DType dtype, RandomStream) { return full(shape, 0, {.dtype = dtype}); }
Tensor ones(const Shape& shape, DType dtype, RandomStream) { return full(shape, 1, {.dtype = dtype}); }
Initializer constant(double value) {
  return [=](const Shape& shape, DType dtype, RandomStream) { return full(shape, value, {.dtype = dtype}); };
}
Initializer normal(double mean, double stddev) {
  return [=](const Shape& shape, DType dtype, RandomStream s) {
    return draw(shape, dtype, [=](std::uint64_t i) { return mean + stddev * s.normal(i); });
  };
}
Initializer uniform(double lo, double hi) {
  return [=](const Shape& shape, DType dtype, RandomStream s) {
    return draw(shape, dtype, [=](std::uint64_t i) { return lo + (hi - lo) * s.uniform(i); });
  };
}
Initializer truncated_normal(double mean, double stddev, double cut) {
  check(cut > 0, "truncated_normal: cut is ", cut, "; expected more than 0");
  return [=](const Shape& shape, DType dtype, RandomStream s) {
    return draw(shape, dtype, [=](std::uint64_t i) { return mean + stddev * truncated(s, i, cut); });
  };
}

Initializer orthogonal(double gain) {
  return [=](const Shape& shape, DType dtype, RandomStream s) {
    check(shape.rank() >= 2, "init::orthogonal: received shape ", shape, "; expected rank 2 or more");
    if (shape.numel() == 0) return full(shape, 0, {.dtype = dtype});
    const std::int64_t rows = shape[0], columns = shape.numel() / rows, few = std::min(rows, columns),
                       many = std::max(rows, columns);
    Values m(static_cast<std::size_t>(rows * columns));
    for (std::size_t i = 0; i < m.size(); ++i) m[i] = s.normal(i);
    orthonormalise_rows(m, few, many);
    return draw(shape, dtype, [&](std::uint64_t i) {
      const auto k = static_cast<std::int64_t>(i), r = k / columns, c = k % columns;
      return gain * m[static_cast<std::size_t>(rows <= columns ? k : c * many + r)];
    });
  };
}

Initializer variance_scaling(double scale, FanMode mode, Distribution d) { return scaled(scale, mode, d); }
Initializer glorot_uniform(double gain) { return scaled(gain * gain, FanMode::fan_avg, Distribution::uniform); }
Initializer glorot_normal(double gain) { return scaled(gain * gain, FanMode::fan_avg, Distribution::normal); }
Initializer he_uniform(FanMode mode) { return scaled(2, mode, Distribution::uniform); }
Initializer he_normal(FanMode mode) { return scaled(2, mode, Distribution::normal); }
Initializer lecun_uniform() { return scaled(1, FanMode::fan_in, Distribution::uniform); }
Initializer lecun_normal() { return scaled(1, FanMode::fan_in, Distribution::normal); }
Initializer torch_default() { return scaled(1.0 / 3, FanMode::fan_in, Distribution::uniform); }

Initializer by_name(std::string_view name) {
  static const std::vector<std::pair<std::string, Initializer (*)()>> all{
      {"zeros", [] { return Initializer(zeros); }},
      {"ones", [] { return Initializer(ones); }},
      {"normal", [] { return normal(0, 0.05); }},
      {"uniform", [] { return uniform(-0.05, 0.05); }},
      {"truncated_normal", [] { return truncated_normal(0, 0.05); }},
      {"orthogonal", [] { return orthogonal(); }},
      {"variance_scaling", [] { return variance_scaling(); }},
      {"glorot_uniform", [] { return glorot_uniform(); }},
      {"glorot_normal", [] { return glorot_normal(); }},
      {"xavier_uniform", [] { return glorot_uniform(); }},
      {"xavier_normal", [] { return glorot_normal(); }},
      {"he_uniform", [] { return he_uniform(); }},
      {"he_normal", [] { return he_normal(); }},
      {"kaiming_uniform", [] { return he_uniform(); }},
      {"kaiming_normal", [] { return he_normal(); }},
      {"lecun_uniform", [] { return lecun_uniform(); }},
      {"lecun_normal", [] { return lecun_normal(); }},
      {"torch_default", [] { return torch_default(); }},
  };
  std::vector<std::string> names;
  std::string listed;
  for (const auto& [key, make] : all) {
    if (key == name) return make();
    names.push_back(key);
    listed += (listed.empty() ? "" : ", ") + key;
  }
  fail("initializer '", name, "' is unknown", suggestion(name, names), "; expected one of ", listed);
}

Scope::Scope(Initializer kernel, Initializer bias)
    : kernel_(std::move(kernel)), bias_(std::move(bias)), outer_(std::exchange(current_scope, this)) {}
Scope::~Scope() { current_scope = outer_; }

Initializer kernel_or_default(const Initializer& chosen) {
  if (chosen) return chosen;
  return current_scope && current_scope->kernel() ? current_scope->kernel() : glorot_uniform();
}
Initializer bias_or_default(const Initializer& chosen) {
  if (chosen) return chosen;
  return current_scope && current_scope->bias() ? current_scope->bias() : Initializer(zeros);
}
void set_fans(const Parameter& p, Fans fans) {
  if (!p) return;
  if (auto* scaling = p.state()->initializer.target<VarianceScaling>()) scaling->fans = fans;
}

}  // namespace weft::nn::init
