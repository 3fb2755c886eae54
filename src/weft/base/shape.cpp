#include <weft/base/shape.h>

#include <algorithm>

#include <weft/base/error.h>

namespace weft {

void Dims::assign(const std::int64_t* p, std::size_t n) {
  check(n <= max_rank, "received ", n, " axes; a tensor has at most ", max_rank);
  std::copy(p, p + n, v_);
  size_ = static_cast<int>(n);
}

void Dims::too_long() { fail("more than ", max_rank, " axes; a tensor has at most ", max_rank); }

bool Dims::contains(std::int64_t v) const { return std::find(begin(), end(), v) != end(); }

void Dims::erase(int i) {
  std::copy(v_ + i + 1, v_ + size_, v_ + i);
  --size_;
}

void Dims::insert(int i, std::int64_t v) {
  push_back(v);
  std::rotate(v_ + i, v_ + size_ - 1, v_ + size_);
}

std::string to_string(const Dims& d) {
  std::string s = "[";
  for (int i = 0; i < d.size(); ++i) s += (i ? ", " : "") + std::to_string(d[i]);
  return s + "]";
}

Dims contiguous_strides(const Shape& shape) {
  Dims s = Dims::filled(shape.rank(), 1);
  for (int i = shape.rank() - 2; i >= 0; --i) s[i] = s[i + 1] * std::max<std::int64_t>(shape[i + 1], 1);
  return s;
}

bool is_contiguous(const Shape& shape, const Dims& strides) {
  std::int64_t expected = 1;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    if (shape[i] == 0) return true;
    if (shape[i] != 1 && strides[i] != expected) return false;
    expected *= shape[i];
  }
  return true;
}

Shape broadcast(const Shape& a, const Shape& b) {
  if (a == b) return a;
  Shape out = a.rank() >= b.rank() ? a : b;
  const Shape& small = a.rank() >= b.rank() ? b : a;
  const int shift = out.rank() - small.rank();
  for (int i = 0; i < small.rank(); ++i) {
    auto& d = out[i + shift];
    if (d == 1) d = small[i];
    else
      check(small[i] == 1 || small[i] == d, "shapes ", a, " and ", b,
            " do not broadcast: from the last axis backwards, sizes must be equal or 1");
  }
  return out;
}

bool broadcasts_to(const Shape& from, const Shape& to) {
  const int shift = to.rank() - from.rank();
  if (shift < 0) return false;
  for (int i = 0; i < from.rank(); ++i)
    if (from[i] != to[i + shift] && from[i] != 1) return false;
  return true;
}

int normalize_axis(std::int64_t axis, int rank) {
  check(axis >= -rank && axis < rank, "axis ", axis, " is out of range for a tensor of rank ", rank);
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

Dims normalize_axes(const Dims& axes, int rank) {
  Dims out;
  if (axes.empty()) {
    for (int i = 0; i < rank; ++i) out.push_back(i);
    return out;
  }
  for (auto a : axes) {
    const int n = normalize_axis(a, rank);
    check(!out.contains(n), "axis ", a, " is named twice in ", axes);
    out.push_back(n);
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace weft
