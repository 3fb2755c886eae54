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

/// y = (x - shift) * scale + offset, numbers a channel.
void Normalise(const float* x, Int rows, Int channels, const float* shift, const float* scale, const float* offset, float* y) {
  for (Int c = 0; c < channels; c += F::lanes()) {
    const F s = F::load(shift + c), f = F::load(scale + c), o = F::load(offset + c);
    for (Int i = c; i < rows * channels; i += channels) ((F::load(x + i) - s) * f + o).store(y + i);
  }
}

/// The sums of g and of g * (x - shift) over a block of rows.
void Products(const float* g, const float* x, Int rows, Int channels, const float* shift, float* total, float* along) {
  for (Int c = 0; c < channels; c += F::lanes()) {
    const F s = F::load(shift + c);
    F sum(0), more(0), product(0), other(0);
    Int i = c;
    for (; i + channels < rows * channels; i += 2 * channels) {
      const F a = F::load(g + i), b = F::load(g + i + channels);
      sum = sum + a;
      more = more + b;
      product = product + a * (F::load(x + i) - s);
      other = other + b * (F::load(x + i + channels) - s);
    }
    if (i < rows * channels) {
      const F a = F::load(g + i);
      sum = sum + a;
      product = product + a * (F::load(x + i) - s);
    }
    (sum + more).store(total + c);
    (product + other).store(along + c);
  }
}

/// dx = g * a - (x - shift) * b - d, numbers a channel.
void Denormalise(const float* g, const float* x, Int rows, Int channels, const float* shift, const float* a, const float* b,
                 const float* d, float* dx) {
  for (Int c = 0; c < channels; c += F::lanes()) {
    const F s = F::load(shift + c), va = F::load(a + c), vb = F::load(b + c), vd = F::load(d + c);
    for (Int i = c; i < rows * channels; i += channels)
      (F::load(g + i) * va - (F::load(x + i) - s) * vb - vd).store(dx + i);
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

void batch_norm(const KernelCall& call) {
  const Rows r(call.in[0].shape);
  const double eps = call.attributes<op::BatchNorm>().eps;
  const auto *x = call.in[0].as<float>(), *weight = call.in.size() > 1 ? call.in[1].as<float>() : nullptr;
  const auto* bias = call.in.size() > 2 ? call.in[2].as<float>() : nullptr;
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
    s /= static_cast<double>(r.rows);
    mean[c] = static_cast<float>(m);
    var[c] = static_cast<float>(s);
    scale[c] = static_cast<float>((weight ? weight[c] : 1) / std::sqrt(s + eps));
    offset[c] = bias ? bias[c] : 0;
  });
  r.for_each([&](Int, Int at, Int rows) {
    HWY_DYNAMIC_DISPATCH(Normalise)(x + at, rows, r.channels, mean, scale, offset, call.out[0].as<float>() + at);
  });
}

void batch_norm_grad(const KernelCall& call) {
  const Rows r(call.in[0].shape);
  const double eps = call.attributes<op::BatchNormGrad>().eps;
  const auto *x = call.in[0].as<float>(), *g = call.in[1].as<float>(), *mean = call.in[2].as<float>(), *var = call.in[3].as<float>();
  const auto* weight = call.in.size() > 4 ? call.in[4].as<float>() : nullptr;
  Scratch<float> totals(r.blocks * r.channels), alongs(r.blocks * r.channels), a(r.channels), b(r.channels), d(r.channels);
  r.for_each([&](Int k, Int at, Int rows) {
    HWY_DYNAMIC_DISPATCH(Products)(g + at, x + at, rows, r.channels, mean, totals + k * r.channels, alongs + k * r.channels);
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
    HWY_DYNAMIC_DISPATCH(Denormalise)(g + at, x + at, rows, r.channels, mean, a, b, d, call.out[0].as<float>() + at);
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
  add_kernel(info_of<op::BatchNorm>(), DeviceType::cpu, {"cpu.batch_norm_channels_last", &batch_norm, &decline, true, 1, 1});
  add_kernel(info_of<op::BatchNormGrad>(), DeviceType::cpu, {"cpu.batch_norm_grad_channels_last", &batch_norm_grad, &decline, true, 3, 1});
}

}  // namespace weft
#endif
