#include <weft/opdefs/index.h>

#include <weft/opdefs/sort.h>

namespace weft {

namespace op {

std::int64_t position_in(std::int64_t p, std::int64_t n, bool from_end) {
  check(from_end || p >= 0, "index ", p, " is negative; expected 0 to ", n - 1);
  check(p >= -n && p < n, "index ", p, " is out of range for an axis of ", n, " elements");
  return p < 0 ? p + n : p;
}

Metas Take::infer(Inputs in) const {
  const int a = normalize_axis(axis, in[0].shape.rank());
  Shape out;
  for (int i = 0; i < a; ++i) out.push_back(in[0].shape[i]);
  for (auto n : in[1].shape) out.push_back(n);
  for (int i = a + 1; i < in[0].shape.rank(); ++i) out.push_back(in[0].shape[i]);
  return {{out, in[0].dtype}};
}

Axes Take::axes_of(Inputs in) const {
  const int rank = in[0].shape.rank(), a = normalize_axis(axis, rank), k = in[1].shape.rank();
  Axes axes{{{}, {}}};
  for (int i = 0; i < rank; ++i) axes.inputs[0].push_back(i < a ? i : i == a ? Axes::mixed : i + k - 1);
  for (int i = 0; i < k; ++i) axes.inputs[1].push_back(a + i);
  return axes;
}

Metas SegmentSum::infer(Inputs in) const {
  const Shape &x = in[0].shape, &index = in[1].shape;
  const int rank = x.rank() - index.rank() + 1;
  check(rank >= 1, "x is ", x, ", index is ", index, "; expected x to have all axes of index");
  check(count >= 0, "received ", count, " segments; expected 0 or more");
  const int a = normalize_axis(axis, rank);
  Shape out;
  for (int i = 0; i < a; ++i) out.push_back(x[i]);
  out.push_back(count);
  for (int i = 0; i < index.rank(); ++i)
    check(x[a + i] == index[i], "x is ", x, ", index is ", index,
          "; expected the sizes of index in x from axis ", a);
  for (int i = a + index.rank(); i < x.rank(); ++i) out.push_back(x[i]);
  return {{out, in[0].dtype}};
}

Metas SegmentMax::infer(Inputs in) const {
  const Shape &x = in[0].shape, &index = in[1].shape;
  check(index.rank() == 1 && x.rank() >= 1 && x[0] == index[0], "x is ", x, ", index is ", index,
        "; expected an index for each element of x's first axis");
  Shape out = x;
  out[0] = count;
  return {{out, in[0].dtype}};
}

namespace {
/// Checks that index has x's rank and nowhere but along the axis more elements.
void check_index(const Shape& x, const Shape& index, std::int64_t axis) {
  bool fits = x.rank() == index.rank();
  const int a = normalize_axis(axis, x.rank());
  for (int i = 0; fits && i < x.rank(); ++i) fits = i == a || index[i] <= x[i];
  check(fits, "x is ", x, ", index is ", index,
        "; expected the same rank, and sizes within x's but along axis ", a);
}
void check_source(const Shape& index, const Shape& src) {
  check(index == src, "src is ", src, ", index is ", index, "; expected equal shapes");
}
}  // namespace

Metas Gather::infer(Inputs in) const {
  check_index(in[0].shape, in[1].shape, axis);
  return {{in[1].shape, in[0].dtype}};
}
Metas ScatterAdd::infer(Inputs in) const {
  check_index(in[0].shape, in[1].shape, axis);
  check_source(in[1].shape, in[2].shape);
  return {in[0]};
}
Metas Scatter::infer(Inputs in) const {
  check_index(in[0].shape, in[1].shape, axis);
  check_source(in[1].shape, in[2].shape);
  return {in[0]};
}

Metas Sort::infer(Inputs in) const {
  normalize_axis(axis, in[0].shape.rank());
  return {in[0], {in[0].shape, DType::i64}};
}
Metas SearchSorted::infer(Inputs in) const {
  check(in[0].shape.rank() == 1, "sorted is ", in[0].shape, "; expected a vector");
  return {{in[1].shape, DType::i64}};
}

}  // namespace op

void register_index_ops() {
  add_ops(op::Indexing{}, "index");
  add_ops(op::Sorting{}, "index");
}

}  // namespace weft
