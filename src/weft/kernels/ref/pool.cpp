// Reference kernels of pooling.
#include <cmath>
#include <limits>

#include <weft/kernels/ref/reference.h>
#include <weft/opdefs/pool.h>

namespace weft {

namespace {
using namespace reference;
using op::PoolShape;

/// The index of window element `tap` of window `at` (both full indices [n, c, …]); false where it is padding.
bool locate(const PoolShape& s, const Dims& at, const Dims& tap, Dims& index) {
  index = Dims{at[0], at[1]};
  for (int i = 0; i < s.axes; ++i) {
    const std::int64_t p = s.at(i, at[i + 2], tap[i]);
    if (p < 0 || p >= s.in[i]) return false;
    index.push_back(p);
  }
  return true;
}

/// The window element whose row-major place is `place`.
Dims tap_of(const PoolShape& s, std::int64_t place) {
  Dims tap = Dims::filled(s.axes, 0);
  for (int i = s.axes - 1; i >= 0; --i) {
    tap[i] = place % s.kernel[i];
    place /= s.kernel[i];
  }
  return tap;
}

template <class C> bool above(C v, C best) {
  if constexpr (std::is_floating_point_v<C>) return v > best || std::isnan(v);
  else return v > best;
}

void run_max_pool(const KernelCall& call) {
  const TensorView& x = call.in[0];
  const PoolShape s = call.attributes<op::MaxPool>().geometry(x.shape);
  in_compute_type(x.dtype, [&]<class C>(C) {
    for_each_index(call.out[0].shape, [&](const Dims& at) {
      C best = std::numeric_limits<C>::has_infinity ? -std::numeric_limits<C>::infinity() : std::numeric_limits<C>::min();
      std::int64_t place = 0, where = -1;
      Dims index;
      for_each_index(Shape(s.kernel), [&](const Dims& tap) {
        if (locate(s, at, tap, index)) {
          const C v = get<C>(x, index);
          if (where < 0 || above(v, best)) {
            best = v;
            where = place;
          }
        }
        ++place;
      });
      put(call.out[0], at, best);
      put(call.out[1], at, std::max<std::int64_t>(where, 0));
    });
  });
}

void run_max_pool_take(const KernelCall& call) {
  const TensorView& x = call.in[0];
  const PoolShape s = call.attributes<op::MaxPoolTake>().geometry(x.shape);
  in_compute_type(x.dtype, [&]<class C>(C) {
    for_each_index(call.out[0].shape, [&](const Dims& at) {
      Dims index;
      const Dims tap = tap_of(s, get<std::int64_t>(call.in[1], at));
      put(call.out[0], at, locate(s, at, tap, index) ? get<C>(x, index) : C(0));
    });
  });
}

/// Adds up at(window) into the elements that place(window, add) names, in double, and stores the sums.
template <class F> void scatter(const TensorView& out, F&& each) {
  const Dims strides = contiguous_strides(out.shape);
  std::vector<double> sums(static_cast<std::size_t>(out.numel()));
  each([&](const Dims& index, double v) { sums[static_cast<std::size_t>(offset_of(index, strides))] += v; });
  for (std::size_t i = 0; i < sums.size(); ++i) store(out, static_cast<std::int64_t>(i), sums[i]);
}

void run_max_pool_grad(const KernelCall& call) {
  const TensorView& g = call.in[0];
  const PoolShape s = call.attributes<op::MaxPoolGrad>().geometry(g.shape);
  scatter(call.out[0], [&](auto add) {
    for_each_index(g.shape, [&](const Dims& at) {
      Dims index;
      if (locate(s, at, tap_of(s, get<std::int64_t>(call.in[1], at)), index)) add(index, get<double>(g, at));
    });
  });
}

Dims spatial(const Dims& at) { return Dims(std::span<const std::int64_t>(at.begin() + 2, at.end())); }

void run_avg_pool(const KernelCall& call) {
  const TensorView& x = call.in[0];
  const auto& op = call.attributes<op::AvgPool>();
  const PoolShape s = op.geometry(x.shape);
  for_each_index(call.out[0].shape, [&](const Dims& at) {
    double total = 0;
    Dims index;
    for_each_index(Shape(s.kernel), [&](const Dims& tap) {
      if (locate(s, at, tap, index)) total += get<double>(x, index);
    });
    put(call.out[0], at, total / static_cast<double>(op.divisor(s, spatial(at))));
  });
}

void run_avg_pool_grad(const KernelCall& call) {
  const TensorView& g = call.in[0];
  const auto& op = call.attributes<op::AvgPoolGrad>();
  const PoolShape s = op.geometry(g.shape);
  const op::AvgPool forward = op.forward();
  scatter(call.out[0], [&](auto add) {
    for_each_index(g.shape, [&](const Dims& at) {
      const double share = get<double>(g, at) / static_cast<double>(forward.divisor(s, spatial(at)));
      Dims index;
      for_each_index(Shape(s.kernel), [&](const Dims& tap) {
        if (locate(s, at, tap, index)) add(index, share);
      });
    });
  });
}

}  // namespace

void register_ref_pool() {
  add_reference<op::MaxPool>(&run_max_pool);
  add_reference<op::MaxPoolGrad>(&run_max_pool_grad);
  add_reference<op::MaxPoolTake>(&run_max_pool_take);
  add_reference<op::AvgPool>(&run_avg_pool);
  add_reference<op::AvgPoolGrad>(&run_avg_pool_grad);
}

}  // namespace weft
