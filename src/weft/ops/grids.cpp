#include <weft/ops/grids.h>

#include <algorithm>

#include <weft/ops/ops.h>

namespace weft {

namespace {
/// column - row for every place of a [rows, columns] matrix.
Tensor offsets(std::int64_t rows, std::int64_t columns, Device device) {
  return arange(columns, {.device = device}) - unsqueeze(arange(rows, {.device = device}), 1);
}
const Shape& matrix_shape(const Tensor& x, const char* name) {
  check(x.rank() >= 2, name, ": received shape ", x.shape(), "; expected a matrix (rank 2 or more)");
  return x.shape();
}
}  // namespace

Tensor eye(std::int64_t rows, std::optional<std::int64_t> columns, const TensorOptions& o) {
  check(rows >= 0 && columns.value_or(0) >= 0, "eye: negative size ", rows < 0 ? rows : *columns,
        "; expected sizes from 0");
  const Tensor on = offsets(rows, columns.value_or(rows), o.device.value_or(default_device())) == 0;
  const Tensor y = cast(on, o.dtype.value_or(DType::f32));
  return o.requires_grad ? y.requires_grad(true) : y;
}
Tensor linspace(double start, double stop, std::int64_t count, const TensorOptions& o) {
  check(count >= 0, "linspace: ", count, " numbers; expected 0 or more");
  if (count < 2)
    return full({count}, start,
                {.dtype = o.dtype.value_or(DType::f32), .device = o.device, .requires_grad = o.requires_grad});
  // From both ends, so that the last number is `stop` itself.
  const Tensor i = arange(0, static_cast<double>(count), 1, {.dtype = DType::f64, .device = o.device});
  const double step = (stop - start) / static_cast<double>(count - 1);
  const Tensor y =
      where(i < static_cast<double>(count) / 2, i * step + start, stop - (static_cast<double>(count - 1) - i) * step);
  const Tensor t = cast(y, o.dtype.value_or(DType::f32));
  return o.requires_grad ? t.requires_grad(true) : t;
}
Tensor tril(Operand x, std::int64_t k) {
  const Shape& s = matrix_shape(x.tensor(), "tril");
  return where(offsets(s[s.rank() - 2], s[s.rank() - 1], x.tensor().device()) <= k, x, 0);
}
Tensor triu(Operand x, std::int64_t k) {
  const Shape& s = matrix_shape(x.tensor(), "triu");
  return where(offsets(s[s.rank() - 2], s[s.rank() - 1], x.tensor().device()) >= k, x, 0);
}
Tensor diag(Operand x, std::int64_t k) {
  const Tensor& t = x.tensor();
  const std::int64_t up = std::max<std::int64_t>(k, 0), down = std::max<std::int64_t>(-k, 0);
  if (t.rank() == 1) {
    const std::int64_t n = t.size(0);
    return pad(where(offsets(n, n, t.device()) == 0, t, 0), {down, up}, {up, down});
  }
  check(t.rank() == 2, "diag: received shape ", t.shape(), "; expected a vector or a matrix");
  const std::int64_t rows = t.size(0), columns = t.size(1);
  const std::int64_t n = std::max<std::int64_t>(0, std::min(rows - down, columns - up));
  const Tensor places = arange(n, {.device = t.device()}) * (columns + 1) + (down * columns + up);
  return take(reshape(t, {rows * columns}), places);
}
std::vector<Tensor> meshgrid(const std::vector<Tensor>& vectors, const std::string& indexing) {
  check(indexing == "ij" || indexing == "xy", "meshgrid: indexing '", indexing, "'; expected 'ij' or 'xy'");
  const int n = static_cast<int>(vectors.size());
  Shape all;
  for (const Tensor& v : vectors) {
    check(v.rank() == 1, "meshgrid: received shape ", v.shape(), "; expected vectors");
    all.push_back(v.size(0));
  }
  const bool swap = indexing == "xy" && n >= 2;
  if (swap) std::swap(all[0], all[1]);
  std::vector<Tensor> grids;
  for (int i = 0; i < n; ++i) {
    const int axis = swap && i < 2 ? 1 - i : i;
    Shape s(Dims::filled(n, 1));
    s[axis] = vectors[static_cast<std::size_t>(i)].size(0);
    grids.push_back(broadcast_to(reshape(vectors[static_cast<std::size_t>(i)], s), all));
  }
  return grids;
}
Tensor one_hot(Operand index, std::int64_t classes, DType dtype) {
  check(index.kind() == Operand::Kind::tensor && !is_floating(index.tensor().dtype()),
        "one_hot: expected an integer tensor; convert with .to(i64)");
  check(classes >= 0, "one_hot: ", classes, " classes; expected 0 or more");
  return cast(unsqueeze(index, -1) == arange(classes, {.device = index.tensor().device()}), dtype);
}

}  // namespace weft
