// Normalisation, softmax, cross-entropy, embedding and resizing.
#include <algorithm>
#include <cmath>
#include <limits>

#include <weft/opdefs/index.h>
#include <weft/opdefs/norm.h>
#include <weft/opdefs/softmax.h>
#include <weft/ops/composite.h>
#include <weft/ops/nn_detail.h>
#include <weft/ops/ops.h>
#include <weft/tensor/tape.h>

namespace weft {

namespace {
/// The shape with its first axis open, so that the batch size stays open in a captured graph.
Shape open_batch(Shape s) {
  if (s.numel() > 0) s[0] = -1;
  return s;
}

/// A number a channel, to meet x.
Tensor by_channel(Operand v, const Shape& x) { return reshape(v, op::norm_detail::per_channel(x)); }

void check_per_channel(const char* name, const char* what, Operand v, const Shape& x) {
  if (v.kind() == Operand::Kind::tensor && v.present())
    detail::check_at(v.where(), v.tensor().shape() == Shape{x[1]}, name, ": ", what, " ", v.tensor().shape(), " for x ",
                     x, "; expected one number a channel, [", x[1], "]");
}

const Shape& normalised(const char* name, Operand x, int least_rank) {
  detail::check_at(x.where(), x.kind() == Operand::Kind::tensor && x.present(), name, ": x is not a tensor");
  const Shape& s = x.tensor().shape();
  detail::check_at(x.where(), s.rank() >= least_rank, name, ": x has shape ", s, "; expected rank ", least_rank,
                   " or more");
  return s;
}

/// y * weight + bias, where given.
Tensor affine(Tensor y, Operand weight, Operand bias) {
  if (weight.present()) y = y * weight;
  if (bias.present()) y = y + bias;
  return y;
}
Tensor affine_by_channel(Tensor y, Operand weight, Operand bias) {
  const Shape s = y.shape();
  if (weight.present()) y = y * by_channel(weight, s);
  if (bias.present()) y = y + by_channel(bias, s);
  return y;
}

/// The number of last axes that `normalized` names, checked.
std::int64_t check_normalized(const char* name, const Shape& x, const Shape& normalized, std::initializer_list<Operand> affine) {
  const int n = normalized.rank();
  check(n >= 1 && n <= x.rank() && std::equal(normalized.begin(), normalized.end(), x.end() - n), name, ": x ", x,
        " does not end in normalized_shape ", normalized);
  for (const Operand& v : affine)
    if (v.kind() == Operand::Kind::tensor && v.present())
      check(v.tensor().shape() == normalized, name, ": weight or bias ", v.tensor().shape(), "; expected ",
            normalized);
  return n;
}
}  // namespace

BatchNormResult batch_norm_train(Operand x, Operand weight, Operand bias, double eps) {
  const Shape& s = normalised("batch_norm", x, 2);
  const bool bias_alone = bias.present() && !weight.present();
  Tensors out = bias_alone ? apply_all(op::BatchNorm{eps}, x) : apply_all(op::BatchNorm{eps}, x, weight, bias);
  if (bias_alone) out[0] = out[0] + by_channel(bias, s);
  return {out[0], out[1], out[2]};
}

Tensor batch_norm(Operand x, Operand mean, Operand var, Operand weight, Operand bias, double eps) {
  const Shape& s = normalised("batch_norm", x, 2);
  for (auto [what, v] : {std::pair{"mean", mean}, {"var", var}, {"weight", weight}, {"bias", bias}})
    check_per_channel("batch_norm", what, v, s);
  Tensor scale = rsqrt(var + eps);
  if (weight.present()) scale = scale * weight;
  Tensor shift = -(mean * scale);
  if (bias.present()) shift = shift + bias;
  return x * by_channel(scale, s) + by_channel(shift, s);
}

Tensor layer_norm(Operand x, const Shape& normalized_shape, Operand weight, Operand bias, double eps) {
  const Shape& s = normalised("layer_norm", x, 1);
  const auto axes = check_normalized("layer_norm", s, normalized_shape, {weight, bias});
  return affine(apply_all(op::Standardize{axes, true, eps}, x)[0], weight, bias);
}

Tensor group_norm(Operand x, std::int64_t groups, Operand weight, Operand bias, double eps) {
  const Shape s = normalised("group_norm", x, 2);
  detail::check_at(x.where(), groups >= 1 && s[1] % groups == 0, "group_norm: ", groups, " groups do not divide ", s[1],
                   " channels of x ", s);
  check_per_channel("group_norm", "weight", weight, s);
  check_per_channel("group_norm", "bias", bias, s);
  std::int64_t row = s[1] / groups;
  for (int i = 2; i < s.rank(); ++i) row *= s[i];
  const Tensor y = apply_all(op::Standardize{1, true, eps}, reshape(x, open_batch({s[0], groups, row})))[0];
  return affine_by_channel(reshape(y, open_batch(s)), weight, bias);
}

Tensor instance_norm(Operand x, Operand weight, Operand bias, double eps) {
  const Shape& s = normalised("instance_norm", x, 3);
  check_per_channel("instance_norm", "weight", weight, s);
  check_per_channel("instance_norm", "bias", bias, s);
  return affine_by_channel(apply_all(op::Standardize{s.rank() - 2, true, eps}, x)[0], weight, bias);
}

Tensor rms_norm(Operand x, const Shape& normalized_shape, Operand weight, std::optional<double> eps) {
  const Shape& s = normalised("rms_norm", x, 1);
  const auto axes = check_normalized("rms_norm", s, normalized_shape, {weight});
  const double of_dtype = x.tensor().dtype() == DType::f64 ? std::numeric_limits<double>::epsilon()
                                                           : std::numeric_limits<float>::epsilon();
  return affine(apply_all(op::Standardize{axes, false, eps.value_or(of_dtype)}, x)[0], weight, std::nullopt);
}

Tensor softmax(Operand x, int axis) {
  return detail::along_axis(x, axis, [&](Operand t) { return apply(op::Softmax{axis}, t); });
}
Tensor log_softmax(Operand x, int axis) {
  return detail::along_axis(x, axis, [&](Operand t) { return apply(op::LogSoftmax{axis}, t); });
}

Tensor softmax_cross_entropy(Operand logits, Operand labels, const CrossEntropyOptions& o) {
  if (!o.weight.defined())
    return apply(op::SoftmaxCrossEntropy{o.ignore_index, o.label_smoothing}, logits, labels);
  const Shape& s = normalised("softmax_cross_entropy", logits, 2);
  check_per_channel("softmax_cross_entropy", "weight", o.weight, s);
  const Tensor ignored = equal(labels, o.ignore_index);
  const Tensor weights = where(ignored, 0.0, take(o.weight, where(ignored, 0, labels), 0));
  Tensor loss = apply(op::SoftmaxCrossEntropy{o.ignore_index, 0}, logits, labels) * weights;
  if (o.label_smoothing == 0) return loss;
  const Tensor spread = sum(log_softmax(logits, 1) * by_channel(o.weight, s), {1}) / static_cast<double>(-s[1]);
  return loss * (1 - o.label_smoothing) + where(ignored, 0.0, spread) * o.label_smoothing;
}

Tensor embedding(Operand indices, Operand weight, std::optional<std::int64_t> padding_index) {
  detail::check_at(indices.where(),
                   weight.kind() == Operand::Kind::tensor && weight.present() && weight.tensor().rank() == 2,
                   "embedding: weight must be a matrix [V, D]");
  detail::check_at(indices.where(), indices.kind() == Operand::Kind::tensor && !is_floating(indices.tensor().dtype()),
                   "embedding: indices must be an integer tensor; convert with .to(i64)");
  const Tensor rows = apply(op::Take{.axis = 0, .from_end = false}, weight, indices);
  if (!padding_index) return rows;
  const std::int64_t row = *padding_index < 0 ? *padding_index + weight.tensor().size(0) : *padding_index;
  return where(unsqueeze(equal(indices, row), -1), rows.detach(), rows);
}

namespace {
/// Source position of output i along an axis of `in` (PyTorch's rule, which is OpenCV's without antialiasing).
double linear_source(std::int64_t i, std::int64_t in, std::int64_t out, double step, bool align_corners) {
  if (align_corners) return out > 1 ? static_cast<double>(i * (in - 1)) / static_cast<double>(out - 1) : 0;
  return std::max(0.0, (static_cast<double>(i) + 0.5) * step - 0.5);
}

std::vector<double> linear_matrix(std::int64_t in, std::int64_t out, double step, bool align_corners) {
  std::vector<double> m(static_cast<std::size_t>(in * out));
  for (std::int64_t i = 0; i < out; ++i) {
    const double at = linear_source(i, in, out, step, align_corners);
    const auto low = std::min(static_cast<std::int64_t>(at), in - 1), high = std::min(low + 1, in - 1);
    const double part = std::min(1.0, at - static_cast<double>(low));
    m[static_cast<std::size_t>(i * in + low)] += 1 - part;
    m[static_cast<std::size_t>(i * in + high)] += part;
  }
  return m;
}

Tensor nearest_axis(const Tensor& x, int axis, std::int64_t out, double step) {
  std::vector<std::int64_t> index;
  for (std::int64_t i = 0; i < out; ++i)
    index.push_back(std::min(static_cast<std::int64_t>(static_cast<double>(i) * step), x.size(axis) - 1));
  const Device device = x.device().type == DeviceType::meta ? cpu : x.device();
  return take(x, tensor_of(index, {out}, {.device = device}), axis);
}
}  // namespace

Tensor interpolate(Operand x, const InterpolateOptions& o) {
  const Shape s = normalised("interpolate", x, 3);
  const int axes = s.rank() - 2;
  detail::check_at(x.where(), o.size.has_value() != !o.scale.empty(), "interpolate: expected either size or scale");
  const bool nearest = o.mode == "nearest";
  detail::check_at(x.where(), nearest || o.mode == "linear" || o.mode == "bilinear" || o.mode == "trilinear",
                   "interpolate: mode '", o.mode, "'; expected \"nearest\" or \"linear\"",
                   suggestion(o.mode, {"nearest", "linear", "bilinear", "trilinear"}));
  detail::check_at(x.where(), o.scale.empty() || o.scale.size() == 1 || static_cast<int>(o.scale.size()) == axes,
                   "interpolate: ", o.scale.size(), " scales; expected 1 or ", axes);
  const Dims size = o.size ? o.size->expand(axes, "interpolate: size") : Dims();
  Tensor y = x.tensor();
  for (int i = 0; i < axes; ++i) {
    const std::int64_t in = s[i + 2];
    const double scale = o.scale.empty() ? 0 : o.scale.size() == 1 ? o.scale[0] : o.scale[static_cast<std::size_t>(i)];
    const std::int64_t out = o.size ? size[i] : static_cast<std::int64_t>(static_cast<double>(in) * scale);
    detail::check_at(x.where(), in >= 1 && out >= 1, "interpolate: sizes ", in, " to ", out, "; expected 1 or more");
    const double step = o.size ? static_cast<double>(in) / static_cast<double>(out) : 1 / scale;
    y = nearest ? nearest_axis(y, i + 2, out, step)
                : detail::resample_axis(y, i + 2, linear_matrix(in, out, step, o.align_corners), out);
  }
  return y;
}

Tensor pixel_shuffle(Operand x, std::int64_t r) {
  const Shape s = normalised("pixel_shuffle", x, 4);
  detail::check_at(x.where(), s.rank() == 4 && r >= 1 && s[1] % (r * r) == 0, "pixel_shuffle: x ", s, " with factor ",
                   r, "; expected [N, C * r * r, H, W]");
  const std::int64_t c = s[1] / (r * r);
  const Tensor cells = permute(reshape(x, open_batch({s[0], c, r, r, s[2], s[3]})), {0, 1, 4, 2, 5, 3});
  return reshape(cells, open_batch({s[0], c, s[2] * r, s[3] * r}));
}

Tensor pixel_unshuffle(Operand x, std::int64_t r) {
  const Shape s = normalised("pixel_unshuffle", x, 4);
  detail::check_at(x.where(), s.rank() == 4 && r >= 1 && s[2] % r == 0 && s[3] % r == 0, "pixel_unshuffle: x ", s,
                   " with factor ", r, "; expected [N, C, H * r, W * r]");
  const std::int64_t h = s[2] / r, w = s[3] / r;
  const Tensor cells = permute(reshape(x, open_batch({s[0], s[1], h, r, w, r})), {0, 1, 3, 5, 2, 4});
  return reshape(cells, open_batch({s[0], s[1] * r * r, h, w}));
}

void register_norm_gradients() {
  add_vjps(op::Norms{});
  add_vjps(op::Softmaxes{});
}

}  // namespace weft
