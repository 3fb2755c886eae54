#include <weft/nn/preprocessing.h>

namespace weft::nn {

Resizing::Resizing(ResizingOptions o) : options(std::move(o)) {
  check(options.height >= 1 && options.width >= 1, "resizing: height = ", options.height, ", width = ", options.width,
        "; expected both 1 or more");
  check(options.interpolation == "bilinear" || options.interpolation == "nearest", "resizing: interpolation '",
        options.interpolation, "'; expected \"bilinear\" or \"nearest\"",
        suggestion(options.interpolation, {"bilinear", "nearest"}));
}

Tensor Resizing::forward(const Tensor& x) const {
  check(x.rank() == 4, "resizing: received x of shape ", x.shape(), "; expected [N, C, H, W]");
  if (x.size(2) == options.height && x.size(3) == options.width) return x;
  InterpolateOptions to;
  to.size = PerAxis{options.height, options.width};
  to.mode = options.interpolation;
  return interpolate(x, to);
}

Normalization::Normalization(const std::vector<float>& m, const std::vector<float>& v, NormalizationOptions o) : options(o) {
  check(m.size() == v.size() && !m.empty(), "normalization: ", m.size(), " means and ", v.size(), " variances");
  mean = Buffer(tensor_of(m, {static_cast<std::int64_t>(m.size())}));
  variance = Buffer(tensor_of(v, {static_cast<std::int64_t>(v.size())}));
}

void Normalization::adapt(const Tensor& data) { adapt(std::vector{data}); }

void Normalization::adapt(const std::vector<Tensor>& batches) {
  NoGrad off;
  double count = 0;
  Tensor centre, spread;  // the mean, and the sum of squared distances from it
  for (const Tensor& batch : batches) {
    check(batch.rank() >= 1, "normalization: adapt received a scalar");
    const int axis = normalize_axis(options.axis, batch.rank());
    Dims others;
    for (int i = 0; i < batch.rank(); ++i)
      if (i != axis) others.push_back(i);
    const auto n = static_cast<double>(batch.numel()) / static_cast<double>(std::max<std::int64_t>(1, batch.size(axis)));
    if (n == 0) continue;
    const Tensor x = cast(batch, DType::f64);
    const Tensor m = others.empty() ? x : weft::mean(x, others, true);
    const Tensor s = others.empty() ? zeros_like(x) : sum(square(x - m), others, true);
    const Tensor flat = reshape(m, {m.numel()}), squares = reshape(s, {s.numel()});
    if (count == 0) {
      centre = flat;
      spread = squares;
    } else {
      const Tensor delta = flat - centre;
      centre = centre + delta * (n / (count + n));
      spread = spread + squares + square(delta) * (count * n / (count + n));
    }
    count += n;
  }
  check(count > 0, "normalization: adapt received no data");
  mean.assign(cast(centre, DType::f32));
  variance.assign(cast(spread / count, DType::f32));
}

Tensor Normalization::forward(const Tensor& x) const {
  check(mean.ready(), "normalization: call adapt(data) first, or give mean and variance");
  const int axis = normalize_axis(options.axis, x.rank());
  const std::int64_t features = mean.tensor().size(0);
  check(x.size(axis) == features, "normalization: received x of shape ", x.shape(), "; expected ", features,
        " features in axis ", options.axis);
  Shape shape(Dims::filled(x.rank(), 1));
  shape[axis] = features;
  const Tensor stddev = maximum(sqrt(reshape(variance, shape)), 1e-7);  // a constant feature becomes 0, as in Keras
  return (x - reshape(mean, shape)) / stddev;
}

}  // namespace weft::nn
