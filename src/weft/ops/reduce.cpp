#include <weft/ops/reduce.h>

#include <algorithm>
#include <cmath>

#include <weft/opdefs/reduce.h>
#include <weft/opdefs/scan.h>
#include <weft/ops/composite.h>
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
using detail::in_f32;
using detail::tensor_from;
}  // namespace

Tensor sum(Operand x, const Dims& axes, bool keepdim) { return apply(op::Sum{axes, keepdim}, x); }
Tensor mean(Operand x, const Dims& axes, bool keepdim) {
  return in_f32(x, [&](Operand t) {
    const Tensor total = sum(t, axes, keepdim);  // first, as it names axes that do not fit
    return total / static_cast<double>(reduced_count(t.tensor(), axes));
  });
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
  return in_f32(x, [&](Operand t) {
    const Tensor distance = t - mean(t, axes, true);
    const double count = static_cast<double>(reduced_count(t.tensor(), axes)) - correction;
    return sum(square(distance), axes, keepdim) / std::max(count, 0.0);
  });
}
Tensor std(Operand x, const Dims& axes, double correction, bool keepdim) {
  return in_f32(x, [&](Operand t) { return sqrt(var(t, axes, correction, keepdim)); });
}
Tensor quantile(Operand x, double q, const Dims& axes, bool keepdim) {
  detail::check_at(x.where(), q >= 0 && q <= 1, "quantile: q is ", q, "; expected 0 to 1");
  Tensor t = tensor_from(x);
  if (!is_floating(t.dtype())) t = cast(t, DType::f32);
  const Dims reduced = normalize_axes(axes, t.rank());
  const std::int64_t n = reduced_count(t, reduced);
  detail::check_at(x.where(), n > 0, "quantile: received shape ", t.shape(), ", which has no elements along axes ",
                   reduced);
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
  return in_f32(x, [&](Operand t) {
    if (reduced_count(t.tensor(), axes) == 0) return log(sum(t, axes, keepdim));  // the logarithm of an empty sum
    Tensor top = max(t.tensor().detach(), axes, true);
    top = where(isfinite(top), top, 0.0);
    const Tensor total = log(sum(exp(t - top), axes, true)) + top;
    return keepdim ? total : reshape(total, op::reduced_shape(t.tensor().shape(), axes, false));
  });
}

namespace {
Tensor norm_of(Operand x, double p, const Dims& axes, bool keepdim) {
  if (p == 2) {
    const Tensor real = is_floating(x.tensor().dtype()) ? x.tensor() : cast(x, DType::f32);
    const Tensor squares = sum({square(real), x.where()}, axes, keepdim);
    const Tensor positive = squares > 0.0;  // sqrt has no gradient at 0
    return where(positive, sqrt(where(positive, squares, 1.0)), squares);
  }
  const Tensor size = abs(x);
  if (p == 1) return sum(size, axes, keepdim);
  if (std::isinf(p)) return p > 0 ? max(size, axes, keepdim) : min(size, axes, keepdim);
  if (p == 0) return cast(count_nonzero(x, axes, keepdim), is_floating(size.dtype()) ? size.dtype() : DType::f32);
  return pow(sum(pow(size, p), axes, keepdim), 1 / p);
}
}  // namespace
Tensor norm(Operand x, double p, const Dims& axes, bool keepdim) {
  detail::check_at(x.where(), !std::isnan(p), "norm: p is NaN; expected a number or an infinity");
  return in_f32(x, [&](Operand t) { return norm_of(t, p, axes, keepdim); });
}

Tensor nansum(Operand x, const Dims& axes, bool keepdim) { return sum(where(isnan(x), 0, x), axes, keepdim); }
Tensor nanmean(Operand x, const Dims& axes, bool keepdim) {
  return in_f32(x, [&](Operand t) { return nansum(t, axes, keepdim) / sum(!isnan(t), axes, keepdim); });
}
Tensor nanprod(Operand x, const Dims& axes, bool keepdim) { return prod(where(isnan(x), 1, x), axes, keepdim); }
Tensor nanvar(Operand x, const Dims& axes, double correction, bool keepdim) {
  return in_f32(x, [&](Operand t) {
    const Tensor missing = isnan(t);
    const Tensor squares = where(missing, 0.0, square(t - nanmean(t, axes, true)));
    const Tensor count = cast(sum(!missing, axes, keepdim), squares.dtype()) - correction;
    return sum(squares, axes, keepdim) / maximum(count, 0.0);
  });
}
Tensor nanstd(Operand x, const Dims& axes, double correction, bool keepdim) {
  return in_f32(x, [&](Operand t) { return sqrt(nanvar(t, axes, correction, keepdim)); });
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
  return detail::along_axis(x, axis, [&](Operand t) { return apply(op::CumSum{axis, reverse, exclusive}, t); });
}
Tensor cumprod(Operand x, int axis, bool reverse, bool exclusive) {
  return detail::along_axis(x, axis, [&](Operand t) { return apply(op::CumProd{axis, reverse, exclusive}, t); });
}
Tensor linear_scan(Operand a, Operand b, int axis, bool reverse) { return apply(op::LinearScan{axis, reverse}, a, b); }

void register_reduce_gradients() {
  add_vjps(op::Reductions{});
  add_vjps(op::Scans{});
}

}  // namespace weft
