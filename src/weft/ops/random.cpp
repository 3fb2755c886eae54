#include <weft/ops/random.h>

#include <cmath>
#include <limits>

#include <weft/opdefs/random.h>
#include <weft/ops/composite.h>
#include <weft/ops/ops.h>
#include <weft/tensor/tape.h>

namespace weft {

namespace {
RandomStream draw(Generator* g) { return (g ? *g : default_generator()).next(); }
///@{
/// The range of bool and the integers.
std::int64_t lowest(DType t) {
  return t == DType::i64   ? std::numeric_limits<std::int64_t>::min()
         : t == DType::i32 ? std::numeric_limits<std::int32_t>::min()
                           : 0;
}
std::int64_t highest(DType t) {
  switch (t) {
    case DType::boolean:
      return 1;
    case DType::u8:
      return 255;
    case DType::i32:
      return std::numeric_limits<std::int32_t>::max();
    default:
      return std::numeric_limits<std::int64_t>::max();
  }
}
///@}
}  // namespace

Tensor randint(std::int64_t lo, std::int64_t hi, const Shape& shape, const TensorOptions& o, Generator* g) {
  const DType dtype = o.dtype.value_or(DType::i64);
  check(is_floating(dtype) || hi <= lo || (lo >= lowest(dtype) && hi - 1 <= highest(dtype)), "randint: ", lo, " to ",
        hi, " for ", name_of(dtype), ", which holds ", lowest(dtype), " to ", highest(dtype));
  DeviceScope scope(o.device.value_or(default_device()));
  return apply(op::RandomInteger{shape, dtype, lo, hi, draw(g)});
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
  detail::check_at(p.where(), p.kind() == Operand::Kind::tensor && is_floating(p.tensor().dtype()),
                   "bernoulli: expected a floating tensor of probabilities");
  const Tensor probability = p.tensor().detach();
  if (probability.device().type != DeviceType::meta)  // a symbolic tensor has no values to look at
    detail::check_at(p.where(), all(logical_and(probability >= 0.0, probability <= 1.0)).item<bool>(),
                     "bernoulli: received probabilities outside 0 to 1; expected none");
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
  detail::check_at(x.where(), p >= 0 && p <= 1, "dropout: p is ", p, "; expected a probability from 0 to 1");
  if (p == 0) return x.tensor();
  return dropout(x, p, draw(g));
}
Tensor dropout(Operand x, double p, RandomStream stream) { return apply(op::Dropout{p, stream}, x); }

void register_random_gradients() { add_vjps(op::RandomOps{}); }

}  // namespace weft
