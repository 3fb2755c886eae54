// MatMul on Weft's own gemm: f32 and f64; f16 and bf16 compute in f32.
#include <algorithm>

#include <weft/base/memory.h>
#include <weft/base/strided.h>
#include <weft/base/thread_pool.h>
#include <weft/kernels/cpu/gemm.h>
#include <weft/kernels/registry.h>
#include <weft/opdefs/matmul.h>

namespace weft {

namespace {

using Int = std::int64_t;

/// The stored matrices of one operand: rows `ld` apart, or columns where `transposed`.
struct Matrices {
  TensorView view;  // leading axes broadcast to the result's
  bool transposed = false;
  Int ld = 0;
};

/// True where gemm can read the last two axes as they lie.
bool readable(const TensorView& v, bool& swapped, Int& ld) {
  const int r = v.rank();
  const Int rows = v.shape[r - 2], columns = v.shape[r - 1], down = v.strides[r - 2], across = v.strides[r - 1];
  if ((across == 1 || columns == 1) && (down >= columns || rows == 1)) {
    swapped = false;
    ld = rows == 1 ? columns : down;
    return true;
  }
  if ((down == 1 || rows == 1) && (across >= rows || columns == 1)) {
    swapped = true;
    ld = columns == 1 ? rows : across;
    return true;
  }
  return false;
}

Matrices matrices(const TensorView& v, bool transpose, const Shape& result, TensorView& copy, void* scratch) {
  Matrices m;
  TensorView stored = v;
  bool swapped = false;
  if (scratch || !readable(v, swapped, m.ld)) {
    copy.data = scratch;
    copy_elements(v, copy);
    stored = copy;
    readable(stored, swapped, m.ld);
  }
  m.transposed = transpose != swapped;
  Shape to = result;
  const int r = stored.rank(), out = to.rank();
  to[out - 1] = stored.shape[r - 1];
  to[out - 2] = stored.shape[r - 2];
  m.view = broadcast_view(stored, to);
  return m;
}

/// Leading axes as one list of element offsets is not needed: they are walked by index.
struct Batch {
  Shape shape;
  Dims a, b, c;
  void offsets(Int index, Int& oa, Int& ob, Int& oc) const {
    oa = ob = oc = 0;
    for (int i = shape.rank() - 1; i >= 0; --i) {
      const Int at = index % shape[i];
      index /= shape[i];
      oa += at * a[i];
      ob += at * b[i];
      oc += at * c[i];
    }
  }
};

template <class T>
void multiply(const Matrices& a, const Matrices& b, const TensorView& y, Int m, Int n, Int k) {
  const int r = y.rank();
  Batch batch;
  for (int i = 0; i < r - 2; ++i) {
    batch.shape.push_back(y.shape[i]);
    batch.a.push_back(a.view.strides[i]);
    batch.b.push_back(b.view.strides[i]);
    batch.c.push_back(y.strides[i]);
  }
  Int count = batch.shape.numel();
  if (count == 0 || m == 0 || n == 0) return;
  // A batch of row-major matrices times one matrix is one tall product.
  bool one_b = true, tall = !a.transposed;
  for (int i = 0, last = batch.shape.rank(); i < last; ++i) {
    one_b &= batch.b[i] == 0 || batch.shape[i] == 1;
    const Int next = i + 1 < last ? batch.a[i + 1] * batch.shape[i + 1] : m * a.ld;
    tall &= batch.shape[i] == 1 || batch.a[i] == next;
  }
  if (one_b && tall) {
    m *= count;
    count = 1;
  }
  const auto product = [&](Int i) {
    Int oa, ob, oc;
    batch.offsets(i, oa, ob, oc);
    cpu_kernels::gemm(a.transposed, b.transposed, m, n, k, a.view.as<T>() + oa, a.ld, b.view.as<T>() + ob, b.ld,
                      y.as<T>() + oc, n, false);
  };
  if (count == 1) return product(0);
  const double work = static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  if (count < 8 && work > 1e6) {  // few large products: the threads share each one
    for (Int i = 0; i < count; ++i) product(i);
    return;
  }
  const Int grain = std::max<Int>(1, static_cast<Int>(131072 / std::max(work, 1.0)));
  parallel_for(count, grain, [&](Int begin, Int end) {
    for (Int i = begin; i < end; ++i) product(i);
  });
}

void run_matmul(const KernelCall& call) {
  const auto& op = call.attributes<op::MatMul>();
  const TensorView &a = call.in[0], &b = call.in[1], &y = call.out[0];
  if (y.numel() == 0) return;
  const bool converted = size_of(y.dtype) == 2;
  const DType compute = converted ? DType::f32 : y.dtype;
  const Int k = a.shape[a.rank() - (op.transpose_a ? 2 : 1)];
  // Copies only of what gemm cannot read: another dtype, or neither rows nor columns adjacent.
  const auto copied = [&](const TensorView& v) {
    bool swapped;
    Int ld;
    return v.dtype != compute || !readable(v, swapped, ld);
  };
  const auto bytes = [&](const TensorView& v) {
    return copied(v) ? v.numel() * static_cast<Int>(size_of(compute)) : 0;
  };
  Scratch<unsigned char> pa(bytes(a)), pb(bytes(b)), py(converted ? y.numel() * 4 : 0);
  TensorView ca = TensorView::of(nullptr, compute, a.shape), cb = TensorView::of(nullptr, compute, b.shape);
  TensorView result = converted ? TensorView::of(py.data(), compute, y.shape) : y;
  const Matrices ma = matrices(a, op.transpose_a, y.shape, ca, copied(a) ? pa.data() : nullptr);
  const Matrices mb = matrices(b, op.transpose_b, y.shape, cb, copied(b) ? pb.data() : nullptr);
  const Int m = y.shape[y.rank() - 2], n = y.shape[y.rank() - 1];
  if (compute == DType::f64) multiply<double>(ma, mb, result, m, n, k);
  else multiply<float>(ma, mb, result, m, n, k);
  if (converted) copy_elements(result, y);
}

const char* floating_only(const KernelCall& call) {
  return is_floating(call.out[0].dtype) ? nullptr : "not a floating dtype";
}

}  // namespace

void register_cpu_matmul() {
  add_kernel(info_of<op::MatMul>(), DeviceType::cpu, {"cpu.matmul", &run_matmul, &floating_only});
}

}  // namespace weft
