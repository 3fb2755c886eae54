// Optimizers' updates on the cpu: one pass over memory for all of a parameter's tensors.
#include <weft/kernels/cpu/targets.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "weft/kernels/cpu/update.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <cstring>

#include <weft/base/thread_pool.h>
#include <weft/kernels/cpu/blocks.h>
#include <weft/kernels/cpu/elementwise_loops.h>
#include <weft/kernels/cpu/vector-inl.h>
#include <weft/kernels/registry.h>
#include <weft/opdefs/update.h>

HWY_BEFORE_NAMESPACE();
namespace weft::cpu_kernels::HWY_NAMESPACE {

using Int = std::int64_t;

// The formulas of opdefs/update.h once more, because a function compiled for one target cannot be inlined into
// another: the operator suite holds them to the reference. n is a multiple of loop_step.
template <class T> void adam(const op::AdamUpdate::Constants& c, const T* const* in, T* const* out, Int n) {
  using V = Vector<T>;
  const V decay(c.decay), shrink(c.shrink), take1(c.take1), keep2(c.keep2), take2(c.take2), size(c.size), root(c.root),
      eps(c.eps);
  const bool decays = c.decay != 0, shrinks = c.shrink != 1;
  for (Int i = 0; i < n; i += V::lanes()) {
    V p = V::load(in[0] + i), g = V::load(in[1] + i), m = V::load(in[2] + i), v = V::load(in[3] + i);
    if (decays) g = g + p * decay;
    if (shrinks) p = p * shrink;
    m = m + (g - m) * take1;
    v = v * keep2 + g * g * take2;
    p = p - m * size / (sqrt(v) / root + eps);
    p.store(out[0] + i);
    m.store(out[1] + i);
    v.store(out[2] + i);
  }
}

template <class T> void sgd(const op::SgdUpdate& o, const T* const* in, T* const* out, Int n, bool first) {
  using V = Vector<T>;
  const V decay(o.weight_decay), momentum(o.momentum), take(1 - o.dampening), lr(o.lr);
  for (Int i = 0; i < n; i += V::lanes()) {
    V p = V::load(in[0] + i), g = V::load(in[1] + i);
    if (o.weight_decay != 0) g = g + p * decay;
    if (o.momentum != 0) {
      V buffer = g;
      if (!first) buffer = V::load(in[2] + i) * momentum + (o.dampening != 0 ? g * take : g);
      buffer.store(out[1] + i);
      g = o.nesterov ? g + buffer * momentum : buffer;
    }
    (p - g * lr).store(out[0] + i);
  }
}

void AdamF32(const op::AdamUpdate::Constants& c, const float* const* in, float* const* out, Int n) {
  adam(c, in, out, n);
}
void AdamF64(const op::AdamUpdate::Constants& c, const double* const* in, double* const* out, Int n) {
  adam(c, in, out, n);
}
void SgdF32(const op::SgdUpdate& o, const float* const* in, float* const* out, Int n, bool first) {
  sgd(o, in, out, n, first);
}
void SgdF64(const op::SgdUpdate& o, const double* const* in, double* const* out, Int n, bool first) {
  sgd(o, in, out, n, first);
}

}  // namespace weft::cpu_kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::cpu_kernels {
HWY_EXPORT(AdamF32);
HWY_EXPORT(AdamF64);
HWY_EXPORT(SgdF32);
HWY_EXPORT(SgdF64);
}  // namespace weft::cpu_kernels

namespace weft {

namespace {

using namespace cpu_kernels;
using Int = std::int64_t;

/// Calls f(inputs, outputs, n) on pieces of n adjacent elements; the last ones in padded memory, so that n is a
/// multiple of loop_step. At most 4 inputs and 3 outputs; outputs without elements are left out.
template <class T, class F> void in_pieces(const KernelCall& call, F&& f) {
  const std::size_t inputs = call.in.size(), outputs = call.out.size();
  parallel_for(call.out[0].numel(), piece_size, [&](Int begin, Int end) {
    const T* in[4];
    T* out[3];
    for (std::size_t k = 0; k < inputs; ++k) in[k] = call.in[k].as<T>() + begin;
    for (std::size_t k = 0; k < outputs; ++k) out[k] = call.out[k].as<T>() + begin;
    const Int whole = (end - begin) / loop_step * loop_step, rest = end - begin - whole;
    f(in, out, whole);
    if (rest == 0) return;
    T padded[7][loop_step] = {};
    const std::size_t bytes = static_cast<std::size_t>(rest) * sizeof(T);
    const T* last_in[4];
    T* last_out[3];
    for (std::size_t k = 0; k < inputs; ++k) last_in[k] = static_cast<T*>(std::memcpy(padded[k], in[k] + whole, bytes));
    for (std::size_t k = 0; k < outputs; ++k) last_out[k] = padded[4 + k];
    f(last_in, last_out, loop_step);
    for (std::size_t k = 0; k < outputs; ++k)
      if (call.out[k].numel() > 0) std::memcpy(out[k] + whole, last_out[k], bytes);
  });
}

void run_adam(const KernelCall& call) {
  const auto constants = call.attributes<op::AdamUpdate>().constants();
  if (call.out[0].dtype == DType::f64)
    in_pieces<double>(call, [&](auto* in, auto* out, Int n) { HWY_DYNAMIC_DISPATCH(AdamF64)(constants, in, out, n); });
  else
    in_pieces<float>(call, [&](auto* in, auto* out, Int n) { HWY_DYNAMIC_DISPATCH(AdamF32)(constants, in, out, n); });
}

void run_sgd(const KernelCall& call) {
  const auto& op = call.attributes<op::SgdUpdate>();
  const bool first = call.in.size() < 3;
  if (call.out[0].dtype == DType::f64)
    in_pieces<double>(call, [&](auto* in, auto* out, Int n) { HWY_DYNAMIC_DISPATCH(SgdF64)(op, in, out, n, first); });
  else
    in_pieces<float>(call, [&](auto* in, auto* out, Int n) { HWY_DYNAMIC_DISPATCH(SgdF32)(op, in, out, n, first); });
}

const char* wide_floats_only(const KernelCall& call) {
  return size_of(call.out[0].dtype) < 4 ? "not f32 or f64" : nullptr;
}

}  // namespace

void register_cpu_update() {
  add_kernel(info_of<op::AdamUpdate>(), DeviceType::cpu, {"cpu.adam_update", &run_adam, &wide_floats_only, true});
  add_kernel(info_of<op::SgdUpdate>(), DeviceType::cpu, {"cpu.sgd_update", &run_sgd, &wide_floats_only, true});
}

}  // namespace weft
#endif
