#include <weft/ops/slicing.h>

#include <algorithm>

#include <weft/opdefs/slicing.h>
#include <weft/ops/composite.h>
#include <weft/ops/ops.h>
#include <weft/tensor/tape.h>

namespace weft {

Tensor slice(Operand x, int axis, std::int64_t start, std::int64_t stop, std::int64_t step) {
  return apply(op::Slice{{axis}, {start}, {stop}, {step}}, x);
}
Tensor slice(Operand x, const Dims& axes, const Dims& start, const Dims& stop, const Dims& step) {
  return apply(op::Slice{axes, start, stop, step}, x);
}
Tensor slice_update(Operand x, Operand value, const Dims& axes, const Dims& start, const Dims& stop, const Dims& step) {
  const Tensor& t = x.tensor();
  const Shape part = op::slice_view(TensorView::of(nullptr, t.dtype(), t.shape()), axes, start, stop, step).shape;
  const op::SliceUpdate update{axes, start, stop, step};
  if (value.kind() != Operand::Kind::tensor) return apply(update, x, new_full(x, part, value.number()));
  return apply(update, x, broadcast_to(value, part));
}
Tensor select(Operand x, int axis, std::int64_t index) { return apply(op::Select{axis, index}, x); }
Tensor narrow(Operand x, int axis, std::int64_t start, std::int64_t length) {
  const std::int64_t n = x.tensor().size(axis);
  detail::check_at(x.where(), start >= 0 && length >= 0 && start + length <= n, "narrow: ", length, " elements from ",
                   start, " of an axis of ", n);
  return slice(x, axis, start, start + length);
}

Tensor concat(const std::vector<Tensor>& xs, int axis) {
  const op::Concat op{axis};
  const std::vector<Operand> operands(xs.begin(), xs.end());
  return apply_op(info_of<op::Concat>(), &op, operands)[0];
}
Tensor stack(const std::vector<Tensor>& xs, int axis) {
  check(!xs.empty(), "stack: received no tensors; expected at least one");
  std::vector<Tensor> expanded;
  for (const Tensor& x : xs) {
    check(x.shape() == xs[0].shape(), "stack: shapes ", xs[0].shape(), " and ", x.shape(),
          "; expected equal shapes");
    expanded.push_back(unsqueeze(x, axis));
  }
  return concat(expanded, normalize_axis(axis, xs[0].rank() + 1));
}
std::vector<Tensor> split(Operand x, const std::vector<std::int64_t>& sizes, int axis) {
  const std::int64_t n = x.tensor().size(axis);
  std::int64_t total = 0;
  for (auto s : sizes) total += s;
  detail::check_at(x.where(), total == n, "split: the sizes add up to ", total, "; axis ", axis, " has ", n,
                   " elements");
  std::vector<Tensor> parts;
  std::int64_t at = 0;
  for (auto s : sizes) {
    parts.push_back(narrow(x, axis, at, s));
    at += s;
  }
  return parts;
}
std::vector<Tensor> split(Operand x, std::int64_t size, int axis) {
  detail::check_at(x.where(), size > 0, "split: size ", size, "; expected 1 or more");
  const std::int64_t n = x.tensor().size(axis);
  std::vector<std::int64_t> sizes;
  for (std::int64_t at = 0; at < n; at += size) sizes.push_back(std::min(size, n - at));
  if (n == 0) sizes.push_back(0);
  return split(x, sizes, axis);
}
std::vector<Tensor> chunk(Operand x, std::int64_t n, int axis) {
  detail::check_at(x.where(), n > 0, "chunk: ", n, " parts; expected 1 or more");
  return split(x, std::max<std::int64_t>(1, (x.tensor().size(axis) + n - 1) / n), axis);
}
std::vector<Tensor> unbind(Operand x, int axis) {
  std::vector<Tensor> parts;
  for (std::int64_t i = 0, n = x.tensor().size(axis); i < n; ++i) parts.push_back(select(x, axis, i));
  return parts;
}

namespace {
/// Which element of an axis of n stands at place i - low of the padded axis.
std::int64_t source_of(std::int64_t i, std::int64_t n, PadMode mode) {
  if (mode == PadMode::edge) return std::clamp<std::int64_t>(i, 0, n - 1);
  if (mode == PadMode::wrap) return ((i % n) + n) % n;
  if (n == 1) return 0;
  const std::int64_t period = 2 * (n - 1), at = ((i % period) + period) % period;
  return at < n ? at : period - at;
}
}  // namespace

Tensor pad(Operand x, const Dims& low, const Dims& high, double value, PadMode mode) {
  const Tensor& t = x.tensor();
  detail::check_at(x.where(), low.size() == high.size() && low.size() <= t.rank(), "pad: low ", low, " and high ", high,
                   " for a tensor of shape ", t.shape(), "; expected equal lists, at most a number an axis");
  Dims before = low, after = high;
  while (before.size() < t.rank()) {
    before.insert(0, 0);
    after.insert(0, 0);
  }
  if (mode == PadMode::constant) return apply(op::Pad{before, after, value}, x);
  Tensor y = t;
  for (int axis = 0; axis < t.rank(); ++axis) {
    if (before[axis] == 0 && after[axis] == 0) continue;
    const std::int64_t n = t.shape()[axis];
    detail::check_at(x.where(), n > 0, "pad: axis ", axis, " of ", t.shape(), " has no elements to repeat");
    detail::check_at(x.where(), mode != PadMode::reflect || (before[axis] < n && after[axis] < n), "pad: reflecting ",
                     before[axis], " and ", after[axis], " elements of an axis of ", n,
                     "; expected fewer than the axis has");
    std::vector<std::int64_t> places;
    for (std::int64_t i = -before[axis]; i < n + after[axis]; ++i) places.push_back(source_of(i, n, mode));
    const auto count = static_cast<std::int64_t>(places.size());
    y = take(y, tensor_of(places, {count}, {.device = y.device()}), axis);
  }
  return y;
}

Tensor tile(Operand x, const Dims& times) {
  Tensor y = x.tensor();
  while (y.rank() < times.size()) y = unsqueeze(y, 0);
  const int lead = y.rank() - times.size();
  for (int i = 0; i < times.size(); ++i) {
    detail::check_at(x.where(), times[i] >= 0, "tile: ", times[i], " times; expected 0 or more");
    if (times[i] == 1) continue;
    const Shape from = y.shape();
    const int axis = lead + i;
    Shape to = from;
    to[axis] *= times[i];
    std::int64_t outer = 1, inner = 1;
    for (int k = 0; k < from.rank(); ++k) (k < axis ? outer : inner) *= from[k];
    y = reshape(broadcast_to(reshape(y, {outer, 1, inner}), {outer, times[i], inner}), to);
  }
  return y;
}
Tensor repeat(Operand x, const Dims& times) { return tile(x, times); }
Tensor repeat_interleave(Operand x, std::int64_t n, int axis) {
  detail::check_at(x.where(), n >= 0, "repeat_interleave: ", n, " times; expected 0 or more");
  const Shape from = x.tensor().shape();
  const int a = detail::axis_at(x.where(), "repeat_interleave", axis, from.rank());
  Shape to = from;
  to[a] *= n;
  std::int64_t outer = 1, inner = 1;
  for (int k = 0; k < from.rank(); ++k) (k <= a ? outer : inner) *= from[k];
  return reshape(broadcast_to(reshape(x, {outer, 1, inner}), {outer, n, inner}), to);
}
Tensor flip(Operand x, const Dims& axes) {
  const Dims chosen = normalize_axes(axes, x.tensor().rank());
  const int n = chosen.size();
  return slice(x, chosen, Dims::filled(n, slice_end), Dims::filled(n, slice_begin), Dims::filled(n, -1));
}
Tensor roll(Operand x, const Dims& shift, const Dims& axes) {
  if (axes.empty() && shift.size() == 1) return reshape(roll(reshape(x, {-1}), shift, {0}), x.tensor().shape());
  detail::check_at(x.where(), shift.size() == axes.size(), "roll: shift ", shift, " along axes ", axes,
                   "; expected lists of equal length");
  Tensor y = x.tensor();
  for (int i = 0; i < axes.size(); ++i) {
    const int a = detail::axis_at(x.where(), "roll", axes[i], y.rank());
    const std::int64_t n = y.shape()[a];
    if (n == 0) continue;
    const std::int64_t by = ((shift[i] % n) + n) % n;
    if (by) y = concat({slice(y, a, n - by), slice(y, a, 0, n - by)}, a);
  }
  return y;
}
Tensor shift(Operand x, std::int64_t by, int axis, double fill) {
  const Tensor& t = x.tensor();
  const int a = detail::axis_at(x.where(), "shift", axis, t.rank());
  const std::int64_t n = t.shape()[a], lost = std::min(n, by < 0 ? -by : by);
  if (lost == 0) return t;
  Dims low = Dims::filled(t.rank(), 0), high = low;
  (by < 0 ? high : low)[a] = lost;
  return pad(by < 0 ? slice(x, a, lost) : slice(x, a, 0, n - lost), low, high, fill);
}
Tensor moveaxis(Operand x, const Dims& from, const Dims& to) {
  const int rank = x.tensor().rank();
  detail::check_at(x.where(), from.size() == to.size(), "moveaxis: axes ", from, " to ", to, "; expected equal lists");
  Dims order = Dims::filled(rank, -1), source;
  for (auto a : from) source.push_back(detail::axis_at(x.where(), "moveaxis", a, rank));
  for (int i = 0; i < to.size(); ++i) {
    const int place = detail::axis_at(x.where(), "moveaxis", to[i], rank);
    detail::check_at(x.where(), order[place] < 0, "moveaxis: two axes go to place ", place);
    order[place] = source[i];
  }
  int next = 0;
  for (int i = 0; i < rank; ++i) {
    if (order[i] >= 0) continue;
    while (source.contains(next)) ++next;
    order[i] = next++;
  }
  return permute(x, order);
}
Tensor expand_dims(Operand x, int axis) { return unsqueeze(x, axis); }

void register_slicing_gradients() { add_vjps(op::Slicing{}); }

}  // namespace weft
