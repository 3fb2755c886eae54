// MatMul of factors rounded to bf16 (conv_tiles.h): a row of a's pairs meets panels of b's. Where a is stored transposed both
// lie along the sum, as they do in a weight's gradient.
#include <algorithm>

#include <weft/base/memory.h>
#include <weft/base/thread_pool.h>
#include <weft/kernels/cpu/conv_tiles.h>
#include <weft/kernels/registry.h>
#include <weft/opdefs/matmul.h>

namespace weft {

namespace cpu_kernels {
namespace {

using Int = std::int64_t;

constexpr Int panel_width = 4 * channel_step;  // the widest block of product_row
constexpr Int rows_a_piece = 24;

struct Product {
  bool ta, tb;
  Int m, n, k;
  const float *a, *b;
  float* c;
  Int pairs() const { return (k + 1) / 2; }
  /// Tiles that repay another thread.
  Int grain() const { return std::max<Int>(1, 131072 / (rows_a_piece * panel_width * k)); }
  Int panels() const { return (n + panel_width - 1) / panel_width; }
  /// Columns of a panel, and the same in whole vectors.
  Int columns(Int panel) const { return std::min(panel_width, n - panel * panel_width); }
  Int width(Int panel) const { return (columns(panel) + channel_step - 1) / channel_step * channel_step; }
};

/// Columns [j, j + columns) of b as [pair][width], zeros behind them.
void pack_panel(const Product& p, Int j, Int columns, Int width, Pair* to) {
  if (p.tb) {
    Scratch<Pair> rows(columns * p.pairs() + channel_step);
    round_positions(p.b + j * p.k, columns, p.k, rows);
    transpose_pairs(rows, columns, p.pairs(), to, width);
  } else {
    for (Int k = 0; k < p.k; k += 2)
      join_pairs(p.b + k * p.n + j, k + 1 < p.k ? p.b + (k + 1) * p.n + j : nullptr, columns, to + k / 2 * width);
  }
  for (Int k = 0; columns < width && k < p.pairs(); ++k) std::fill(to + k * width + columns, to + (k + 1) * width, Pair(0));
}

/// Calls write(to, step) with memory for `rows` x the panel's width, and copies what belongs to c from row i on.
template <class Write> void write_tile(const Product& p, Int i, Int rows, Int panel, Write&& write) {
  const Int columns = p.columns(panel), width = p.width(panel);
  float* c = p.c + i * p.n + panel * panel_width;
  if (columns == width) return write(c, p.n);
  Scratch<float> tile(rows * width);
  write(tile, width);
  for (Int r = 0; r < rows; ++r) std::copy_n(tile + r * width, columns, c + r * p.n);
}

/// Rows of a by panels of b.
void multiply_rows(const Product& p, const Pair* packed) {
  Scratch<Pair> a(p.m * p.pairs() + channel_step);
  round_positions(p.a, p.m, p.k, a);
  const Int pieces = (p.m + rows_a_piece - 1) / rows_a_piece, rows = (p.m + pieces - 1) / pieces;
  const TapRun run{0, p.pairs()};
  parallel_for(pieces * p.panels(), p.grain(), [&](Int begin, Int end) {
    for (Int t = begin; t < end; ++t) {
      const Int panel = t / pieces, first = t % pieces * rows, count = std::min(rows, p.m - first);
      if (count <= 0) continue;
      write_tile(p, first, count, panel, [&](float* c, Int step) {
        product_row(ProductRow<Pair>{a + first * p.pairs(), p.pairs(), &run, 1, packed + panel * panel_width * p.pairs(), p.width(panel),
                                     nullptr, c, step, count});
      });
    }
  });
}

/// a is [k, m]: its pairs are two of its rows, as b's are.
void multiply_columns(const Product& p, const Pair* packed) {
  Scratch<Pair> a(p.pairs() * p.m);
  for (Int k = 0; k < p.k; k += 2)
    join_pairs(p.a + k * p.m, k + 1 < p.k ? p.a + (k + 1) * p.m : nullptr, p.m, a + k / 2 * p.m);
  const Int pieces = (p.m + rows_a_piece - 1) / rows_a_piece, rows = (p.m + pieces - 1) / pieces;
  parallel_for(pieces * p.panels(), p.grain(), [&](Int begin, Int end) {
    Scratch<float> sums(rows * panel_width);
    for (Int t = begin; t < end; ++t) {
      const Int panel = t / pieces, first = t % pieces * rows, count = std::min(rows, p.m - first), width = p.width(panel);
      if (count <= 0) continue;
      std::fill_n(sums.data(), count * width, 0.0f);
      weight_sums(WeightSums<Pair>{a + first, 0, p.m, packed + panel * panel_width * p.pairs(), 1, p.pairs(), width, count, sums});
      for (Int r = 0; r < count; ++r)
        std::copy_n(sums + r * width, p.columns(panel), p.c + (first + r) * p.n + panel * panel_width);
    }
  });
}

Product product_of(const KernelCall& call) {
  const auto& op = call.attributes<op::MatMul>();
  const TensorView &a = call.in[0], &b = call.in[1];
  const Int rank = a.rank(), n = call.out[0].shape[call.out[0].rank() - 1];
  const Int k = a.shape[rank - (op.transpose_a ? 2 : 1)];
  return {op.transpose_a, op.transpose_b, k && n ? call.out[0].numel() / n : 0, n, k, a.as<float>(), b.as<float>(), call.out[0].as<float>()};
}

void run(const KernelCall& call) {
  const Product p = product_of(call);
  Scratch<Pair> packed(p.panels() * panel_width * p.pairs());
  parallel_for(p.panels(), 1, [&](Int begin, Int end) {
    for (Int panel = begin; panel < end; ++panel)
      pack_panel(p, panel * panel_width, p.columns(panel), p.width(panel), packed + panel * panel_width * p.pairs());
  });
  p.ta ? multiply_columns(p, packed) : multiply_rows(p, packed);
}

const char* decline(const KernelCall& call) {
  if (call.in[1].rank() != 2 || (call.attributes<op::MatMul>().transpose_a && call.in[0].rank() != 2)) return "for a product of two matrices";
  const Product p = product_of(call);
  if (p.m < 16 || p.n < 16 || p.k < 16) return "small: packing would take longer than it saves";
  return nullptr;
}

}  // namespace
}  // namespace cpu_kernels

void register_cpu_matmul_pairs() {
  add_kernel(info_of<op::MatMul>(), DeviceType::cpu,
             {"cpu.matmul_bf16", &cpu_kernels::run, &cpu_kernels::decline, true, 0, 0, false, Precision::bf16});
}

}  // namespace weft
