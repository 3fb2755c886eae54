#include <weft/nn/dropout.h>

namespace weft::nn {

namespace {
void check_probability(const char* name, double p) {
  check(p >= 0 && p <= 1, name, ": p is ", p, "; expected a probability from 0 to 1");
}
/// Shapes are inferred on meta tensors: that must not use up random numbers.
bool active(const Mode& mode, const Tensor& x) { return mode.training && x.device().type != DeviceType::meta; }
}  // namespace

Dropout::Dropout(double p) : p(p) { check_probability("dropout", p); }
Tensor Dropout::forward(const Tensor& x) const { return active(mode, x) && p > 0 ? dropout(x, p) : x; }

SpatialDropout::SpatialDropout(double p) : p(p) { check_probability("spatial_dropout", p); }
Tensor SpatialDropout::forward(const Tensor& x) const {
  check(x.rank() >= 3, "spatial_dropout: received x of shape ", x.shape(), "; expected [N, C, ...] of rank 3 or more");
  if (!active(mode, x) || p == 0) return x;
  Shape channels(Dims::filled(x.rank(), 1));
  channels[0] = x.size(0);
  channels[1] = x.size(1);
  return x * dropout(ones(channels, {.dtype = x.dtype(), .device = x.device()}), p);
}

GaussianNoise::GaussianNoise(double stddev) : stddev(stddev) {
  check(stddev >= 0, "gaussian_noise: stddev is ", stddev, "; expected 0 or more");
}
Tensor GaussianNoise::forward(const Tensor& x) const {
  if (!active(mode, x) || stddev == 0) return x;
  return x + normal(x.shape(), 0, stddev, {.dtype = x.dtype(), .device = x.device()});
}

}  // namespace weft::nn
