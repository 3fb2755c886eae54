// Operators that rearrange: views where strides can express the result, copies elsewhere.
#pragma once

#include <weft/opdefs/define.h>

namespace weft::op {

struct Reshape {
  Shape shape;  ///< one size may be -1: what remains. A size of 0 is zero elements.
  static constexpr auto signature = sig("reshape(x:any) -> y");
  static constexpr auto doc = "the elements in row-major order with other sizes; one size may be -1";
  static constexpr Types types = Types::any;
  Metas infer(Inputs in) const;
  std::optional<TensorView> view(const TensorView& in) const;
  template <class T> T vjp(const Saved<T>& s, T g) const { return reshape(g, s.in_meta(0).shape); }
  static std::vector<Case<Reshape>> domain() {
    return {{{Shape{3, -1}}, {{{2, 6}}}}, {{Shape{}}, {{{1, 1}}}}, {{Shape{0, 4}}, {{{2, 0}}}}};
  }
};

struct Permute {
  Dims axes;  ///< output axis i is input axis axes[i]
  static constexpr auto signature = sig("permute(x:any) -> y");
  static constexpr auto doc = "axes in another order: y's axis i is x's axis axes[i]";
  static constexpr Types types = Types::any;
  Metas infer(Inputs in) const;
  std::optional<TensorView> view(const TensorView& in) const;
  template <class T> T vjp(const Saved<T>&, T g) const { return permute(g, inverse()); }
  Dims inverse() const;
  static std::vector<Case<Permute>> domain() { return {{{Dims{2, 0, 1}}, {{{2, 3, 4}}}}, {{Dims{}}, {{{}}}}}; }
};

struct BroadcastTo {
  Shape shape;
  static constexpr auto signature = sig("broadcast_to(x:any) -> y");
  static constexpr auto doc = "x repeated along axes of size 1 and new leading axes, without copying";
  static constexpr Types types = Types::any;
  Metas infer(Inputs in) const;
  std::optional<TensorView> view(const TensorView& in) const;
  template <class T> T vjp(const Saved<T>& s, T g) const { return sum_to(g, s.in_meta(0).shape); }
  static std::vector<Case<BroadcastTo>> domain() { return {{{Shape{4, 2, 3}}, {{{2, 1}}}}, {{Shape{2, 2}}, {{{}}}}}; }
};

/// Row-major memory: the one operator that copies a strided view.
struct Contiguous {
  static constexpr auto signature = sig("contiguous(x:any) -> y");
  static constexpr auto doc = "x in row-major memory";
  static constexpr Types types = Types::any;
  Metas infer(Inputs in) const { return {in[0]}; }
  template <class T> T vjp(const Saved<T>&, T g) const { return g; }
  static std::vector<Case<Contiguous>> domain() { return {{{}, {{{2, 3}}}}}; }
};

using ShapeOps = OpList<Reshape, Permute, BroadcastTo, Contiguous>;

}  // namespace weft::op

namespace weft {
/// Puts this family into the operator table.
void register_shape_ops();
}  // namespace weft
