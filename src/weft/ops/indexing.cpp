#include <weft/ops/indexing.h>

#include <weft/opdefs/slicing.h>
#include <weft/ops/ops.h>

namespace weft {

namespace {

/// How many axes of x an index stands for; rest_of_axes is none.
int width(const Index& i) {
  if (i.kind() == Index::Kind::rest || i.kind() == Index::Kind::new_axis) return 0;
  const bool mask = i.kind() == Index::Kind::tensor && i.tensor().dtype() == DType::boolean;
  return mask ? i.tensor().rank() : 1;
}

/// Axes that rest_of_axes (written or not) stands for; checks the list.
int hidden_axes(const Tensor& x, const std::vector<Index>& where) {
  int used = 0, tensors = 0, rests = 0;
  for (const Index& i : where) {
    used += width(i);
    tensors += i.kind() == Index::Kind::tensor;
    rests += i.kind() == Index::Kind::rest;
  }
  check(used <= x.rank(), "index: ", used, " indices for a tensor of shape ", x.shape());
  check(tensors <= 1, "index: received ", tensors, " tensors; expected at most one (see gather and take)");
  check(rests <= 1, "index: rest_of_axes is given ", rests, " times; expected at most once");
  return x.rank() - used;
}

struct Bounds {
  std::int64_t start, stop, step;
};
Bounds bounds(const Slice& s) {
  return {s.start.value_or(s.step < 0 ? slice_end : 0), s.stop.value_or(s.step < 0 ? slice_begin : slice_end), s.step};
}

/// x's axes from `axis` on that the mask covers, flattened, and the positions where it is true.
Tensor take_mask(const Tensor& x, const Tensor& mask, int axis) {
  Shape flat;
  for (int i = 0; i < axis; ++i) flat.push_back(x.shape()[i]);
  flat.push_back(mask.numel());
  for (int i = 0; i < mask.rank(); ++i)
    check(x.shape()[axis + i] == mask.shape()[i], "index: a mask of shape ", mask.shape(), " for axes from ",
          axis, " of ", x.shape());
  for (int i = axis + mask.rank(); i < x.rank(); ++i) flat.push_back(x.shape()[i]);
  return take(reshape(x, flat), reshape(nonzero(reshape(mask, {mask.numel()})), {-1}), axis);
}

}  // namespace

Tensor index(const Tensor& x, const std::vector<Index>& where) {
  const int hidden = hidden_axes(x, where);
  Tensor y = x;
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
      case Index::Kind::new_axis: y = unsqueeze(y, axis++); break;
      case Index::Kind::tensor:
        if (i.tensor().dtype() == DType::boolean) {
          y = take_mask(y, i.tensor(), axis++);
        } else {
          y = take(y, i.tensor(), axis);
          axis += i.tensor().rank();
        }
    }
  return y;
}

namespace {

Tensor number_as(const Tensor& like, const Operand& v) {
  return v.kind() == Operand::Kind::tensor ? v.tensor() : new_full(like, {}, v.number());
}

/// x[:, …, mask] = v and x[:, …, integers] = v.
Tensor update_tensor(const Tensor& x, const Tensor& places, int axis, const Tensor& v) {
  if (places.dtype() == DType::boolean) {
    Shape s(Dims::filled(x.rank(), 1));
    for (int i = 0; i < places.rank(); ++i) s[axis + i] = places.shape()[i];
    return cast(where(reshape(places, s), v, x), x.dtype());
  }
  const Tensor flat = reshape(places, {places.numel()});
  Shape part = x.shape(), line(Dims::filled(x.rank(), 1));
  part[axis] = line[axis] = flat.numel();
  Shape taken = x.shape();  // the shape of x[…, places]
  taken.erase(axis);
  for (int i = 0; i < places.rank(); ++i) taken.insert(axis + i, places.shape()[i]);
  const Tensor values = reshape(broadcast_to(v, taken), part);
  return scatter(x, broadcast_to(reshape(flat, line), part), cast(values, x.dtype()), axis);
}

}  // namespace

Tensor index_update(const Tensor& x, const std::vector<Index>& where, Operand value) {
  const int hidden = hidden_axes(x, where);
  const Tensor v = number_as(x, value);
  Dims axes, start, stop, step;
  Shape region = x.shape();
  Dims dropped;
  int axis = 0;
  for (const Index& i : where) {
    check(i.kind() != Index::Kind::new_axis, "index_update: new_axis cannot be assigned to; reshape the value");
    if (i.kind() == Index::Kind::tensor) {
      for (const Index& other : where)
        check(&other == &i || other.kind() == Index::Kind::rest ||
                  (other.kind() == Index::Kind::slice && !other.slice().start && !other.slice().stop &&
                   other.slice().step == 1),
              "index_update: beside a tensor only all_of_axis and rest_of_axes can be given; see scatter");
      return update_tensor(x, i.tensor(), axis, v);
    }
    if (i.kind() == Index::Kind::rest) {
      axis += hidden;
      continue;
    }
    const std::int64_t p = i.position(), n = x.shape()[axis];
    const bool single = i.kind() == Index::Kind::position;
    check(!single || (p >= -n && p < n), "index ", p, " on axis ", axis, " of ", x.shape(), "; expected ",
          -n, " to ", n - 1);
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
  check(broadcasts_to(v.shape(), seen), "index_update: the value is ", v.shape(),
        "; the part to replace is ", seen);
  return slice_update(x, cast(reshape(broadcast_to(v, seen), region), x.dtype()), axes, start, stop, step);
}

Operand::Operand(const Indexed& x, Where w) : Operand(static_cast<const Tensor&>(x), w) {}

Indexed Tensor::operator[](std::int64_t i) { return at({i}); }
Tensor Tensor::operator[](std::int64_t i) const { return at({i}); }
Indexed Tensor::at(std::initializer_list<Index> where) {
  std::vector<Index> list(where);
  Tensor value = index(*this, list);
  return {this, {std::move(list)}, std::move(value)};
}
Tensor Tensor::at(std::initializer_list<Index> where) const { return index(*this, where); }

Indexed Indexed::at(std::initializer_list<Index> where) && {
  std::vector<Index> list(where);
  Tensor value = index(*this, list);
  path_.push_back(std::move(list));
  return {root_, std::move(path_), std::move(value)};
}

void Indexed::operator=(Operand value) && {
  std::vector<Tensor> outer{*root_};
  for (std::size_t k = 0; k + 1 < path_.size(); ++k) outer.push_back(index(outer.back(), path_[k]));
  Tensor v = index_update(outer.back(), path_.back(), value);
  for (std::size_t k = path_.size() - 1; k-- > 0;) v = index_update(outer[k], path_[k], v);
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
