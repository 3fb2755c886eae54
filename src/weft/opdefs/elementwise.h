// Operators with a formula per element, and cast.
#pragma once

#include <weft/opdefs/define.h>
#include <weft/opdefs/scalar_math.h>

namespace weft::op {
using namespace weft::math;
inline namespace canonical {}
}  // namespace weft::op

#define WEFT_TARGET canonical
#include <weft/opdefs/binary-inl.h>
#include <weft/opdefs/unary-inl.h>
#undef WEFT_TARGET

namespace weft::op {

struct Cast {
  DType to = DType::f32;
  static constexpr auto signature = sig("cast(x:any) -> y");
  static constexpr auto doc = "x converted to another dtype; floating to integer truncates, anything to bool is x != 0";
  static constexpr Types types = Types::any;
  Metas infer(Inputs in) const { return {{in[0].shape, to}}; }
  Axes axes_of(Inputs in) const;
  template <class T> T vjp(const Saved<T>& s, T g) const { return cast(g, s.in_meta(0).dtype); }
  static std::vector<Case<Cast>> domain() { return {{{DType::f64}, {{{2, 3}}}}, {{DType::f32}, {{{0, 3}}}}}; }
};

using Casts = OpList<Cast>;

}  // namespace weft::op

namespace weft {
/// Puts this family into the operator table.
void register_elementwise_ops();
}  // namespace weft
