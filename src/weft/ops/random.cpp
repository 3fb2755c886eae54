#include <weft/ops/random.h>

#include <cmath>

#include <weft/opdefs/random.h>
#include <weft/ops/ops.h>
#include <weft/tensor/tape.h>

namespace weft {

namespace {
RandomStream draw(Generator* g) { return (g ? *g : default_generator()).next(); }
}  // namespace

Tensor randint(std::int64_t lo, std::int64_t hi, const Shape& shape, const TensorOptions& o, Generator* g) {
  DeviceScope scope(o.device.value_or(default_device()));
  return apply(op::RandomInteger{shape, o.dtype.value_or(DType::i64), lo, hi, draw(g)});
}
Tensor randperm(std::int64_t n, const TensorOptions& o, Generator* g) {
  check(n >= 0, "randperm: received ", n, "; expected 0 or more");
  // The order of 53-bit keys; equal ones, which hardly occur, keep their order.
  const Tensor order = argsort(rand({n}, {.dtype = DType::f64, .device = o.device}, g));
  return order.to(o.dtype.value_or(DType::i64));
}
Tensor shuffle(Operand x, int axis, Generator* g) {
  const Tensor& t = x.tensor();
  return take(t, randperm(t.size(axis), {.device = t.device()}, g), axis);
}
Tensor bernoulli(Operand p, Generator* g) {
  check(p.kind() == Operand::Kind::tensor && is_floating(p.tensor().dtype()),
        "bernoulli: expected a floating tensor of probabilities");
  const Tensor probability = p.tensor().detach();
  const Tensor u = rand(probability.shape(), {.dtype = DType::f64, .device = probability.device()}, g);
  return cast(u < probability, probability.dtype());
}
Tensor categorical(Operand logits, std::int64_t samples, Generator* g) {
  const Tensor x = cast(logits, DType::f64).detach();
  check(x.rank() >= 1 && x.size(-1) > 0, "categorical: logits of shape ", x.shape(),
        "; expected classes along the last axis");
  // Inverse of the cumulative distribution: how many classes end at or before u.
  const Tensor ends = cumsum(exp(x - max(x, {-1}, true)), -1);
  Shape shape = x.shape();
  shape[shape.rank() - 1] = samples;
  const Tensor u = rand(shape, {.dtype = DType::f64, .device = x.device()}, g) * slice(ends, -1, -1);
  const Tensor before = sum(unsqueeze(ends, -2) <= unsqueeze(u, -1), {-1});
  return minimum(before, x.size(-1) - 1);
}
Tensor truncated_normal(const Shape& shape, double mean, double stddev, double lo, double hi, const TensorOptions& o,
                        Generator* g) {
  check(lo < hi, "truncated_normal: limits ", lo, " and ", hi, "; expected lo < hi");
  // Through the inverse of the distribution function: 2 * Phi(z) - 1 = erf(z / sqrt(2)).
  const double a = std::erf(lo * M_SQRT1_2), b = std::erf(hi * M_SQRT1_2);
  const Tensor u = uniform(shape, a, b, {.dtype = DType::f64, .device = o.device}, g);
  const Tensor y = clip(erfinv(u) * (M_SQRT2 * stddev) + mean, mean + lo * stddev, mean + hi * stddev);
  const Tensor t = cast(y, o.dtype.value_or(DType::f32));
  return o.requires_grad ? t.requires_grad(true) : t;
}
Tensor dropout(Operand x, double p, Generator* g) {
  check(p >= 0 && p <= 1, "dropout: p is ", p, "; expected a probability from 0 to 1");
  if (p == 0) return x.tensor();
  return dropout(x, p, draw(g));
}
Tensor dropout(Operand x, double p, RandomStream stream) { return apply(op::Dropout{p, stream}, x); }

void register_random_gradients() { add_vjps(op::RandomOps{}); }

}  // namespace weft
