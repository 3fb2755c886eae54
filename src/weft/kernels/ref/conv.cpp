// Reference kernels of convolution: the three sums as they are written.
#include <weft/kernels/ref/reference.h>
#include <weft/opdefs/conv.h>

namespace weft {

namespace {
using namespace reference;
using op::ConvShape;

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
    sums[iy] += get<double>(x, ix) * get<double>(w, iw);
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
    sums[ix] += get<double>(g, iy) * get<double>(w, iw);
  });
  sums.store_to(call.out[0]);
}

void run_weight_grad(const KernelCall& call) {
  const TensorView &x = call.in[0], &g = call.in[1];
  const ConvShape s = call.attributes<op::ConvWeightGrad>().geometry(x.shape, g.shape);
  Accumulator sums(s.w());
  for_each_product(s, [&](const Dims& ix, const Dims& iw, const Dims& iy) {
    sums[iw] += get<double>(x, ix) * get<double>(g, iy);
  });
  sums.store_to(call.out[0]);
}

}  // namespace

void register_ref_conv() {
  add_reference<op::Conv>(&run_conv);
  add_reference<op::ConvInputGrad>(&run_input_grad);
  add_reference<op::ConvWeightGrad>(&run_weight_grad);
}

}  // namespace weft
