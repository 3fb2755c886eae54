#include <weft/ops/indexing.h>

#include <weft/opdefs/slicing.h>
#include <weft/ops/ops.h>

namespace weft {

namespace {

///@{
/// How many axes of x an index stands for; rest_of_axes is none.
int width(const Tensor& index) { return index.dtype() == DType::boolean ? index.rank() : 1; }
int width(const Index& i) {
  if (i.kind() == Index::Kind::rest || i.kind() == Index::Kind::fresh) return 0;
  return i.kind() == Index::Kind::tensor ? width(i.tensor()) : 1;
}
///@}

/// Axes that rest_of_axes (written or not) stands for; checks the list.
int hidden_axes(const Tensor& x, const std::vector<Index>& where) {
  int used = 0, rests = 0;
  for (const Index& i : where) {
    used += width(i);
    rests += i.kind() == Index::Kind::rest;
  }
  check(used <= x.rank(), "index: ", used, " indices for a tensor of shape ", x.shape());
  check(rests <= 1, "index: rest_of_axes is given ", rests, " times; expected at most once");
  return x.rank() - used;
}

struct Bounds {
  std::int64_t start, stop, step;
};
Bounds bounds(const Slice& s) {
  return {s.start.value_or(s.step < 0 ? slice_end : 0), s.stop.value_or(s.step < 0 ? slice_begin : slice_end), s.step};
}

/// Several axes of x joined to one, and positions along it.
struct Picked {
  Tensor x, places;
};

/// The positions that a tensor index names along the axes that it stands for, joined to one; `axis` is the first.
Tensor positions(const Tensor& index, const Shape& x, int axis) {
  if (index.dtype() != DType::boolean) return index;
  for (int i = 0; i < index.rank(); ++i)
    check(x[axis + i] == index.shape()[i], "index: a mask of shape ", index.shape(), " for axes from ", axis, " of ",
          x);
  return reshape(nonzero(reshape(index, {index.numel()})), {-1});
}

/// What tensor indices side by side, from `axis` on, name; several broadcast together.
Picked pick(const Tensor& x, int axis, const std::vector<Tensor>& indices) {
  Picked picked;
  Shape joined(std::span(x.shape().begin(), static_cast<std::size_t>(axis)));
  joined.push_back(1);
  int at = axis;
  for (const Tensor& index : indices) {
    Tensor p = positions(index, x.shape(), at);
    std::int64_t n = 1;
    for (int end = at + width(index); at < end; ++at) n *= x.shape()[at];
    if (indices.size() > 1) p = take(arange(n, {.device = x.device()}), p);  // counted from 0, and within its own axis
    picked.places = picked.places.defined() ? picked.places * n + p : p;
    joined[axis] *= n;
  }
  for (; at < x.rank(); ++at) joined.push_back(x.shape()[at]);
  picked.x = reshape(x, joined);
  return picked;
}

/// The tensors among indices, and the axis of the first.
struct TensorIndices {
  std::vector<Tensor> list;
  int axis = 0, end = 0;

  void add(const Tensor& index, int at) {
    check(list.empty() || at == end, "index: tensors on axes ", axis, " and ", at,
          " with others between; expected them side by side (permute the tensor first)");
    if (list.empty()) axis = at;
    list.push_back(index);
    end = at + width(index);
  }
};

/// Runs f; an error gets the caller's line.
template <class F> Tensor placed(SourceLocation where, F&& f) {
  try {
    return f();
  } catch (Error& e) {
    e.at(where);
    throw;
  }
}

Tensor read(const Tensor& x, const std::vector<Index>& where) {
  const int hidden = hidden_axes(x, where);
  Tensor y = x;
  TensorIndices tensors;
  int axis = 0;
  for (const Index& i : where) switch (i.kind()) {
      case Index::Kind::position: y = select(y, axis, i.position()); break;
      case Index::Kind::slice: {
        const Bounds b = bounds(i.slice());
        if (b.start != 0 || b.stop != slice_end || b.step != 1) y = slice(y, axis, b.start, b.stop, b.step);
        ++axis;
        break;
      }
      case Index::Kind::rest: axis += hidden; break;
      case Index::Kind::fresh:
        y = unsqueeze(y, axis++);
        break;
      case Index::Kind::tensor:
        tensors.add(i.tensor(), axis);
        axis = tensors.end;
    }
  if (tensors.list.empty()) return y;
  const Picked picked = pick(y, tensors.axis, tensors.list);
  return take(picked.x, picked.places, tensors.axis);
}

Tensor number_as(const Tensor& like, const Operand& v) {
  return v.kind() == Operand::Kind::tensor ? v.tensor() : new_full(like, {}, v);
}

void check_value(const Tensor& v, const Shape& part) {
  check(broadcasts_to(v.shape(), part), "index_update: the value is ", v.shape(), "; the part to replace is ", part);
}

/// x[:, …, tensors, …] = v
Tensor write_tensors(const Tensor& x, const TensorIndices& tensors, const Tensor& v) {
  const Tensor& first = tensors.list[0];
  const int axis = tensors.axis;
  if (tensors.list.size() == 1 && first.dtype() == DType::boolean && v.rank() <= x.rank() - tensors.end) {
    positions(first, x.shape(), axis);
    Shape s(Dims::filled(x.rank(), 1));  // one value for all places: no need to know them
    for (int i = 0; i < first.rank(); ++i) s[axis + i] = first.shape()[i];
    return cast(where(reshape(first, s), v, x), x.dtype());
  }
  const Picked picked = pick(x, axis, tensors.list);
  Shape part = picked.x.shape(), line(Dims::filled(part.rank(), 1)), taken = part;
  part[axis] = line[axis] = picked.places.numel();
  taken.erase(axis);  // the shape of x[…, tensors, …]
  for (int i = 0; i < picked.places.rank(); ++i) taken.insert(axis + i, picked.places.shape()[i]);
  check_value(v, taken);
  const Tensor values = cast(reshape(broadcast_to(v, taken), part), x.dtype());
  return reshape(scatter(picked.x, broadcast_to(reshape(picked.places, line), part), values, axis), x.shape());
}

/// x[start:stop:step, …] = v
Tensor write_slices(const Tensor& x, const std::vector<Index>& where, int hidden, const Tensor& v) {
  Dims axes, start, stop, step, dropped;
  Shape region = x.shape();
  int axis = 0;
  for (const Index& i : where) {
    if (i.kind() == Index::Kind::rest) {
      axis += hidden;
      continue;
    }
    const std::int64_t p = i.position(), n = x.shape()[axis];
    const bool single = i.kind() == Index::Kind::position;
    check(!single || (p >= -n && p < n), "index ", p, " on axis ", axis, " of ", x.shape(), "; expected ", -n, " to ",
          n - 1);
    const Bounds b = single ? Bounds{p, p == -1 ? slice_end : p + 1, 1} : bounds(i.slice());
    if (single) dropped.push_back(axis);
    axes.push_back(axis);
    start.push_back(b.start);
    stop.push_back(b.stop);
    step.push_back(b.step);
    region[axis] = op::SliceRange::of(b.start, b.stop, b.step, n).size;
    ++axis;
  }
  Shape seen;  // the part without the axes that positions take away
  for (int i = 0; i < region.rank(); ++i)
    if (!dropped.contains(i)) seen.push_back(region[i]);
  check_value(v, seen);
  return slice_update(x, cast(reshape(broadcast_to(v, seen), region), x.dtype()), axes, start, stop, step);
}

bool whole_axis(const Index& i) {
  return i.kind() == Index::Kind::slice && !i.slice().start && !i.slice().stop && i.slice().step == 1;
}

Tensor write(const Tensor& x, const std::vector<Index>& where, const Tensor& v) {
  const int hidden = hidden_axes(x, where);
  TensorIndices tensors;
  bool others = false;
  int axis = 0;
  for (const Index& i : where) {
    check(i.kind() != Index::Kind::fresh, "index_update: new_axis cannot be assigned to; reshape the value");
    const bool tensor = i.kind() == Index::Kind::tensor, rest = i.kind() == Index::Kind::rest;
    if (tensor) tensors.add(i.tensor(), axis);
    others |= !tensor && !rest && !whole_axis(i);
    axis += rest ? hidden : width(i);
  }
  if (tensors.list.empty()) return write_slices(x, where, hidden, v);
  check(!others, "index_update: beside tensors only all_of_axis and rest_of_axes can be given; see scatter");
  return write_tensors(x, tensors, v);
}

}  // namespace

Tensor index(Operand x, const std::vector<Index>& where) {
  return placed(x.where(), [&] { return read(x.tensor(), where); });
}

Tensor index_update(Operand x, const std::vector<Index>& where, Operand value) {
  return placed(x.where(), [&] { return write(x.tensor(), where, number_as(x.tensor(), value)); });
}

Operand::Operand(const Indexed& x, Where w) : Operand(static_cast<const Tensor&>(x), w) {}

Indexed Tensor::operator[](std::int64_t i) { return at({i}); }
Tensor Tensor::operator[](std::int64_t i) const { return at({i}); }
Indexed Tensor::at(std::initializer_list<Index> where, Where w) {
  std::vector<Index> list(where);
  Tensor value = index({*this, w}, list);
  return {this, {std::move(list)}, std::move(value)};
}
Tensor Tensor::at(std::initializer_list<Index> where, Where w) const { return index({*this, w}, where); }

Indexed Indexed::at(std::initializer_list<Index> where, Where w) && {
  std::vector<Index> list(where);
  Tensor value = index({*this, w}, list);
  path_.push_back(std::move(list));
  return {root_, std::move(path_), std::move(value)};
}

void Indexed::operator=(Operand value) && {
  std::vector<Tensor> outer{*root_};
  for (std::size_t k = 0; k + 1 < path_.size(); ++k) outer.push_back(index(outer.back(), path_[k]));
  Tensor v = index_update({outer.back(), value.where()}, path_.back(), value);
  for (std::size_t k = path_.size() - 1; k-- > 0;) v = index_update({outer[k], value.where()}, path_[k], v);
  *root_ = v;
}
void Indexed::operator+=(Operand value) && {
  std::move(*this) = Operand(add(static_cast<const Tensor&>(*this), value));
}
void Indexed::operator-=(Operand value) && {
  std::move(*this) = Operand(sub(static_cast<const Tensor&>(*this), value));
}
void Indexed::operator*=(Operand value) && {
  std::move(*this) = Operand(mul(static_cast<const Tensor&>(*this), value));
}
void Indexed::operator/=(Operand value) && {
  std::move(*this) = Operand(div(static_cast<const Tensor&>(*this), value));
}
Indexed& Indexed::operator=(const Tensor& value) & {
  Tensor::operator=(value);
  root_ = this;
  path_.clear();
  return *this;
}

}  // namespace weft
