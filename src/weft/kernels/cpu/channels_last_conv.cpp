// Convolutions of channels-last images: directly from the image (a row of taps is adjacent memory), or by Winograd's tiles
// where those save work. Images and rows are cut by shape alone.
#include <algorithm>

#include <weft/base/memory.h>
#include <weft/base/thread_pool.h>
#include <weft/kernels/cpu/channels_last.h>

namespace weft::cpu_kernels {

namespace {

using Int = std::int64_t;

/// The geometry with channels counted in elements of E.
template <class E> Images in_units(Images g) {
  g.channels = units<E>(g.channels);
  return g;
}

template <class E> ScratchVector<TapRun> runs_of(const Images& images, Int row_step) {
  const Images g = in_units<E>(images);
  ScratchVector<TapRun> runs;
  for (Int r = 0; r < g.run_count(); ++r) runs.push_back({g.run_at(r, row_step), g.run_length()});
  return runs;
}

// ---- forward ----

/// Rows of windows whose inputs are staged together: they share rows of input.
template <class E> Int rows_a_stage(const Images& g) {
  return std::clamp<Int>(Int{1 << 16} / (g.pool[0] * g.stride[0] * g.in[1] * units<E>(g.channels) * Int{sizeof(E)}), 1, g.windows(0));
}

/// Rows of windows [first, last) of one image, row by row.
template <class E>
void direct_rows(const Images& g, const Forward& c, const E* packed, StageOf<E>& stage, Int image, Int first, Int last) {
  const Int rows = g.pool[0], columns = g.windows(1) * g.pool[1], at_once = stage.copies() ? rows_a_stage<E>(g) : last - first;
  const bool twos = g.pooled && rows == 2 && g.pool[1] == 2;
  const Int x_row_step = g.stride[0] * stage.row_step();
  Scratch<float> block(g.pooled && !twos ? rows * columns * g.filters : 0);
  const auto runs = runs_of<E>(g, stage.row_step());
  ProductRow<E> p;
  p.x_step = g.stride[1] * units<E>(g.channels);
  p.runs = runs.data();
  p.run_count = static_cast<Int>(runs.size());
  p.w = packed;
  p.columns = g.filters;
  p.start = c.bias;
  p.out_step = g.filters;
  p.positions = columns;
  p.relu = c.relu && (twos || !g.pooled);
  // Does each row go on where the last ended?
  const bool joined = !g.pooled && g.inside(0) && g.inside(1) && x_row_step == columns * p.x_step;
  for (Int begin = first; begin < last; begin += at_once) {
    const Int windows = std::min(at_once, last - begin);
    const E* x = stage.part(c.x + image * g.in_size(), begin * rows * g.stride[0] - g.pad[0], -g.pad[1], g.reach(0, rows * windows));
    float* y = c.y + image * g.y_size() + begin * g.windows(1) * g.filters;
    if (joined) {
      p.positions = windows * columns;
      p.x = x;
      p.out = y;
      product_row(p);
      continue;
    }
    for (Int w = 0; w < windows; ++w, y += g.windows(1) * g.filters) {
      if (twos) {
        p.x = x + w * 2 * x_row_step;
        p.out = y;
        pooled_product(PooledProduct<E>{p, x_row_step, c.index + (y - c.y)});
        continue;
      }
      for (Int r = 0; r < rows; ++r) {
        p.x = x + (w * rows + r) * x_row_step;
        p.out = g.pooled ? block + r * columns * g.filters : y;
        product_row(p);
      }
      if (g.pooled)
        pool_row({block, columns * g.filters, g.filters, rows, g.pool[1], g.windows(1), g.filters, c.relu, y, c.index + (y - c.y)});
    }
  }
}

template <class E> void direct_conv(const Images& g, const Forward& c, const E* packed) {
  const Int rows = g.windows(0), parts = std::min(rows, (least_pieces + g.batch - 1) / g.batch);
  const bool copy = !g.inside(0) || !g.inside(1);
  parallel_for(g.batch * parts, 1, [&](Int begin, Int end) {
    StageOf<E> stage(g.in, g.channels, g.reach(0, g.pool[0] * rows_a_stage<E>(g)), g.reach(1, g.windows(1) * g.pool[1]), copy);
    for (Int i = begin; i < end; ++i)
      direct_rows(g, c, packed, stage, i / parts, i % parts * rows / parts, (i % parts + 1) * rows / parts);
  });
}

template <class E> void run_forward(const KernelCall& call, const op::ConvShape& s, bool relu, const Dims& pool) {
  const Images g(s, pool);
  const bool by_phases = std::is_same_v<E, float> && phases_pay(g);
  Scratch<float> packed(by_phases ? 0 : s.w().numel());
  const Forward c{call.in[0].as<float>(), packed, call.in.size() > 2 ? call.in[2].as<float>() : nullptr, relu,
                       call.out[0].as<float>(), g.pooled ? call.out[1].as<std::uint8_t>() : nullptr};
  if (by_phases) return phase_conv(g, call.in[1].as<float>(), c);
  pack_by_input(call.in[1].as<float>(), g, packed);
  if (winograd_pays(g)) return winograd_conv<E>(g, c);
  if constexpr (std::is_same_v<E, Pair>) {
    Scratch<Pair> joined(g.taps() * units<E>(g.channels) * g.filters);
    join_rows(packed, g.taps(), g.channels, g.filters, joined);
    direct_conv<Pair>(g, c, joined);
  } else {
    direct_conv<float>(g, c, packed);
  }
}

// ---- gradient of the input ----

/// Has each input one result, at its own place (a kernel of 1 x 1)? Whole vectors must fit.
bool one_to_one(const Images& g) {
  return g.taps() == 1 && g.stride[0] == 1 && g.stride[1] == 1 && g.pad[0] == 0 && g.pad[1] == 0 && g.out[0] == g.in[0] &&
         g.out[1] == g.in[1] && g.channels % channel_step == 0;
}
template <class E> void one_to_one_input_grad(const Images& g, const float* dy, const E* packed, float* dx) {
  const TapRun run{0, units<E>(g.filters)};
  parallel_for(g.batch * g.out[0] * g.out[1], 128, [&](Int begin, Int end) {
    const Int positions[2] = {1, end - begin};
    StageOf<E> stage(positions, g.filters, 1, end - begin, false);
    ProductRow<E> p;
    p.x = stage.part(dy + begin * g.filters, 0, 0, 1);
    p.x_step = run.length;
    p.runs = &run;
    p.run_count = 1;
    p.w = packed;
    p.columns = p.out_step = g.channels;
    p.out = dx + begin * g.channels;
    p.positions = end - begin;
    product_row(p);
  });
}

/// A row of g meets each kernel row: the products are added where that row's taps lie.
template <class E> void direct_input_grad(const Images& g, const float* dy, const E* packed, Int width, float* dx) {
  if (one_to_one(g)) return one_to_one_input_grad(g, dy, packed, dx);
  const Int filters = units<E>(g.filters);
  parallel_for(g.batch, 1, [&](Int begin, Int end) {
    InputSums sums(g, width, dx);
    StageOf<E> stage(g.out, g.filters, g.out[0], g.out[1], false);
    const TapRun run{0, filters};
    ProductRow<E> p;
    p.x_step = filters;
    p.runs = &run;
    p.run_count = 1;
    p.columns = width;
    p.out_step = g.stride[1] * g.channels;
    p.positions = g.out[1];
    p.add = true;
    for (Int n = begin; n < end; ++n) {
      float* to = sums.begin(n);
      const E* from = stage.part(dy + n * g.y_size(), 0, 0, g.out[0]);
      for (Int r = 0; r < g.run_count(); ++r)
        for (Int row = 0; row < g.out[0]; ++row) {
          p.x = from + row * stage.row_step();
          p.w = packed + r * filters * width;
          p.out = to + row * g.stride[0] * sums.row_step() + g.run_at(r, sums.row_step());
          product_row(p);
        }
      sums.finish(n);
    }
  });
}

template <class E> void run_input_grad(const KernelCall& call) {
  const Images g(call.attributes<op::ConvInputGrad>().geometry(call.in[0].shape, call.in[1].shape));
  const float *dy = call.in[0].as<float>(), *w = call.in[1].as<float>();
  float* dx = call.out[0].as<float>();
  if (std::is_same_v<E, float> && phase_input_grad_pays(g)) return phase_input_grad(g, dy, w, dx);
  if (winograd_input_grad_pays(g)) return winograd_input_grad<E>(g, dy, w, dx);
  const Int width = round_up(g.run_length(), channel_step);
  Scratch<float> packed(g.run_count() * g.filters * width);
  pack_by_filter(w, g, width, packed);
  if constexpr (std::is_same_v<E, Pair>) {
    Scratch<Pair> joined(g.run_count() * units<E>(g.filters) * width);
    join_rows(packed, g.run_count(), g.filters, width, joined);
    direct_input_grad<Pair>(g, dy, joined, width, dx);
  } else {
    direct_input_grad<float>(g, dy, packed, width, dx);
  }
}

// ---- gradient of the weight ----

/// Positions that a pass over the sums takes in, so that reading and writing the sums is little beside them.
constexpr Int positions_a_call = 128;

/// Adds up a gradient of the weight, shard by shard: add(first image, images, rows of x, their stage, sums) for a few
/// images at once.
template <class Add> void sum_weight_grad(const Images& g, const float* x, float* dw, Add&& add) {
  const Int rows = g.reach(0, g.windows(0) * g.pool[0]), columns = g.reach(1, g.windows(1) * g.pool[1]);
  ShardSums all(g, g.taps() * g.channels * g.filters);
  all.run([&](Int begin, Int end, float* sums) {
    const Int together = std::min(end - begin, (positions_a_call + g.out[0] * g.out[1] - 1) / (g.out[0] * g.out[1]));
    Stage stage(g.in, g.channels, rows, columns, !g.inside(0) || !g.inside(1), together);
    for (Int n = begin; n < end; n += together) {
      const Int images = std::min(together, end - n);
      const float* image = stage.part(x + n * g.in_size(), -g.pad[0], -g.pad[1], rows);
      for (Int i = 1; i < images; ++i) stage.part(x + (n + i) * g.in_size(), -g.pad[0], -g.pad[1], rows, i);
      add(n, images, image, stage, sums);
    }
  });
  unpack_by_input(all.data(), g, dw);
}

/// In pairs of neighbouring positions; put(image, row of results, to) gives the gradients of a row in pairs.
template <class Put> void weight_grad_in_pairs(const Images& g, const float* x, float* dw, Put&& put) {
  const Int results = g.windows(0) * g.pool[0], pairs = (g.windows(1) * g.pool[1] + 1) / 2, rows = g.reach(0, results);
  const Int step = g.stride[1] * g.channels, row_size = pairs * g.filters;
  sum_weight_grad(g, x, dw, [&](Int first, Int images, const float* image, const Stage& stage, float* sums) {
    const Int size = (images - 1) * stage.image_step() + rows * stage.row_step(), both = std::max<Int>(0, size - step);
    Scratch<Pair> x_pairs(size), g_pairs(images * results * row_size);
    join_pairs(image, image + step, both, x_pairs);
    join_pairs(image + both, nullptr, size - both, x_pairs + both);
    for (Int i = 0; i < images * results; ++i) put(first + i / results, i % results, g_pairs + i * row_size);
    for (Int r = 0; r < g.run_count(); ++r)
      weight_sums(WeightSums<Pair>{x_pairs + g.run_at(r, stage.row_step()), g.stride[0] * stage.row_step(), 2 * step, g_pairs, results, pairs,
                                   g.filters, g.run_length(), sums + r * g.run_length() * g.filters, images, stage.image_step()});
  });
}

void direct_weight_grad(const Images& g, const float* x, const float* dy, float* dw, float) {
  sum_weight_grad(g, x, dw, [&](Int first, Int images, const float* image, const Stage& stage, float* sums) {
    for (Int r = 0; r < g.run_count(); ++r)
      weight_sums(WeightSums<float>{image + g.run_at(r, stage.row_step()), g.stride[0] * stage.row_step(), g.stride[1] * g.channels,
                                    dy + first * g.y_size(), g.out[0], g.out[1], g.filters, g.run_length(),
                                    sums + r * g.run_length() * g.filters, images, stage.image_step()});
  });
}
void direct_weight_grad(const Images& g, const float* x, const float* dy, float* dw, Pair) {
  weight_grad_in_pairs(g, x, dw, [&](Int image, Int row, Pair* to) {
    const float* from = dy + (image * g.out[0] + row) * g.out[1] * g.filters;
    for (Int p = 0; p < g.out[1]; p += 2, from += 2 * g.filters, to += g.filters)  // the last of an odd number meets zeros
      join_pairs(from, p + 1 < g.out[1] ? from + g.filters : nullptr, g.filters, to);
  });
}

template <class E> void run_weight_grad(const KernelCall& call) {
  const Images g(call.attributes<op::ConvWeightGrad>().geometry(call.in[0].shape, call.in[1].shape));
  const float *x = call.in[0].as<float>(), *dy = call.in[1].as<float>();
  float* dw = call.out[0].as<float>();
  if (std::is_same_v<E, float> && phases_pay(g)) return phase_weight_grad(g, x, dy, dw);
  winograd_pays(g) ? winograd_weight_grad<E>(g, x, dy, dw) : direct_weight_grad(g, x, dy, dw, E());
}

/// Spread out in pairs: a window of two columns is a pair a row.
void run_block_weight_grad_in_pairs(const KernelCall& call) {
  const auto& op = call.attributes<op::ConvBlockWeightGrad>();
  const Images g(op.geometry(call.in[0].shape, call.in[1].shape), op.pool);
  const float* dy = call.in[1].as<float>();
  const auto* index = call.in[2].as<std::uint8_t>();
  weight_grad_in_pairs(g, call.in[0].as<float>(), call.out[0].as<float>(), [&](Int image, Int row, Pair* to) {
    const Int at = (image * g.windows(0) + row / g.pool[0]) * g.windows(1) * g.filters;
    for (Int w = 0; w < g.windows(1); ++w)
      take_pairs(dy + at + w * g.filters, index + at + w * g.filters, static_cast<int>(row % g.pool[0] * 2), g.filters, to + w * g.filters);
  });
}

// ---- what they take ----

template <class E> void run_conv(const KernelCall& call) {
  run_forward<E>(call, call.attributes<op::Conv>().geometry(call.in[0].shape, call.in[1].shape), false, {});
}
const char* decline_conv(const KernelCall& call) {
  return decline_filters(call, call.attributes<op::Conv>().geometry(call.in[0].shape, call.in[1].shape));
}
template <class E> void run_block(const KernelCall& call) {
  const auto& op = call.attributes<op::ConvBlock>();
  run_forward<E>(call, op.geometry(call.in[0].shape, call.in[1].shape), op.relu, op.pool);
}
const char* decline_block(const KernelCall& call) {
  const auto& op = call.attributes<op::ConvBlock>();
  const char* why = decline_filters(call, op.geometry(call.in[0].shape, call.in[1].shape));
  return why ? why : decline_pool(op.pool);
}
const char* decline_input_grad(const KernelCall& call) {
  return decline_images(call, call.attributes<op::ConvInputGrad>().geometry(call.in[0].shape, call.in[1].shape));
}
const char* decline_weight_grad(const KernelCall& call) {
  return decline_filters(call, call.attributes<op::ConvWeightGrad>().geometry(call.in[0].shape, call.in[1].shape));
}
/// Rows of taps that fill their vectors badly: there the sparse form gains little.
const char* decline_block_weight_grad_in_pairs(const KernelCall& call) {
  const auto& op = call.attributes<op::ConvBlockWeightGrad>();
  const op::ConvShape s = op.geometry(call.in[0].shape, call.in[1].shape);
  if (const char* why = decline_behind_pool(call, s, op.pool)) return why;
  const Images g(s, op.pool);
  if (g.pool[1] != 2) return "for windows of two columns";
  return g.pool[0] * g.run_length() * 4 <= 5 * round_up(g.run_length(), channel_step) ? nullptr : "for short rows of taps";
}
}  // namespace
}  // namespace weft::cpu_kernels

namespace weft {

void register_cpu_channels_last_conv() {
  using namespace cpu_kernels;
  const auto cpu_type = DeviceType::cpu;
  const auto add = [&](const OpInfo& op, Kernel kernel, void (*in_bf16)(const KernelCall&)) {
    Kernel rounding = kernel;
    rounding.name += "_bf16";
    rounding.run = in_bf16;
    rounding.precision = Precision::bf16;
    add_kernel(op, cpu_type, rounding);
    add_kernel(op, cpu_type, kernel);
  };
  add(info_of<op::Conv>(), {"cpu.conv_channels_last", &run_conv<float>, &decline_conv, true, 1, 1}, &run_conv<Pair>);
  add(info_of<op::ConvInputGrad>(), {"cpu.conv_input_grad_channels_last", &run_input_grad<float>, &decline_input_grad, true, 1, 1},
      &run_input_grad<Pair>);
  add(info_of<op::ConvWeightGrad>(), {"cpu.conv_weight_grad_channels_last", &run_weight_grad<float>, &decline_weight_grad, true, 3, 0},
      &run_weight_grad<Pair>);
  add(info_of<op::ConvBlock>(), {"cpu.conv_block_channels_last", &run_block<float>, &decline_block, true, 1, 3}, &run_block<Pair>);
  add_kernel(info_of<op::ConvBlockWeightGrad>(), cpu_type,
             {"cpu.conv_block_weight_grad_in_pairs_bf16", &run_block_weight_grad_in_pairs, &decline_block_weight_grad_in_pairs, true, 7, 0,
              false, Precision::bf16});
}

}  // namespace weft
