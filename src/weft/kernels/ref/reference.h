// Helpers of the reference kernels: plain loops, floating point in double, integers in int64. Clear before fast.
#pragma once

#include <vector>

#include <weft/base/strided.h>
#include <weft/kernels/registry.h>
#include <weft/opdefs/define.h>

namespace weft::reference {

/// Element access of any dtype as C (double for floating, std::int64_t for integers and bool).
template <class C> C load(const TensorView& v, std::int64_t offset) {
  switch (v.dtype) {
    case DType::boolean: return static_cast<C>(v.as<bool>()[offset]);
    case DType::u8: return static_cast<C>(v.as<std::uint8_t>()[offset]);
    case DType::i32: return static_cast<C>(v.as<std::int32_t>()[offset]);
    case DType::i64: return static_cast<C>(v.as<std::int64_t>()[offset]);
    case DType::f16: return static_cast<C>(static_cast<float>(v.as<half>()[offset]));
    case DType::bf16: return static_cast<C>(static_cast<float>(v.as<bfloat16>()[offset]));
    case DType::f32: return static_cast<C>(v.as<float>()[offset]);
    default: return static_cast<C>(v.as<double>()[offset]);
  }
}
template <class C> void store(const TensorView& v, std::int64_t offset, C x) {
  switch (v.dtype) {
    case DType::boolean: v.as<bool>()[offset] = x != C(0); break;
    case DType::u8: v.as<std::uint8_t>()[offset] = static_cast<std::uint8_t>(x); break;
    case DType::i32: v.as<std::int32_t>()[offset] = static_cast<std::int32_t>(x); break;
    case DType::i64: v.as<std::int64_t>()[offset] = static_cast<std::int64_t>(x); break;
    case DType::f16: v.as<half>()[offset] = half(static_cast<float>(x)); break;
    case DType::bf16: v.as<bfloat16>()[offset] = bfloat16(static_cast<float>(x)); break;
    case DType::f32: v.as<float>()[offset] = static_cast<float>(x); break;
    default: v.as<double>()[offset] = static_cast<double>(x);
  }
}

/// Offset of an index under strides.
inline std::int64_t offset_of(const Dims& index, const Dims& strides) {
  std::int64_t o = 0;
  for (int i = 0; i < index.size(); ++i) o += index[i] * strides[i];
  return o;
}
/// Calls f(index) for every index of `shape` in row-major order.
template <class F> void for_each_index(const Shape& shape, F&& f) {
  if (shape.numel() == 0) return;
  Dims index = Dims::filled(shape.rank(), 0);
  for (;;) {
    f(static_cast<const Dims&>(index));
    int axis = shape.rank() - 1;
    for (; axis >= 0; --axis) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
    if (axis < 0) return;
  }
}
template <class C> C get(const TensorView& v, const Dims& index) { return load<C>(v, offset_of(index, v.strides)); }
template <class C> void put(const TensorView& v, const Dims& index, C x) { store<C>(v, offset_of(index, v.strides), x); }

/// Calls f(double{}) or f(std::int64_t{}): the type in which a kernel over `t` computes.
template <class F> void in_compute_type(DType t, F&& f) {
  if (is_floating(t)) f(double{});
  else f(std::int64_t{});
}

/// A factor of a product as the call's precision has it.
template <class C> C rounded_factor(const KernelCall& call, C v) {
  if constexpr (std::is_same_v<C, double>)
    if (call.precision == Precision::bf16 && call.out[0].dtype == DType::f32) return static_cast<float>(bfloat16(static_cast<float>(v)));
  return v;
}

/// Registers `run` as the reference of Op, on ref and as the last resort on cpu.
template <class Op> void add_reference(void (*run)(const KernelCall&)) {
  const OpInfo& info = info_of<Op>();
  for (DeviceType d : {DeviceType::ref, DeviceType::cpu})
    add_kernel(info, d, {"ref." + info.name, run, nullptr, false});
}

}  // namespace weft::reference
