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
  TileForm form;
  Int step, rows, columns;
  Tiles(TileForm form, Int rows, Int columns) : form(form), step(results(form)), rows(rows), columns(columns) {}
  Tiles(const Images& g, TileForm form)
      : Tiles(form, (live(g, 0) + results(form) - 1) / results(form), (live(g, 1) + results(form) - 1) / results(form)) {}
  /// Time that the products of a convolution and the transforms of its weights take, in products.
  Int cost(Int batch) const {
    constexpr Int weights = 8;  // transforming a plane of weights takes about as long as this many products with it
    return (batch * rows * columns + weights) * planes(form);
  }
  static Int live(const Images& g, int axis) { return g.windows(axis) * g.pool[axis]; }
};

/// The tiles that cost least; in bf16, whose rounding the large ones magnify, the small ones.
template <class E> Tiles best_tiles(const Images& g) {
  const Tiles small(g, TileForm::two_of_three), large(g, TileForm::four_of_three);
  return !std::is_same_v<E, Pair> && large.cost(g.batch) < small.cost(g.batch) ? large : small;
}

/// From plane to plane of a block of tiles: a cache line more than it takes, so that the 16 lines that a transform writes
/// do not fall into one set of the cache.
Int plane_size(Int tiles, Int channels) { return tiles * channels + channel_step; }

/// Rows of a block where `total` are cut into `least` blocks or some more: numbers that threads share evenly.
Int even_rows(Int total, Int least) {
  const Int blocks = least > least_pieces ? round_up(least, least_pieces) : static_cast<Int>(std::bit_ceil(static_cast<std::uint64_t>(least)));
  return (total + blocks - 1) / blocks;
}

/// Rows of tiles of a block: its transforms stay in the second-level cache, and its tiles repay reading the weights.
Int block_rows(const Images& g, const Tiles& t, Int total) {
  const Int most = std::clamp<Int>(std::max<Int>(24, 3072 / (g.channels + g.filters)) / t.columns, 1, total);
  return even_rows(total, (total + most - 1) / most);
}

/// The transforms of rows of tiles of a batch of images, `size` floats each.
struct TileRows {
  const Tiles& t;
  Int height, width, channels, size, pad[2];
  Scratch<float> zeros;
  TileRows(const Tiles& t, const Int (&image)[2], Int channels, const Int (&pad)[2])
      : t(t), height(image[0]), width(image[1]), channels(channels), size(height * width * channels), pad{pad[0], pad[1]}, zeros(channels) {
    std::fill_n(zeros.data(), channels, 0.0f);
  }
  /// Calls transform for rows [first, last); the tiles go to `to` and behind it.
  template <class E, class Transform> void run(const float* images, Int first, Int last, WinogradTiles<E> to, Transform&& transform) const {
    for (Int r = first; r < last; ++r, to.first += t.columns)
      transform(WinogradRow<E>{t.form, images + r / t.rows * size, height, width, channels, r % t.rows * t.step - pad[0], -pad[1],
                               t.columns, zeros, to});
  }
  template <class E> void inputs(const float* x, Int first, Int last, const WinogradTiles<E>& to) const {
    run(x, first, last, to, [](const WinogradRow<E>& row) { winograd_input(row); });
  }
  template <class E> void gradients(const float* dy, Int first, Int last, const WinogradTiles<E>& to) const {
    run(dy, first, last, to, [](const WinogradRow<E>& row) { winograd_gradient(row); });
  }
};

/// The results of rows of tiles [first, last) of the batch, transformed to v[plane][tile][depth]: products plane by plane in
/// E, to m, and back.
template <class E>
void results_of(const Images& g, const Forward& c, const Tiles& t, const E* v, Int depth, const E* u, float* m, Int first, Int last) {
  const Int tiles = (last - first) * t.columns, v_plane = plane_size(tiles, depth), m_plane = plane_size(tiles, g.filters);
  const TapRun run{0, depth};
  for (Int p = 0; p < planes(t.form); ++p)
    product_row(ProductRow<E>{v + p * v_plane, depth, &run, 1, u + p * depth * g.filters, g.filters, nullptr, m + p * m_plane,
                              g.filters, tiles});
  for (Int r = first; r < last; ++r) {
    const Int image = r / t.rows, row = r % t.rows;
    const Int step = g.pooled ? t.step / 2 : t.step, row_step = g.windows(1) * g.filters, at = image * g.y_size() + step * row * row_step;
    winograd_output({t.form, m + (r - first) * t.columns * g.filters, m_plane, g.filters, t.columns, c.bias, c.relu,
                     std::min(step, g.windows(0) - step * row), g.windows(1), c.y + at, row_step, g.filters,
                     g.pooled ? c.index + at : nullptr});
  }
}

/// Rows of tiles of a 3x3 convolution.
template <class E> struct WinogradBlock {
  const Images& g;
  const Forward& c;
  const Tiles& t;
  const E* u;
  Int depth;
  TileRows inputs;
  Scratch<E> v;
  Scratch<float> m;

  WinogradBlock(const Images& g, const Forward& c, const Tiles& t, const E* u, Int rows)
      : g(g), c(c), t(t), u(u), depth(units<E>(g.channels)), inputs(t, g.in, g.channels, g.pad),
        v(planes(t.form) * plane_size(rows * t.columns, depth)), m(planes(t.form) * plane_size(rows * t.columns, g.filters)) {}

  /// Rows [first, last) of the batch.
  void run(Int first, Int last) {
    inputs.inputs(c.x, first, last, WinogradTiles<E>{v, plane_size((last - first) * t.columns, depth)});
    results_of<E>(g, c, t, v, depth, u, m, first, last);
  }
};

/// Runs blocks of `rows` of all rows of tiles, a piece of them by a block of its own: make(rows).
template <class Make> void in_blocks(Int total, Int rows, Make&& make) {
  parallel_for(total, round_up((total + least_pieces - 1) / least_pieces, rows), [&](Int begin, Int end) {
    auto block = make(rows);
    for (Int r = begin; r < end; r += rows) block.run(r, std::min(end, r + rows));
  });
}

template <class E> void tiled_conv(const Images& g, const Forward& c, const Tiles& t, const E* u) {
  const Int total = g.batch * t.rows;
  in_blocks(total, block_rows(g, t, total), [&](Int rows) { return WinogradBlock<E>(g, c, t, u, rows); });
}

}  // namespace

bool winograd_pays(const Images& g) {
  for (int i = 0; i < 2; ++i)
    if (g.kernel[i] != 3 || g.stride[i] != 1 || g.dilation[i] != 1 || g.pad[i] < 0 || (g.pooled && g.pool[i] != 2)) return false;
  if (g.channels % channel_step != 0 || g.filters % channel_step != 0) return false;
  return Tiles(g, TileForm::two_of_three).cost(g.batch) * 5 < g.batch * Tiles::live(g, 0) * Tiles::live(g, 1) * 9 * 4;
}

namespace {
/// The planes of weights w[3 * 3][inner][columns], as product_row reads them.
template <class E> class Planes {
 public:
  Planes(TileForm form, const float* w, Int inner, Int columns)
      : u_(planes(form) * inner * columns), joined_(std::is_same_v<E, Pair> ? planes(form) * units<E>(inner) * columns : 0) {
    const Int size = inner * columns;
    parallel_for(size, 1024, [&](Int begin, Int end) { winograd_weights(form, w, size, begin, end, u_); });
    if constexpr (std::is_same_v<E, Pair>) join_rows(u_, planes(form), inner, columns, joined_);
  }
  const E* data() const {
    if constexpr (std::is_same_v<E, Pair>) return joined_;
    else return u_;
  }

 private:
  Scratch<float> u_;
  Scratch<Pair> joined_;
};
}  // namespace

template <class E> void winograd_conv(const Images& g, const Forward& c) {
  const auto t = best_tiles<E>(g);
  tiled_conv<E>(g, c, t, Planes<E>(t.form, c.packed, g.channels, g.filters).data());
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

namespace {
/// Is the convolution with the kernel turned round less work than the direct form, which skips padding?
bool turning_pays(const Images& g) {
  const Images back = turned_round(g);
  return winograd_pays(back) && Tiles(back, TileForm::two_of_three).cost(g.batch) * 5 < g.batch * g.out[0] * g.out[1] * 9 * 4;
}
/// Are tiles of dy, which are then tiles of dx to be added up, less work than either?
template <class E> bool adding_pays(const Images& g) {
  return winograd_pays(g) &&
         (!turning_pays(g) || best_tiles<E>(g).cost(g.batch) * 5 < best_tiles<E>(turned_round(g)).cost(g.batch) * 4);
}

/// to[tap(0)][filter][channel], to[tap(1)]… of w[filter][channel][tap].
template <class Tap> void pack_taps(const Images& g, const float* w, float* to, Tap&& tap) {
  parallel_for(9 * g.filters, 64, [&](Int begin, Int end) {
    for (Int i = begin; i < end; ++i)
      gather_row(w + i % g.filters * g.channels * 9 + tap(i / g.filters), 9, g.channels, to + i * g.channels);
  });
}

/// The tiles of dy go the forward way backwards, and what they make of dx is added up, image by image.
template <class E> void input_grad_by_adding(const Images& g, const float* dy, const float* packed, float* dx) {
  const auto t = best_tiles<E>(g);
  const Int tiles = t.rows * t.columns, filters = units<E>(g.filters), images = std::clamp<Int>(16 / tiles, 1, g.batch);
  const Int v_plane = plane_size(images * tiles, filters), m_plane = plane_size(images * tiles, g.channels), none[2] = {0, 0};
  const Planes<E> u(t.form, packed, g.filters, g.channels);
  Images whole = g;
  whole.out[0] = t.step * t.rows;
  whole.out[1] = t.step * t.columns;
  const TapRun run{0, filters};
  parallel_for(g.batch, std::max(images, g.batch / least_pieces / images * images), [&](Int begin, Int end) {
    InputSums sums(whole, whole.run_length(), dx);
    const TileRows gradients(t, g.out, g.filters, none);
    Scratch<E> v(planes(t.form) * v_plane);
    Scratch<float> m(planes(t.form) * m_plane);
    for (Int n = begin, last; n < end; n = last) {
      last = std::min(end, n + images);
      gradients.gradients(dy, n * t.rows, last * t.rows, WinogradTiles<E>{v, v_plane});
      for (Int p = 0; p < planes(t.form); ++p)
        product_row(ProductRow<E>{v + p * v_plane, filters, &run, 1, u.data() + p * filters * g.channels, g.channels, nullptr,
                                  m + p * m_plane, g.channels, (last - n) * tiles});
      for (Int i = n; i < last; ++i) {
        float* to = sums.begin(i);
        for (Int r = 0; r < t.rows; ++r)
          winograd_input_back({t.form, m + ((i - n) * tiles + r * t.columns) * g.channels, m_plane, g.channels, t.columns,
                               to + t.step * r * sums.row_step(), sums.row_step()});
        sums.finish(i);
      }
    }
  });
}
}  // namespace

bool winograd_input_grad_pays(const Images& g) { return winograd_pays(g) || turning_pays(g); }

template <class E> void winograd_input_grad(const Images& g, const float* dy, const float* w, float* dx) {
  Scratch<float> packed(9 * g.channels * g.filters);
  if (adding_pays<E>(g)) {
    pack_taps(g, w, packed, [](Int tap) { return tap; });
    return input_grad_by_adding<E>(g, dy, packed, dx);
  }
  pack_taps(g, w, packed, [](Int tap) { return 8 - tap; });
  winograd_conv<E>(turned_round(g), {dy, packed, nullptr, false, dx, nullptr});
}
template void winograd_input_grad<float>(const Images&, const float*, const float*, float*);
template void winograd_input_grad<Pair>(const Images&, const float*, const float*, float*);

namespace {
/// Tiles of both factors of a weight gradient, plane by plane. Pairs are of neighbouring tiles.
template <class E> struct WeightGradTiles {
  static constexpr Int tiles_a_unit = std::is_same_v<E, Pair> ? 2 : 1;
  const Images& g;
  const Tiles& t;
  Int units, v_plane, w_plane;
  Scratch<E> v, w;

  WeightGradTiles(const Images& g, const Tiles& t, Int rows)
      : g(g), t(t), units(in_units(rows * t.columns)), v_plane(plane_size(units, g.channels)), w_plane(plane_size(units, g.filters)),
        v(planes(t.form) * v_plane), w(planes(t.form) * w_plane) {}
  static Int in_units(Int tiles) { return (tiles + tiles_a_unit - 1) / tiles_a_unit; }

  /// Transforms rows of tiles [first, last) of the batch; they lie here from row `at` on.
  void take(const float* x, const float* dy, Int first, Int last, Int at) {
    const Int none[2] = {0, 0};
    TileRows(t, g.in, g.channels, g.pad).inputs(x, first, last, WinogradTiles<E>{v, v_plane, at * t.columns, true});
    TileRows(t, g.out, g.filters, none).gradients(dy, first, last, WinogradTiles<E>{w, w_plane, at * t.columns, true});
  }
  /// Adds plane p of the first `rows` rows' products.
  void add(Int p, Int rows, float* sums) const {
    weight_sums(WeightSums<E>{v + p * v_plane, 0, g.channels, w + p * w_plane, 1, in_units(rows * t.columns), g.filters, g.channels,
                              sums + p * g.channels * g.filters});
  }
};

/// Sums plane by plane over all tiles of the batch at once.
template <class E> void sum_by_planes(const Images& g, const Tiles& t, const float* x, const float* dy, float* sums) {
  const Int rows = g.batch * t.rows, size = g.channels * g.filters;
  WeightGradTiles<E> all(g, t, rows);
  const Int piece = round_up((rows + least_pieces - 1) / least_pieces, 2);  // a pair is of one piece
  parallel_for(rows, piece, [&](Int begin, Int end) { all.take(x, dy, begin, end, begin); });
  parallel_for(planes(t.form), 1, [&](Int begin, Int end) {
    std::fill(sums + begin * size, sums + end * size, 0.0f);
    for (Int p = begin; p < end; ++p) all.add(p, rows, sums);
  });
}

/// Sums by shards of images.
template <class E> void sum_by_shards(const Images& g, const Tiles& t, const float* x, const float* dy, ShardSums& all) {
  const Int rows = block_rows(g, t, g.batch * t.rows);
  all.run([&](Int begin, Int end, float* sums) {
    WeightGradTiles<E> block(g, t, rows);
    for (Int r = begin * t.rows; r < end * t.rows; r += rows) {
      const Int last = std::min(end * t.rows, r + rows);
      block.take(x, dy, r, last, 0);
      for (Int p = 0; p < planes(t.form); ++p) block.add(p, last - r, sums);
    }
  });
}
}  // namespace

template <class E> void winograd_weight_grad(const Images& g, const float* x, const float* dy, float* dw) {
  const auto t = best_tiles<E>(g);
  const Int product = g.channels * g.filters, size = planes(t.form) * product;
  const auto finish = [&](float* sums) {
    winograd_weight_sums(t.form, sums, product, sums);
    unpack_by_input(sums, g, dw);
  };
  // Where shards' sums would outnumber the tiles' elements it pays to take them once.
  if (g.batch * t.rows * t.columns * (g.channels + g.filters) <= 8 * product) {
    Scratch<float> sums(size);
    sum_by_planes<E>(g, t, x, dy, sums);
    return finish(sums);
  }
  ShardSums all(g, size);
  sum_by_shards<E>(g, t, x, dy, all);
  finish(all.data());
}
template void winograd_weight_grad<float>(const Images&, const float*, const float*, float*);
template void winograd_weight_grad<Pair>(const Images&, const float*, const float*, float*);

// ---- phases of a 4x4 kernel of stride 2 ----

namespace {
/// Rows of x from a row of tiles to the next.
constexpr Int phase_step = 4;

/// Calls f(image, its first row of tiles, how many) for rows of tiles [first, last) of the batch.
template <class F> void by_image(const Tiles& t, Int first, Int last, F&& f) {
  for (Int r = first, n; r < last; r += n) {
    n = std::min(last - r, t.rows - r % t.rows);
    f(r / t.rows, r % t.rows, n);
  }
}

/// What `rows` rows of tiles read of an image: phase_step rows each, and two more.
Stage phase_stage(const Images& g, const Tiles& t, Int rows) {
  const bool copy = g.pad[0] > 0 || g.pad[1] > 0 || phase_step * t.rows + 2 > g.in[0] || phase_step * t.columns + 2 > g.in[1];
  return {g.in, g.channels, phase_step * std::min(rows, t.rows) + 2, phase_step * t.columns + 2, copy};
}

/// Rows of tiles [first, last) of the batch to v[plane][tile][phase][channel].
void phase_inputs(const Images& g, const Tiles& t, const float* x, Int first, Int last, Stage& stage, float* v, Int plane_step) {
  const Int depth = phases * g.channels;
  by_image(t, first, last, [&](Int image, Int row, Int rows) {
    const float* from = stage.part(x + image * g.in_size(), row * phase_step - g.pad[0], -g.pad[1], phase_step * rows + 2);
    for (Int r = 0; r < rows; ++r, from += phase_step * stage.row_step(), v += t.columns * depth)
      for (Int p = 0; p < phases; ++p)
        phase_tiles({from + p / 2 * stage.row_step() + p % 2 * g.channels, 2 * stage.row_step(), 2 * g.channels, phase_step * g.channels,
                     g.channels, t.columns, false, false, v + p * g.channels, plane_step, depth});
  });
}

/// Rows of tiles of a block, whose tiles have `floats` each: blocks of nearly one size that fill most of the second-level
/// cache, as the weights are many; two at least of few tiles.
Int phase_block_rows(const Tiles& t, Int floats, Int total) {
  const Int most = std::max<Int>(1, (Int{192} << 10) / (floats * t.columns));
  return even_rows(total, std::max({std::min<Int>(4, total * t.columns / 8), (total + most - 1) / most, Int{1}}));
}

/// Rows of tiles of a convolution.
struct PhaseBlock {
  const Images& g;
  const Forward& c;
  const Tiles& t;
  const float* u;
  Int depth;
  Stage stage;
  Scratch<float> v, m;

  PhaseBlock(const Images& g, const Forward& c, const Tiles& t, const float* u, Int rows)
      : g(g), c(c), t(t), u(u), depth(phases * g.channels), stage(phase_stage(g, t, rows)),
        v(phase_planes * plane_size(rows * t.columns, depth)), m(phase_planes * plane_size(rows * t.columns, g.filters)) {}

  /// Rows [first, last) of the batch.
  void run(Int first, Int last) {
    phase_inputs(g, t, c.x, first, last, stage, v, plane_size((last - first) * t.columns, depth));
    results_of<float>(g, c, t, v, depth, u, m, first, last);
  }
};

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
  const Tiles t(g, TileForm::two_of_two);
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
  const Tiles t(g, TileForm::two_of_two);
  const Int total = g.batch * t.rows;
  in_blocks(total, phase_block_rows(t, phase_floats(g), total), [&](Int rows) { return PhaseBlock(g, c, t, u, rows); });
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
    winograd_output({t.form, from, m_plane, g.channels, (results + 1) / 2, nullptr, false, row + 2 < g.in[0] ? 2 : 1, results, y,
                     2 * row_step, 2 * g.channels});
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
  const Tiles t(TileForm::two_of_two, rows.tiles(), columns.tiles());
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
      Stage stage = phase_stage(g, t, end - begin);
      const Int at = begin * t.columns, none[2] = {0, 0};
      phase_inputs(g, t, x, first + begin, first + end, stage, v + at * phases * g.channels, v_plane);
      TileRows(t, g.out, g.filters, none).gradients(dy, first + begin, first + end, WinogradTiles<float>{w, w_plane, at});
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
  const Tiles t(g, TileForm::two_of_two);
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
