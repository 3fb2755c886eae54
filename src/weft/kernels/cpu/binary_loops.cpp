// The loops of operators of two and three arguments.
#include <weft/kernels/cpu/elementwise_loops.h>
#include <weft/kernels/cpu/scalar_loops.h>
#include <weft/kernels/cpu/targets.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "weft/kernels/cpu/binary_loops.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <weft/kernels/cpu/loops-inl.h>

HWY_BEFORE_NAMESPACE();
#define WEFT_TARGET HWY_NAMESPACE
#include <weft/opdefs/binary-inl.h>
#undef WEFT_TARGET
namespace weft::cpu_kernels::HWY_NAMESPACE {
void FillBinary(Loops* to) { fill_vector_loops<2>(op::HWY_NAMESPACE::Binary{}, to); }
void FillTernary(Loops* to) { fill_vector_loops<3>(op::HWY_NAMESPACE::Ternary{}, to); }
}  // namespace weft::cpu_kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::cpu_kernels {

HWY_EXPORT(FillBinary);
HWY_EXPORT(FillTernary);

void fill_binary_loops(Loops* to) {
  HWY_DYNAMIC_DISPATCH(FillBinary)(to);
  fill_scalar_loops<2>(op::Binary{}, to);
}
void fill_ternary_loops(Loops* to) {
  HWY_DYNAMIC_DISPATCH(FillTernary)(to);
  fill_scalar_loops<3>(op::Ternary{}, to);
}

}  // namespace weft::cpu_kernels
#endif
