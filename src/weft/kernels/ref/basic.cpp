// Reference kernels of create, shape, reduce, matmul and random.
#include <weft/kernels/ref/reference.h>
#include <weft/opdefs/create.h>
#include <weft/opdefs/matmul.h>
#include <weft/opdefs/random.h>
#include <weft/opdefs/reduce.h>
#include <weft/opdefs/shape_ops.h>
#include <weft/opdefs/transfer.h>

namespace weft {

namespace {
using namespace reference;

void run_full(const KernelCall& call) {
  const auto& op = call.attributes<op::Full>();
  for_each_index(call.out[0].shape, [&](const Dims& i) { put(call.out[0], i, op.value); });
}

void run_arange(const KernelCall& call) {
  const auto& op = call.attributes<op::Arange>();
  for (std::int64_t i = 0; i < op.count; ++i) store(call.out[0], i, op.start + static_cast<double>(i) * op.step);
}

void run_copy(const KernelCall& call) { copy_elements(call.in[0], call.out[0]); }

/// A view operator that the engine did not take as a view (captured plans may ask for a copy).
template <class Op> void run_view(const KernelCall& call) {
  const auto v = call.attributes<Op>().view(call.in[0]);
  check(v.has_value(), call.info.name, ": strides cannot express it; make the input contiguous");
  copy_elements(*v, call.out[0]);
}

/// In row-major order the elements of both shapes are the same.
void run_reshape(const KernelCall& call) {
  copy_elements(call.in[0], TensorView::of(call.out[0].data, call.out[0].dtype, call.in[0].shape));
}

void run_sum(const KernelCall& call) {
  const TensorView &x = call.in[0], &y = call.out[0];
  const Dims reduced = normalize_axes(call.attributes<op::Sum>().axes, x.rank());
  Shape kept, inner;
  Dims kept_strides, inner_strides;
  for (int i = 0; i < x.rank(); ++i) {
    (reduced.contains(i) ? inner : kept).push_back(x.shape[i]);
    (reduced.contains(i) ? inner_strides : kept_strides).push_back(x.strides[i]);
  }
  in_compute_type(x.dtype, [&]<class C>(C) {
    std::int64_t out = 0;
    for_each_index(kept, [&](const Dims& at) {
      C total = 0;
      const std::int64_t base = offset_of(at, kept_strides);
      for_each_index(inner, [&](const Dims& k) { total += load<C>(x, base + offset_of(k, inner_strides)); });
      store(y, out++, total);
    });
  });
}

void run_matmul(const KernelCall& call) {
  const auto& op = call.attributes<op::MatMul>();
  const TensorView& y = call.out[0];
  const auto matrix = [&](const TensorView& v, bool transposed) {
    TensorView m = v;
    const int r = v.rank();
    if (transposed) {
      std::swap(m.shape[r - 1], m.shape[r - 2]);
      std::swap(m.strides[r - 1], m.strides[r - 2]);
    }
    Shape to = y.shape;
    to[to.rank() - 1] = m.shape[r - 1];
    to[to.rank() - 2] = m.shape[r - 2];
    return broadcast_view(m, to);
  };
  const TensorView a = matrix(call.in[0], op.transpose_a), b = matrix(call.in[1], op.transpose_b);
  const int r = y.rank();
  const std::int64_t inner = a.shape[r - 1];
  in_compute_type(y.dtype, [&]<class C>(C) {
    for_each_index(y.shape, [&](const Dims& at) {
      Dims ia = at, ib = at;
      C total = 0;
      for (std::int64_t k = 0; k < inner; ++k) {
        ia[r - 1] = k;
        ib[r - 2] = k;
        total += rounded_factor(call, get<C>(a, ia)) * rounded_factor(call, get<C>(b, ib));
      }
      put(y, at, total);
    });
  });
}

void run_uniform(const KernelCall& call) {
  const auto& op = call.attributes<op::RandomUniform>();
  const TensorView& y = call.out[0];
  for (std::int64_t i = 0, n = y.numel(); i < n; ++i)
    store(y, i, op.lo + (op.hi - op.lo) * op.stream.uniform(static_cast<std::uint64_t>(i)));
}

void run_normal(const KernelCall& call) {
  const auto& op = call.attributes<op::RandomNormal>();
  const TensorView& y = call.out[0];
  for (std::int64_t i = 0, n = y.numel(); i < n; ++i)
    store(y, i, op.mean + op.stddev * op.stream.normal(static_cast<std::uint64_t>(i)));
}

void run_integer(const KernelCall& call) {
  const auto& op = call.attributes<op::RandomInteger>();
  const TensorView& y = call.out[0];
  const auto range = static_cast<std::uint64_t>(op.hi) - static_cast<std::uint64_t>(op.lo);
  for (std::int64_t i = 0, n = y.numel(); i < n; ++i)
    store(y, i, op.lo + static_cast<std::int64_t>(op.stream.below(static_cast<std::uint64_t>(i), range)));
}

void run_dropout(const KernelCall& call) {
  const auto& op = call.attributes<op::Dropout>();
  const TensorView &x = call.in[0], &y = call.out[0];
  const std::uint64_t threshold = op.threshold();
  std::uint64_t i = 0;
  for_each_index(y.shape, [&](const Dims& at) {
    put(y, at, op.stream.word(i++) >= threshold ? get<double>(x, at) * op.scale() : 0.0);
  });
}

}  // namespace

void register_ref_basic() {
  add_reference<op::Full>(&run_full);
  add_reference<op::Arange>(&run_arange);
  add_reference<op::Transfer>(&run_copy);
  add_reference<op::Contiguous>(&run_copy);
  add_reference<op::Reshape>(&run_reshape);
  add_reference<op::Permute>(&run_view<op::Permute>);
  add_reference<op::BroadcastTo>(&run_view<op::BroadcastTo>);
  add_reference<op::Sum>(&run_sum);
  add_reference<op::MatMul>(&run_matmul);
  add_reference<op::RandomUniform>(&run_uniform);
  add_reference<op::RandomNormal>(&run_normal);
  add_reference<op::RandomInteger>(&run_integer);
  add_reference<op::Dropout>(&run_dropout);
}

}  // namespace weft
