#include <weft/nn/norm.h>

#include <algorithm>

#include <weft/nn/init.h>
#include <weft/tensor/context.h>

namespace weft::nn {

namespace {

/// A weight or bias a channel: of a known size, or found at the first batch.
Parameter per_channel(std::int64_t channels, const Initializer& init) {
  return channels ? Parameter({channels}, init) : Parameter::deferred(init);
}
Operand optional(const Parameter& p) { return p.defined() ? Operand(p) : Operand(std::nullopt); }

void check_channels(const char* name, const Tensor& x, std::int64_t channels) {
  check(x.defined() && x.rank() >= 2, name, ": received ", x.defined() ? "x of shape " + to_string(x.shape()) : "an undefined tensor",
        "; expected [N, C, ...]");
  check(channels == 0 || x.size(1) == channels, name, ": received x of shape ", x.shape(), " with ", x.size(1),
        " channels in axis 1; expected ", channels);
}

/// The sizes to normalize over: those given, or the last axis of x.
Shape last_axes(const char* name, const Shape& given, const Tensor& x) {
  check(x.defined() && x.rank() >= 1, name, ": received ", x.defined() ? "a scalar" : "an undefined tensor", "; expected [..., features]");
  const Shape shape = given.empty() ? Shape{x.size(-1)} : given;
  const Shape& s = x.shape();
  check(s.rank() >= shape.rank() && std::equal(shape.begin(), shape.end(), s.end() - shape.rank()), name,
        ": received x of shape ", s, "; expected the last axes to be ", shape);
  return shape;
}

}  // namespace

BatchNorm::BatchNorm(std::int64_t features) : BatchNorm([&] {
  BatchNormOptions o;
  o.features = features;
  return o;
}()) {}

BatchNorm::BatchNorm(BatchNormOptions o) : options(o) {
  check(o.features >= 0 && o.eps >= 0 && o.momentum >= 0 && o.momentum <= 1, "batch_norm: features = ", o.features,
        ", eps = ", o.eps, ", momentum = ", o.momentum, "; expected none negative and momentum at most 1");
  if (o.affine) {
    weight = per_channel(o.features, init::ones);
    bias = per_channel(o.features, init::zeros);
  }
  if (!o.track_running_stats) return;
  running_mean = o.features ? Buffer(zeros({o.features})) : Buffer::deferred();
  running_var = o.features ? Buffer(ones({o.features})) : Buffer::deferred();
}

BatchNorm BatchNorm::keras(std::int64_t features) {
  return BatchNormOptions{.features = features, .eps = 1e-3, .momentum = 0.01};
}

void BatchNorm::resolve(const Tensor& x) const {
  const Shape channels{x.size(1)};
  if (options.affine) {
    weight.resolve(channels);
    bias.resolve(channels);
  }
  if (!options.track_running_stats || running_mean.ready()) return;
  const bool meta = x.device().type == DeviceType::meta;
  const TensorOptions like{.dtype = weight.defined() ? weight.state()->dtype : DType::f32,
                           .device = meta ? default_device() : x.device()};
  const weft::detail::Eagerly now;
  running_var.resolve(ones(channels, like));
  running_mean.resolve(zeros(channels, like));  // last: who finds it ready finds both
}

Tensor BatchNorm::forward(const Tensor& x) const {
  const std::int64_t known = running_mean.ready() ? running_mean.tensor().size(0)
                             : options.affine && weight.ready() ? weight.shape()[0] : options.features;
  check_channels("batch_norm", x, known);
  resolve(x);
  const bool tracked = options.track_running_stats;
  if (tracked && !mode.training)
    return batch_norm(x, running_mean, running_var, optional(weight), optional(bias), options.eps);
  BatchNormResult r = batch_norm_train(x, optional(weight), optional(bias), options.eps);
  if (!tracked || !mode.training || x.device().type == DeviceType::meta || x.numel() == 0) return r.y;
  NoGrad off;
  const auto count = static_cast<double>(x.numel() / x.size(1));
  const double unbias = count > 1 ? count / (count - 1) : 1, m = options.momentum;
  const DType dtype = running_mean.tensor().dtype();
  running_mean.assign(running_mean * (1 - m) + cast(r.mean, dtype) * m);
  running_var.assign(running_var * (1 - m) + cast(r.var, dtype) * (m * unbias));
  return r.y;
}

LayerNorm::LayerNorm(std::int64_t size) : LayerNorm([&] {
  check(size >= 1, "layer_norm: size ", size, "; expected 1 or more");
  LayerNormOptions o;
  o.normalized_shape = {size};
  return o;
}()) {}

LayerNorm::LayerNorm(LayerNormOptions o) : options(std::move(o)) {
  const Shape& shape = options.normalized_shape;
  if (!options.affine) return;
  weight = shape.empty() ? Parameter::deferred(init::ones) : Parameter(shape, init::ones);
  if (options.bias) bias = shape.empty() ? Parameter::deferred(init::zeros) : Parameter(shape, init::zeros);
}

LayerNorm LayerNorm::keras(const Shape& normalized_shape) {
  return LayerNormOptions{.normalized_shape = normalized_shape, .eps = 1e-3};
}

Tensor LayerNorm::forward(const Tensor& x) const {
  const bool known = weight.defined() && weight.ready();
  const Shape shape = last_axes("layer_norm", known ? weight.shape() : options.normalized_shape, x);
  if (weight.defined()) weight.resolve(shape);
  if (bias.defined()) bias.resolve(shape);
  return layer_norm(x, shape, optional(weight), optional(bias), options.eps);
}

GroupNorm::GroupNorm(GroupNormOptions o) : options(o) {
  check(o.groups >= 1 && o.channels >= 0 && o.channels % o.groups == 0, "group_norm: ", o.groups,
        " groups do not divide ", o.channels, " channels");
  if (!o.affine) return;
  weight = per_channel(o.channels, init::ones);
  bias = per_channel(o.channels, init::zeros);
}

Tensor GroupNorm::forward(const Tensor& x) const {
  check_channels("group_norm", x, weight.defined() && weight.ready() ? weight.shape()[0] : options.channels);
  check(x.size(1) % options.groups == 0, "group_norm: received x of shape ", x.shape(), " with ", x.size(1),
        " channels; expected a multiple of groups = ", options.groups);
  if (options.affine) {
    weight.resolve({x.size(1)});
    bias.resolve({x.size(1)});
  }
  return group_norm(x, options.groups, optional(weight), optional(bias), options.eps);
}

InstanceNorm2d::InstanceNorm2d(InstanceNormOptions o) : options(o) {
  if (!o.affine) return;
  weight = per_channel(o.features, init::ones);
  bias = per_channel(o.features, init::zeros);
}

Tensor InstanceNorm2d::forward(const Tensor& x) const {
  check_channels("instance_norm", x, weight.defined() && weight.ready() ? weight.shape()[0] : options.features);
  if (options.affine) {
    weight.resolve({x.size(1)});
    bias.resolve({x.size(1)});
  }
  return instance_norm(x, optional(weight), optional(bias), options.eps);
}

RMSNorm::RMSNorm(std::int64_t size) : RMSNorm([&] {
  check(size >= 1, "rms_norm: size ", size, "; expected 1 or more");
  RMSNormOptions o;
  o.normalized_shape = {size};
  return o;
}()) {}

RMSNorm::RMSNorm(RMSNormOptions o) : options(std::move(o)) {
  if (!options.affine) return;
  weight = options.normalized_shape.empty() ? Parameter::deferred(init::ones)
                                            : Parameter(options.normalized_shape, init::ones);
}

Tensor RMSNorm::forward(const Tensor& x) const {
  const bool known = weight.defined() && weight.ready();
  const Shape shape = last_axes("rms_norm", known ? weight.shape() : options.normalized_shape, x);
  if (weight.defined()) weight.resolve(shape);
  return rms_norm(x, shape, optional(weight), options.eps);
}

}  // namespace weft::nn
