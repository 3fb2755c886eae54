// Vectors with operators and the function names of opdefs/scalar_math.h, so that an operator's `eval` runs on them.
// Re-included per Highway target.
#if defined(WEFT_KERNELS_CPU_VECTOR_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef WEFT_KERNELS_CPU_VECTOR_INL
#undef WEFT_KERNELS_CPU_VECTOR_INL
#else
#define WEFT_KERNELS_CPU_VECTOR_INL
#endif

#include <cmath>
#include <limits>

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace weft::cpu_kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class T> struct Vector {
  using D = hn::ScalableTag<T>;
  using V = hn::Vec<D>;
  using Element = T;
  V v;

  Vector() = default;
  HWY_INLINE Vector(V v) : v(v) {}
  /// A constant of a formula, rounded to the element type.
  HWY_INLINE explicit Vector(double c) : v(hn::Set(D(), static_cast<T>(c))) {}
  static HWY_INLINE Vector load(const T* p) { return hn::LoadU(D(), p); }
  HWY_INLINE void store(T* p) const { hn::StoreU(v, D(), p); }
  static HWY_INLINE std::int64_t lanes() { return static_cast<std::int64_t>(hn::Lanes(D())); }
};

/// Calls f<N>(first element) for N adjacent vectors of float at a time: Most, then half as many, down to 1.
template <int Most, class Call> HWY_INLINE void by_vectors(std::int64_t count, Call&& call, std::int64_t from = 0) {
  const std::int64_t step = Most * Vector<float>::lanes();
  for (; from + step <= count; from += step) call.template operator()<Most>(from);
  if constexpr (Most > 1) by_vectors<Most / 2>(count, call, from);
}

template <class T> struct Mask {
  hn::Mask<hn::ScalableTag<T>> m;
};

// The first n lanes, fewer than all; no other element is read or written. Masked accesses are that where the processor has
// them; elsewhere Highway's read, blend and write whole vectors.
template <class T> HWY_INLINE Vector<T> load_first(const T* p, std::int64_t n, T fill) {
  const hn::ScalableTag<T> d;
#if HWY_TARGET <= HWY_AVX2
  const auto some = hn::FirstN(d, static_cast<std::size_t>(n));
  return hn::IfThenElse(some, hn::MaskedLoad(some, d, p), hn::Set(d, fill));
#else
  T lane[HWY_MAX_BYTES / sizeof(T)];
  for (std::int64_t i = 0; i < Vector<T>::lanes(); ++i) lane[i] = i < n ? p[i] : fill;
  return hn::LoadU(d, lane);
#endif
}
template <class T> HWY_INLINE void store_first(Vector<T> v, T* p, std::int64_t n) {
  const hn::ScalableTag<T> d;
#if HWY_TARGET <= HWY_AVX2
  hn::BlendedStore(v.v, hn::FirstN(d, static_cast<std::size_t>(n)), d, p);
#else
  T lane[HWY_MAX_BYTES / sizeof(T)];
  hn::StoreU(v.v, d, lane);
  for (std::int64_t i = 0; i < n; ++i) p[i] = lane[i];
#endif
}

// clang-format off
template <class T> HWY_INLINE Vector<T> operator+(Vector<T> a, Vector<T> b) { return hn::Add(a.v, b.v); }
template <class T> HWY_INLINE Vector<T> operator-(Vector<T> a, Vector<T> b) { return hn::Sub(a.v, b.v); }
template <class T> HWY_INLINE Vector<T> operator*(Vector<T> a, Vector<T> b) { return hn::Mul(a.v, b.v); }
template <class T> HWY_INLINE Vector<T> operator/(Vector<T> a, Vector<T> b) { return hn::Div(a.v, b.v); }
template <class T> HWY_INLINE Vector<T> operator-(Vector<T> a) { return hn::Neg(a.v); }
template <class T> HWY_INLINE Mask<T> operator==(Vector<T> a, Vector<T> b) { return {hn::Eq(a.v, b.v)}; }
// Not(Eq): Highway's Ne is false for NaN on some targets.
template <class T> HWY_INLINE Mask<T> operator!=(Vector<T> a, Vector<T> b) { return {hn::Not(hn::Eq(a.v, b.v))}; }
template <class T> HWY_INLINE Mask<T> operator<(Vector<T> a, Vector<T> b) { return {hn::Lt(a.v, b.v)}; }
template <class T> HWY_INLINE Mask<T> operator<=(Vector<T> a, Vector<T> b) { return {hn::Le(a.v, b.v)}; }
template <class T> HWY_INLINE Mask<T> operator>(Vector<T> a, Vector<T> b) { return {hn::Gt(a.v, b.v)}; }
template <class T> HWY_INLINE Mask<T> operator>=(Vector<T> a, Vector<T> b) { return {hn::Ge(a.v, b.v)}; }
template <class T> HWY_INLINE Mask<T> operator&(Mask<T> a, Mask<T> b) { return {hn::And(a.m, b.m)}; }
template <class T> HWY_INLINE Mask<T> operator|(Mask<T> a, Mask<T> b) { return {hn::Or(a.m, b.m)}; }
template <class T> HWY_INLINE Vector<T> select(Mask<T> m, Vector<T> a, Vector<T> b) { return hn::IfThenElse(m.m, a.v, b.v); }
template <class T> HWY_INLINE Vector<T> abs(Vector<T> x) { return hn::Abs(x.v); }
template <class T> HWY_INLINE Vector<T> sqrt(Vector<T> x) { return hn::Sqrt(x.v); }
template <class T> HWY_INLINE Vector<T> floor(Vector<T> x) { return hn::Floor(x.v); }
template <class T> HWY_INLINE Vector<T> ceil(Vector<T> x) { return hn::Ceil(x.v); }
template <class T> HWY_INLINE Vector<T> trunc(Vector<T> x) { return hn::Trunc(x.v); }
template <class T> HWY_INLINE Vector<T> round(Vector<T> x) { return hn::Round(x.v); }
/// NaN where either is NaN.
template <class T> HWY_INLINE Vector<T> max(Vector<T> a, Vector<T> b) { return select((a > b) | (a != a), a, b); }
template <class T> HWY_INLINE Vector<T> min(Vector<T> a, Vector<T> b) { return select((a < b) | (a != a), a, b); }
// clang-format on

template <class T> inline constexpr double infinity = std::numeric_limits<T>::infinity();

/// The function of one lane at a time, in double: exact, for what is rarely used or beyond a polynomial's range.
template <class T> HWY_NOINLINE Vector<T> per_lane(double (*f)(double), Vector<T> x) {
  T lane[HWY_MAX_BYTES / sizeof(T)];
  x.store(lane);
  for (std::int64_t i = 0; i < Vector<T>::lanes(); ++i) lane[i] = static_cast<T>(f(static_cast<double>(lane[i])));
  return Vector<T>::load(lane);
}

// Highway's exp and log leave infinities, NaN and overflow to the caller.
template <class T> HWY_INLINE Vector<T> exp(Vector<T> x) {
  const Vector<T> most(sizeof(T) == 4 ? 89.0 : 710.0);
  const Vector<T> y = hn::Exp(hn::ScalableTag<T>(), hn::Min(x.v, most.v));
  return select(x == x, y, x);
}
template <class T> HWY_INLINE Vector<T> expm1(Vector<T> x) {
  const Vector<T> most(sizeof(T) == 4 ? 89.0 : 710.0);
  const Vector<T> y = hn::Expm1(hn::ScalableTag<T>(), hn::Min(x.v, most.v));
  return select(x == x, y, x);
}
template <class T> HWY_INLINE Vector<T> finish_log(Vector<T> argument, Vector<T> y) {
  const Vector<T> zero(0), inf(infinity<T>);
  y = select(argument == zero, -inf, y);
  y = select(argument < inf, y, argument);  // infinity and NaN stay
  return select(argument < zero, Vector<T>(std::numeric_limits<double>::quiet_NaN()), y);
}
template <class T> HWY_INLINE Vector<T> log(Vector<T> x) {
  return finish_log<T>(x, hn::Log(hn::ScalableTag<T>(), x.v));
}
template <class T> HWY_INLINE Vector<T> log2(Vector<T> x) {
  return finish_log<T>(x, hn::Log2(hn::ScalableTag<T>(), x.v));
}
template <class T> HWY_INLINE Vector<T> log1p(Vector<T> x) {
  return finish_log<T>(x + Vector<T>(1), hn::Log1p(hn::ScalableTag<T>(), x.v));
}
template <class T> HWY_INLINE Vector<T> tanh(Vector<T> x) {
  const Vector<T> y = hn::Tanh(hn::ScalableTag<T>(), hn::Max(hn::Min(x.v, Vector<T>(20).v), Vector<T>(-20).v));
  return select(x == x, y, x);
}
template <class T> HWY_INLINE bool all_below(Vector<T> x, double bound) {
  return hn::AllTrue(hn::ScalableTag<T>(), (abs(x) < Vector<T>(bound)).m);
}
template <class T> HWY_INLINE Vector<T> sin(Vector<T> x) {
  if (!all_below(x, 30000)) return per_lane<T>([](double v) { return std::sin(v); }, x);
  return hn::Sin(hn::ScalableTag<T>(), x.v);
}
template <class T> HWY_INLINE Vector<T> cos(Vector<T> x) {
  if (!all_below(x, 30000)) return per_lane<T>([](double v) { return std::cos(v); }, x);
  return hn::Cos(hn::ScalableTag<T>(), x.v);
}

template <class T> HWY_INLINE Vector<T> polynomial(Vector<T> x, std::initializer_list<double> from_highest) {
  Vector<T> y(0);
  for (double c : from_highest) y = hn::MulAdd(y.v, x.v, Vector<T>(c).v);
  return y;
}
/// In f32: x times a polynomial in x^2 up to 1; beyond, 1 - e^-g(x). Both fitted to minimise the largest error of erf
/// (2e-11), which rounding hides.
HWY_INLINE Vector<float> erf(Vector<float> x) {
  using F = Vector<float>;
  const F a = abs(x), s = x * x;
  const F small = x * polynomial<float>(s, {-9.6804678e-06, 1.12706686e-04, -8.48472991e-04, 5.22107631e-03,
                                            -2.68654469e-02, 1.12837829e-01, -3.76126379e-01, 1.12837923e+00});
  const F t = hn::Min(a.v, F(4).v);
  const F g = polynomial<float>(t, {2.1686995751e-05, -4.4133813934e-04, 4.2045707814e-03, -2.5208283216e-02,
                                    1.0841862112e-01, 6.3321983814e-01, 1.1295784712e+00, -1.8804502906e-04});
  const F large = F(1) - F(hn::Exp(hn::ScalableTag<float>(), (-g).v));
  return select((a < F(1)) | (x != x), small, F(hn::CopySign(large.v, x.v)));
}
HWY_INLINE Vector<double> erf(Vector<double> x) {
  return per_lane<double>([](double v) { return std::erf(v); }, x);
}

#define WEFT_PER_LANE(name) \
  template <class T> HWY_INLINE Vector<T> name(Vector<T> x) { \
    return per_lane<T>([](double v) { return std::name(v); }, x); \
  }
WEFT_PER_LANE(tan)
WEFT_PER_LANE(asin)
WEFT_PER_LANE(acos)
WEFT_PER_LANE(atan)
WEFT_PER_LANE(sinh)
WEFT_PER_LANE(cosh)
WEFT_PER_LANE(asinh)
WEFT_PER_LANE(acosh)
WEFT_PER_LANE(atanh)
#undef WEFT_PER_LANE

/// Writes 1 or 0 for each lane.
template <class T> HWY_INLINE void store_mask(Mask<T> m, bool* to) {
  auto* bytes = reinterpret_cast<std::uint8_t*>(to);
  if constexpr (sizeof(T) == 4) {
    const hn::ScalableTag<std::int32_t> di;
    const hn::Rebind<std::uint8_t, decltype(di)> d8;
    const auto ones = hn::BitCast(di, hn::IfThenElseZero(m.m, hn::BitCast(hn::ScalableTag<T>(), hn::Set(di, 1))));
    hn::StoreU(hn::DemoteTo(d8, ones), d8, bytes);
  } else {
    T lane[HWY_MAX_BYTES / sizeof(T)];
    hn::StoreU(hn::IfThenElseZero(m.m, Vector<T>(1).v), hn::ScalableTag<T>(), lane);
    for (std::int64_t i = 0; i < Vector<T>::lanes(); ++i) bytes[i] = lane[i] != 0;
  }
}
/// Reads lanes of bools.
template <class T> HWY_INLINE Mask<T> load_mask(const bool* from) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(from);
  const hn::ScalableTag<T> d;
  if constexpr (sizeof(T) == 4) {
    const hn::ScalableTag<std::int32_t> di;
    const hn::Rebind<std::uint8_t, decltype(di)> d8;
    return {hn::RebindMask(d, hn::Gt(hn::PromoteTo(di, hn::LoadU(d8, bytes)), hn::Zero(di)))};
  } else {
    T lane[HWY_MAX_BYTES / sizeof(T)];
    for (std::int64_t i = 0; i < Vector<T>::lanes(); ++i) lane[i] = static_cast<T>(bytes[i]);
    return {hn::Gt(hn::LoadU(d, lane), hn::Zero(d))};
  }
}

}  // namespace weft::cpu_kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
