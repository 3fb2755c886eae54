#include <weft/ops/reduce.h>

#include <algorithm>
#include <cmath>

#include <weft/opdefs/reduce.h>
#include <weft/opdefs/scan.h>
#include <weft/ops/ops.h>
#include <weft/tensor/tape.h>

namespace weft {

namespace {
std::int64_t reduced_count(const Tensor& t, const Dims& axes) {
  std::int64_t count = 1;
  for (auto a : normalize_axes(axes, t.rank())) count *= t.shape()[static_cast<int>(a)];
  return count;
}
Dims optional_axis(std::optional<int> axis) { return axis ? Dims{*axis} : Dims{}; }
/// The operand itself, numbers as scalars.
Tensor tensor_from(const Operand& x) {
  return x.kind() == Operand::Kind::tensor ? x.tensor() : full({}, x.number());
}
}  // namespace

Tensor sum(Operand x, const Dims& axes, bool keepdim) { return apply(op::Sum{axes, keepdim}, x); }
Tensor mean(Operand x, const Dims& axes, bool keepdim) {
  return sum(x, axes, keepdim) / static_cast<double>(reduced_count(tensor_from(x), axes));
}
Tensor prod(Operand x, const Dims& axes, bool keepdim) { return apply(op::Prod{axes, keepdim}, x); }
Tensor amax(Operand x, const Dims& axes, bool keepdim) { return apply(op::Amax{axes, keepdim}, x); }
Tensor amin(Operand x, const Dims& axes, bool keepdim) { return apply(op::Amin{axes, keepdim}, x); }
Tensor max(Operand x, const Dims& axes, bool keepdim) { return amax(x, axes, keepdim); }
Tensor min(Operand x, const Dims& axes, bool keepdim) { return amin(x, axes, keepdim); }
Tensor argmax(Operand x, std::optional<int> axis, bool keepdim) {
  return apply(op::ArgMax{optional_axis(axis), keepdim}, x);
}
Tensor argmin(Operand x, std::optional<int> axis, bool keepdim) {
  return apply(op::ArgMin{optional_axis(axis), keepdim}, x);
}
Tensor var(Operand x, const Dims& axes, double correction, bool keepdim) {
  const double count = static_cast<double>(reduced_count(tensor_from(x), axes)) - correction;
  return sum(square(x - mean(x, axes, true)), axes, keepdim) / std::max(count, 0.0);
}
Tensor std(Operand x, const Dims& axes, double correction, bool keepdim) {
  return sqrt(var(x, axes, correction, keepdim));
}
Tensor quantile(Operand x, double q, const Dims& axes, bool keepdim) {
  check(q >= 0 && q <= 1, "quantile: q is ", q, "; expected 0 to 1");
  Tensor t = tensor_from(x);
  if (!is_floating(t.dtype())) t = cast(t, DType::f32);
  const Dims reduced = normalize_axes(axes, t.rank());
  const std::int64_t n = reduced_count(t, reduced);
  check(n > 0, "quantile: received shape ", t.shape(), ", which has no elements along axes ", reduced);
  Dims order;  // the reduced axes last
  Shape rows;
  for (int i = 0; i < t.rank(); ++i)
    if (!reduced.contains(i)) order.push_back(i), rows.push_back(t.shape()[i]);
  for (auto a : reduced) order.push_back(a);
  rows.push_back(n);
  const Tensor sorted = sort(reshape(permute(t, order), rows), -1).values;
  const double at = q * static_cast<double>(n - 1);
  const auto low = static_cast<std::int64_t>(at);
  Tensor y = select(sorted, -1, low);
  if (const double share = at - static_cast<double>(low); share > 0)
    y = y + (select(sorted, -1, low + 1) - y) * share;
  y = where(isnan(select(sorted, -1, n - 1)), std::nan(""), y);  // NaN is sorted last
  return reshape(y, op::reduced_shape(t.shape(), axes, keepdim));
}
Tensor median(Operand x, const Dims& axes, bool keepdim) { return quantile(x, 0.5, axes, keepdim); }
Tensor any(Operand x, const Dims& axes, bool keepdim) { return count_nonzero(x, axes, keepdim) > 0; }
Tensor all(Operand x, const Dims& axes, bool keepdim) { return sum(x == 0, axes, keepdim) == 0; }
Tensor count_nonzero(Operand x, const Dims& axes, bool keepdim) { return sum(x != 0, axes, keepdim); }

Tensor logsumexp(Operand x, const Dims& axes, bool keepdim) {
  if (reduced_count(tensor_from(x), axes) == 0) return log(sum(x, axes, keepdim));  // the logarithm of an empty sum
  Tensor top = max(tensor_from(x).detach(), axes, true);
  top = where(isfinite(top), top, 0.0);
  const Tensor total = log(sum(exp(x - top), axes, true)) + top;
  return keepdim ? total : reshape(total, op::reduced_shape(tensor_from(x).shape(), axes, false));
}

Tensor norm(Operand x, double p, const Dims& axes, bool keepdim) {
  check(p >= 0, "norm: p is ", p, "; expected 0 or more");
  if (p == 2) {
    const Tensor squares =
        sum(square(is_floating(tensor_from(x).dtype()) ? tensor_from(x) : cast(x, DType::f32)), axes, keepdim);
    const Tensor positive = squares > 0.0;  // sqrt has no gradient at 0
    return where(positive, sqrt(where(positive, squares, 1.0)), squares);
  }
  const Tensor size = abs(x);
  if (p == 1) return sum(size, axes, keepdim);
  if (std::isinf(p)) return max(size, axes, keepdim);
  if (p == 0) return cast(count_nonzero(x, axes, keepdim), is_floating(size.dtype()) ? size.dtype() : DType::f32);
  return pow(sum(pow(size, p), axes, keepdim), 1 / p);
}

Tensor nansum(Operand x, const Dims& axes, bool keepdim) { return sum(where(isnan(x), 0, x), axes, keepdim); }
Tensor nanmean(Operand x, const Dims& axes, bool keepdim) {
  return nansum(x, axes, keepdim) / sum(!isnan(x), axes, keepdim);
}
namespace {
Tensor ignore_nan(const Tensor& x, const Dims& axes, bool keepdim, double worst, decltype(&amax) reduce) {
  const Tensor missing = isnan(x);
  return where(all(missing, axes, keepdim), std::nan(""), reduce(where(missing, worst, x), axes, keepdim));
}
}  // namespace
Tensor nanmax(Operand x, const Dims& axes, bool keepdim) {
  return ignore_nan(tensor_from(x), axes, keepdim, -HUGE_VAL, &amax);
}
Tensor nanmin(Operand x, const Dims& axes, bool keepdim) {
  return ignore_nan(tensor_from(x), axes, keepdim, HUGE_VAL, &amin);
}

Tensor cumsum(Operand x, int axis, bool reverse, bool exclusive) {
  return apply(op::CumSum{axis, reverse, exclusive}, x);
}
Tensor cumprod(Operand x, int axis, bool reverse, bool exclusive) {
  return apply(op::CumProd{axis, reverse, exclusive}, x);
}
Tensor linear_scan(Operand a, Operand b, int axis, bool reverse) { return apply(op::LinearScan{axis, reverse}, a, b); }

void register_reduce_gradients() {
  add_vjps(op::Reductions{});
  add_vjps(op::Scans{});
}

}  // namespace weft
