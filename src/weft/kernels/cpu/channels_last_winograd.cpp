// Convolutions of channels-last images by Winograd's tiles: forward, and both gradients.
#include <algorithm>

#include <weft/kernels/cpu/channels_last.h>
#include <weft/kernels/cpu/winograd.h>

namespace weft::cpu_kernels {

namespace {
using Int = std::int64_t;

/// Rows of tiles of a batch, `rows` an image.
struct Tiles {
  Int rows, columns;
  explicit Tiles(const Images& g) : rows((live(g, 0) + 1) / 2), columns((live(g, 1) + 1) / 2) {}
  static Int live(const Images& g, int axis) { return g.windows(axis) * g.pool[axis]; }
};

/// What `rows` rows of tiles read of an image: two rows each, and two more.
Stage input_stage(const Images& g, const Tiles& t, Int rows) {
  const bool copy = g.pad[0] > 0 || g.pad[1] > 0 || 2 * t.rows + 2 > g.in[0] || 2 * t.columns + 2 > g.in[1];
  return {g.in, g.channels, 2 * std::min(rows, t.rows) + 2, 2 * t.columns + 2, copy};
}

/// Calls f(image, its first row of tiles, how many) for rows of tiles [first, last) of the batch.
template <class F> void by_image(const Tiles& t, Int first, Int last, F&& f) {
  for (Int r = first, n; r < last; r += n) {
    n = std::min(last - r, t.rows - r % t.rows);
    f(r / t.rows, r % t.rows, n);
  }
}

/// From plane to plane of a block of tiles: a cache line more than it takes, so that the 16 lines that a transform writes
/// do not fall into one set of the cache.
Int plane_size(Int tiles, Int channels) { return tiles * channels + channel_step; }

/// Rows of tiles of a block: its transforms stay in the second-level cache, and its tiles repay reading the weights.
Int block_rows(const Images& g, const Tiles& t, Int total) {
  return std::clamp<Int>(std::max<Int>(24, 3072 / (g.channels + g.filters)) / t.columns, 1, total);
}

/// Rows of tiles [first, last) of the batch: transform, 16 products in E, transform back.
template <class E> struct WinogradBlock {
  const Images& g;
  const Forward& c;
  const Tiles& t;
  const E* u;
  Stage stage;
  Int rows_a_block;
  Scratch<E> v;
  Scratch<float> m;

  WinogradBlock(const Images& g, const Forward& c, const Tiles& t, const E* u, Int rows_a_block)
      : g(g), c(c), t(t), u(u),
        stage(input_stage(g, t, rows_a_block)), rows_a_block(rows_a_block),
        v(winograd_planes * plane_size(rows_a_block * t.columns, units<E>(g.channels))),
        m(winograd_planes * plane_size(rows_a_block * t.columns, g.filters)) {}

  void run(Int first, Int last) {
    const Int channels = units<E>(g.channels), tiles = (last - first) * t.columns;
    const Int v_plane = plane_size(tiles, channels), m_plane = plane_size(tiles, g.filters);
    Int at = 0;
    by_image(t, first, last, [&](Int image, Int row, Int rows) {
      const float* x = stage.part(c.x + image * g.in_size(), row * 2 - g.pad[0], -g.pad[1], 2 * rows + 2);
      for (Int r = 0; r < rows; ++r, at += t.columns)
        winograd_input(WinogradInput<E>{x + 2 * r * stage.row_step(), stage.row_step(), g.channels, t.columns, {v, v_plane, at}});
    });
    const TapRun run{0, channels};
    for (Int p = 0; p < winograd_planes; ++p)
      product_row(ProductRow<E>{v + p * v_plane, channels, &run, 1, u + p * channels * g.filters, g.filters, nullptr, m + p * m_plane,
                                g.filters, tiles});
    for (Int r = first; r < last; ++r) {
      const Int image = r / t.rows, row = r % t.rows;
      const Int at = image * g.y_size() + (g.pooled ? row : 2 * row) * g.windows(1) * g.filters;
      float* y = c.y + at;
      const bool two = !g.pooled && 2 * row + 1 < g.out[0];
      winograd_output({m + (r - first) * t.columns * g.filters, m_plane, g.filters, t.columns, c.bias, c.relu, g.out[1], y,
                       two ? y + g.out[1] * g.filters : nullptr, g.pooled ? c.index + at : nullptr});
    }
  }
};

template <class E> void tiled_conv(const Images& g, const Forward& c, const E* u) {
  const Tiles t(g);
  const Int total = g.batch * t.rows, rows = block_rows(g, t, total);
  const Int piece = round_up(std::max<Int>(1, total / least_pieces), rows);
  parallel_for(total, std::min(piece, total), [&](Int begin, Int end) {
    WinogradBlock<E> block(g, c, t, u, rows);
    for (Int r = begin; r < end; r += rows) block.run(r, std::min(end, r + rows));
  });
}

}  // namespace

bool winograd_pays(const Images& g) {
  for (int i = 0; i < 2; ++i)
    if (g.kernel[i] != 3 || g.stride[i] != 1 || g.dilation[i] != 1 || g.pad[i] < 0 || (g.pooled && g.pool[i] != 2)) return false;
  if (g.channels % channel_step != 0 || g.filters % channel_step != 0) return false;
  const Tiles t(g);
  const Int live = Tiles::live(g, 0) * Tiles::live(g, 1), products = t.rows * t.columns * winograd_planes;
  // Transforming the weights takes about as long as this many products with each of them.
  constexpr Int weights = 128;
  return products * 5 + weights * 4 / g.batch < live * 9 * 4;
}

template <class E> void winograd_conv(const Images& g, const Forward& c) {
  Scratch<float> u(winograd_planes * g.channels * g.filters);
  winograd_weights(c.packed, g.channels, g.filters, u);
  if constexpr (std::is_same_v<E, Pair>) {
    Scratch<Pair> joined(winograd_planes * g.channels / 2 * g.filters);
    join_rows(u, winograd_planes, g.channels, g.filters, joined);
    tiled_conv<Pair>(g, c, joined);
  } else {
    tiled_conv<float>(g, c, u);
  }
}
template void winograd_conv<float>(const Images&, const Forward&);
template void winograd_conv<Pair>(const Images&, const Forward&);

Images turned_round(const Images& g) {
  Images back = g;
  std::swap(back.channels, back.filters);
  for (int i = 0; i < 2; ++i) {
    std::swap(back.in[i], back.out[i]);
    back.pad[i] = g.kernel[i] - 1 - g.pad[i];
  }
  return back;
}

bool winograd_input_grad_pays(const Images& g) {
  const Images back = turned_round(g);
  if (!winograd_pays(back)) return false;
  // Fewer products than the direct form, which skips padding?
  const Int tiles = (back.out[0] + 1) / 2 * ((back.out[1] + 1) / 2);
  return tiles * winograd_planes * 5 < g.out[0] * g.out[1] * 9 * 4;
}

template <class E> void winograd_input_grad(const Images& g, const float* dy, const float* w, float* dx) {
  Scratch<float> packed(9 * g.channels * g.filters);
  parallel_for(9 * g.filters, 64, [&](Int begin, Int end) {
    for (Int i = begin; i < end; ++i)
      gather_row(w + i % g.filters * g.channels * 9 + 8 - i / g.filters, 9, g.channels, packed + i * g.channels);
  });
  winograd_conv<E>(turned_round(g), {dy, packed, nullptr, false, dx, nullptr});
}
template void winograd_input_grad<float>(const Images&, const float*, const float*, float*);
template void winograd_input_grad<Pair>(const Images&, const float*, const float*, float*);

namespace {
/// One shard of a weight gradient: its sums of products, plane by plane. Pairs are of neighbouring tiles.
template <class E> struct WeightGradBlock {
  static constexpr Int tiles_a_unit = std::is_same_v<E, Pair> ? 2 : 1;
  const Images& g;
  const Tiles& t;
  Stage x_stage, g_stage;
  Scratch<E> v, w;

  WeightGradBlock(const Images& g, const Tiles& t, Int rows_a_block)
      : g(g), t(t), x_stage(input_stage(g, t, rows_a_block)),
        g_stage(g.out, g.filters, 2 * std::min(rows_a_block, t.rows), 2 * t.columns, 2 * t.rows > g.out[0] || 2 * t.columns > g.out[1]),
        v(winograd_planes * plane_size(in_units(rows_a_block * t.columns), g.channels)),
        w(winograd_planes * plane_size(in_units(rows_a_block * t.columns), g.filters)) {}
  static Int in_units(Int tiles) { return (tiles + tiles_a_unit - 1) / tiles_a_unit; }

  /// Adds rows of tiles [first, last) of the batch.
  void run(const float* x, const float* dy, Int first, Int last, float* sums) {
    const Int tiles = in_units((last - first) * t.columns), v_plane = plane_size(tiles, g.channels), w_plane = plane_size(tiles, g.filters);
    Int at = 0;
    by_image(t, first, last, [&](Int image, Int row, Int rows) {
      const float* from = x_stage.part(x + image * g.in_size(), row * 2 - g.pad[0], -g.pad[1], 2 * rows + 2);
      const float* gradient = g_stage.part(dy + image * g.y_size(), row * 2, 0, 2 * rows);
      for (Int r = 0; r < rows; ++r, at += t.columns) {
        winograd_input(WinogradInput<E>{from + 2 * r * x_stage.row_step(), x_stage.row_step(), g.channels, t.columns, {v, v_plane, at, true}});
        winograd_gradient(
            WinogradGradient<E>{gradient + 2 * r * g_stage.row_step(), g_stage.row_step(), g.filters, t.columns, {w, w_plane, at, true}});
      }
    });
    for (Int p = 0; p < winograd_planes; ++p)
      weight_sums(WeightSums<E>{v + p * v_plane, 0, g.channels, w + p * w_plane, 1, tiles, g.filters, g.channels,
                                sums + p * g.channels * g.filters});
  }
};
}  // namespace

template <class E> void winograd_weight_grad(const Images& g, const float* x, const float* dy, float* dw) {
  const Tiles t(g);
  const Int product = g.channels * g.filters, size = winograd_planes * product;
  const Int rows = block_rows(g, t, g.batch * t.rows);
  ShardSums all(g, size);
  all.run([&](Int begin, Int end, float* sums) {
    WeightGradBlock<E> block(g, t, rows);
    for (Int r = begin * t.rows; r < end * t.rows; r += rows) block.run(x, dy, r, std::min(end * t.rows, r + rows), sums);
  });
  winograd_weight_sums(all.data(), product, all.data());
  unpack_by_input(all.data(), g, dw);
}
template void winograd_weight_grad<float>(const Images&, const float*, const float*, float*);
template void winograd_weight_grad<Pair>(const Images&, const float*, const float*, float*);

}  // namespace weft::cpu_kernels
