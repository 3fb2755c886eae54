// Batch normalisation of channels-last images: rows of channels, a vector for each few channels. Sums are taken over
// blocks of rows that stay in the first-level cache and joined in the blocks' order, in double.
#include <weft/kernels/cpu/targets.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "weft/kernels/cpu/channels_last_norm.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>

#include <weft/base/memory.h>
#include <weft/base/thread_pool.h>
#include <weft/kernels/cpu/conv_tiles.h>
#include <weft/kernels/cpu/vector-inl.h>
#include <weft/kernels/registry.h>
#include <weft/opdefs/norm.h>

HWY_BEFORE_NAMESPACE();
namespace weft::cpu_kernels::HWY_NAMESPACE {

using Int = std::int64_t;
using F = Vector<float>;

/// The mean of each channel over a block of rows, and the sum of squares of what is left.
void Moments(const float* x, Int rows, Int channels, float* mean, float* squares) {
  const F share(1.0 / static_cast<double>(rows));
  for (Int c = 0; c < channels; c += F::lanes()) {
    F even(0), odd(0);
    Int r = 0;
    for (; r + 2 <= rows; r += 2) {
      even = even + F::load(x + r * channels + c);
      odd = odd + F::load(x + (r + 1) * channels + c);
    }
    if (r < rows) even = even + F::load(x + r * channels + c);
    const F m = (even + odd) * share;
    even = odd = F(0);
    for (r = 0; r + 2 <= rows; r += 2) {
      const F d = F::load(x + r * channels + c) - m, e = F::load(x + (r + 1) * channels + c) - m;
      even = even + d * d;
      odd = odd + e * e;
    }
    if (r < rows) {
      const F d = F::load(x + r * channels + c) - m;
      even = even + d * d;
    }
    m.store(mean + c);
    (even + odd).store(squares + c);
  }
}

/// y = (x - shift) * scale + offset, numbers a channel; not below 0 where `relu`.
void Normalise(const float* x, Int rows, Int channels, const float* shift, const float* scale, const float* offset, bool relu, float* y) {
  for (Int c = 0; c < channels; c += F::lanes()) {
    const F s = F::load(shift + c), f = F::load(scale + c), o = F::load(offset + c), zero(0);
    for (Int i = c; i < rows * channels; i += channels) {
      const F v = (F::load(x + i) - s) * f + o;
      (relu ? F(hn::Max(zero.v, v.v)) : v).store(y + i);  // in this order NaN stays
    }
  }
}

/// The gradient that reaches the normalised value: that of y where y > 0.
struct Masked {
  F shift, scale, offset;
  HWY_INLINE F operator()(F g, F x) const { return select((x - shift) * scale + offset <= F(0), F(0), g); }
};
struct Unmasked {
  HWY_INLINE F operator()(F g, F) const { return g; }
};

template <class Mask> HWY_INLINE void products(const float* g, const float* x, Int count, Int channels, F s, Mask mask, float* total, float* along) {
  F sum(0), more(0), product(0), other(0);
  Int i = 0;
  for (; i + channels < count; i += 2 * channels) {
    const F u = F::load(x + i), v = F::load(x + i + channels);
    const F a = mask(F::load(g + i), u), b = mask(F::load(g + i + channels), v);
    sum = sum + a;
    more = more + b;
    product = product + a * (u - s);
    other = other + b * (v - s);
  }
  if (i < count) {
    const F u = F::load(x + i), a = mask(F::load(g + i), u);
    sum = sum + a;
    product = product + a * (u - s);
  }
  (sum + more).store(total);
  (product + other).store(along);
}

/// The sums of g and of g * (x - shift) over a block of rows; of g where y > 0 where `scale` is given.
void Products(const float* g, const float* x, Int rows, Int channels, const float* shift, const float* scale, const float* offset,
              float* total, float* along) {
  for (Int c = 0; c < channels; c += F::lanes()) {
    const F s = F::load(shift + c);
    const Int count = rows * channels - c;
    if (scale) products(g + c, x + c, count, channels, s, Masked{s, F::load(scale + c), F::load(offset + c)}, total + c, along + c);
    else products(g + c, x + c, count, channels, s, Unmasked{}, total + c, along + c);
  }
}

/// dx = g * a - (x - shift) * b - d, numbers a channel.
void Denormalise(const float* g, const float* x, Int rows, Int channels, const float* shift, const float* scale, const float* offset,
                 const float* a, const float* b, const float* d, float* dx) {
  for (Int c = 0; c < channels; c += F::lanes()) {
    const F s = F::load(shift + c), va = F::load(a + c), vb = F::load(b + c), vd = F::load(d + c);
    const auto spread = [&](auto mask) HWY_ATTR {
      for (Int i = c; i < rows * channels; i += channels) {
        const F v = F::load(x + i);
        (mask(F::load(g + i), v) * va - (v - s) * vb - vd).store(dx + i);
      }
    };
    if (scale) spread(Masked{s, F::load(scale + c), F::load(offset + c)});
    else spread(Unmasked{});
  }
}

}  // namespace weft::cpu_kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft {

namespace cpu_kernels {
namespace {
HWY_EXPORT(Moments);
HWY_EXPORT(Normalise);
HWY_EXPORT(Products);
HWY_EXPORT(Denormalise);

using Int = std::int64_t;

/// Rows of channels in blocks of about 32 kB.
struct Rows {
  Int channels, rows, block, blocks;
  explicit Rows(const Shape& x)
      : channels(x[1]), rows(x.numel() / x[1]), block(std::max<Int>(2, 8192 / channels)), blocks((rows + block - 1) / block) {}
  Int size(Int b) const { return std::min(block, rows - b * block); }
  /// Calls f(block, its first element, its rows).
  template <class F> void for_each(F&& f) const {
    parallel_for(blocks, 1, [&](Int begin, Int end) {
      for (Int b = begin; b < end; ++b) f(b, b * block * channels, size(b));
    });
  }
  /// Calls f(channel), a few channels a piece.
  template <class F> void for_each_channel(F&& f) const {
    parallel_for(channels, std::max<Int>(channel_step, 4096 / blocks), [&](Int begin, Int end) {
      for (Int c = begin; c < end; ++c) f(c);
    });
  }
};

/// The factor that brings a channel to variance 1, times its weight.
float scale_of(const float* weight, Int c, float var, double eps) {
  return static_cast<float>((weight ? weight[c] : 1) / std::sqrt(static_cast<double>(var) + eps));
}
const float* input_or_null(const KernelCall& call, std::size_t i) { return call.in.size() > i ? call.in[i].as<float>() : nullptr; }

template <class Op, bool relu> void batch_norm(const KernelCall& call) {
  const Rows r(call.in[0].shape);
  const double eps = call.attributes<Op>().eps;
  const float *x = call.in[0].as<float>(), *weight = input_or_null(call, 1), *bias = input_or_null(call, 2);
  auto *mean = call.out[1].as<float>(), *var = call.out[2].as<float>();
  Scratch<float> means(r.blocks * r.channels), squares(r.blocks * r.channels), scale(r.channels), offset(r.channels);
  r.for_each([&](Int b, Int at, Int rows) {
    HWY_DYNAMIC_DISPATCH(Moments)(x + at, rows, r.channels, means + b * r.channels, squares + b * r.channels);
  });
  r.for_each_channel([&](Int c) {
    double m = 0, s = 0;
    for (Int b = 0; b < r.blocks; ++b) m += static_cast<double>(r.size(b)) * means[b * r.channels + c];
    m /= static_cast<double>(r.rows);
    for (Int b = 0; b < r.blocks; ++b) {
      const double d = means[b * r.channels + c] - m;
      s += squares[b * r.channels + c] + static_cast<double>(r.size(b)) * d * d;
    }
    mean[c] = static_cast<float>(m);
    var[c] = static_cast<float>(s / static_cast<double>(r.rows));
    scale[c] = scale_of(weight, c, var[c], eps);
    offset[c] = bias ? bias[c] : 0;
  });
  r.for_each([&](Int, Int at, Int rows) {
    HWY_DYNAMIC_DISPATCH(Normalise)(x + at, rows, r.channels, mean, scale, offset, relu, call.out[0].as<float>() + at);
  });
}

template <class Op, bool relu> void batch_norm_grad(const KernelCall& call) {
  const Rows r(call.in[0].shape);
  const double eps = call.attributes<Op>().eps;
  const auto *x = call.in[0].as<float>(), *g = call.in[1].as<float>(), *mean = call.in[2].as<float>(), *var = call.in[3].as<float>();
  const float *weight = input_or_null(call, 4), *bias = input_or_null(call, 5);
  Scratch<float> totals(r.blocks * r.channels), alongs(r.blocks * r.channels), scale(r.channels), offset(r.channels);
  Scratch<float> a(r.channels), b(r.channels), d(r.channels);
  for (Int c = 0; c < r.channels; ++c) {
    scale[c] = scale_of(weight, c, var[c], eps);
    offset[c] = bias ? bias[c] : 0;
  }
  const float* mask = relu ? scale.data() : nullptr;
  r.for_each([&](Int k, Int at, Int rows) {
    HWY_DYNAMIC_DISPATCH(Products)(g + at, x + at, rows, r.channels, mean, mask, offset, totals + k * r.channels, alongs + k * r.channels);
  });
  r.for_each_channel([&](Int c) {
    double total = 0, along = 0;
    for (Int k = 0; k < r.blocks; ++k) {
      total += totals[k * r.channels + c];
      along += alongs[k * r.channels + c];
    }
    const double rstd = 1 / std::sqrt(var[c] + eps), n = static_cast<double>(r.rows), factor = (weight ? weight[c] : 1) * rstd;
    along *= rstd;
    a[c] = static_cast<float>(factor);
    b[c] = static_cast<float>(factor * rstd * along / n);
    d[c] = static_cast<float>(factor * total / n);
    call.out[1].as<float>()[c] = static_cast<float>(along);
    call.out[2].as<float>()[c] = static_cast<float>(total);
  });
  r.for_each([&](Int, Int at, Int rows) {
    HWY_DYNAMIC_DISPATCH(Denormalise)(g + at, x + at, rows, r.channels, mean, mask, offset, a, b, d, call.out[0].as<float>() + at);
  });
}

const char* decline(const KernelCall& call) {
  const TensorView& x = call.in[0];
  if (x.dtype != DType::f32) return "computes in f32";
  if (x.numel() == 0) return "empty";
  return x.shape[1] % channel_step ? "for 16, 32, 48, … channels" : nullptr;
}
}  // namespace
}  // namespace cpu_kernels

void register_cpu_channels_last_norm() {
  using namespace cpu_kernels;
  const auto add = [](const OpInfo& info, void (*run)(const KernelCall&), std::uint32_t images) {
    add_kernel(info, DeviceType::cpu, {"cpu." + info.name + "_channels_last", run, &decline, true, images, 1});
  };
  add(info_of<op::BatchNorm>(), &batch_norm<op::BatchNorm, false>, 1);
  add(info_of<op::BatchNormRelu>(), &batch_norm<op::BatchNormRelu, true>, 1);
  add(info_of<op::BatchNormGrad>(), &batch_norm_grad<op::BatchNormGrad, false>, 3);
  add(info_of<op::BatchNormReluGrad>(), &batch_norm_grad<op::BatchNormReluGrad, true>, 3);
}

}  // namespace weft
#endif
