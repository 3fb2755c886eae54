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

constexpr int wide = 4;  // vectors of channels at a time: rows are read in long stretches

/// N vectors from p on.
template <int N> struct Several {
  F v[N];
  Several() = default;
  HWY_INLINE explicit Several(const float* p) {
    for (int j = 0; j < N; ++j) v[j] = F::load(p + j * F::lanes());
  }
  HWY_INLINE void clear() {
    for (int j = 0; j < N; ++j) v[j] = F(0);
  }
  HWY_INLINE void store(float* p) const {
    for (int j = 0; j < N; ++j) v[j].store(p + j * F::lanes());
  }
};

/// The mean of each channel over a block of rows, and the sum of squares of what is left.
void Moments(const float* x, Int rows, Int channels, float* mean, float* squares) {
  const F share(1.0 / static_cast<double>(rows));
  by_vectors<wide>(channels, [&]<int N>(Int c) HWY_ATTR {
    Several<N> sum[2], m;
    const auto pass = [&](auto&& take) HWY_ATTR {
      sum[0].clear(), sum[1].clear();
      Int r = 0;
      for (; r + 2 <= rows; r += 2)
        for (int half = 0; half < 2; ++half)
          for (int j = 0; j < N; ++j) take(sum[half].v[j], F::load(x + (r + half) * channels + c + j * F::lanes()), j);
      for (int j = 0; r < rows && j < N; ++j) take(sum[0].v[j], F::load(x + r * channels + c + j * F::lanes()), j);
      for (int j = 0; j < N; ++j) sum[0].v[j] = sum[0].v[j] + sum[1].v[j];
    };
    pass([](F& to, F v, int) HWY_ATTR { to = to + v; });
    for (int j = 0; j < N; ++j) m.v[j] = sum[0].v[j] * share;
    pass([&](F& to, F v, int j) HWY_ATTR {
      const F d = v - m.v[j];
      to = to + d * d;
    });
    m.store(mean + c);
    sum[0].store(squares + c);
  });
}

/// y = (x - shift) * scale + offset, numbers a channel; not below 0 where `relu`.
void Normalise(const float* x, Int rows, Int channels, const float* shift, const float* scale, const float* offset, bool relu, float* y) {
  by_vectors<wide>(channels, [&]<int N>(Int c) HWY_ATTR {
    const Several<N> s(shift + c), f(scale + c), o(offset + c);
    const F zero(0);
    for (Int i = c; i < rows * channels; i += channels)
      for (int j = 0; j < N; ++j) {
        const F v = (F::load(x + i + j * F::lanes()) - s.v[j]) * f.v[j] + o.v[j];
        (relu ? F(hn::Max(zero.v, v.v)) : v).store(y + i + j * F::lanes());  // in this order NaN stays
      }
  });
}

/// The gradient that reaches the normalised value: that of y where y > 0.
template <int N> struct Masked {
  Several<N> shift, scale, offset;
  HWY_INLINE F operator()(F g, F x, int j) const {
    return select((x - shift.v[j]) * scale.v[j] + offset.v[j] <= F(0), F(0), g);
  }
};
struct Unmasked {
  HWY_INLINE F operator()(F g, F, int) const { return g; }
};
/// Calls f with the mask that `scale`, null for none, stands for.
template <int N, class Call>
HWY_INLINE void with_mask(Int c, const float* shift, const float* scale, const float* offset, Call&& call) {
  if (scale) call(Masked<N>{Several<N>(shift + c), Several<N>(scale + c), Several<N>(offset + c)});
  else call(Unmasked{});
}

/// The sums of g and of g * (x - shift) over a block of rows; of g where y > 0 where `scale` is given.
void Products(const float* g, const float* x, Int rows, Int channels, const float* shift, const float* scale, const float* offset,
              float* total, float* along) {
  by_vectors<wide>(channels, [&]<int N>(Int c) HWY_ATTR {
    const Several<N> s(shift + c);
    with_mask<N>(c, shift, scale, offset, [&](auto mask) HWY_ATTR {
      Several<N> sum[2], product[2];
      for (int half = 0; half < 2; ++half) sum[half].clear(), product[half].clear();
      const auto take = [&](Int r, int half) HWY_ATTR {
        for (int j = 0; j < N; ++j) {
          const Int at = r * channels + c + j * F::lanes();
          const F u = F::load(x + at), a = mask(F::load(g + at), u, j);
          sum[half].v[j] = sum[half].v[j] + a;
          product[half].v[j] = product[half].v[j] + a * (u - s.v[j]);
        }
      };
      Int r = 0;
      for (; r + 2 <= rows; r += 2) take(r, 0), take(r + 1, 1);
      if (r < rows) take(r, 0);
      for (int j = 0; j < N; ++j) {
        (sum[0].v[j] + sum[1].v[j]).store(total + c + j * F::lanes());
        (product[0].v[j] + product[1].v[j]).store(along + c + j * F::lanes());
      }
    });
  });
}

/// dx = g * a - (x - shift) * b - d, numbers a channel.
void Denormalise(const float* g, const float* x, Int rows, Int channels, const float* shift, const float* scale, const float* offset,
                 const float* a, const float* b, const float* d, float* dx) {
  by_vectors<wide>(channels, [&]<int N>(Int c) HWY_ATTR {
    const Several<N> s(shift + c), va(a + c), vb(b + c), vd(d + c);
    with_mask<N>(c, shift, scale, offset, [&](auto mask) HWY_ATTR {
      for (Int i = c; i < rows * channels; i += channels)
        for (int j = 0; j < N; ++j) {
          const Int at = i + j * F::lanes();
          const F v = F::load(x + at);
          (mask(F::load(g + at), v, j) * va.v[j] - (v - s.v[j]) * vb.v[j] - vd.v[j]).store(dx + at);
        }
    });
  });
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
