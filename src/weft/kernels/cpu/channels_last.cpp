#include <weft/kernels/cpu/channels_last.h>

namespace weft::cpu_kernels {

namespace {
using Int = std::int64_t;
}

Images::Images(const op::ConvShape& s, const Dims& window)
    : batch(s.batch), channels(s.in_channels), filters(s.out_channels), pooled(!window.empty()) {
  for (int i = 0; i < 2; ++i) {
    const int k = i - (2 - s.axes);
    in[i] = k < 0 ? 1 : s.in[k];
    kernel[i] = k < 0 ? 1 : s.kernel[k];
    out[i] = k < 0 ? 1 : s.out[k];
    stride[i] = k < 0 ? 1 : s.stride[k];
    pad[i] = k < 0 ? 0 : s.pad_before[k];
    dilation[i] = k < 0 ? 1 : s.dilation[k];
    if (pooled && k >= 0) pool[i] = window[k];
  }
}

template <class E>
StageOf<E>::StageOf(const Int (&image)[2], Int channels, Int rows, Int columns, bool copy, Int slots)
    : height_(image[0]), width_(image[1]), channels_(channels), columns_(columns),
      row_step_((copy || std::is_same_v<E, Pair> ? columns : image[1]) * units<E>(channels)),
      image_step_((copy || std::is_same_v<E, Pair> ? rows : image[0]) * row_step_), copy_(copy || std::is_same_v<E, Pair>),
      memory_(copy_ ? slots * image_step_ + channel_step : 0) {
  if (copy_) std::fill_n(memory_.data() + slots * image_step_, channel_step, E(0));
}

namespace {
const float* as_it_lies(const float* image, float) { return image; }
const Pair* as_it_lies(const float*, Pair) { return nullptr; }
void put_positions(const float* from, Int positions, Int channels, float* to) { std::copy_n(from, positions * channels, to); }
void put_positions(const float* from, Int positions, Int channels, Pair* to) { round_positions(from, positions, channels, to); }
}  // namespace

template <class E> const E* StageOf<E>::part(const float* image, Int row, Int column, Int rows, Int slot) {
  if (!copy_) return as_it_lies(image + (row * width_ + column) * channels_, E());
  const Int begin = std::clamp<Int>(-column, 0, columns_), end = std::clamp<Int>(width_ - column, begin, columns_), size = units<E>(channels_);
  E* const start = memory_.data() + slot * image_step_;
  E* to = start;
  for (Int r = row; r < row + rows; ++r, to += row_step_) {
    if (r < 0 || r >= height_) {
      std::fill_n(to, row_step_, E(0));
      continue;
    }
    std::fill_n(to, begin * size, E(0));
    put_positions(image + (r * width_ + column + begin) * channels_, end - begin, channels_, to + begin * size);
    std::fill(to + end * size, to + row_step_, E(0));
  }
  return start;
}

template class StageOf<float>;
template class StageOf<Pair>;

const char* decline_images(const KernelCall& call, const op::ConvShape& s) {
  return s.groups > 1 ? "for convolutions without groups" : decline_any_groups(call, s);
}

const char* decline_any_groups(const KernelCall& call, const op::ConvShape& s) {
  for (const TensorView& v : call.in)
    if (is_floating(v.dtype) && v.dtype != DType::f32) return "computes in f32";
  if (s.axes > 2) return "for one or two spatial axes";
  if (s.x().numel() == 0 || s.y().numel() == 0 || s.w().numel() == 0) return "empty";
  if (s.x().numel() / s.batch > INT32_MAX || s.w().numel() > INT32_MAX) return "larger than its offsets";
  return nullptr;
}

const char* decline_filters(const KernelCall& call, const op::ConvShape& s) {
  if (const char* why = decline_images(call, s)) return why;
  return s.out_channels % channel_step ? "for 16, 32, 48, … filters" : nullptr;
}

const char* decline_pool(const Dims& pool) { return Shape(pool).numel() > 256 ? "windows of more than 256 elements" : nullptr; }

const char* decline_behind_pool(const KernelCall& call, const op::ConvShape& s, const Dims& pool) {
  if (const char* why = decline_filters(call, s)) return why;
  if (s.dilation[s.axes - 1] != 1) return "for taps side by side";
  return decline_pool(pool);
}

namespace {
/// Few enough shards that their sums stay below 8 MB, but two.
Int images_a_shard(const Images& g, Int size) {
  const Int most = std::clamp<Int>((Int{8} << 20) / (size * 4), 2, 8);
  return std::max<Int>(1, (g.batch + most - 1) / most);
}
}  // namespace

ShardSums::ShardSums(const Images& g, Int size)
    : batch_(g.batch), size_(size), shard_(images_a_shard(g, size)), shards_((batch_ + shard_ - 1) / shard_), buffers_(shards_ * size) {}

void ShardSums::add_shards() {
  parallel_for(size_, 2048, [&](Int begin, Int end) {
    for (Int k = 1; k < shards_; ++k) {
      const float* from = buffers_ + k * size_;
      for (Int i = begin; i < end; ++i) buffers_[i] += from[i];
    }
  });
}

namespace {
/// Calls f(first filter, filters, first input, inputs) for blocks of at most 16 x 16 of the weights [filter][input]: in a
/// block of that size both sides of a transposition stay in the first-level cache.
template <class F> void for_weight_blocks(const Images& g, F&& f) {
  const Int inputs = g.taps() * g.channels;
  parallel_for((g.filters + channel_step - 1) / channel_step, std::max<Int>(1, 256 / inputs), [&](Int begin, Int end) {
    for (Int o = begin * channel_step; o < std::min(g.filters, end * channel_step); o += channel_step)
      for (Int k = 0; k < inputs; k += channel_step)
        f(o, std::min(channel_step, g.filters - o), k, std::min(channel_step, inputs - k));
  });
}
/// Where input k of [channel][tap] lies in [tap][channel].
Int place_by_tap(const Images& g, Int k) { return k % g.taps() * g.channels + k / g.taps(); }
}  // namespace

void pack_by_input(const float* w, const Images& g, float* to) {
  const Int step = g.taps() * g.channels;
  for_weight_blocks(g, [&](Int o, Int filters, Int k, Int inputs) {
    float block[channel_step * channel_step], edge[channel_step * channel_step] = {};
    const float* from = w + o * step + k;
    const bool whole = filters == channel_step && inputs == channel_step;
    for (Int f = 0; !whole && f < filters; ++f) std::copy_n(from + f * step, inputs, edge + f * channel_step);
    transpose_block(whole ? from : edge, whole ? step : channel_step, block);
    for (Int i = 0; i < inputs; ++i) std::copy_n(block + i * channel_step, filters, to + place_by_tap(g, k + i) * g.filters + o);
  });
}

void unpack_by_input(const float* from, const Images& g, float* dw) {
  for_weight_blocks(g, [&](Int o, Int filters, Int k, Int inputs) {
    float block[channel_step * channel_step] = {}, turned[channel_step * channel_step];
    for (Int i = 0; i < inputs; ++i) std::copy_n(from + place_by_tap(g, k + i) * g.filters + o, filters, block + i * channel_step);
    transpose_block(block, channel_step, turned);
    for (Int f = 0; f < filters; ++f) std::copy_n(turned + f * channel_step, inputs, dw + (o + f) * g.taps() * g.channels + k);
  });
}

void pack_by_filter(const float* w, const Images& g, Int width, float* to) {
  const Int taps = g.taps(), runs = g.run_count(), taps_a_run = taps / runs, length = g.run_length();
  parallel_for(runs * g.filters, 64, [&](Int begin, Int end) {
    for (Int i = begin; i < end; ++i) {
      const Int run = i / g.filters, filter = i % g.filters;
      float* row = to + i * width;
      for (Int t = 0; t < taps_a_run; ++t)
        gather_row(w + filter * g.channels * taps + run * taps_a_run + t, taps, g.channels, row + t * g.channels);
      std::fill(row + length, row + width, 0.0f);
    }
  });
}

void join_rows(const float* from, Int groups, Int rows, Int columns, Pair* to) {
  const Int pairs = (rows + 1) / 2;
  parallel_for(groups * pairs, std::max<Int>(1, 4096 / columns), [&](Int begin, Int end) {
    for (Int i = begin; i < end; ++i) {
      const Int row = i % pairs * 2;
      const float* first = from + (i / pairs * rows + row) * columns;
      join_pairs(first, row + 1 < rows ? first + columns : nullptr, columns, to + i * columns);
    }
  });
}

}  // namespace weft::cpu_kernels
