// The loops of operators of one argument.
#include <weft/kernels/cpu/elementwise_loops.h>
#include <weft/kernels/cpu/scalar_loops.h>
#include <weft/kernels/cpu/targets.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "weft/kernels/cpu/unary_loops.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <weft/kernels/cpu/loops-inl.h>

HWY_BEFORE_NAMESPACE();
#define WEFT_TARGET HWY_NAMESPACE
#include <weft/opdefs/unary-inl.h>
#undef WEFT_TARGET
namespace weft::cpu_kernels::HWY_NAMESPACE {
void FillUnary(Loops* to) { fill_vector_loops<1>(op::HWY_NAMESPACE::Unary{}, to); }
}  // namespace weft::cpu_kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::cpu_kernels {

HWY_EXPORT(FillUnary);

void fill_unary_loops(Loops* to) {
  HWY_DYNAMIC_DISPATCH(FillUnary)(to);
  fill_scalar_loops<1>(op::Unary{}, to);
}

}  // namespace weft::cpu_kernels
#endif
