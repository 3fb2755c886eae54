// The only threads that compute. Work is cut by shape alone, so results do not depend on how many there are.
#pragma once

#include <cstdint>
#include <type_traits>

namespace weft {

/// Number of threads that parallel_for uses, the caller included; default: WEFT_THREADS, else the processors
/// that this process may run on. 1 starts none.
int num_threads();
/// Sets it; n < 1 throws Error. Existing workers finish first.
void set_num_threads(int n);

/// A borrowed reference to a callable; it must outlive the call.
template <class Sig> class FunctionRef;
template <class R, class... A> class FunctionRef<R(A...)> {
 public:
  template <class F>  /// Refers to f, which it does not copy.
    requires(!std::is_same_v<std::remove_cvref_t<F>, FunctionRef>)
  FunctionRef(F&& f)
      : object_(const_cast<void*>(static_cast<const void*>(&f))),
        call_([](void* o, A... a) -> R { return (*static_cast<std::remove_reference_t<F>*>(o))(static_cast<A&&>(a)...); }) {}
  R operator()(A... a) const { return call_(object_, static_cast<A&&>(a)...); }  ///< calls it

 private:
  void* object_;
  R (*call_)(void*, A...);
};  ///< A borrowed reference to a callable of this signature.

/// Calls body(begin, end) for consecutive pieces of [0, n), each `grain` long but the last. Which thread runs a piece is
/// open; pieces must write disjoint memory. Calls from inside a piece run serially. The first exception is rethrown.
void parallel_for(std::int64_t n, std::int64_t grain, FunctionRef<void(std::int64_t, std::int64_t)> body);

}  // namespace weft
