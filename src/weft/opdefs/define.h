// Reads an operator struct into the operator table. For .cpp files and for users' own operators.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include <weft/base/error.h>
#include <weft/base/random.h>
#include <weft/base/reflect.h>
#include <weft/ir/op.h>

namespace weft {

/// A list of operator structs: one per family.
template <class... Ops> struct OpList {
  /// Calls f(std::type_identity<Op>{}) for each.
  template <class F> static void for_each(F&& f) { (f(std::type_identity<Ops>{}), ...); }
};

/// What a gradient rule reads: `in(i)`, `out(i)` (those named by `saves`), `in_meta(i)`, `out_meta(i)`, `needs(i)`.
/// Defined in tensor/ for T = Tensor; rules are templates so that this layer does not know tensors.
template <class T> class Saved;
/// A gradient for each input; an undefined T where none flows.
template <class T> using Grads = std::vector<T>;

/// Where an element-wise operator's input is tested: uniform in [lo, hi). `static constexpr Range range[]`, one an
/// input; without it, [-2, 2).
struct Range {
  double lo;  ///< least
  double hi;  ///< bound, not reached
};

/// A case of an operator's `domain`.
template <class Op> struct Case {
  Op op;                       ///< its attributes
  std::vector<Sample> inputs;  ///< in the signature's order
  double tolerance = 1;        ///< multiplies the dtype's tolerance
};

namespace detail {

inline AttrValue encode(const RandomStream& s) {
  return std::vector<std::int64_t>{static_cast<std::int64_t>(s.seed), static_cast<std::int64_t>(s.counter)};
}
inline void decode(const std::string& name, const AttrValue& from, RandomStream& to) {
  std::vector<std::int64_t> v;
  decode(name, from, v);
  check(v.size() == 2, "attribute '", name, "': expected [seed, counter]");
  to = {static_cast<std::uint64_t>(v[0]), static_cast<std::uint64_t>(v[1])};
}
inline AttrValue encode(const Shape& v) { return encode(static_cast<const Dims&>(v)); }
inline void decode(const std::string& name, const AttrValue& from, Shape& to) {
  decode(name, from, static_cast<Dims&>(to));
}

struct Probe;

template <class Op> concept HasInfer = requires(const Op& op, Inputs in) { op.infer(in); };
template <class Op> concept HasVjp = requires { &Op::template vjp<Probe>; };
template <class Op> concept HasView = requires(const Op& op, const TensorView& v) { op.view(v); };
template <class Op> concept HasDomain = requires { Op::domain(); };
template <class Op> concept HasAxes = requires(const Op& op, Inputs in) { op.axes_of(in); };
template <class Op> concept HasMacs = requires(const Op& op, Inputs in, std::span<const Meta> out) { op.macs(in, out); };

template <class Op> const Op& as(const void* op) { return *static_cast<const Op*>(op); }

template <class Op> Metas infer_elementwise(const void*, Inputs in) {
  Meta out = in[0];
  for (std::size_t i = 1; i < in.size(); ++i)
    if (!(in[i].shape == out.shape)) out.shape = broadcast(out.shape, in[i].shape);
  if (in.size() > 1) out.dtype = in.back().dtype;  // the first may be a condition
  if constexpr (requires { Op::result; }) out.dtype = Op::result;
  return {out};
}

template <class Op> Axes axes_elementwise(const void* op, Inputs in) {
  const int rank = infer_elementwise<Op>(op, in)[0].shape.rank();
  Axes axes;
  for (const Meta& m : in) {
    auto& list = axes.inputs.emplace_back();
    for (int i = 0; i < m.shape.rank(); ++i) list.push_back(rank - m.shape.rank() + i);
  }
  return axes;
}

/// Operators with a formula per element need no cases of their own: a plain shape, and one that broadcasts.
template <class Op> std::vector<OpCase> domain_elementwise(const OpInfo& self) {
  const Op op{};
  OpCase plain{Attrs(self, &op), {}}, broadcasting = plain;
  for (std::size_t i = 0; i < self.signature.inputs.size(); ++i) {
    Range r{-2, 2};
    if constexpr (requires { Op::range; }) r = Op::range[i];
    if (self.signature.inputs[i].kind == InputKind::boolean) r = {0, 2};
    plain.inputs.push_back({{3, 5}, r.lo, r.hi, {}});
    broadcasting.inputs.push_back({i % 2 ? Shape{4, 1} : Shape{2, 1, 3}, r.lo, r.hi, {}});
  }
  return {plain, broadcasting};
}

/// What gives the same results: 0 and -0 do not, NaN and NaN do.
template <class T> bool same_member(const T& a, const T& b) {
  if constexpr (std::is_floating_point_v<T>) return a == b ? std::signbit(a) == std::signbit(b) : std::isnan(a) && std::isnan(b);
  else return a == b;
}
template <class... T> bool same_members(const std::tuple<T...>& a, const std::tuple<T...>& b) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return (same_member(std::get<I>(a), std::get<I>(b)) && ...);
  }(std::index_sequence_for<T...>{});
}

template <class Op> AttrMap get_attributes(const void* op) {
  AttrMap map;
  reflect::for_each_field(as<Op>(op), [&](std::string_view name, const auto& member) {
    map.emplace_back(std::string(name), encode(member));
  });
  return map;
}

template <class Op> void set_attributes(void* op, const AttrMap& values) {
  std::vector<std::string> names;
  std::size_t used = 0;
  reflect::for_each_field(*static_cast<Op*>(op), [&](std::string_view name, auto& member) {
    names.emplace_back(name);
    for (const auto& [key, value] : values)
      if (key == name) {
        decode(key, value, member);
        ++used;
      }
  });
  if (used == values.size()) return;
  for (const auto& [key, value] : values)
    if (std::find(names.begin(), names.end(), key) == names.end())
      fail("unknown attribute '", key, "'", suggestion(key, names));
}

}  // namespace detail

/// Everything the table holds of operator struct Op, but its gradient rule.
template <class Op> OpInfo describe(std::string_view family) {
  OpInfo info;
  info.signature = Signature::parse(Op::signature.text);
  info.name = info.signature.name;
  info.family = family;
  info.doc = Op::doc;
  info.types = Op::types;
  info.elementwise = !detail::HasInfer<Op>;
  info.differentiable = detail::HasVjp<Op>;
  info.random = requires(Op op) { op.stream; };
  if constexpr (requires { Op::attributes_vary; }) info.attributes_vary = Op::attributes_vary;
  else info.attributes_vary = info.random;
  if constexpr (requires { Op::saves; }) info.saves = Op::saves;
  info.size = sizeof(Op);
  info.construct = [](void* to) { new (to) Op(); };
  info.copy = [](void* to, const void* from) { new (to) Op(detail::as<Op>(from)); };
  info.destroy = [](void* p) { static_cast<Op*>(p)->~Op(); };
  info.equal = [](const void* a, const void* b) {
    return detail::same_members(reflect::tie_fields(detail::as<Op>(a)), reflect::tie_fields(detail::as<Op>(b)));
  };
  info.assign = [](void* to, const void* from) { *static_cast<Op*>(to) = detail::as<Op>(from); };
  if constexpr (detail::HasInfer<Op>)
    info.infer = [](const void* op, Inputs in) -> Metas { return detail::as<Op>(op).infer(in); };
  else
    info.infer = &detail::infer_elementwise<Op>;
  if constexpr (detail::HasView<Op>)
    info.view = [](const void* op, const TensorView& in, TensorView& out) {
      std::optional<TensorView> v = detail::as<Op>(op).view(in);
      if (v) out = *v;
      return v.has_value();
    };
  if constexpr (detail::HasAxes<Op>)
    info.axes = [](const void* op, Inputs in) { return detail::as<Op>(op).axes_of(in); };
  else if constexpr (!detail::HasInfer<Op>)
    info.axes = &detail::axes_elementwise<Op>;
  if constexpr (detail::HasMacs<Op>)
    info.macs = [](const void* op, Inputs in, std::span<const Meta> out) { return detail::as<Op>(op).macs(in, out); };
  if constexpr (detail::HasDomain<Op>)
    info.domain = [](const OpInfo& self) {
      std::vector<OpCase> cases;
      for (const Case<Op>& c : Op::domain()) cases.push_back({Attrs(self, &c.op), c.inputs, c.tolerance});
      return cases;
    };
  else if constexpr (!detail::HasInfer<Op>)
    info.domain = &detail::domain_elementwise<Op>;
  info.get = &detail::get_attributes<Op>;
  info.set = &detail::set_attributes<Op>;
  return info;
}

/// The table's entry of Op (registered before).
template <class Op> const OpInfo& info_of() {
  // No magic static: the first look-up registers the operators, which looks this entry up again.
  static std::atomic<const OpInfo*> cached{nullptr};
  const OpInfo* info = cached.load(std::memory_order_acquire);
  if (!info) [[unlikely]] cached.store(info = &get_op(Op::signature.name()), std::memory_order_release);
  return *info;
}

/// Adds every operator of a list to the table.
template <class... Ops> void add_ops(OpList<Ops...>, std::string_view family) {
  (add_op(describe<Ops>(family)), ...);
}

}  // namespace weft
