#include <weft/ops/create.h>

#include <algorithm>
#include <cmath>

#include <weft/opdefs/create.h>
#include <weft/opdefs/random.h>
#include <weft/opdefs/shape_ops.h>
#include <weft/opdefs/transfer.h>
#include <weft/ops/ops.h>
#include <weft/tensor/tape.h>

namespace weft {

namespace {
/// Runs a maker on the device that the options name, and makes the result a leaf where asked.
template <class F> Tensor make(const TensorOptions& options, F&& f) {
  DeviceScope scope(options.device.value_or(default_device()));
  Tensor t = f();
  return options.requires_grad ? t.requires_grad(true) : t;
}
RandomStream draw(Generator* g) { return (g ? *g : default_generator()).next(); }
}  // namespace

Tensor detail::from_host(const void* data, DType from, const Shape& shape, DType dtype, const TensorOptions& options) {
  Tensor t = allocate_tensor({shape, options.dtype.value_or(dtype)}, cpu);
  copy_elements(TensorView::of(const_cast<void*>(data), from, shape), view_of(t));
  t = t.to(options.device.value_or(default_device()));
  return options.requires_grad ? t.requires_grad(true) : t;
}

Tensor full(const Shape& shape, Operand value, const TensorOptions& o) {
  check(value.kind() > Operand::Kind::tensor, "full: received a tensor; expected a number (see broadcast_to)");
  const DType dtype = o.dtype.value_or(DType::f32);
  constexpr std::int64_t exact = std::int64_t{1} << 53;  // whole numbers up to here are doubles
  if (dtype == DType::i64 && (value.integer() > exact || value.integer() < -exact)) return full(shape, 0, o) + value;
  return make(o, [&] { return apply(op::Full{shape, value.number(), dtype}); });
}
Tensor zeros(const Shape& shape, const TensorOptions& o) { return full(shape, 0, o); }
Tensor ones(const Shape& shape, const TensorOptions& o) { return full(shape, 1, o); }
Tensor empty(const Shape& shape, const TensorOptions& o) {
  Tensor t = allocate_tensor({shape, o.dtype.value_or(DType::f32)}, o.device.value_or(default_device()));
  return o.requires_grad ? t.requires_grad(true) : t;
}
Tensor empty_like(Operand x) {
  const Tensor& t = x.tensor();
  return empty(t.shape(), {.dtype = t.dtype(), .device = t.device()});
}
Tensor clone(Operand x) { return apply(op::Contiguous{}, x); }
Tensor full_like(Operand x, Operand value) {
  const Tensor& t = x.tensor();
  return full(t.shape(), value, {.dtype = t.dtype(), .device = t.device()});
}
Tensor new_full(Operand like, const Shape& shape, Operand value) {
  return full(shape, value, {.dtype = like.tensor().dtype(), .device = like.tensor().device()});
}
Tensor zeros_like(Operand x) { return full_like(x, 0); }
Tensor ones_like(Operand x) { return full_like(x, 1); }

Tensor arange(std::int64_t stop, const TensorOptions& o) { return arange(0, static_cast<double>(stop), 1, o); }
Tensor arange(double start, double stop, double step, const TensorOptions& o) {
  check(step != 0, "arange: step is 0");
  const double length = std::ceil((stop - start) / step);
  check(length < 0x1p62, "arange: ", length, " numbers from ", start, " to ", stop, " by ", step,
        "; expected finite bounds");  // which is false for NaN, too
  const auto count = static_cast<std::int64_t>(std::max(0.0, length));
  const bool whole = std::nearbyint(start) == start && std::nearbyint(step) == step;
  return make(o, [&] { return apply(op::Arange{start, step, count, o.dtype.value_or(whole ? DType::i64 : DType::f32)}); });
}

Tensor uniform(const Shape& shape, double lo, double hi, const TensorOptions& o, Generator* g) {
  check(lo <= hi, "uniform: limits ", lo, " and ", hi, "; expected the lower one first");
  return make(o, [&] { return apply(op::RandomUniform{shape, o.dtype.value_or(DType::f32), lo, hi, draw(g)}); });
}
Tensor rand(const Shape& shape, const TensorOptions& o, Generator* g) { return uniform(shape, 0, 1, o, g); }
Tensor normal(const Shape& shape, double mean, double stddev, const TensorOptions& o, Generator* g) {
  check(stddev >= 0, "normal: stddev is ", stddev, "; expected 0 or more");
  return make(o, [&] { return apply(op::RandomNormal{shape, o.dtype.value_or(DType::f32), mean, stddev, draw(g)}); });
}
Tensor randn(const Shape& shape, const TensorOptions& o, Generator* g) { return normal(shape, 0, 1, o, g); }

void register_create_gradients() {
  add_vjps(op::CreateOps{});
  add_vjps(op::Transfers{});
}

}  // namespace weft
