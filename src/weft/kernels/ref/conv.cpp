// Reference kernels of convolution: the three sums as they are written.
#include <cmath>

#include <weft/kernels/ref/reference.h>
#include <weft/opdefs/conv_block.h>

namespace weft {

namespace {
using namespace reference;
using op::ConvShape;

double factor(const KernelCall& call, const TensorView& v, const Dims& at) { return rounded_factor(call, get<double>(v, at)); }

/// Calls f(x index, w index, y index) for every product of a convolution.
template <class F> void for_each_product(const ConvShape& s, F&& f) {
  Shape outputs = s.y(), taps{s.in_per_group()};
  for (auto k : s.kernel) taps.push_back(k);
  for_each_index(outputs, [&](const Dims& iy) {
    const std::int64_t group = iy[1] / s.out_per_group();
    for_each_index(taps, [&](const Dims& tap) {
      Dims ix{iy[0], group * s.in_per_group() + tap[0]}, iw{iy[1], tap[0]};
      for (int i = 0; i < s.axes; ++i) {
        const std::int64_t at = iy[i + 2] * s.stride[i] + tap[i + 1] * s.dilation[i] - s.pad_before[i];
        if (at < 0 || at >= s.in[i]) return;
        ix.push_back(at);
        iw.push_back(tap[i + 1]);
      }
      f(ix, iw, iy);
    });
  });
}

/// Sums into an array of double, then stores it in the result's dtype.
class Accumulator {
 public:
  explicit Accumulator(const Shape& shape) : strides_(contiguous_strides(shape)), sums_(static_cast<std::size_t>(shape.numel())) {}
  double& operator[](const Dims& at) { return sums_[static_cast<std::size_t>(offset_of(at, strides_))]; }
  void store_to(const TensorView& out) const {
    for (std::size_t i = 0; i < sums_.size(); ++i) store(out, static_cast<std::int64_t>(i), sums_[i]);
  }

 private:
  Dims strides_;
  std::vector<double> sums_;
};

void run_conv(const KernelCall& call) {
  const TensorView &x = call.in[0], &w = call.in[1];
  const ConvShape s = call.attributes<op::Conv>().geometry(x.shape, w.shape);
  Accumulator sums(s.y());
  for_each_product(s, [&](const Dims& ix, const Dims& iw, const Dims& iy) {
    sums[iy] += factor(call, x, ix) * factor(call, w, iw);
  });
  if (call.in.size() > 2)
    for_each_index(s.y(), [&](const Dims& iy) { sums[iy] += get<double>(call.in[2], {iy[1]}); });
  sums.store_to(call.out[0]);
}

void run_input_grad(const KernelCall& call) {
  const TensorView &g = call.in[0], &w = call.in[1];
  const ConvShape s = call.attributes<op::ConvInputGrad>().geometry(g.shape, w.shape);
  Accumulator sums(s.x());
  for_each_product(s, [&](const Dims& ix, const Dims& iw, const Dims& iy) {
    sums[ix] += factor(call, g, iy) * factor(call, w, iw);
  });
  sums.store_to(call.out[0]);
}

void run_weight_grad(const KernelCall& call) {
  const TensorView &x = call.in[0], &g = call.in[1];
  const ConvShape s = call.attributes<op::ConvWeightGrad>().geometry(x.shape, g.shape);
  Accumulator sums(s.w());
  for_each_product(s, [&](const Dims& ix, const Dims& iw, const Dims& iy) {
    sums[iw] += factor(call, x, ix) * factor(call, g, iy);
  });
  sums.store_to(call.out[0]);
}

/// Calls f(window, place in it, element) for every element of the windows of a pool that lie side by side.
template <class F> void for_each_pooled(const Shape& y, const Dims& pool, F&& f) {
  for_each_index(y, [&](const Dims& window) {
    std::int64_t place = 0;
    for_each_index(Shape(pool), [&](const Dims& tap) {
      Dims at{window[0], window[1]};
      for (int i = 0; i < pool.size(); ++i) at.push_back(window[i + 2] * pool[i] + tap[i]);
      f(window, place++, at);
    });
  });
}

void run_conv_block(const KernelCall& call) {
  const auto& op = call.attributes<op::ConvBlock>();
  const TensorView &x = call.in[0], &w = call.in[1], &y = call.out[0];
  const ConvShape s = op.geometry(x.shape, w.shape);
  Accumulator sums(s.y());
  for_each_product(s, [&](const Dims& ix, const Dims& iw, const Dims& iy) { sums[iy] += factor(call, x, ix) * factor(call, w, iw); });
  const auto value = [&](const Dims& at) {
    const double v = sums[at] + (call.in.size() > 2 ? get<double>(call.in[2], {at[1]}) : 0);
    return op.relu && v <= 0 ? 0 : v;
  };
  if (op.pool.empty()) return for_each_index(y.shape, [&](const Dims& at) { put(y, at, value(at)); });
  for_each_pooled(y.shape, op.pool, [&](const Dims& window, std::int64_t place, const Dims& at) {
    const double v = value(at);
    if (place > 0 && !(v > get<double>(y, window) || std::isnan(v))) return;
    put(y, window, v);
    put(call.out[1], window, place);
  });
}

/// Calls f(gradient, place in the convolution's result) for every window.
template <class F> void for_each_taken(const TensorView& g, const TensorView& index, const Dims& pool, F&& f) {
  for_each_pooled(g.shape, pool, [&](const Dims& window, std::int64_t place, const Dims& at) {
    if (get<std::int64_t>(index, window) == place) f(get<double>(g, window), at);
  });
}

void run_block_input_grad(const KernelCall& call) {
  const auto& op = call.attributes<op::ConvBlockInputGrad>();
  const ConvShape s = op.geometry(call.in[0].shape, call.in[2].shape);
  Accumulator g(s.y()), sums(s.x());
  for_each_taken(call.in[0], call.in[1], op.pool, [&](double v, const Dims& at) { g[at] = rounded_factor(call, v); });
  for_each_product(s, [&](const Dims& ix, const Dims& iw, const Dims& iy) { sums[ix] += g[iy] * factor(call, call.in[2], iw); });
  sums.store_to(call.out[0]);
}

void run_block_weight_grad(const KernelCall& call) {
  const auto& op = call.attributes<op::ConvBlockWeightGrad>();
  const ConvShape s = op.geometry(call.in[0].shape, call.in[1].shape);
  Accumulator g(s.y()), sums(s.w());
  for_each_taken(call.in[1], call.in[2], op.pool, [&](double v, const Dims& at) { g[at] = rounded_factor(call, v); });
  for_each_product(s, [&](const Dims& ix, const Dims& iw, const Dims& iy) { sums[iw] += factor(call, call.in[0], ix) * g[iy]; });
  sums.store_to(call.out[0]);
}

}  // namespace

void register_ref_conv() {
  add_reference<op::ConvBlock>(&run_conv_block);
  add_reference<op::ConvBlockInputGrad>(&run_block_input_grad);
  add_reference<op::ConvBlockWeightGrad>(&run_block_weight_grad);
  add_reference<op::Conv>(&run_conv);
  add_reference<op::ConvInputGrad>(&run_input_grad);
  add_reference<op::ConvWeightGrad>(&run_weight_grad);
}

}  // namespace weft
