#include <weft/opdefs/pool.h>

#include <algorithm>

#include <weft/opdefs/axes.h>

namespace weft {

namespace op {

namespace {
PoolShape pool_shape(const Shape& x, const Dims& kernel, Dims stride, Dims pad_before, Dims pad_after,
                     Dims dilation) {
  const int axes = x.rank() - 2;
  check(axes >= 1 && axes <= 3, "received shape ", x, "; expected rank 3 to 5: [N, C, spatial…]");
  if (stride.empty()) stride = kernel;
  pad_before = per_axis(pad_before, axes, 0);
  pad_after = per_axis(pad_after, axes, 0);
  dilation = per_axis(dilation, axes, 1);
  check(kernel.size() == axes && stride.size() == axes && pad_before.size() == axes && pad_after.size() == axes &&
            dilation.size() == axes,
        "kernel ", kernel, ", stride ", stride, ", padding ", pad_before, " and ",
        pad_after, "; expected ", axes, " numbers each, one a spatial axis");
  PoolShape s{axes, x[0] * x[1], pool_detail::spatial(x), {}, kernel, stride, pad_before, dilation};
  for (int i = 0; i < axes; ++i) {
    check(kernel[i] >= 1 && stride[i] >= 1 && dilation[i] >= 1, "kernel ", kernel[i], ", stride ", stride[i],
          ", dilation ", dilation[i], "; expected 1 or more");
    const std::int64_t reach = dilation[i] * (kernel[i] - 1) + 1;
    check(pad_before[i] >= 0 && pad_before[i] < reach && pad_after[i] >= 0, "padding ", pad_before[i], " and ",
          pad_after[i], " for kernel ", kernel[i], "; expected less than the kernel, so that no window is all padding");
    const std::int64_t room = s.in[i] + pad_before[i] + pad_after[i] - reach;
    check(room >= 0, "kernel ", kernel, " is larger than the image ", s.in, " with its padding");
    s.out.push_back(room / stride[i] + 1);
    check(s.at(i, s.out[i] - 1, 0) < s.in[i], "padding ", pad_after[i], " after an axis of ", s.in[i],
          ": the last window is all padding; use less");
  }
  return s;
}

Shape with_spatial(const Shape& planes, const Dims& spatial) {
  Shape s{planes[0], planes[1]};
  for (auto v : spatial) s.push_back(v);
  return s;
}

DType index_dtype(const Dims& kernel) { return Shape(kernel).numel() <= 256 ? DType::u8 : DType::i32; }

void check_index(const Shape& expected, const Dims& kernel, const Meta& index) {
  check(index.shape == expected && index.dtype == index_dtype(kernel), "index is ", index, "; expected ",
        Meta{expected, index_dtype(kernel)}, " as max_pool makes it");
}

/// Batch and channels stay apart; windows mix the rest.
Axes per_plane(Inputs in) {
  Axes axes;
  for (const Meta& m : in) {
    auto& list = axes.inputs.emplace_back();
    for (int i = 0; i < m.shape.rank(); ++i) list.push_back(i < 2 ? i : Axes::mixed);
  }
  return axes;
}

template <class Op> PoolShape gradient_geometry(const Op& op, const Shape& g, const PoolShape& s) {
  check(with_spatial(g, s.out) == g, "g ", g, " for result sizes ", op.size, "; expected ",
        with_spatial(g, s.out));
  return s;
}
void check_size(const Shape& g, const Dims& size) {
  check(g.rank() >= 3 && size.size() == g.rank() - 2, "g ", g, " with result sizes ", size,
        "; expected [N, C, spatial…] and a size for each spatial axis");
}
}  // namespace

PoolShape MaxPool::geometry(const Shape& x) const {
  return pool_shape(x, kernel, stride, pad_before, pad_after, dilation);
}
Metas MaxPool::infer(Inputs in) const {
  const Shape y = with_spatial(in[0].shape, geometry(in[0].shape).out);
  return {{y, in[0].dtype}, {y, index_dtype(kernel)}};
}
Axes MaxPool::axes_of(Inputs in) const { return per_plane(in); }
std::vector<Case<MaxPool>> MaxPool::domain() {
  return {{{{2, 2}, {2, 2}, {0, 0}, {0, 0}, {1, 1}}, {{{2, 3, 5, 6}}}},
          {{{3, 2}, {2, 1}, {1, 0}, {1, 1}, {1, 1}}, {{{2, 2, 6, 5}}}},
          {{{2, 2}, {1, 1}, {0, 0}, {0, 0}, {2, 2}}, {{{1, 2, 5, 5}}}},
          {{{3}, {2}, {1}, {1}, {1}}, {{{2, 2, 7}}}},
          {{{2, 3}, {}, {}, {}, {}}, {{{1, 2, 4, 6}}}},
          {{{2, 3}, {}, {}, {}, {}}, {{{2, 32, 5, 7}}}},
          {{{2, 2, 2}, {2, 2, 2}, {0, 0, 0}, {0, 0, 0}, {1, 1, 1}}, {{{1, 2, 4, 4, 4}}}},
          {{{2, 2}, {2, 2}, {0, 0}, {0, 0}, {1, 1}}, {{{0, 2, 4, 4}}}}};
}

PoolShape MaxPoolGrad::geometry(const Shape& g) const {
  check_size(g, size);
  return gradient_geometry(*this, g,
                           pool_shape(with_spatial(g, size), kernel, stride, pad_before, pad_after, dilation));
}
Metas MaxPoolGrad::infer(Inputs in) const {
  geometry(in[0].shape);
  check_index(in[0].shape, kernel, in[1]);
  return {{with_spatial(in[0].shape, size), in[0].dtype}};
}
Axes MaxPoolGrad::axes_of(Inputs in) const { return per_plane(in); }
std::vector<Case<MaxPoolGrad>> MaxPoolGrad::domain() {
  std::vector<double> places(2 * 16 * 2 * 2);
  for (std::size_t i = 0; i < places.size(); ++i) places[i] = static_cast<double>(i * 5 % 7 % 4);
  const Shape channels{2, 16, 2, 2};
  return {{{{2, 2}, {2, 2}, {0, 0}, {0, 0}, {1, 1}, {5, 4}}, {{channels}, {channels, 0, 0, places, DType::u8}}},
          {{{2, 2}, {2, 2}, {0, 0}, {0, 0}, {1, 1}, {4, 5}}, {{{1, 2, 2, 2}}, {{1, 2, 2, 2}, 0, 0, {0, 1, 2, 3, 3, 2, 1, 0}, DType::u8}}},
          {{{2}, {1}, {0}, {0}, {1}, {4}}, {{{1, 1, 3}}, {{1, 1, 3}, 0, 0, {1, 0, 1}, DType::u8}}}};
}

PoolShape MaxPoolTake::geometry(const Shape& x) const {
  return pool_shape(x, kernel, stride, pad_before, pad_after, dilation);
}
Metas MaxPoolTake::infer(Inputs in) const {
  const Shape y = with_spatial(in[0].shape, geometry(in[0].shape).out);
  check_index(y, kernel, in[1]);
  return {{y, in[0].dtype}};
}
Axes MaxPoolTake::axes_of(Inputs in) const { return per_plane(in); }
std::vector<Case<MaxPoolTake>> MaxPoolTake::domain() {
  return {{{{2, 2}, {2, 2}, {0, 0}, {0, 0}, {1, 1}}, {{{1, 2, 4, 5}}, {{1, 2, 2, 2}, 0, 0, {0, 1, 2, 3, 3, 2, 1, 0}, DType::u8}}},
          {{{2}, {1}, {0}, {0}, {1}}, {{{1, 1, 4}}, {{1, 1, 3}, 0, 0, {1, 0, 1}, DType::u8}}}};
}

PoolShape AvgPool::geometry(const Shape& x) const {
  check(overhang.empty() || overhang.size() == kernel.size(), "overhang ", overhang, "; expected ",
        kernel.size(), " numbers");
  return pool_shape(x, kernel, stride, pad_before, pad_after, {});
}
std::int64_t AvgPool::divisor(const PoolShape& s, const Dims& p) const {
  const Dims after = per_axis(pad_after, s.axes, 0), uncounted = per_axis(overhang, s.axes, 0);
  std::int64_t n = 1;
  for (int i = 0; i < s.axes; ++i) {
    const std::int64_t first = s.at(i, p[i], 0), last = first + kernel[i];
    n *= count_include_pad ? std::min(last, s.in[i] + after[i] - uncounted[i]) - first
                           : std::min(last, s.in[i]) - std::max<std::int64_t>(first, 0);
  }
  return n;
}
Metas AvgPool::infer(Inputs in) const { return {{with_spatial(in[0].shape, geometry(in[0].shape).out), in[0].dtype}}; }
Axes AvgPool::axes_of(Inputs in) const { return per_plane(in); }
std::vector<Case<AvgPool>> AvgPool::domain() {
  return {{{{2, 2}, {2, 2}, {0, 0}, {0, 0}, {0, 0}, true}, {{{2, 3, 5, 6}}}},
          {{{2, 2}, {2, 2}, {0, 0}, {0, 0}, {0, 0}, true}, {{{1, 2, 5, 11}}}},
          {{{2, 2}, {2, 2}, {0, 0}, {0, 0}, {0, 0}, true}, {{{1, 1, 4, 20}}}},
          {{{3, 2}, {2, 1}, {1, 0}, {1, 1}, {0, 0}, true}, {{{2, 2, 6, 5}}}},
          {{{3, 3}, {2, 2}, {1, 1}, {1, 1}, {0, 0}, false}, {{{1, 2, 5, 5}}}},
          {{{3}, {2}, {1}, {2}, {1}, true}, {{{2, 2, 6}}}},
          {{{2, 3}, {}, {}, {}, {}, true}, {{{1, 2, 4, 6}}}},
          {{{3, 2}, {2, 1}, {1, 1}, {2, 0}, {1, 0}, true}, {{{2, 20, 4, 3}}}},
          {{{2, 2}, {3, 2}, {1, 0}, {1, 1}, {0, 0}, false}, {{{1, 70, 4, 3}}}},
          {{{3}, {2}, {1}, {1}, {0}, false}, {{{1, 16, 4}}}},
          {{{2, 2, 1}, {2, 1, 1}, {0, 0, 0}, {0, 0, 0}, {0, 0, 0}, true}, {{{1, 2, 4, 3, 2}}}},
          {{{2, 2}, {2, 2}, {0, 0}, {0, 0}, {0, 0}, true}, {{{0, 2, 4, 4}}}}};
}

PoolShape AvgPoolGrad::geometry(const Shape& g) const {
  check_size(g, size);
  return gradient_geometry(*this, g, forward().geometry(with_spatial(g, size)));
}
Metas AvgPoolGrad::infer(Inputs in) const {
  geometry(in[0].shape);
  return {{with_spatial(in[0].shape, size), in[0].dtype}};
}
Axes AvgPoolGrad::axes_of(Inputs in) const { return per_plane(in); }
std::vector<Case<AvgPoolGrad>> AvgPoolGrad::domain() {
  std::vector<Case<AvgPoolGrad>> cases;
  for (const Case<AvgPool>& c : AvgPool::domain()) {
    const AvgPool& op = c.op;
    const Shape& x = c.inputs[0].shape;
    cases.push_back({{op.kernel, op.stride, op.pad_before, op.pad_after, op.overhang, op.count_include_pad,
                      pool_detail::spatial(x)},
                     {{with_spatial(x, op.geometry(x).out)}}});
  }
  return cases;
}

}  // namespace op

void register_pool_ops() { add_ops(op::Pools{}, "nn"); }

}  // namespace weft
