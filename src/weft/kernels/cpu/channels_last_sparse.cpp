// Gradients of channels-last convolutions behind a max_pool: at most one result of each window is not zero, so that the
// windows are listed and only what is listed is multiplied. Images are cut by shape alone.
#include <algorithm>

#include <weft/base/memory.h>
#include <weft/base/thread_pool.h>
#include <weft/kernels/cpu/channels_last.h>
#include <weft/kernels/cpu/sparse_tiles.h>

namespace weft::cpu_kernels {

namespace {

using Int = std::int64_t;

/// Memory of lists.
class Lists {
 public:
  Lists(Int lists, Int most) : capacity_(most + channel_step), at_(lists * capacity_), counts_(lists), factor_(lists * capacity_) {}
  /// Those from list `first` on.
  SparseLists from(Int first = 0) const {
    return {at_ + first * capacity_, factor_ + first * capacity_, counts_ + first, capacity_};
  }

 private:
  Int capacity_;
  Scratch<std::int32_t> at_, counts_;
  Scratch<float> factor_;
};

/// Rows of windows whose lists are made at once.
Int rows_a_block(const Images& g) { return std::clamp<Int>(256 / g.windows(1), 1, g.windows(0)); }

/// `n` elements as sparse_sums reads them: as they are, or rounded.
const float* as_sparse(const float* from, Int, Scratch<float>&) { return from; }
const std::uint16_t* as_sparse(const float* from, Int n, Scratch<std::uint16_t>& to) {
  round_blocks(from, n, to);
  return to;
}
template <class F> Scratch<F> room_for_rounded(Int n) { return Scratch<F>(std::is_same_v<F, float> ? 0 : n); }

// ---- of the weight ----

/// For every filter the places (of the first tap) and gradients of windows.
class FilterLists {
 public:
  FilterLists(const Images& g, Int row_step)
      : g_(g), lists_(g.filters, rows_a_block(g) * g.windows(1)), base_(g.windows(0) * g.windows(1) + channel_step),
        offset_(g.pool[0] * g.pool[1] + channel_step) {
    std::fill_n(base_.data() + g.windows(0) * g.windows(1), channel_step, 0);
    std::fill_n(offset_.data() + g.pool[0] * g.pool[1], channel_step, 0);
    for (Int r = 0, i = 0; r < g.windows(0); ++r)
      for (Int c = 0; c < g.windows(1); ++c, ++i) base_[i] = place(r * g.pool[0], c * g.pool[1], row_step);
    for (Int h = 0, i = 0; h < g.pool[0]; ++h)
      for (Int w = 0; w < g.pool[1]; ++w, ++i) offset_[i] = place(h, w, row_step);
  }
  /// Those of rows [first, last) of windows of an image.
  SparseLists fill(const float* dy, const std::uint8_t* index, Int first, Int last) {
    const Int from = first * g_.windows(1);
    list_by_channel({dy + from * g_.filters, index + from * g_.filters, (last - first) * g_.windows(1), g_.filters, base_ + from, offset_,
                     g_.pool[0] * g_.pool[1]},
                    lists_.from());
    return lists_.from();
  }

 private:
  std::int32_t place(Int row, Int column, Int row_step) const {
    return static_cast<std::int32_t>(row * g_.stride[0] * row_step + column * g_.stride[1] * g_.channels);
  }
  const Images& g_;
  Lists lists_;
  Scratch<std::int32_t> base_, offset_;
};

/// dw[filter][channel][tap] of sums [filter][run][width].
void unpack_by_filter(const float* from, const Images& g, Int width, float* dw) {
  const Int runs = g.run_count(), taps_a_run = g.taps() / runs, size = g.taps() * g.channels;
  parallel_for(g.filters, std::max<Int>(1, 4096 / size), [&](Int begin, Int end) {
    for (Int i = begin * runs; i < end * runs; ++i)
      for (Int t = 0; t < taps_a_run; ++t) {
        float* to = dw + i / runs * size + i % runs * taps_a_run + t;
        const float* tap = from + i * width + t * g.channels;
        for (Int c = 0; c < g.channels; ++c) to[c * g.taps()] = tap[c];
      }
  });
}

template <class F> void run_weight_grad(const KernelCall& call) {
  const auto& op = call.attributes<op::ConvBlockWeightGrad>();
  const Images g(op.geometry(call.in[0].shape, call.in[1].shape), op.pool);
  const float *x = call.in[0].as<float>(), *dy = call.in[1].as<float>();
  const auto* index = call.in[2].as<std::uint8_t>();
  const Int runs = g.run_count(), length = g.run_length(), width = round_up(length, channel_step);
  const Int rows = g.reach(0, g.windows(0) * g.pool[0]), columns = g.reach(1, g.windows(1) * g.pool[1]), block = rows_a_block(g);
  ScratchVector<Int> out_at;
  for (Int f = 0; f < g.filters; ++f) out_at.push_back(f * runs * width);
  ShardSums all(g, g.filters * runs * width);
  all.run([&](Int begin, Int end, float* sums) {
    Stage stage(g.in, g.channels, rows, columns, width != length || !g.inside(0) || !g.inside(1));
    FilterLists lists(g, stage.row_step());
    auto rounded = room_for_rounded<F>(rows * stage.row_step());
    for (Int n = begin; n < end; ++n) {
      const F* image = as_sparse(stage.part(x + n * g.in_size(), -g.pad[0], -g.pad[1], rows), rows * stage.row_step(), rounded);
      for (Int r = 0; r < g.windows(0); r += block)
        sparse_sums(SparseSums<F>{lists.fill(dy + n * g.y_size(), index + n * g.y_size(), r, std::min(g.windows(0), r + block)), g.filters,
                                  image, runs, g.dilation[0] * stage.row_step(), length, sums, out_at.data(), width});
    }
  });
  unpack_by_filter(all.data(), g, width, call.out[0].as<float>());
}

// ---- of the input ----

/// For every result of rows [first, last) of windows the filters whose gradient it takes, and where its taps lie.
/// Returns how many results.
Int list_by_result(const Images& g, Int row_step, Int width, const float* dy, const std::uint8_t* index, Int first, Int last,
                   const Lists& lists, Int* out_at) {
  const Int places = g.pool[0] * g.pool[1];
  Int l = 0;
  for (Int r = first; r < last; ++r)
    for (Int c = 0; c < g.windows(1); ++c) {
      const Int window = (r * g.windows(1) + c) * g.filters;
      list_by_place(dy + window, index + window, places, g.filters, static_cast<std::int32_t>(width), lists.from(l));
      for (Int h = 0; h < g.pool[0]; ++h)
        for (Int w = 0; w < g.pool[1]; ++w)
          out_at[l++] = (r * g.pool[0] + h) * g.stride[0] * row_step + (c * g.pool[1] + w) * g.stride[1] * g.channels;
    }
  return l;
}

template <class F> void run_input_grad(const KernelCall& call) {
  const auto& op = call.attributes<op::ConvBlockInputGrad>();
  const Images g(op.geometry(call.in[0].shape, call.in[2].shape), op.pool);
  const float* dy = call.in[0].as<float>();
  const auto* index = call.in[1].as<std::uint8_t>();
  const Int runs = g.run_count(), length = g.run_length(), width = round_up(length, channel_step);
  Scratch<float> packed(runs * g.filters * width);
  pack_by_filter(call.in[2].as<float>(), g, width, packed);
  auto rounded = room_for_rounded<F>(runs * g.filters * width);
  const F* weights = as_sparse(packed, runs * g.filters * width, rounded);
  const Int block = rows_a_block(g), most = block * g.windows(1) * g.pool[0] * g.pool[1];
  parallel_for(g.batch, 1, [&](Int begin, Int end) {
    InputSums sums(g, width, call.out[0].as<float>());
    const Lists lists(most, g.filters);
    Scratch<Int> out_at(most);
    for (Int n = begin; n < end; ++n) {
      float* to = sums.begin(n);
      for (Int first = 0; first < g.windows(0); first += block) {
        const Int count = list_by_result(g, sums.row_step(), width, dy + n * g.y_size(), index + n * g.y_size(), first,
                                         std::min(g.windows(0), first + block), lists, out_at);
        sparse_sums(SparseSums<F>{lists.from(), count, weights, runs, g.filters * width, length, to, out_at,
                                  g.dilation[0] * sums.row_step(), true});
      }
      sums.finish(n);
    }
  });
}

// ---- what they take ----

const char* decline_input_grad(const KernelCall& call) {
  const auto& op = call.attributes<op::ConvBlockInputGrad>();
  return decline_behind_pool(call, op.geometry(call.in[0].shape, call.in[2].shape), op.pool);
}
const char* decline_weight_grad(const KernelCall& call) {
  const auto& op = call.attributes<op::ConvBlockWeightGrad>();
  return decline_behind_pool(call, op.geometry(call.in[0].shape, call.in[1].shape), op.pool);
}
/// Rows of taps that interleave in whole blocks, wherever they begin.
const char* decline_halves(const op::ConvShape& s) {
  return s.in_channels % block_of_halves == 0 ? nullptr : "for 32, 64, 96, … channels";
}
const char* decline_input_grad_bf16(const KernelCall& call) {
  const char* why = decline_input_grad(call);
  return why ? why : decline_halves(call.attributes<op::ConvBlockInputGrad>().geometry(call.in[0].shape, call.in[2].shape));
}
const char* decline_weight_grad_bf16(const KernelCall& call) {
  const char* why = decline_weight_grad(call);
  return why ? why : decline_halves(call.attributes<op::ConvBlockWeightGrad>().geometry(call.in[0].shape, call.in[1].shape));
}

}  // namespace
}  // namespace weft::cpu_kernels

namespace weft {

void register_cpu_channels_last_sparse() {
  using namespace cpu_kernels;
  const auto add = [&](const OpInfo& op, const char* name, std::uint32_t in, std::uint32_t out, auto run, auto decline, Precision p) {
    add_kernel(op, DeviceType::cpu, {name, run, decline, true, in, out, false, p});
  };
  const OpInfo &input_grad = info_of<op::ConvBlockInputGrad>(), &weight_grad = info_of<op::ConvBlockWeightGrad>();
  add(input_grad, "cpu.conv_block_input_grad_channels_last_bf16", 3, 1, &run_input_grad<std::uint16_t>, &decline_input_grad_bf16,
      Precision::bf16);
  add(input_grad, "cpu.conv_block_input_grad_channels_last", 3, 1, &run_input_grad<float>, &decline_input_grad, Precision::f32);
  add(weight_grad, "cpu.conv_block_weight_grad_channels_last_bf16", 7, 0, &run_weight_grad<std::uint16_t>, &decline_weight_grad_bf16,
      Precision::bf16);
  add(weight_grad, "cpu.conv_block_weight_grad_channels_last", 7, 0, &run_weight_grad<float>, &decline_weight_grad, Precision::f32);
}

}  // namespace weft
