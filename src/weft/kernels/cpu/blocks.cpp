#include <weft/kernels/cpu/blocks.h>
#include <weft/kernels/cpu/targets.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "weft/kernels/cpu/blocks.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cstring>

#include <weft/base/small_vector.h>
#include <weft/base/thread_pool.h>
#include <weft/kernels/cpu/transpose-inl.h>

HWY_BEFORE_NAMESPACE();
namespace weft::cpu_kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using Int = std::int64_t;

// The 16-bit types: their bits in, floats out, and back. The last lanes are converted one by one by the caller.
Int HalfToFloat(const std::uint16_t* from, float* to, Int n) {
  const hn::ScalableTag<float> d;
  const hn::Rebind<hwy::float16_t, decltype(d)> dh;
  const Int step = static_cast<Int>(hn::Lanes(d));
  Int i = 0;
  for (; i + step <= n; i += step)
    hn::StoreU(hn::PromoteTo(d, hn::LoadU(dh, reinterpret_cast<const hwy::float16_t*>(from + i))), d, to + i);
  return i;
}
Int FloatToHalf(const float* from, std::uint16_t* to, Int n) {
  const hn::ScalableTag<float> d;
  const hn::Rebind<hwy::float16_t, decltype(d)> dh;
  const Int step = static_cast<Int>(hn::Lanes(d));
  Int i = 0;
  for (; i + step <= n; i += step) {
    const auto v = hn::LoadU(d, from + i);
    if (!hn::AllTrue(d, hn::Lt(hn::Abs(v), hn::Set(d, 65536.0f)))) break;  // overflow and NaN: the caller's
    hn::StoreU(hn::DemoteTo(dh, v), dh, reinterpret_cast<hwy::float16_t*>(to + i));
  }
  return i;
}
Int FloatToBfloat(const float* from, std::uint16_t* to, Int n) {
  const hn::ScalableTag<float> d;
  const hn::RebindToUnsigned<decltype(d)> du;
  const hn::Rebind<std::uint16_t, decltype(d)> d16;
  const Int step = static_cast<Int>(hn::Lanes(d));
  Int i = 0;
  for (; i + step <= n; i += step) {
    const auto v = hn::LoadU(d, from + i);
    const auto u = hn::BitCast(du, v);
    const auto odd = hn::And(hn::ShiftRight<16>(u), hn::Set(du, 1));
    const auto rounded = hn::ShiftRight<16>(hn::Add(u, hn::Add(odd, hn::Set(du, 0x7fff))));
    const auto quiet = hn::Or(hn::ShiftRight<16>(u), hn::Set(du, 0x40));
    const auto is_nan = hn::RebindMask(du, hn::Not(hn::Eq(v, v)));
    const auto bits = hn::BitCast(hn::RebindToSigned<decltype(d)>(), hn::IfThenElse(is_nan, quiet, rounded));
    hn::StoreU(hn::DemoteTo(d16, bits), d16, to + i);
  }
  return i;
}

/// to[r * to_step + c] = from[c * step + r]: four by four in registers.
void Transpose(const float* from, Int step, Int rows, Int columns, float* to, Int to_step) {
  Int c = 0;
  for (; c + 4 <= columns; c += 4) {
    Int r = 0;
    for (; r + 4 <= rows; r += 4) transpose_four(from + c * step + r, step, to + r * to_step + c, to_step);
    for (; r < rows; ++r)
      for (Int i = c; i < c + 4; ++i) to[r * to_step + i] = from[i * step + r];
  }
  for (; c < columns; ++c)
    for (Int r = 0; r < rows; ++r) to[r * to_step + c] = from[c * step + r];
}

/// The same for 3 columns and rows that follow each other (to_step 3), as planes of an image become pixels.
void PlanesToPixels(const float* from, Int step, Int rows, float* to) {
  const hn::ScalableTag<float> d;
  const Int lanes = static_cast<Int>(hn::Lanes(d));
  Int r = 0;
  for (; r + lanes <= rows; r += lanes)
    hn::StoreInterleaved3(hn::LoadU(d, from + r), hn::LoadU(d, from + step + r), hn::LoadU(d, from + 2 * step + r), d, to + 3 * r);
  Transpose(from + r, step, rows - r, 3, to + 3 * r, 3);
}

/// The same for 3 rows and columns that follow each other (step 3): pixels to planes.
void PixelsToPlanes(const float* from, Int columns, float* to, Int to_step) {
  const hn::ScalableTag<float> d;
  const Int lanes = static_cast<Int>(hn::Lanes(d));
  Int c = 0;
  for (; c + lanes <= columns; c += lanes) {
    hn::Vec<decltype(d)> v0, v1, v2;
    hn::LoadInterleaved3(d, from + 3 * c, v0, v1, v2);
    hn::StoreU(v0, d, to + c);
    hn::StoreU(v1, d, to + to_step + c);
    hn::StoreU(v2, d, to + 2 * to_step + c);
  }
  Transpose(from + 3 * c, 3, 3, columns - c, to + c, to_step);
}

}  // namespace weft::cpu_kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::cpu_kernels {

HWY_EXPORT(Transpose);
HWY_EXPORT(PlanesToPixels);
HWY_EXPORT(PixelsToPlanes);
HWY_EXPORT(HalfToFloat);
HWY_EXPORT(FloatToHalf);
HWY_EXPORT(FloatToBfloat);

namespace {

using Int = std::int64_t;

template <class T> inline constexpr bool narrow = std::is_same_v<T, half> || std::is_same_v<T, bfloat16>;

template <class From, class To> void convert_elements(const From* from, To* to, Int n) {
  Int i = 0;
  if constexpr (std::is_same_v<From, half> && std::is_same_v<To, float>)
    i = HWY_DYNAMIC_DISPATCH(HalfToFloat)(reinterpret_cast<const std::uint16_t*>(from), to, n);
  if constexpr (std::is_same_v<From, float> && std::is_same_v<To, half>)
    i = HWY_DYNAMIC_DISPATCH(FloatToHalf)(from, reinterpret_cast<std::uint16_t*>(to), n);
  if constexpr (std::is_same_v<From, float> && std::is_same_v<To, bfloat16>)
    i = HWY_DYNAMIC_DISPATCH(FloatToBfloat)(from, reinterpret_cast<std::uint16_t*>(to), n);
  for (; i < n; ++i) {
    const auto value = [&] {
      if constexpr (narrow<From>) return static_cast<float>(from[i]);
      else return from[i];
    }();
    if constexpr (narrow<To>) to[i] = To(static_cast<float>(value));
    else if constexpr (std::is_same_v<To, bool>) to[i] = value != decltype(value)(0);
    else to[i] = static_cast<To>(value);
  }
}

/// Calls f with an unsigned integer of the element's size: copying looks at nothing else.
template <class F> void by_size(DType t, F&& f) {
  switch (size_of(t)) {
    case 1: return f(std::uint8_t{});
    case 2: return f(std::uint16_t{});
    case 4: return f(std::uint32_t{});
    default: return f(std::uint64_t{});
  }
}

template <class U> void gather_typed(const TensorView& v, Int first, Int n, U* to) {
  const int rank = v.rank();
  const U* data = v.as<U>();
  if (rank == 0) {
    std::fill_n(to, n, *data);
    return;
  }
  Dims index = Dims::filled(rank, 0);
  Int at = 0;
  for (int i = rank - 1; i >= 0; --i) {
    index[i] = first % v.shape[i];
    first /= v.shape[i];
    at += index[i] * v.strides[i];
  }
  const Int stride = v.strides[rank - 1], size = v.shape[rank - 1];
  // A row that repeats, as a bias does, is gathered once, then copied in ever longer stretches.
  const bool repeats = rank == 2 && v.strides[0] == 0 && n > size;
  U* const start = to;
  const Int all = n;
  if (repeats) n = size;
  for (;;) {
    const Int run = std::min(n, size - index[rank - 1]);
    if (stride == 1) std::memcpy(to, data + at, static_cast<std::size_t>(run) * sizeof(U));
    else if (stride == 0) std::fill_n(to, run, data[at]);
    else
      for (Int i = 0; i < run; ++i) to[i] = data[at + i * stride];
    to += run;
    if ((n -= run) == 0) break;
    at -= index[rank - 1] * stride;
    index[rank - 1] = 0;
    for (int i = rank - 2; i >= 0; --i) {
      at += v.strides[i];
      if (++index[i] < v.shape[i]) break;
      at -= v.strides[i] * v.shape[i];
      index[i] = 0;
    }
  }
  for (Int done = size; repeats && done < all; done *= 2)
    std::memcpy(start + done, start, static_cast<std::size_t>(std::min(done, all - done)) * sizeof(U));
}

/// to[r * down + c] = from[c * jump + r] for the rows [r0, r1) of `columns` columns.
template <class U>
void transpose_rows(const U* from, Int jump, Int r0, Int r1, Int columns, U* to, Int down) {
  if constexpr (sizeof(U) == 4) {  // moved as bits: any type of four bytes
    const auto* f = reinterpret_cast<const float*>(from);
    auto* t = reinterpret_cast<float*>(to);
    if (columns == 3 && down == 3) return HWY_DYNAMIC_DISPATCH(PlanesToPixels)(f + r0, jump, r1 - r0, t + r0 * 3);
    if (jump == 3 && r1 - r0 == 3) return HWY_DYNAMIC_DISPATCH(PixelsToPlanes)(f + r0, columns, t + r0 * down, down);
  }
  if (columns < 8) {  // too few for a copy of each row to pay
    for (Int c = 0; c < columns; ++c)
      for (Int r = r0; r < r1; ++r) to[r * down + c] = from[c * jump + r];
    return;
  }
  constexpr Int tile = 32;
  for (Int r = r0; r < r1; r += tile)
    for (Int c0 = 0; c0 < columns; c0 += tile) {
      const Int r2 = std::min(r1, r + tile), c1 = std::min(columns, c0 + tile);
      U square[tile][tile];  // adjacent reads, then adjacent writes: strides of a power of two share cache sets
      if constexpr (sizeof(U) == 4)
        HWY_DYNAMIC_DISPATCH(Transpose)(reinterpret_cast<const float*>(from + c0 * jump + r), jump, r2 - r, c1 - c0,
                                        reinterpret_cast<float*>(square), tile);
      else
        for (Int c = c0; c < c1; ++c)
          for (Int i = r; i < r2; ++i) square[i - r][c - c0] = from[c * jump + i];
      for (Int i = r; i < r2; ++i)
        std::memcpy(to + i * down + c0, square[i - r], static_cast<std::size_t>(c1 - c0) * sizeof(U));
    }
}

/// Where the last axis jumps and another is adjacent, rows and columns are walked in square tiles: each cache line of
/// the source is read once.
template <class U> void copy_transposed(const TensorView& from, U* to, int adjacent) {
  const int last = from.rank() - 1;
  const Dims out = contiguous_strides(from.shape);
  const Int rows = from.shape[adjacent], columns = from.shape[last];
  const Int band = columns < 8 ? 1024 : 32, bands = (rows + band - 1) / band;
  Int outer = 1;
  for (int i = 0; i < last; ++i)
    if (i != adjacent) outer *= from.shape[i];
  const Int grain = std::max<Int>(1, piece_size / (std::min(band, rows) * columns));
  parallel_for(outer * bands, grain, [&](Int begin, Int end) {
    for (Int task = begin; task < end; ++task) {
      Int rest = task / bands, source = 0, target = 0;
      for (int i = last - 1; i >= 0; --i) {
        if (i == adjacent) continue;
        const Int at = rest % from.shape[i];
        rest /= from.shape[i];
        source += at * from.strides[i];
        target += at * out[i];
      }
      const Int r0 = task % bands * band;
      transpose_rows(from.as<U>() + source, from.strides[last], r0, std::min(rows, r0 + band), columns, to + target, out[adjacent]);
    }
  });
}

/// Copies row by row between two strided views of one shape and element size.
void copy_rows(const TensorView& from, const TensorView& to) {
  std::array<TensorView, 2> v{from, to};
  const Shape shape = collapse(v);
  const int last = shape.rank() - 1;
  const Int length = last < 0 ? 1 : shape[last], rows = shape.numel() / length;
  const Int in_step = last < 0 ? 0 : v[0].strides[last], out_step = last < 0 ? 0 : v[1].strides[last];
  by_size(from.dtype, [&]<class U>(U) {
    parallel_for(rows, std::max<Int>(1, piece_size / length), [&](Int begin, Int end) {
      for (Int row = begin; row < end; ++row) {
        const U* in = v[0].as<U>();
        U* out = v[1].as<U>();
        Int rest = row;
        for (int i = last - 1; i >= 0; --i) {
          in += rest % shape[i] * v[0].strides[i];
          out += rest % shape[i] * v[1].strides[i];
          rest /= shape[i];
        }
        if (in_step == 1 && out_step == 1) std::memcpy(out, in, static_cast<std::size_t>(length) * sizeof(U));
        else
          for (Int i = 0; i < length; ++i) out[i * out_step] = in[i * in_step];
      }
    });
  });
}

}  // namespace

Shape collapse(std::span<TensorView> views) {
  const Shape from = views[0].shape;
  Shape shape;
  SmallVector<Dims, 4> strides;
  strides.resize(views.size());
  for (int i = 0; i < from.rank(); ++i) {
    if (from[i] == 1) continue;
    bool merge = !shape.empty();
    for (std::size_t k = 0; merge && k < views.size(); ++k)
      merge = strides[k].back() == views[k].strides[i] * from[i];
    if (merge) shape[shape.rank() - 1] *= from[i];
    else shape.push_back(from[i]);
    for (std::size_t k = 0; k < views.size(); ++k) {
      if (merge) strides[k][shape.rank() - 1] = views[k].strides[i];
      else strides[k].push_back(views[k].strides[i]);
    }
  }
  for (std::size_t k = 0; k < views.size(); ++k) {
    views[k].shape = shape;
    views[k].strides = strides[k];
  }
  return shape;
}

TensorView collapsed(const TensorView& v) {
  TensorView out = v;
  collapse(std::span(&out, 1));
  return out;
}

void convert(const void* from, DType from_type, void* to, DType to_type, Int n) {
  if (from_type == to_type) {
    if (n > 0) std::memcpy(to, from, static_cast<std::size_t>(n) * size_of(to_type));
    return;
  }
  visit_dtype(from_type, [&]<class From>(Type<From>) {
    visit_dtype(to_type, [&]<class To>(Type<To>) {
      if constexpr (!std::is_same_v<From, To>)
        convert_elements(static_cast<const From*>(from), static_cast<To*>(to), n);
    });
  });
}

void gather(const TensorView& v, Int first, Int n, void* to, DType type) {
  if (n <= 0) return;
  if (v.dtype == type)
    return by_size(type, [&]<class U>(U) { gather_typed(v, first, n, static_cast<U*>(to)); });
  by_size(v.dtype, [&]<class U>(U) {
    U block[block_size];
    auto* out = static_cast<unsigned char*>(to);
    for (Int i = 0; i < n; i += block_size) {
      const Int m = std::min(block_size, n - i);
      gather_typed(v, first + i, m, block);
      convert(block, v.dtype, out + static_cast<std::size_t>(i) * size_of(type), type, m);
    }
  });
}

void parallel_copy(const TensorView& from, const TensorView& to) {
  const Int n = from.numel();
  if (n == 0) return;
  if (!to.contiguous()) return copy_rows(from, to);
  const TensorView v = collapsed(from);
  auto* out = static_cast<unsigned char*>(to.data);
  const std::size_t size = size_of(to.dtype);
  const auto pieces = [&](auto&& body) {
    parallel_for(n, piece_size, [&](Int begin, Int end) {
      body(begin, end - begin, out + static_cast<std::size_t>(begin) * size);
    });
  };
  if (v.contiguous()) {
    const auto* in = static_cast<const unsigned char*>(v.data);
    return pieces([&](Int first, Int count, void* p) {
      convert(in + static_cast<std::size_t>(first) * size_of(v.dtype), v.dtype, p, to.dtype, count);
    });
  }
  const bool pixels = v.strides.back() == 3;  // of three colours
  if (v.dtype == to.dtype && v.strides.back() != 0 && v.strides.back() != 1)
    for (int axis = 0; axis + 1 < v.rank(); ++axis)
      if (v.strides[axis] == 1 && (v.shape[axis] >= 8 || (v.shape[axis] == 3 && pixels)))
        return by_size(v.dtype, [&]<class U>(U) { copy_transposed(v, static_cast<U*>(to.data), axis); });
  pieces([&](Int first, Int count, void* p) { gather(v, first, count, p, to.dtype); });
}

}  // namespace weft::cpu_kernels
#endif
