// Element-wise operators on the cpu: brings any shapes, strides and dtypes to the inner loops, block by block, on
// Weft's threads. The bits of an element do not depend on where it lies in a block.
#include <algorithm>
#include <array>
#include <cstring>

#include <weft/base/thread_pool.h>
#include <weft/kernels/cpu/blocks.h>
#include <weft/kernels/cpu/elementwise_loops.h>
#include <weft/kernels/registry.h>
#include <weft/opdefs/elementwise.h>

namespace weft {

namespace {

using namespace cpu_kernels;
using Int = std::int64_t;

/// A block of elements of any dtype.
struct alignas(64) Block {
  unsigned char bytes[block_size * 8];
};

/// One call, ready for the inner loop: its inputs' types and the loop's.
template <int Arity> struct Formula {
  Loop loop;
  const void* op;
  std::array<const TensorView*, Arity> in;  // of the output's shape
  std::array<DType, Arity> reads;           // what the loop reads
  const TensorView& out;
  DType writes;                             // what the loop writes

  bool direct(int k) const { return in[k]->dtype == reads[k] && in[k]->contiguous(); }
  const void* at(int k, Int i) const {
    return static_cast<const unsigned char*>(in[k]->data) + static_cast<std::size_t>(i) * size_of(reads[k]);
  }
  void* out_at(Int i) const {
    return static_cast<unsigned char*>(out.data) + static_cast<std::size_t>(i) * size_of(out.dtype);
  }

  /// Every input and the output lie in adjacent memory of the loop's types.
  void run_adjacent(Int begin, Int end) const {
    const Int whole = (end - begin) / loop_step * loop_step;
    const void* p[Arity];
    for (int k = 0; k < Arity; ++k) p[k] = at(k, begin);
    if (whole > 0) loop(op, p, out_at(begin), whole);
    const Int rest = end - begin - whole;
    if (rest == 0) return;
    // The last elements run through the same loop in padded memory, so that their bits are those of full vectors.
    alignas(64) unsigned char padded[Arity + 1][loop_step * 8];
    for (int k = 0; k < Arity; ++k) {
      const std::size_t size = size_of(reads[k]), bytes = static_cast<std::size_t>(rest) * size;
      std::memcpy(padded[k], at(k, begin + whole), bytes);
      std::memset(padded[k] + bytes, 0, loop_step * size - bytes);
      p[k] = padded[k];
    }
    loop(op, p, padded[Arity], loop_step);
    std::memcpy(out_at(begin + whole), padded[Arity], static_cast<std::size_t>(rest) * size_of(writes));
  }

  void fill_block(int k, Int n, Block& block) const {
    TensorView one = *in[k];
    one.shape = {n};
    one.strides = {0};
    gather(one, 0, n, block.bytes, reads[k]);
  }

  /// Anything else: inputs are gathered and converted, results converted back.
  void run_blocks(Int begin, Int end) const {
    Block block[Arity], result;
    bool constant[Arity], adjacent[Arity];
    for (int k = 0; k < Arity; ++k) {
      adjacent[k] = direct(k);
      constant[k] = in[k]->rank() == 0 || (in[k]->rank() == 1 && in[k]->strides[0] == 0);
      if (constant[k])
        fill_block(k, std::min(block_size, (end - begin + loop_step - 1) / loop_step * loop_step), block[k]);
    }
    for (Int i = begin; i < end; i += block_size) {
      const Int n = std::min(block_size, end - i), padded = (n + loop_step - 1) / loop_step * loop_step;
      const void* p[Arity];
      for (int k = 0; k < Arity; ++k) {
        p[k] = block[k].bytes;
        if (constant[k]) continue;
        if (adjacent[k] && n == padded) {
          p[k] = at(k, i);
          continue;
        }
        const std::size_t size = size_of(reads[k]);
        gather(*in[k], i, n, block[k].bytes, reads[k]);
        std::memset(block[k].bytes + static_cast<std::size_t>(n) * size, 0,
                    static_cast<std::size_t>(padded - n) * size);
      }
      if (writes == out.dtype && n == padded) {
        loop(op, p, out_at(i), n);
      } else {
        loop(op, p, result.bytes, padded);
        convert(result.bytes, writes, out_at(i), out.dtype, n);
      }
    }
  }

  void run(Int n) {
    bool adjacent = writes == out.dtype;
    for (int k = 0; adjacent && k < Arity; ++k) adjacent = direct(k);
    if (adjacent) {
      if (n <= piece_size) return run_adjacent(0, n);
      return parallel_for(n, piece_size, [this](Int begin, Int end) { run_adjacent(begin, end); });
    }
    std::array<TensorView, Arity> views;
    for (int k = 0; k < Arity; ++k) views[k] = *in[k];
    collapse(views);
    for (int k = 0; k < Arity; ++k) in[k] = &views[k];
    parallel_for(n, piece_size, [this](Int begin, Int end) { run_blocks(begin, end); });
  }
};

template <int Arity> void run_loops(const KernelCall& call, const Loops& loops, bool writes_bool) {
  const Int n = call.out[0].numel();
  if (n == 0) return;
  const DType value = call.in[Arity - 1].dtype;
  DType type = DType::i64;
  Loop loop = loops.i64;
  if (is_floating(value)) {
    type = value == DType::f64 || !loops.f32 ? DType::f64 : DType::f32;
    loop = type == DType::f64 ? loops.f64 : loops.f32;
  }
  Formula<Arity> f{loop, call.op, {}, {}, call.out[0], writes_bool ? DType::boolean : type};
  for (int k = 0; k < Arity; ++k) {
    f.in[k] = &call.in[k];
    f.reads[k] = type;
  }
  if constexpr (Arity == 3) f.reads[0] = DType::boolean;
  f.run(n);
}

/// The loops of a family, filled at registration; a kernel knows its place in the list.
template <int Arity, class List> std::array<Loops, 64> family;

template <int Arity, class List, std::size_t Index, bool WritesBool> void run_formula(const KernelCall& call) {
  run_loops<Arity>(call, family<Arity, List>[Index], WritesBool);
}

template <class Op, class... Ops> constexpr std::size_t place_of(OpList<Ops...>) {
  std::size_t i = 0, found = 0;
  ((std::is_same_v<Op, Ops> ? found = i++ : i++), ...);
  return found;
}

template <int Arity, class Op, class List> constexpr auto kernel_of() {
  return &run_formula<Arity, List, place_of<Op>(List{}), requires { Op::result; }>;
}

/// ~x of a bool is !x, but the formula of bitwise_not computes -1 - x in integers.
const char* only_bool(const KernelCall& call) {
  return call.in[0].dtype == DType::boolean ? nullptr : "not bool";
}
const char* no_bool(const KernelCall& call) { return call.in[0].dtype == DType::boolean ? "bool" : nullptr; }

template <int Arity, class... Ops> void add_formulas(OpList<Ops...> list, void (*fill)(Loops*)) {
  using List = OpList<Ops...>;
  static_assert(sizeof...(Ops) <= std::tuple_size_v<decltype(family<Arity, List>)>);
  fill(family<Arity, decltype(list)>.data());
  (add_kernel(info_of<Ops>(), DeviceType::cpu,
              {.name = "cpu." + info_of<Ops>().name, .run = kernel_of<Arity, Ops, List>(),
               .decline = std::is_same_v<Ops, op::BitwiseNot> ? &no_bool : nullptr, .in_place = true}), ...);
}

void run_cast(const KernelCall& call) { parallel_copy(call.in[0], call.out[0]); }

}  // namespace

void register_cpu_elementwise() {
  add_kernel(info_of<op::BitwiseNot>(), DeviceType::cpu,
             {"cpu.logical_not", kernel_of<1, op::LogicalNot, op::Unary>(), &only_bool});
  add_formulas<1>(op::Unary{}, &fill_unary_loops);
  add_formulas<2>(op::Binary{}, &fill_binary_loops);
  add_formulas<3>(op::Ternary{}, &fill_ternary_loops);
  add_kernel(info_of<op::Cast>(), DeviceType::cpu, {"cpu.cast", &run_cast});
}

}  // namespace weft
