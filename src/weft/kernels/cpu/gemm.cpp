#include <weft/kernels/cpu/gemm.h>
#include <weft/kernels/cpu/targets.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "weft/kernels/cpu/gemm.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include <weft/base/memory.h>
#include <weft/base/thread_pool.h>
#include <weft/kernels/cpu/transpose-inl.h>

// The classic scheme (Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008): b is packed
// into strips of two vectors, a into strips of `strip_rows` rows, and the micro-kernel keeps a strip_rows x 2-vector
// tile of c in registers. k is cut into blocks of k_block; an element of c is the sum of its blocks in order, whichever
// way is taken, but for few rows by columns (DotTask) and long sums (multiply_deep).

HWY_BEFORE_NAMESPACE();
namespace weft::cpu_kernels::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using Int = std::int64_t;

// 32 vector registers hold 12 x 2 accumulators, 16 hold 6 x 2.
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
constexpr Int strip_rows = 12, small_strip = 4;
#else
constexpr Int strip_rows = 6, small_strip = 2;
#endif
constexpr Int k_block = 256;
constexpr Int packed_limit = Int{1} << 21;  // elements packed at a time

template <class T> using Tag = hn::ScalableTag<T>;
template <class T> Int lanes() { return static_cast<Int>(hn::Lanes(Tag<T>())); }

template <class T> struct Product {
  bool ta, tb;
  Int m, n, k;
  const T* a;
  Int lda;
  const T* b;
  Int ldb;
  T* c;
  Int ldc;
  bool accumulate;
};

/// c[rows, columns] (+)= a * b over one block of k. a is packed [k][Rows], row p of b starts at b + p * b_step.
template <class T, int Rows, int Vectors>
HWY_NOINLINE void micro(Int k, const T* HWY_RESTRICT a, const T* HWY_RESTRICT b, Int b_step, T* HWY_RESTRICT c, Int ldc,
                        Int rows, Int columns, bool accumulate) {
  const Tag<T> d;
  using V = hn::Vec<Tag<T>>;
  const Int n = lanes<T>();
  V acc[Rows][Vectors];
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 2
    for (int j = 0; j < Vectors; ++j) acc[i][j] = hn::Zero(d);
  for (Int p = 0; p < k; ++p, a += Rows, b += b_step) {
    V bv[Vectors];
#pragma GCC unroll 2
    for (int j = 0; j < Vectors; ++j) bv[j] = hn::LoadU(d, b + j * n);
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
      const V av = hn::Set(d, a[i]);
#pragma GCC unroll 2
      for (int j = 0; j < Vectors; ++j) acc[i][j] = hn::MulAdd(av, bv[j], acc[i][j]);
    }
  }
  if (rows == Rows && columns == Vectors * n) {
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 2
      for (int j = 0; j < Vectors; ++j) {
        T* to = c + i * ldc + j * n;
        hn::StoreU(accumulate ? hn::Add(hn::LoadU(d, to), acc[i][j]) : acc[i][j], d, to);
      }
    return;
  }
  HWY_ALIGN T tile[Rows * Vectors * HWY_MAX_BYTES / sizeof(T)];
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 2
    for (int j = 0; j < Vectors; ++j) hn::Store(acc[i][j], d, tile + (i * Vectors + j) * n);
  for (Int i = 0; i < rows; ++i)
    for (Int j = 0; j < columns; ++j) {
      const T v = tile[i * Vectors * n + j];
      c[i * ldc + j] = accumulate ? c[i * ldc + j] + v : v;
    }
}

template <class T>
using Micro = void (*)(Int, const T*, const T*, Int, T*, Int, Int, Int, bool);

template <class T> Micro<T> micro_for(Int rows, Int vectors) {
  if (rows > 2 * small_strip) return vectors == 2 ? &micro<T, strip_rows, 2> : &micro<T, strip_rows, 1>;
  if (rows > small_strip) return vectors == 2 ? &micro<T, 2 * small_strip, 2> : &micro<T, 2 * small_strip, 1>;
  return vectors == 2 ? &micro<T, small_strip, 2> : &micro<T, small_strip, 1>;
}

/// Rows that a strip of `rows` rows is packed with: strips at the edge are not padded to the full height.
Int padded_rows(Int rows) {
  return rows > 2 * small_strip ? strip_rows : rows > small_strip ? 2 * small_strip : small_strip;
}

/// to[p * width + i] = from[i * stride + p]: a transposing copy, four by four in registers.
template <class T> HWY_INLINE void pack_across(const T* from, Int stride, Int count, Int k, T* to, Int width) {
  Int i = 0;
#if HWY_TARGET != HWY_SCALAR
  if constexpr (sizeof(T) == 4) {
    for (; i + 4 <= count; i += 4) {
      const T* r = from + i * stride;
      Int p = 0;
      for (; p + 4 <= k; p += 4) transpose_four(r + p, stride, to + p * width + i, width);
      for (; p < k; ++p)
        for (Int q = 0; q < 4; ++q) to[p * width + i + q] = r[q * stride + p];
    }
  } else {
    const hn::Full128<T> d;
    for (; i + 2 <= count; i += 2) {
      const T* r = from + i * stride;
      Int p = 0;
      for (; p + 2 <= k; p += 2) {
        const auto r0 = hn::LoadU(d, r + p), r1 = hn::LoadU(d, r + stride + p);
        T* t = to + p * width + i;
        hn::StoreU(hn::InterleaveLower(d, r0, r1), d, t);
        hn::StoreU(hn::InterleaveUpper(d, r0, r1), d, t + width);
      }
      for (; p < k; ++p)
        for (Int q = 0; q < 2; ++q) to[p * width + i + q] = r[q * stride + p];
    }
  }
#endif
  for (; i < count; ++i)
    for (Int p = 0; p < k; ++p) to[p * width + i] = from[i * stride + p];
}

/// to[p * width + i] = from[p * stride + i]
template <class T> HWY_INLINE void pack_along(const T* from, Int stride, Int count, Int k, T* to, Int width) {
  for (Int p = 0; p < k; ++p) std::copy_n(from + p * stride, count, to + p * width);
}

/// Packs `count` (at most `width`) rows or columns for k steps, zeros to the width.
template <class T>
HWY_NOINLINE void pack(bool along, const T* from, Int stride, Int count, Int k, T* to, Int width) {
  if (along) pack_along(from, stride, count, k, to, width);
  else pack_across(from, stride, count, k, to, width);
  if (count < width)
    for (Int p = 0; p < k; ++p) std::fill(to + p * width + count, to + (p + 1) * width, T(0));
}

/// How c is cut into tiles: by shape alone.
struct Tiling {
  Int rows, columns;  // of a tile
  Int down, across;   // tiles
  bool serial;
};
template <class T> Tiling tiling(Int m, Int n, Int k) {
  const Int width = 2 * lanes<T>();
  const auto round_up = [](Int v, Int to) { return (v + to - 1) / to * to; };
  Tiling t{std::min<Int>(round_up(m, strip_rows), 8 * strip_rows), std::min(round_up(n, width), 16 * width), 0, 0,
           false};
  const auto count = [&] {
    t.down = (m + t.rows - 1) / t.rows;
    t.across = (n + t.columns - 1) / t.columns;
    return t.down * t.across;
  };
  t.serial = static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k) < 131072;
  const auto work = [&] { return static_cast<double>(t.rows) * static_cast<double>(t.columns) * static_cast<double>(k); };
  while (!t.serial && count() < 16) {  // more threads than tiles would idle
    if (t.columns >= 8 * width) t.columns = round_up(t.columns / 2, width);
    else if (t.rows >= 2 * strip_rows) t.rows = round_up(t.rows / 2, strip_rows);
    else if (t.columns >= 2 * width && work() > 1e6) t.columns = round_up(t.columns / 2, width);  // a is packed again for each
    else break;
  }
  count();
  return t;
}

/// One tile of c over the packed steps [k0, k0 + depth): packs its rows of a, then strip by strip.
template <class T> struct TileTask {
  const Product<T>& p;
  const Tiling& t;
  Int k0, depth;
  const T* packed_b;  // [strip][depth][width], or null: b is read where it lies
  void operator()(Int begin, Int end) const {
    Scratch<T> packed_a(t.rows * std::min(depth, k_block));
    for (Int tile = begin; tile < end; ++tile)
      for (Int at = 0; at < depth; at += k_block) block(tile, at, std::min(k_block, depth - at), packed_a);
  }
  void block(Int tile, Int at, Int steps, T* packed_a) const {
    const Int width = 2 * lanes<T>(), first = k0 + at;
    const Int i0 = tile / t.across * t.rows, i1 = std::min(p.m, i0 + t.rows);
    const Int j0 = tile % t.across * t.columns, j1 = std::min(p.n, j0 + t.columns);
    const bool add = p.accumulate || first > 0;
    T* a = packed_a;
    for (Int i = i0; i < i1; i += strip_rows) {
      const Int rows = std::min(strip_rows, i1 - i), padded = padded_rows(rows);
      pack(p.ta, p.ta ? p.a + first * p.lda + i : p.a + i * p.lda + first, p.lda, rows, steps, a, padded);
      for (Int j = j0; j < j1; j += width) {
        const Int columns = std::min(width, j1 - j), vectors = columns > lanes<T>() ? 2 : 1;
        const T* b = packed_b ? packed_b + j / width * (depth * width) + at * width : p.b + first * p.ldb + j;
        micro_for<T>(rows, vectors)(steps, a, b, packed_b ? width : p.ldb, p.c + i * p.ldc + j, p.ldc, rows, columns,
                                    add);
      }
      a += padded * steps;
    }
  }
};

template <class T> struct PackTask {
  const Product<T>& p;
  Int k0, depth;
  T* packed;
  void operator()(Int begin, Int end) const {
    const Int width = 2 * lanes<T>();
    for (Int s = begin; s < end; ++s) {
      const Int j = s * width;
      pack(!p.tb, p.tb ? p.b + j * p.ldb + k0 : p.b + k0 * p.ldb + j, p.ldb, std::min(width, p.n - j), depth,
           packed + s * depth * width, width);
    }
  }
};

/// c[columns, rows] (+)= the transposed tile of sums over k, where row i of a is adjacent, a_step from the next.
template <class T, int Rows, int Vectors>
HWY_NOINLINE void micro_swapped(Int k, const T* HWY_RESTRICT a, Int a_step, const T* HWY_RESTRICT b, T* HWY_RESTRICT c,
                                Int ldc, Int rows, Int columns, bool accumulate) {
  const Tag<T> d;
  using V = hn::Vec<Tag<T>>;
  const Int n = lanes<T>();
  V acc[Rows][Vectors];
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 2
    for (int j = 0; j < Vectors; ++j) acc[i][j] = hn::Zero(d);
  for (Int p = 0; p < k; ++p, ++a, b += 2 * n) {
    V bv[Vectors];
#pragma GCC unroll 2
    for (int j = 0; j < Vectors; ++j) bv[j] = hn::LoadU(d, b + j * n);
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
      const V av = hn::Set(d, a[i * a_step]);
#pragma GCC unroll 2
      for (int j = 0; j < Vectors; ++j) acc[i][j] = hn::MulAdd(av, bv[j], acc[i][j]);
    }
  }
  constexpr Int most = Vectors * HWY_MAX_BYTES / sizeof(T);
  HWY_ALIGN T tile[Rows * most], across[most * Rows];
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 2
    for (int j = 0; j < Vectors; ++j) hn::Store(acc[i][j], d, tile + (i * Vectors + j) * n);
  pack(false, tile, Vectors * n, Rows, Vectors * n, across, Rows);
  for (Int j = 0; j < columns; ++j)
    for (Int i = 0; i < rows; ++i) {
      T& to = c[j * ldc + i];
      to = accumulate ? to + across[j * Rows + i] : across[j * Rows + i];
    }
}

template <class T> using MicroSwapped = void (*)(Int, const T*, Int, const T*, T*, Int, Int, Int, bool);

template <class T> MicroSwapped<T> micro_swapped_for(Int rows, Int vectors) {
  if (rows > 2 * small_strip) return vectors == 2 ? &micro_swapped<T, strip_rows, 2> : &micro_swapped<T, strip_rows, 1>;
  if (rows > small_strip) return vectors == 2 ? &micro_swapped<T, 2 * small_strip, 2> : &micro_swapped<T, 2 * small_strip, 1>;
  return vectors == 2 ? &micro_swapped<T, small_strip, 2> : &micro_swapped<T, small_strip, 1>;
}

/// a times b transposed where b has the more rows: transposed, b's rows times a. They need no packing, since the
/// micro-kernel takes their elements one by one; a's rows, packed once, are its vectors.
template <class T> struct SwappedTask {
  const Product<T>& p;
  const T* packed_a;  // [strip of two vectors][k][width]
  Int rows;           // of b in a strip
  void operator()(Int begin, Int end) const {
    constexpr Int step = k_block + 16;  // rows a power of two apart would share cache sets
    Scratch<T> copied(rows * step);
    for (Int strip = begin; strip < end; ++strip) {
      const Int i = strip * rows, count = std::min(rows, p.n - i), padded = padded_rows(count);
      std::fill_n(copied + count * step, (padded - count) * step, T(0));
      for (Int at = 0; at < p.k; at += k_block) {
        const Int steps = std::min(k_block, p.k - at);
        for (Int r = 0; r < count; ++r) std::copy_n(p.b + (i + r) * p.ldb + at, steps, copied + r * step);
        columns(i, count, at, steps, copied, step);
      }
    }
  }
  void columns(Int i, Int count, Int at, Int steps, const T* from, Int step) const {
    const Int width = 2 * lanes<T>();
    for (Int j = 0; j < p.m; j += width) {
      const Int some = std::min(width, p.m - j);
      micro_swapped_for<T>(count, some > lanes<T>() ? 2 : 1)(steps, from, step, packed_a + j * p.k + at * width,
                                                            p.c + j * p.ldc + i, p.ldc, count, some, p.accumulate || at > 0);
    }
  }
};

/// Packs a's rows for SwappedTask, a piece of k at a time.
template <class T> struct PackRowsTask {
  static constexpr Int block = 128;
  const Product<T>& p;
  T* packed;
  void operator()(Int begin, Int end) const {
    const Int width = 2 * lanes<T>(), blocks = (p.k + block - 1) / block;
    for (Int i = begin; i < end; ++i) {
      const Int j = i / blocks * width, at = i % blocks * block, steps = std::min(block, p.k - at);
      pack(p.ta, p.ta ? p.a + at * p.lda + j : p.a + j * p.lda + at, p.lda, std::min(width, p.m - j), steps,
           packed + j * p.k + at * width, width);
    }
  }
};

template <class T> void multiply_swapped(const Product<T>& p) {
  const Int width = 2 * lanes<T>(), strips = (p.m + width - 1) / width;
  const Int blocks = strips * ((p.k + PackRowsTask<T>::block - 1) / PackRowsTask<T>::block);
  Scratch<T> packed(strips * width * p.k);
  parallel_for(blocks, std::max<Int>(1, 8192 / (width * PackRowsTask<T>::block)), PackRowsTask<T>{p, packed});
  const Int rows = p.n >= 16 * strip_rows ? strip_rows : 2 * small_strip;
  parallel_for((p.n + rows - 1) / rows, std::max<Int>(1, 131072 / (rows * p.m * p.k)), SwappedTask<T>{p, packed, rows});
}

/// Few rows of a times a wide b: a is packed once, b's strips by who needs them, in the first-level cache.
template <class T> struct WideTask {
  const Product<T>& p;
  const T* packed_a;  // [block of k][row][step], strips of rows padded
  Int padded;         // rows of a, padded
  void operator()(Int begin, Int end) const {
    const Int width = 2 * lanes<T>();
    Scratch<T> strip(std::min(p.k, k_block) * width);
    for (Int s = begin; s < end; ++s) {
      const Int j = s * width, columns = std::min(width, p.n - j);
      for (Int at = 0; at < p.k; at += k_block) {
        const Int steps = std::min(k_block, p.k - at);
        pack(true, p.b + at * p.ldb + j, p.ldb, columns, steps, strip.data(), width);
        const T* a = packed_a + at * padded;
        for (Int i = 0; i < p.m; i += strip_rows) {
          const Int rows = std::min(strip_rows, p.m - i);
          micro_for<T>(rows, columns > lanes<T>() ? 2 : 1)(steps, a, strip, width, p.c + i * p.ldc + j, p.ldc, rows,
                                                          columns, p.accumulate || at > 0);
          a += padded_rows(rows) * steps;
        }
      }
    }
  }
};

template <class T> void multiply_wide(const Product<T>& p) {
  const Int width = 2 * lanes<T>(), strips = (p.m + strip_rows - 1) / strip_rows;
  const Int padded = (strips - 1) * strip_rows + padded_rows(p.m - (strips - 1) * strip_rows);
  Scratch<T> packed(padded * p.k);
  const Int blocks = (p.k + k_block - 1) / k_block;
  parallel_for(blocks * strips, std::max<Int>(1, 8192 / (strip_rows * std::min(p.k, k_block))), [&](Int begin, Int end) {
    for (Int t = begin; t < end; ++t) {
      const Int at = t / strips * k_block, i = t % strips * strip_rows, steps = std::min(k_block, p.k - at),
                rows = std::min(strip_rows, p.m - i);
      pack(p.ta, p.ta ? p.a + at * p.lda + i : p.a + i * p.lda + at, p.lda, rows, steps, packed + at * padded + i * steps,
           padded_rows(rows));
    }
  });
  parallel_for((p.n + width - 1) / width, std::max<Int>(1, 131072 / (width * p.m * p.k)), WideTask<T>{p, packed, padded});
}

template <class T> void multiply_whole(const Product<T>& p);

/// A small result of a long k, as gradients of weights are: k is cut by shape into pieces, each a product by itself,
/// whose results are added in order.
template <class T> void multiply_deep(const Product<T>& p) {
  const Int pieces = std::min<Int>(16, p.k / 1024), chunk = ((p.k + pieces - 1) / pieces + k_block - 1) / k_block * k_block;
  const Int count = (p.k + chunk - 1) / chunk, size = p.m * p.n;
  Scratch<T> partial(count * size);
  parallel_for(count, 1, [&](Int begin, Int end) {
    for (Int i = begin; i < end; ++i) {
      const Int at = i * chunk;
      multiply_whole<T>({p.ta, p.tb, p.m, p.n, std::min(chunk, p.k - at), p.a + at * p.lda, p.lda, p.b + at * p.ldb, p.ldb,
                   partial + i * size, p.n, false});
    }
  });
  parallel_for(p.m, std::max<Int>(1, 4096 / p.n), [&](Int begin, Int end) {
    for (Int r = begin; r < end; ++r) {
      T* to = p.c + r * p.ldc;
      if (!p.accumulate) std::fill_n(to, p.n, T(0));
      for (Int i = 0; i < count; ++i) {
        const T* from = partial + i * size + r * p.n;
        for (Int j = 0; j < p.n; ++j) to[j] += from[j];
      }
    }
  });
}

constexpr Int most_dot_rows = 4;

/// Few rows of a times b transposed, without packing: rows of b meet rows of a, four at a time, element by element.
template <class T> struct DotTask {
  const Product<T>& p;
  template <int J> HWY_INLINE void columns(Int i, Int j) const {
    const Tag<T> d;
    const Int n = lanes<T>();
    const T *a = p.a + i * p.lda, *b = p.b + j * p.ldb;
    hn::Vec<Tag<T>> even[J], odd[J];
    for (int q = 0; q < J; ++q) even[q] = odd[q] = hn::Zero(d);
    Int k = 0;
    for (; k + 2 * n <= p.k; k += 2 * n)
      for (int q = 0; q < J; ++q) {
        even[q] = hn::MulAdd(hn::LoadU(d, a + k), hn::LoadU(d, b + q * p.ldb + k), even[q]);
        odd[q] = hn::MulAdd(hn::LoadU(d, a + k + n), hn::LoadU(d, b + q * p.ldb + k + n), odd[q]);
      }
    for (int q = 0; q < J; ++q) {
      T sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(even[q], odd[q])));
      for (Int at = k; at < p.k; ++at) sum += a[at] * b[q * p.ldb + at];
      T& to = p.c[i * p.ldc + j + q];
      to = p.accumulate ? to + sum : sum;
    }
  }
  void operator()(Int begin, Int end) const {
    for (Int i = 0; i < p.m; ++i) {
      Int j = begin;
      for (; j + 4 <= end; j += 4) columns<4>(i, j);
      for (; j < end; ++j) columns<1>(i, j);
    }
  }
};

template <class T> void multiply_whole(const Product<T>& p) {
  if (p.m <= 0 || p.n <= 0) return;
  if (p.k <= 0) {
    if (!p.accumulate)
      for (Int i = 0; i < p.m; ++i) std::fill_n(p.c + i * p.ldc, p.n, T(0));
    return;
  }
  if (!p.ta && p.tb && p.m <= most_dot_rows)
    return parallel_for(p.n, std::max<Int>(16, 131072 / (p.m * p.k) / 4 * 4), DotTask<T>{p});
  if (p.tb && p.n >= 2 * p.m && p.k >= 64 && p.m * p.k <= packed_limit) return multiply_swapped(p);
  const Int width = 2 * lanes<T>(), strips = (p.n + width - 1) / width;
  if (!p.tb && p.m > strip_rows && p.m <= 128 && p.n >= 8 * width && p.m * p.k <= packed_limit) return multiply_wide(p);
  const Tiling t = tiling<T>(p.m, p.n, p.k);
  const Int tiles = t.down * t.across, tile_grain = t.serial ? tiles : 1;
  // Few rows do not repay packing b; it must then be readable in whole strips.
  if (!p.tb && p.m <= strip_rows && p.n % lanes<T>() == 0)
    return parallel_for(tiles, tile_grain, TileTask<T>{p, t, 0, p.k, nullptr});
  const Int limit = std::max<Int>(1, packed_limit / (strips * width) / k_block) * k_block;
  Scratch<T> packed(strips * width * std::min(p.k, limit));
  for (Int k0 = 0; k0 < p.k; k0 += limit) {
    const Int depth = std::min(limit, p.k - k0);
    const Int grain = t.serial ? strips : std::max<Int>(1, 32768 / (depth * width));
    parallel_for(strips, grain, PackTask<T>{p, k0, depth, packed});
    parallel_for(tiles, tile_grain, TileTask<T>{p, t, k0, depth, packed});
  }
}

template <class T> void multiply(const Product<T>& p) {
  const bool deep = p.ta && !p.tb && p.k >= 4096 && p.m * p.n <= 65536;
  deep ? multiply_deep(p) : multiply_whole(p);
}

void gemm_f32(const Product<float>& p) { multiply(p); }
void gemm_f64(const Product<double>& p) { multiply(p); }

}  // namespace

// Plain arguments, so that one type serves every target.
void GemmF32(bool ta, bool tb, Int m, Int n, Int k, const float* a, Int lda, const float* b, Int ldb, float* c, Int ldc,
             bool accumulate) {
  gemm_f32({ta, tb, m, n, k, a, lda, b, ldb, c, ldc, accumulate});
}
void GemmF64(bool ta, bool tb, Int m, Int n, Int k, const double* a, Int lda, const double* b, Int ldb, double* c,
             Int ldc, bool accumulate) {
  gemm_f64({ta, tb, m, n, k, a, lda, b, ldb, c, ldc, accumulate});
}

}  // namespace weft::cpu_kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::cpu_kernels {

HWY_EXPORT(GemmF32);
HWY_EXPORT(GemmF64);

void gemm(bool ta, bool tb, std::int64_t m, std::int64_t n, std::int64_t k, const float* a, std::int64_t lda,
          const float* b, std::int64_t ldb, float* c, std::int64_t ldc, bool accumulate) {
  HWY_DYNAMIC_DISPATCH(GemmF32)(ta, tb, m, n, k, a, lda, b, ldb, c, ldc, accumulate);
}
void gemm(bool ta, bool tb, std::int64_t m, std::int64_t n, std::int64_t k, const double* a, std::int64_t lda,
          const double* b, std::int64_t ldb, double* c, std::int64_t ldc, bool accumulate) {
  HWY_DYNAMIC_DISPATCH(GemmF64)(ta, tb, m, n, k, a, lda, b, ldb, c, ldc, accumulate);
}

}  // namespace weft::cpu_kernels
#endif
