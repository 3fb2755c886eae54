// Convolution by matrix products: the windows of a block of output rows are laid out as columns (im2col), so that each
// pass is a product. Images are independent; weight gradients of fixed shards of images are added in their order.
#include <algorithm>
#include <cstring>

#include <weft/base/memory.h>
#include <weft/base/thread_pool.h>
#include <weft/kernels/cpu/gemm.h>
#include <weft/kernels/registry.h>
#include <weft/opdefs/conv.h>

namespace weft {

namespace {

using cpu_kernels::gemm;
using op::ConvShape;
using Int = std::int64_t;

/// A convolution of three spatial axes (missing ones have size 1), cut into blocks of output rows.
struct Geometry {
  Int batch, groups, channels, filters;  ///< channels and filters of one group
  Int in[3], kernel[3], out[3], stride[3], pad[3], dilation[3];
  Int in_size = 1, taps = 1, positions = 1;
  Int rows, rows_a_block;
  bool direct;  ///< 1x1 without stride or padding: the image is its own column matrix

  Geometry(const ConvShape& s, std::size_t element) : batch(s.batch), groups(s.groups), channels(s.in_per_group()), filters(s.out_per_group()) {
    direct = true;
    for (int i = 0; i < 3; ++i) {
      const int k = i - (3 - s.axes);
      in[i] = k < 0 ? 1 : s.in[k];
      kernel[i] = k < 0 ? 1 : s.kernel[k];
      out[i] = k < 0 ? 1 : s.out[k];
      stride[i] = k < 0 ? 1 : s.stride[k];
      pad[i] = k < 0 ? 0 : s.pad_before[k];
      dilation[i] = k < 0 ? 1 : s.dilation[k];
      in_size *= in[i];
      taps *= kernel[i];
      positions *= out[i];
      direct &= kernel[i] == 1 && stride[i] == 1 && in[i] == out[i] && pad[i] == 0;
    }
    rows = out[0] * out[1];
    const Int budget = (Int{1} << 20) / static_cast<Int>(element);  // a block's columns: about 1 MB
    rows_a_block = direct ? rows : std::clamp<Int>(budget / std::max<Int>(1, depth() * out[2]), 1, rows);
  }
  Int depth() const { return channels * taps; }
  Int x_image() const { return groups * channels * in_size; }
  Int y_image() const { return groups * filters * positions; }
  Int column_size() const { return direct ? 0 : depth() * rows_a_block * out[2]; }

  /// Calls f(channel, tap offsets, row of the column matrix) …
  template <class F> void for_each_tap(F&& f) const {
    Int row = 0;
    for (Int c = 0; c < channels; ++c)
      for (Int d = 0; d < kernel[0]; ++d)
        for (Int h = 0; h < kernel[1]; ++h)
          for (Int w = 0; w < kernel[2]; ++w) f(c, d * dilation[0] - pad[0], h * dilation[1] - pad[1], w * dilation[2] - pad[2], row++);
  }
  /// Calls f(block's first row, rows, first position, positions).
  template <class F> void for_each_block(F&& f) const {
    for (Int first = 0; first < rows; first += rows_a_block) {
      const Int n = std::min(rows_a_block, rows - first);
      f(first, n, first * out[2], n * out[2]);
    }
  }
  /// The first and one past the last output column that reads inside the image with offset `w`.
  std::pair<Int, Int> inside(Int w) const {
    const Int first = w >= 0 ? 0 : (-w + stride[2] - 1) / stride[2];
    const Int last = in[2] - w <= 0 ? 0 : (in[2] - w + stride[2] - 1) / stride[2];
    const Int end = std::clamp<Int>(last, 0, out[2]);
    return {std::min(first, end), end};
  }
};

template <class T> void to_columns(const Geometry& g, const T* x, Int first_row, Int n_rows, T* columns) {
  const Int width = n_rows * g.out[2];
  g.for_each_tap([&](Int c, Int d, Int h, Int w, Int k) {
    const auto [begin, end] = g.inside(w);
    T* to = columns + k * width;
    for (Int r = 0; r < n_rows; ++r, to += g.out[2]) {
      const Int id = (first_row + r) / g.out[1] * g.stride[0] + d, ih = (first_row + r) % g.out[1] * g.stride[1] + h;
      if (id < 0 || id >= g.in[0] || ih < 0 || ih >= g.in[1]) {
        std::fill_n(to, g.out[2], T(0));
        continue;
      }
      const T* from = x + (c * g.in[0] + id) * g.in[1] * g.in[2] + ih * g.in[2] + w;
      std::fill_n(to, begin, T(0));
      if (g.stride[2] == 1) std::memcpy(to + begin, from + begin, static_cast<std::size_t>(end - begin) * sizeof(T));
      else
        for (Int o = begin; o < end; ++o) to[o] = from[o * g.stride[2]];
      std::fill(to + end, to + g.out[2], T(0));
    }
  });
}

template <class T> void add_columns(const Geometry& g, const T* columns, Int first_row, Int n_rows, T* x) {
  const Int width = n_rows * g.out[2];
  g.for_each_tap([&](Int c, Int d, Int h, Int w, Int k) {
    const auto [begin, end] = g.inside(w);
    const T* from = columns + k * width;
    for (Int r = 0; r < n_rows; ++r, from += g.out[2]) {
      const Int id = (first_row + r) / g.out[1] * g.stride[0] + d, ih = (first_row + r) % g.out[1] * g.stride[1] + h;
      if (id < 0 || id >= g.in[0] || ih < 0 || ih >= g.in[1]) continue;
      T* to = x + (c * g.in[0] + id) * g.in[1] * g.in[2] + ih * g.in[2] + w;
      for (Int o = begin; o < end; ++o) to[o * g.stride[2]] += from[o];
    }
  });
}

template <class T> void conv(const KernelCall& call, const ConvShape& s) {
  const Geometry g(s, sizeof(T));
  const T *x = call.in[0].as<T>(), *w = call.in[1].as<T>(), *bias = call.in.size() > 2 ? call.in[2].as<T>() : nullptr;
  T* y = call.out[0].as<T>();
  parallel_for(g.batch, 1, [&](Int begin, Int end) {
    Scratch<T> columns(g.column_size());
    for (Int n = begin; n < end; ++n)
      for (Int group = 0; group < g.groups; ++group) {
        const T* image = x + n * g.x_image() + group * g.channels * g.in_size;
        T* to = y + n * g.y_image() + group * g.filters * g.positions;
        const T* kernel = w + group * g.filters * g.depth();
        if (bias)
          for (Int o = 0; o < g.filters; ++o) std::fill_n(to + o * g.positions, g.positions, bias[group * g.filters + o]);
        g.for_each_block([&](Int row, Int rows, Int p, Int width) {
          if (!g.direct) to_columns(g, image, row, rows, columns.data());
          gemm(false, false, g.filters, width, g.depth(), kernel, g.depth(), g.direct ? image + p : columns.data(),
               width, to + p, g.positions, bias != nullptr);
        });
      }
  });
}

template <class T> void input_grad(const KernelCall& call, const ConvShape& s) {
  const Geometry g(s, sizeof(T));
  const T *dy = call.in[0].as<T>(), *w = call.in[1].as<T>();
  T* dx = call.out[0].as<T>();
  parallel_for(g.batch, 1, [&](Int begin, Int end) {
    Scratch<T> columns(g.column_size());
    for (Int n = begin; n < end; ++n)
      for (Int group = 0; group < g.groups; ++group) {
        T* image = dx + n * g.x_image() + group * g.channels * g.in_size;
        const T* from = dy + n * g.y_image() + group * g.filters * g.positions;
        const T* kernel = w + group * g.filters * g.depth();
        if (!g.direct) std::fill_n(image, g.channels * g.in_size, T(0));
        g.for_each_block([&](Int row, Int rows, Int p, Int width) {
          gemm(true, false, g.depth(), width, g.filters, kernel, g.depth(), from + p, g.positions,
               g.direct ? image + p : columns.data(), width);
          if (!g.direct) add_columns(g, columns.data(), row, rows, image);
        });
      }
  });
}

template <class T> void weight_grad(const KernelCall& call, const ConvShape& s) {
  const Geometry g(s, sizeof(T));
  const T *x = call.in[0].as<T>(), *dy = call.in[1].as<T>();
  T* dw = call.out[0].as<T>();
  const Int size = s.w().numel(), shard = std::max<Int>(1, (g.batch + 7) / 8), shards = (g.batch + shard - 1) / shard;
  Scratch<T> sums(shards > 1 ? (shards - 1) * size : 0);
  const auto buffer = [&](Int k) { return k == 0 ? dw : sums.data() + (k - 1) * size; };
  parallel_for(g.batch, shard, [&](Int begin, Int end) {
    Scratch<T> columns(g.column_size());
    for (Int n = begin; n < end; ++n)
      for (Int group = 0; group < g.groups; ++group) {
        const T* image = x + n * g.x_image() + group * g.channels * g.in_size;
        const T* from = dy + n * g.y_image() + group * g.filters * g.positions;
        T* to = buffer(begin / shard) + group * g.filters * g.depth();
        g.for_each_block([&](Int row, Int rows, Int p, Int width) {
          if (!g.direct) to_columns(g, image, row, rows, columns.data());
          gemm(false, true, g.filters, g.depth(), width, from + p, g.positions, g.direct ? image + p : columns.data(),
               width, to, g.depth(), n > begin || row > 0);
        });
      }
  });
  parallel_for(size, 4096, [&](Int begin, Int end) {
    for (Int k = 1; k < shards; ++k) {
      const T* from = buffer(k);
      for (Int i = begin; i < end; ++i) dw[i] += from[i];
    }
  });
}

template <class Op> ConvShape shape_of(const KernelCall& call) {
  return call.attributes<Op>().geometry(call.in[0].shape, call.in[1].shape);
}

template <class Op> const char* decline(const KernelCall& call) {
  if (call.in[0].dtype != DType::f32 && call.in[0].dtype != DType::f64) return "computes in f32 and f64";
  const ConvShape s = shape_of<Op>(call);
  return s.x().numel() == 0 || s.y().numel() == 0 || s.w().numel() == 0 ? "empty" : nullptr;
}

template <class Op, auto f32_kernel, auto f64_kernel> void add(const char* name) {
  const auto run = [](const KernelCall& call) {
    if (call.in[0].dtype == DType::f32) f32_kernel(call, shape_of<Op>(call));
    else f64_kernel(call, shape_of<Op>(call));
  };
  add_kernel(info_of<Op>(), DeviceType::cpu, {name, run, &decline<Op>, true});
}

}  // namespace

void register_cpu_conv() {
  add<op::Conv, conv<float>, conv<double>>("cpu.conv");
  add<op::ConvInputGrad, input_grad<float>, input_grad<double>>("cpu.conv_input_grad");
  add<op::ConvWeightGrad, weight_grad<float>, weight_grad<double>>("cpu.conv_weight_grad");
}

}  // namespace weft
