// Convolutions of channels-last images by Winograd's tiles: forward, and both gradients.
#include <algorithm>
#include <bit>

#include <weft/kernels/cpu/channels_last.h>
#include <weft/kernels/cpu/winograd.h>

namespace weft::cpu_kernels {

namespace {
using Int = std::int64_t;

/// Rows of tiles of a batch, `rows` an image.
struct Tiles {
  Int rows, columns;
  Tiles(Int rows, Int columns) : rows(rows), columns(columns) {}
  explicit Tiles(const Images& g) : rows((live(g, 0) + 1) / 2), columns((live(g, 1) + 1) / 2) {}
  static Int live(const Images& g, int axis) { return g.windows(axis) * g.pool[axis]; }
};

/// How a kernel is cut into products of tiles: F(2x2, 3x3), or F(2x2, 2x2) of the phases of a 4x4 kernel of stride 2.
struct Form {
  int size;    ///< products along an axis of a tile
  Int step;    ///< rows of x from a row of tiles to the next
  Int groups;  ///< of channels: the phases
  Int planes() const { return Int{size} * size; }
};
constexpr Form three_by_three{4, 2, 1}, phased{3, 4, phases};

/// What `rows` rows of tiles read of an image: step rows each, and two more.
Stage input_stage(const Images& g, const Form& form, const Tiles& t, Int rows) {
  const bool copy = g.pad[0] > 0 || g.pad[1] > 0 || form.step * t.rows + 2 > g.in[0] || form.step * t.columns + 2 > g.in[1];
  return {g.in, g.channels, form.step * std::min(rows, t.rows) + 2, form.step * t.columns + 2, copy};
}

/// A row of tiles of `from` to v[plane][tile][phase][channel].
void phase_input(const float* from, Int row_step, Int channels, Int tiles, float* v, Int plane_step) {
  for (Int p = 0; p < phases; ++p)
    phase_tiles({from + p / 2 * row_step + p % 2 * channels, 2 * row_step, 2 * channels, phased.step * channels, channels, tiles, false, false,
                 v + p * channels, plane_step, phases * channels});
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

/// The same for phases, whose tiles have `floats` each: blocks of nearly one size that fill most of the second-level cache,
/// as the weights are many; two at least of few tiles.
Int phase_block_rows(const Tiles& t, Int floats, Int total) {
  const Int most = std::max<Int>(1, (Int{192} << 10) / (floats * t.columns));
  const Int blocks = std::max(std::min<Int>(4, total * t.columns / 8), (total + most - 1) / most);
  const auto next_power = [](Int n) { return static_cast<Int>(std::bit_ceil(static_cast<std::uint64_t>(n))); };
  const Int even = blocks > least_pieces ? round_up(blocks, least_pieces) : next_power(std::max<Int>(1, blocks));
  return (total + even - 1) / even;
}

/// Rows of tiles [first, last) of the batch: transform, products in E by plane, transform back.
template <class E> struct WinogradBlock {
  const Images& g;
  const Form& form;
  const Forward& c;
  const Tiles& t;
  const E* u;
  Stage stage;
  Int rows_a_block;
  Scratch<E> v;
  Scratch<float> m;

  WinogradBlock(const Images& g, const Form& form, const Forward& c, const Tiles& t, const E* u, Int rows_a_block)
      : g(g), form(form), c(c), t(t), u(u),
        stage(input_stage(g, form, t, rows_a_block)), rows_a_block(rows_a_block),
        v(form.planes() * plane_size(rows_a_block * t.columns, depth())),
        m(form.planes() * plane_size(rows_a_block * t.columns, g.filters)) {}
  /// Inputs of a product.
  Int depth() const { return form.groups * units<E>(g.channels); }

  void transform(const float* x, Int at, Int plane) {
    if constexpr (std::is_same_v<E, float>)
      if (form.groups == phases) return phase_input(x, stage.row_step(), g.channels, t.columns, v + at * depth(), plane);
    winograd_input(WinogradInput<E>{x, stage.row_step(), g.channels, t.columns, {v, plane, at}});
  }

  void run(Int first, Int last) {
    const Int tiles = (last - first) * t.columns, v_plane = plane_size(tiles, depth()), m_plane = plane_size(tiles, g.filters);
    Int at = 0;
    by_image(t, first, last, [&](Int image, Int row, Int rows) {
      const float* x = stage.part(c.x + image * g.in_size(), row * form.step - g.pad[0], -g.pad[1], form.step * rows + 2);
      for (Int r = 0; r < rows; ++r, at += t.columns) transform(x + form.step * r * stage.row_step(), at, v_plane);
    });
    const TapRun run{0, depth()};
    for (Int p = 0; p < form.planes(); ++p)
      product_row(ProductRow<E>{v + p * v_plane, depth(), &run, 1, u + p * depth() * g.filters, g.filters, nullptr, m + p * m_plane,
                                g.filters, tiles});
    for (Int r = first; r < last; ++r) {
      const Int image = r / t.rows, row = r % t.rows;
      const Int at = image * g.y_size() + (g.pooled ? row : 2 * row) * g.windows(1) * g.filters;
      float* y = c.y + at;
      const bool two = !g.pooled && 2 * row + 1 < g.out[0];
      winograd_output({form.size, m + (r - first) * t.columns * g.filters, m_plane, g.filters, t.columns, c.bias, c.relu, g.out[1], y,
                       two ? y + g.out[1] * g.filters : nullptr, g.filters, g.pooled ? c.index + at : nullptr});
    }
  }
};

/// Runs blocks of `rows` of all rows of tiles, a piece of them by a block of its own: make(rows).
template <class Make> void in_blocks(Int total, Int rows, Make&& make) {
  const Int piece = round_up(std::max<Int>(1, total / least_pieces), rows);
  parallel_for(total, std::min(piece, total), [&](Int begin, Int end) {
    auto block = make(rows);
    for (Int r = begin; r < end; r += rows) block.run(r, std::min(end, r + rows));
  });
}

template <class E> void tiled_conv(const Images& g, const Form& form, const Forward& c, const E* u, Int rows) {
  const Tiles t(g);
  in_blocks(g.batch * t.rows, rows, [&](Int rows) { return WinogradBlock<E>(g, form, c, t, u, rows); });
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
  const Tiles t(g);
  const Int rows = block_rows(g, t, g.batch * t.rows);
  Scratch<float> u(winograd_planes * g.channels * g.filters);
  winograd_weights(c.packed, g.channels, g.filters, u);
  if constexpr (std::is_same_v<E, Pair>) {
    Scratch<Pair> joined(winograd_planes * g.channels / 2 * g.filters);
    join_rows(u, winograd_planes, g.channels, g.filters, joined);
    tiled_conv<Pair>(g, three_by_three, c, joined, rows);
  } else {
    tiled_conv<float>(g, three_by_three, c, u, rows);
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
      : g(g), t(t), x_stage(input_stage(g, three_by_three, t, rows_a_block)),
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
            WinogradGradient<E>{4, gradient + 2 * r * g_stage.row_step(), g_stage.row_step(), g.filters, t.columns, {w, w_plane, at, true}});
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

// ---- phases of a 4x4 kernel of stride 2 ----

namespace {
bool phases_fit(const Images& g) {
  for (int i = 0; i < 2; ++i)
    if (g.kernel[i] != 4 || g.stride[i] != 2 || g.dilation[i] != 1 || g.pad[i] < 0) return false;
  return !g.pooled && g.channels % channel_step == 0 && g.filters % channel_step == 0;
}

/// Floats of a transformed tile and of its products.
Int phase_floats(const Images& g) { return phase_planes * (phases * g.channels + g.filters); }

/// Do tiles take less time than `results` x 16 products of a direct form? In products; a transform takes about 12 for each
/// of a tile's floats, that of the weights 80 for each of them.
bool tiles_pay(const Images& g, Int tiles, Int floats, Int results) {
  const Int product = g.channels * g.filters;
  return tiles * (phases * phase_planes * product + 12 * floats) + 80 * product / g.batch < results * phase_taps * product;
}
}  // namespace

bool phases_pay(const Images& g) {
  if (!phases_fit(g)) return false;
  const Tiles t(g);
  return tiles_pay(g, t.rows * t.columns, phase_floats(g), g.out[0] * g.out[1]);
}

void phase_conv(const Images& g, const float* w, const Forward& c) {
  const Int product = g.channels * g.filters;
  Scratch<float> u(phase_planes * phases * product);
  parallel_for(g.channels, std::max<Int>(1, 1024 / g.filters), [&](Int begin, Int end) {
    float taps[phase_taps * channel_step];
    for (Int f = 0; f < g.filters; f += channel_step)
      for (Int k = begin; k < end; ++k) {
        transpose_block(w + (f * g.channels + k) * phase_taps, g.channels * phase_taps, taps);
        phase_weights(taps, false, u + k * g.filters + f, {phases * product, product});
      }
  });
  const Tiles t(g);
  tiled_conv<float>(g, phased, c, u, phase_block_rows(t, phase_floats(g), g.batch * t.rows));
}

namespace {
/// An axis of an input's gradient: results at + 2 i of a parity are the convolution by 2 taps of the gradients from
/// `from` + i - 1 on. Where the two parities begin one gradient apart, their tiles share planes.
struct ParityAxis {
  Int size, at[2], from[2], first;
  explicit ParityAxis(const Images& g, int axis) : size(g.in[axis]) {
    for (Int s = 0; s < 2; ++s) {
      at[s] = (s + g.pad[axis]) % 2;
      from[s] = (at[s] + g.pad[axis] - s) / 2;
    }
    first = std::min(from[0], from[1]) - 1;
  }
  bool wide() const { return from[0] != from[1]; }
  Int planes() const { return wide() ? 5 : 3; }
  Int tiles() const { return (results(0) + results(1) + 3) / 4; }
  Int results(Int parity) const { return (size - at[parity] + 1) / 2; }
  /// Gradients that n tiles read.
  Int reach(Int n) const { return 2 * n + (wide() ? 2 : 1); }
  Int plane(Int parity) const { return 2 * (from[parity] - first - 1); }
};

Int phase_grad_floats(const Images& g, const ParityAxis& rows, const ParityAxis& columns) {
  return rows.planes() * columns.planes() * g.filters + phases * phase_planes * g.channels;
}

/// Rows of tiles of an input's gradient: the phases' tiles of 2x2 results interleave.
struct PhaseGradBlock {
  const Images& g;
  const float *dy, *u;
  float* dx;
  ParityAxis rows, columns;
  Tiles t;
  Stage stage;
  Scratch<float> v, m;

  PhaseGradBlock(const Images& g, const float* dy, const float* u, float* dx, const Tiles& t, Int rows_a_block)
      : g(g), dy(dy), u(u), dx(dx), rows(g, 0), columns(g, 1), t(t),
        stage(g.out, g.filters, rows.reach(std::min(rows_a_block, t.rows)), columns.reach(t.columns),
              rows.first < 0 || columns.first < 0 || rows.first + rows.reach(t.rows) > g.out[0] ||
                  columns.first + columns.reach(t.columns) > g.out[1]),
        v(rows.planes() * columns.planes() * plane_size(rows_a_block * t.columns, g.filters)),
        m(phases * phase_planes * plane_size(rows_a_block * t.columns, g.channels)) {}

  void run(Int first, Int last) {
    const Int tiles = (last - first) * t.columns, v_plane = plane_size(tiles, g.filters), m_plane = plane_size(tiles, g.channels);
    Int at = 0;
    by_image(t, first, last, [&](Int image, Int row, Int n) {
      const float* from = stage.part(dy + image * g.y_size(), rows.first + 2 * row, columns.first, rows.reach(n));
      for (Int r = 0; r < n; ++r, at += t.columns)
        phase_tiles({from + 2 * r * stage.row_step(), stage.row_step(), g.filters, 2 * g.filters, g.filters, t.columns, rows.wide(),
                     columns.wide(), v + at * g.filters, v_plane, g.filters});
    });
    const TapRun run{0, g.filters};
    for (Int p = 0; p < phases * phase_planes; ++p) {
      const Int phase = p / phase_planes, row = rows.plane(phase / 2) + p % phase_planes / 3, column = columns.plane(phase % 2) + p % 3;
      product_row(ProductRow<float>{v + (row * columns.planes() + column) * v_plane, g.filters, &run, 1, u + p * g.filters * g.channels,
                                    g.channels, nullptr, m + p * m_plane, g.channels, tiles});
    }
    for (Int r = first; r < last; ++r)
      for (Int p = 0; p < phases; ++p)
        put(r / t.rows, r % t.rows, p, m + p * phase_planes * m_plane + (r - first) * t.columns * g.channels, m_plane);
  }

  /// A row of tiles of a phase.
  void put(Int image, Int tile_row, Int phase, const float* from, Int m_plane) {
    const Int row = rows.at[phase / 2] + 4 * tile_row, results = columns.results(phase % 2), row_step = g.in[1] * g.channels;
    if (row >= g.in[0]) return;
    float* y = dx + image * g.in_size() + row * row_step + columns.at[phase % 2] * g.channels;
    winograd_output({phased.size, from, m_plane, g.channels, (results + 1) / 2, nullptr, false, results, y,
                     row + 2 < g.in[0] ? y + 2 * row_step : nullptr, 2 * g.channels});
  }
};
}  // namespace

bool phase_input_grad_pays(const Images& g) {
  if (!phases_fit(g)) return false;
  const ParityAxis rows(g, 0), columns(g, 1);
  return tiles_pay(g, rows.tiles() * columns.tiles(), phase_grad_floats(g, rows, columns), g.out[0] * g.out[1]);
}

void phase_input_grad(const Images& g, const float* dy, const float* w, float* dx) {
  const Int product = g.channels * g.filters;
  Scratch<float> u(phases * phase_planes * product);
  parallel_for(g.filters, std::max<Int>(1, 512 / g.channels), [&](Int begin, Int end) {
    float taps[phase_taps * channel_step];
    for (Int f = begin; f < end; ++f)
      for (Int k = 0; k < g.channels; k += channel_step) {
        transpose_block(w + (f * g.channels + k) * phase_taps, phase_taps, taps);
        phase_weights(taps, true, u + f * g.channels + k, {product, phase_planes * product});
      }
  });
  const ParityAxis rows(g, 0), columns(g, 1);
  const Tiles t(rows.tiles(), columns.tiles());
  in_blocks(g.batch * t.rows, phase_block_rows(t, phase_grad_floats(g, rows, columns), g.batch * t.rows),
            [&](Int block_rows) { return PhaseGradBlock(g, dy, u, dx, t, block_rows); });
}

namespace {
/// Some rows of tiles, transformed: v[plane][tile][phase][channel] of x, w[plane][tile][filter] of the gradient.
struct PhaseGradTiles {
  const Images& g;
  const Tiles& t;
  Int v_plane, w_plane;
  Scratch<float> v, w;

  PhaseGradTiles(const Images& g, const Tiles& t, Int rows)
      : g(g), t(t), v_plane(plane_size(rows * t.columns, phases * g.channels)), w_plane(plane_size(rows * t.columns, g.filters)),
        v(phase_planes * v_plane), w(phase_planes * w_plane) {}

  /// Rows [first, first + n) of the batch.
  void transform(const float* x, const float* dy, Int first, Int n) {
    parallel_for(n, (n + least_pieces - 1) / least_pieces, [&](Int begin, Int end) {
      const bool copy = 2 * t.rows > g.out[0] || 2 * t.columns > g.out[1];
      Stage x_stage = input_stage(g, phased, t, end - begin);
      Stage g_stage(g.out, g.filters, 2 * std::min(end - begin, t.rows), 2 * t.columns, copy);
      Int at = begin * t.columns;
      by_image(t, first + begin, first + end, [&](Int image, Int row, Int rows) {
        const float* from = x_stage.part(x + image * g.in_size(), row * phased.step - g.pad[0], -g.pad[1], phased.step * rows + 2);
        const float* gradient = g_stage.part(dy + image * g.y_size(), 2 * row, 0, 2 * rows);
        for (Int r = 0; r < rows; ++r, at += t.columns) {
          phase_input(from + phased.step * r * x_stage.row_step(), x_stage.row_step(), g.channels, t.columns,
                      v + at * phases * g.channels, v_plane);
          winograd_gradient(WinogradGradient<float>{phased.size, gradient + 2 * r * g_stage.row_step(), g_stage.row_step(), g.filters,
                                                    t.columns, {w, w_plane, at}});
        }
      });
    });
  }

  /// Adds the products of n rows to sums[plane][phase][channel][filter], or begins them.
  void multiply(Int n, float* sums, bool begins) const {
    const Int depth = phases * g.channels, product = g.channels * g.filters;
    parallel_for(phase_planes * phases, 1, [&](Int begin, Int end) {
      for (Int i = begin; i < end; ++i) {
        if (begins) std::fill_n(sums + i * product, product, 0.0f);
        weight_sums(WeightSums<float>{v + i / phases * v_plane + i % phases * g.channels, 0, depth, w + i / phases * w_plane, 1,
                                      n * t.columns, g.filters, g.channels, sums + i * product});
      }
    });
  }
};
}  // namespace

void phase_weight_grad(const Images& g, const float* x, const float* dy, float* dw) {
  constexpr Int most_floats = Int{2} << 20;
  const Tiles t(g);
  const Int product = g.channels * g.filters, total = g.batch * t.rows;
  const Int rows = std::clamp<Int>(most_floats / (t.columns * phase_floats(g)), 1, total);
  PhaseGradTiles tiles(g, t, rows);
  Scratch<float> sums(phase_planes * phases * product);
  for (Int r = 0; r < total; r += rows) {
    tiles.transform(x, dy, r, std::min(rows, total - r));
    tiles.multiply(std::min(rows, total - r), sums, r == 0);
  }
  parallel_for(g.channels, std::max<Int>(1, 1024 / g.filters), [&](Int begin, Int end) {
    float taps[phase_taps * channel_step], turned[phase_taps * channel_step];
    for (Int f = 0; f < g.filters; f += channel_step)
      for (Int k = begin; k < end; ++k) {
        phase_weight_sums(sums + k * g.filters + f, {phases * product, product}, taps);
        transpose_block(taps, channel_step, turned);
        for (Int i = 0; i < channel_step; ++i)
          std::copy_n(turned + i * phase_taps, phase_taps, dw + ((f + i) * g.channels + k) * phase_taps);
      }
  });
}

}  // namespace weft::cpu_kernels
