// The cpu kernels against the reference device (plain loops in double) and against loops written here.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include <weft/base/random.h>
#include <weft/base/thread_pool.h>
#include <weft/kernels/cpu/gemm.h>
#include <weft/opdefs/define.h>
#include <weft/ops/ops.h>
#include <weft/tensor/apply.h>

namespace weft {
namespace {

class Threads {
 public:
  explicit Threads(int n) : before_(num_threads()) { set_num_threads(n); }
  ~Threads() { set_num_threads(before_); }

 private:
  int before_;
};

/// Bytes of a tensor's elements in row-major order.
std::vector<unsigned char> bytes(const Tensor& t) {
  std::vector<unsigned char> v(static_cast<std::size_t>(t.numel()) * size_of(t.dtype()));
  t.copy_to(v.data(), t.dtype());
  return v;
}

/// A sweep: small and large magnitudes of both signs, the neighbourhood of 0 and 1, denormals, infinities, NaN.
std::vector<double> sweep(DType dtype) {
  std::vector<double> v;
  const RandomStream stream{11, 5};
  for (std::uint64_t i = 0; i < 3000; ++i) v.push_back((stream.uniform(i) - 0.5) * 8);
  for (std::uint64_t i = 0; i < 2000; ++i)
    v.push_back((stream.uniform(5000 + i) - 0.5) * 2 * std::exp2(40 * stream.uniform(9000 + i) - 25));
  for (double x :
       {0.0,    -0.0,   1.0,   -1.0,   0.5,   2.0,  3.0,   8.0,     87.0, 88.5,  89.0,   90.0,  -87.0,    -88.5,
        -103.0, -104.5, 700.0, -745.0, 710.0, 1e30, -1e30, 40000.0, -1e6, 1e-40, -1e-40, 1e-30, 1 + 1e-6, 1 - 1e-6})
    v.push_back(x);
  const double inf = std::numeric_limits<double>::infinity();
  v.insert(v.end(), {inf, -inf, std::numeric_limits<double>::quiet_NaN()});
  if (dtype == f32)
    for (double& x : v) x = static_cast<float>(x);
  return v;
}

double tolerance(DType t) {
  return t == f64 ? 4e-15 : t == f32 ? 1e-6 : t == f16 ? 2e-3 : 2e-2;
}

/// Elements equal within `relative` of their size or `absolute`; equal infinities and NaN count as equal.
void expect_near(const Tensor& got, const Tensor& expected, double relative, double absolute, const std::string& what,
                 const std::vector<double>& x = {}) {
  ASSERT_EQ(got.shape(), expected.shape()) << what;
  ASSERT_EQ(got.dtype(), expected.dtype()) << what;
  const auto a = got.to_vector<double>(), b = expected.to_vector<double>();
  int shown = 0;
  for (std::size_t i = 0; i < a.size() && shown < 4; ++i) {
    if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
    if (std::fabs(a[i] - b[i]) <= relative * std::fabs(b[i]) + absolute) continue;
    ++shown;
    ADD_FAILURE() << what << " element " << i << (x.empty() ? "" : " of " + to_string(x[i % x.size()])) << ": " << a[i]
                  << ", expected " << b[i];
  }
}

std::vector<const OpInfo*> formulas(std::string_view family, std::size_t inputs) {
  std::vector<const OpInfo*> list;
  for (const OpInfo* op : all_ops())
    if (op->family == family && op->elementwise && op->signature.inputs.size() == inputs) list.push_back(op);
  return list;
}

Tensor run(const OpInfo& op, std::initializer_list<Tensor> inputs) {
  const AttrMap none;
  const Attrs attrs = op.make(none);
  std::vector<Operand> operands;
  for (const Tensor& t : inputs) operands.emplace_back(t);
  return apply_op(op, attrs.get(), operands)[0];
}

/// Formulas that subtract nearly equal numbers are exact only absolutely.
double absolute_of(const OpInfo& op, DType dtype) {
  const double unit = dtype == f64 ? 1e-15 : 1e-7;
  for (const char* name : {"gelu", "silu", "sin", "cos", "softplus", "logaddexp", "sigmoid", "mod"})
    if (op.name == name) return 4 * unit;
  return dtype == f32 ? 2e-38 : 1e-300;  // results below the smallest normal number may be flushed to 0
}

TEST(CpuElementwise, UnaryFormulasAgreeWithTheReference) {
  for (DType dtype : {f32, f64}) {
    const auto values = sweep(dtype);
    const Tensor x = tensor_of(values, {static_cast<std::int64_t>(values.size())}).to(dtype);
    for (const OpInfo* op : formulas("unary", 1)) {
      if (op->types == Types::integral) continue;
      expect_near(run(*op, {x}), run(*op, {x.to(ref())}).to(cpu), tolerance(dtype), absolute_of(*op, dtype),
                  op->name + " " + std::string(name_of(dtype)), values);
    }
  }
}

TEST(CpuElementwise, BinaryFormulasAgreeWithTheReference) {
  for (DType dtype : {f32, f64}) {
    const auto values = sweep(dtype);
    const auto n = static_cast<std::int64_t>(values.size());
    auto shuffled = values;
    std::rotate(shuffled.begin(), shuffled.begin() + 1237, shuffled.end());
    const Tensor a = tensor_of(values, {n}).to(dtype), b = tensor_of(shuffled, {n}).to(dtype);
    for (const OpInfo* op : formulas("binary", 2)) {
      if (op->types == Types::integral) continue;
      if (dtype == f32 && (op->name == "mod" || op->name == "floor_divide"))
        continue;  // f32 jumps where double does not
      expect_near(run(*op, {a, b}), run(*op, {a.to(ref()), b.to(ref())}).to(cpu), tolerance(dtype),
                  absolute_of(*op, dtype), op->name + " " + std::string(name_of(dtype)), values);
    }
    const Tensor c = less(a, 0.3);
    EXPECT_EQ(bytes(where(c, a, b)), bytes(where(c.to(ref()), a.to(ref()), b.to(ref())).to(cpu)));
  }
}

TEST(CpuElementwise, IntegersBoolsAndShortFloats) {
  std::vector<std::int64_t> numbers;
  for (std::int64_t i = 0; i < 1111; ++i) numbers.push_back((i * 37) % 255 - 120);
  const Tensor base = tensor_of(numbers, {1111});
  for (DType dtype : {boolean, u8, i32, i64, f16, bf16}) {
    const Tensor a = base.to(dtype), b = (base + 3).to(dtype);
    for (const char* family : {"unary", "binary"})
      for (const OpInfo* op : formulas(family, family == std::string("unary") ? 1 : 2)) {
        if (op->types == Types::integral && is_floating(dtype)) continue;
        if (op->name.find("shift") != op->name.npos) continue;  // by negative numbers: undefined
        const auto apply = [&](const Tensor& x, const Tensor& y) {
          return op->signature.inputs.size() == 1 ? run(*op, {x}) : run(*op, {x, y});
        };
        expect_near(apply(a, b), apply(a.to(ref()), b.to(ref())).to(cpu), tolerance(is_floating(dtype) ? dtype : f32),
                    is_floating(dtype) ? 1e-3 : 1e-6, op->name + " " + std::string(name_of(dtype)));
      }
  }
}

TEST(CpuElementwise, LengthsAndThreadsDoNotChangeBits) {
  const auto values = sweep(f32);
  std::vector<double> many;
  for (int i = 0; i < 9; ++i) many.insert(many.end(), values.begin(), values.end());
  const auto n = static_cast<std::int64_t>(many.size());
  for (DType dtype : {f32, f64, f16}) {
    const Tensor x = tensor_of(many, {n}).to(dtype), y = tensor_of(many, {n}).to(dtype);
    for (const char* name : {"exp", "tanh", "gelu", "log1p", "sin", "relu", "sigmoid"}) {
      const OpInfo& op = get_op(name);
      const Tensor whole = run(op, {x});
      const auto expected = bytes(whole);
      const std::size_t size = size_of(dtype);
      for (std::int64_t length : {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 1023, 1025}) {
        const auto part =
            bytes(run(op, {tensor_of(std::vector<double>(many.begin(), many.begin() + length), {length}).to(dtype)}));
        EXPECT_EQ(0, std::memcmp(part.data(), expected.data(), static_cast<std::size_t>(length) * size))
            << name << " " << length;
      }
      for (int threads : {1, 2, 3, 7}) {
        Threads scope(threads);
        EXPECT_EQ(bytes(run(op, {x})), expected) << name << " with " << threads << " threads";
      }
    }
  }
}

TEST(CpuElementwise, StridesAndBroadcasting) {
  for (DType dtype : {f32, f64, i32, f16}) {
    const Tensor image = (rand({3, 5, 17, 66}) * 50).to(dtype), bias = (rand({5, 1, 1}) * 50).to(dtype),
                 row = (rand({66}) * 50).to(dtype), column = (rand({17, 1}) * 50).to(dtype),
                 one = full({}, 3).to(dtype);
    const auto compare = [&](const Tensor& a, const Tensor& b) {
      EXPECT_EQ(bytes(sub(a, b)), bytes(sub(a.to(ref()), b.to(ref())).to(cpu)))
          << name_of(dtype) << " " << to_string(b.shape());
    };
    compare(image, bias);
    compare(bias, image);
    compare(image, row);
    compare(image, column);
    compare(image, one);
    compare(one, image);
    compare(one, one);
    compare(image.permute({3, 1, 2, 0}), image.permute({3, 1, 2, 0}));
    compare(image.permute({2, 0, 3, 1}), bias.reshape({5}));
    compare(image.transpose(), column.reshape({17}));
    compare(broadcast_to(row, {17, 66}), broadcast_to(column, {17, 66}));
    for (const Dims& axes : {Dims{3, 1, 2, 0}, Dims{0, 2, 3, 1}, Dims{1, 0, 3, 2}})
      EXPECT_EQ(bytes(image.permute(axes).contiguous()), bytes(image.to(ref()).permute(axes).contiguous().to(cpu)));
    for (const Shape& shape : {Shape{2, 3, 37, 41}, Shape{3, 5, 2}, Shape{3, 3, 3}, Shape{1, 3, 2, 2}}) {  // planes and pixels
      const Tensor planes = (rand(shape) * 50).to(dtype);
      for (const Tensor& t : {planes.permute(shape.rank() == 4 ? Dims{0, 2, 3, 1} : Dims{1, 2, 0}),
                              planes.permute(shape.rank() == 4 ? Dims{0, 3, 1, 2} : Dims{2, 0, 1})})
        EXPECT_EQ(bytes(t.contiguous()), bytes(t.to(ref()).contiguous().to(cpu))) << name_of(dtype) << to_string(shape);
      const Tensor pixels = (rand({2, 19, 61, 3}) * 50).to(dtype).permute({0, 3, 1, 2});
      EXPECT_EQ(bytes(pixels.contiguous()), bytes(pixels.to(ref()).contiguous().to(cpu))) << name_of(dtype);
    }
    for (DType to : {boolean, u8, i64, f16, bf16, f32, f64})
      EXPECT_EQ(bytes(image.permute({3, 0, 1, 2}).to(to)), bytes(image.to(ref()).permute({3, 0, 1, 2}).to(to).to(cpu)));
  }
}

template <class T> void check_gemm(std::int64_t m, std::int64_t n, std::int64_t k, bool ta, bool tb, bool accumulate) {
  const RandomStream stream{3, static_cast<std::uint64_t>(m * 1000 + n * 10 + k)};
  const std::int64_t lda = (ta ? m : k) + 3, ldb = (tb ? k : n) + 1, ldc = n + 2;
  std::vector<T> a(static_cast<std::size_t>(lda * (ta ? k : m))), b(static_cast<std::size_t>(ldb * (tb ? n : k))),
      c(static_cast<std::size_t>(ldc * m), T(0.5));
  std::uint64_t i = 0;
  for (T& v : a) v = static_cast<T>(stream.uniform(i++) - 0.5);
  for (T& v : b) v = static_cast<T>(stream.uniform(i++) - 0.5);
  cpu_kernels::gemm(ta, tb, m, n, k, a.data(), lda, b.data(), ldb, c.data(), ldc, accumulate);
  const double unit = std::is_same_v<T, float> ? 1e-6 : 2e-15;
  for (std::int64_t r = 0; r < m; ++r)
    for (std::int64_t j = 0; j < n + 2; ++j) {
      double sum = accumulate || j >= n ? 0.5 : 0, size = 1;
      for (std::int64_t p = 0; p < k && j < n; ++p) {
        const double term = static_cast<double>(a[static_cast<std::size_t>(ta ? p * lda + r : r * lda + p)]) *
                            static_cast<double>(b[static_cast<std::size_t>(tb ? j * ldb + p : p * ldb + j)]);
        sum += term;
        size += std::fabs(term);
      }
      ASSERT_NEAR(c[static_cast<std::size_t>(r * ldc + j)], sum, unit * size)
          << m << "x" << n << "x" << k << " at " << r << ", " << j << " flags " << ta << tb << accumulate;
    }
}

TEST(CpuGemm, AgreesWithDoubleLoops) {
  for (std::int64_t m : {1, 2, 5, 12, 13, 37, 101})
    for (std::int64_t n : {1, 16, 31, 65})
      for (std::int64_t k : {0, 1, 31, 530})
        for (int flags = 0; flags < 8; ++flags) {
          check_gemm<float>(m, n, k, flags & 1, flags & 2, flags & 4);
          check_gemm<double>(m, n, k, flags & 1, flags & 2, flags & 4);
        }
}

TEST(CpuGemm, FewRowsByManyAgreeWithDoubleLoops) {
  for (std::int64_t m : {13, 66})
    for (int flags = 0; flags < 4; ++flags) {
      check_gemm<float>(m, 257, 300, flags & 1, flags & 2, m == 13);
      check_gemm<double>(m, 257, 300, flags & 1, flags & 2, m == 66);
    }
  check_gemm<float>(128, 256, 64, false, true, false);
}

TEST(CpuGemm, SmallResultsOfLongSumsAgreeWithDoubleLoops) {
  for (const bool accumulate : {false, true}) {
    check_gemm<float>(10, 33, 4100, true, false, accumulate);
    check_gemm<double>(3, 70, 5000, true, false, accumulate);
  }
  const Tensor a = randn({9000, 24}), b = randn({9000, 40});
  const auto expected = bytes(matmul(a, b, true));
  for (int threads : {1, 2, 3, 7}) {
    Threads scope(threads);
    EXPECT_EQ(bytes(matmul(a, b, true)), expected) << threads;
  }
}

TEST(CpuGemm, ThreadsAndBatchSizeDoNotChangeBits) {
  for (const bool across : {false, true})
    for (const std::int64_t n : {211, 400}) {
      const Tensor a = randn({173, 700}), b = across ? randn({n, 700}) : randn({700, n});
      const auto expected = bytes(matmul(a, b, false, across));
      for (int threads : {1, 2, 3, 7}) {
        Threads scope(threads);
        EXPECT_EQ(bytes(matmul(a, b, false, across)), expected) << threads;
      }
      const auto rows = a.to_vector<float>();
      for (std::int64_t m : {1, 2, 5, 30, 100}) {  // the first rows alone are the first rows of the whole
        if (across && m < 5) continue;             // summed otherwise
        const auto part = bytes(matmul(tensor_of(std::vector<float>(rows.begin(), rows.begin() + m * 700), {m, 700}), b, false, across));
        EXPECT_EQ(0, std::memcmp(part.data(), expected.data(), part.size())) << m << " rows";
      }
    }
}

TEST(CpuMatMul, BatchesBroadcastStridesAndTypes) {
  const auto compare = [](const Tensor& a, const Tensor& b, bool ta = false, bool tb = false) {
    const double tol = a.dtype() == f64 ? 1e-13 : a.dtype() == f32 ? 2e-5 : a.dtype() == f16 ? 2e-2 : 2e-1;
    expect_near(matmul(a, b, ta, tb), matmul(a.to(ref()), b.to(ref()), ta, tb).to(cpu), tol, tol,
                to_string(a.shape()) + " times " + to_string(b.shape()));
  };
  for (DType t : {f32, f64, f16, bf16}) {
    const auto r = [t](const Shape& s) { return randn(s).to(t); };
    compare(r({5, 7}), r({7, 3}));
    compare(r({2, 3, 5, 7}), r({7, 4}));
    compare(r({2, 1, 5, 7}), r({3, 7, 4}));
    compare(r({9, 5, 7}), r({9, 7, 4}));
    compare(r({5, 7}), r({6, 7, 4}));
    compare(r({4, 7, 5}), r({4, 6, 7}), true, true);
    compare(r({7, 5}).transpose(), r({4, 7}).transpose());
    compare(r({3, 5, 7, 2}).permute({3, 0, 1, 2}), r({2, 7, 3}).permute({0, 1, 2}).reshape({2, 1, 7, 3}));
    compare(broadcast_to(r({1, 7}), {4, 7}), broadcast_to(r({7, 1}), {7, 3}));
    compare(r({0, 7}), r({7, 3}));
    compare(r({2, 0}), r({0, 3}));
  }
  EXPECT_EQ(matmul(tensor({{1, 2}, {3, 4}}), tensor({{5, 6}, {7, 8}})).to_vector<int>(),
            (std::vector<int>{19, 22, 43, 50}));
}

Tensor on_ref(const Tensor& x) { return x.to(ref()); }

TEST(CpuReduce, AnyAxesStridesAndTypes) {
  for (DType t : {f32, f64, f16}) {
    const double tol = t == f64 ? 1e-13 : t == f32 ? 2e-6 : 2e-3;
    const auto compare = [&](const Tensor& x, const Dims& axes) {
      const std::string what = std::string(name_of(t)) + to_string(x.shape()) + " along " + to_string(axes);
      const double size =
          static_cast<double>(x.numel()) / static_cast<double>(std::max<std::int64_t>(1, sum(x, axes).numel()));
      expect_near(sum(x, axes), sum(on_ref(x), axes).to(cpu), tol, tol * std::sqrt(size), "sum " + what);
      if (x.numel() == 0) return;
      EXPECT_EQ(bytes(amax(x, axes)), bytes(amax(on_ref(x), axes).to(cpu))) << "amax " << what;
      EXPECT_EQ(bytes(amin(x, axes)), bytes(amin(on_ref(x), axes).to(cpu))) << "amin " << what;
    };
    const Tensor image = randn({3, 5, 17, 66}).to(t);
    for (const Dims& axes :
         {Dims{}, Dims{0}, Dims{1}, Dims{2}, Dims{3}, Dims{0, 2, 3}, Dims{1, 3}, Dims{0, 1}, Dims{2, 3}, Dims{0, 3}}) {
      compare(image, axes);
      compare(image.permute({2, 0, 3, 1}), axes);
      compare(broadcast_to(image.to(f32).reshape({3, 5, 17, 66}).to(t), {3, 5, 17, 66}), axes);
    }
    compare(randn({40000}).to(t), {});
    compare(randn({3000, 7}).to(t), {0});
    compare(randn({3000, 70}).to(t), {0});
    const Tensor channels_last = randn({4, 32, 20, 3}).to(t).permute({0, 3, 1, 2});
    for (const Dims& axes : {Dims{}, Dims{0, 2, 3}, Dims{2, 3}, Dims{0}, Dims{1}, Dims{0, 1, 2}, Dims{3}}) compare(channels_last, axes);
    compare(broadcast_to(randn({1, 7}).to(t), {9, 7}), {0});
    compare(randn({4, 1, 3}).to(t), {1});
    compare(randn({4, 3}).to(t).transpose().unsqueeze(0), {0});
    compare(randn({}).to(t), {});
    compare(zeros({0, 4}).to(t), {0});
  }
  const Tensor bad = tensor({1.0f, std::nanf(""), 3.0f});
  EXPECT_TRUE(std::isnan(amax(bad).item())) << "NaN wins";
  EXPECT_TRUE(std::isnan(amin(bad).item()));
}

TEST(CpuSoftmax, AgreesWithTheReferenceAlongAnyAxis) {
  for (DType t : {f32, f64, f16}) {
    const double tol = t == f64 ? 1e-13 : t == f32 ? 2e-6 : 2e-3;
    const Tensor x = (randn({6, 13, 5}) * 8).to(t), g = randn({6, 13, 5}).to(t);
    for (int axis : {0, 1, 2, -1}) {
      for (const char* name : {"softmax", "log_softmax"}) {
        const OpInfo& op = get_op(name);
        const Attrs attrs = op.make({{"axis", std::int64_t{axis}}});
        const auto apply = [&](const Tensor& v) { return apply_op(op, attrs.get(), std::array<Operand, 1>{v})[0]; };
        expect_near(apply(x), apply(on_ref(x)).to(cpu), tol, tol, name);
        expect_near(apply(x.transpose()), apply(on_ref(x.transpose())).to(cpu), tol, tol, name);
      }
      const OpInfo& op = get_op("softmax_grad");
      const Attrs attrs = op.make({{"axis", std::int64_t{axis}}});
      const auto apply = [&](const Tensor& a, const Tensor& b) {
        return apply_op(op, attrs.get(), std::array<Operand, 2>{a, b})[0];
      };
      expect_near(apply(x, g), apply(on_ref(x), on_ref(g)).to(cpu), 10 * tol, 100 * tol, op.name);
    }
    const Tensor labels = tensor({0, 12, -100, 3, 7, 7});
    for (double smoothing : {0.0, 0.1}) {
      const AttrMap map{{"label_smoothing", smoothing}};
      const Tensor z = x.reshape({6, 13, 5}).permute({0, 1, 2}).to(t), first = sum(z, {2}), weight = randn({6}).to(t);
      const OpInfo &loss = get_op("softmax_cross_entropy"), &grad = get_op("softmax_cross_entropy_grad");
      const Attrs a = loss.make(map), b = grad.make(map);
      const auto forward = [&](const Tensor& v, const Tensor& l) {
        return apply_op(loss, a.get(), std::array<Operand, 2>{v, l})[0];
      };
      const auto backward = [&](const Tensor& v, const Tensor& l, const Tensor& w) {
        return apply_op(grad, b.get(), std::array<Operand, 3>{v, l, w})[0];
      };
      expect_near(forward(first, labels), forward(on_ref(first), on_ref(labels)).to(cpu), tol, 4 * tol,
                  "cross entropy");
      expect_near(backward(first, labels, weight), backward(on_ref(first), on_ref(labels), on_ref(weight)).to(cpu),
                  2 * tol, 4 * tol, "its gradient");
      EXPECT_THROW(forward(first, tensor({0, 13, 0, 0, 0, 0})), Error);
    }
  }
}

TEST(CpuCopies, MoveTheSameBits) {
  for (DType t : {f32, f64, i64, f16, u8}) {
    const Tensor x = (rand({4, 9, 33}) * 60).to(t), y = (rand({4, 5, 33}) * 60).to(t);
    const auto same = [&](const Tensor& a, const Tensor& b, const char* what) {
      EXPECT_EQ(bytes(a), bytes(b.to(cpu))) << what << " " << name_of(t);
    };
    same(concat({x, y}, 1), concat({on_ref(x), on_ref(y)}, 1), "concat");
    same(concat({x.transpose(), y.transpose()}, 2), concat({on_ref(x.transpose()), on_ref(y.transpose())}, 2),
         "concat of views");
    const Tensor index = tensor({3, -1, 0, 3});
    same(take(x, index, 0), take(on_ref(x), on_ref(index), 0), "take");
    same(take(x.transpose(), index, -1), take(on_ref(x.transpose()), on_ref(index), -1), "take of a view");
    same(full({3000}, 7.5).to(t), full({3000}, 7.5, {.device = ref()}).to(t), "full");
  }
  EXPECT_THROW(take(ones({3, 2}), tensor({3}), 0), Error);
  const Tensor g = randn({5, 200}), index = tensor({1, 0, 1, -1, 1});
  expect_near(segment_sum(g, index, 4, 0), segment_sum(on_ref(g), on_ref(index), 4, 0).to(cpu), 1e-6, 1e-6,
              "segment_sum");
}

TEST(CpuRandom, TheReferencesStreamOnAnyThreads) {
  const auto draw = [](Device d) {
    manual_seed(5);
    return std::vector<Tensor>{rand({70001}, {.device = d}), randn({30001}, {.dtype = f64, .device = d}),
                               randn({999}, {.dtype = f16, .device = d})};
  };
  const auto expected = draw(ref());
  for (int threads : {1, 3}) {
    Threads scope(threads);
    const auto got = draw(cpu);
    for (std::size_t i = 0; i < got.size(); ++i) EXPECT_EQ(bytes(got[i]), bytes(expected[i].to(cpu))) << i;
  }
  const OpInfo& op = get_op("dropout");
  const Attrs attrs = op.make({{"p", 0.3}, {"stream", std::vector<std::int64_t>{9, 2}}});
  const Tensor x = randn({37, 401});
  const auto apply = [&](const Tensor& v) { return apply_op(op, attrs.get(), std::array<Operand, 1>{v})[0]; };
  EXPECT_EQ(bytes(apply(x)), bytes(apply(on_ref(x)).to(cpu)));
  EXPECT_EQ(bytes(apply(x.transpose())), bytes(apply(on_ref(x.transpose())).to(cpu)));
}

TEST(CpuKernels, ThreadsDoNotChangeBits) {
  const Tensor x = randn({64, 3, 30, 31}), big = randn({200001});
  const auto results = [&] {
    std::vector<std::vector<unsigned char>> all;
    for (const Tensor& t :
         {sum(x), sum(x, {0, 2, 3}), sum(x, {0}), sum(x, {3}), sum(big), amax(x, {1}), run(get_op("softmax"), {x}),
          run(get_op("log_softmax"), {big}), x.permute({0, 2, 3, 1}).contiguous(), x.to(f16), x * 0.3})
      all.push_back(bytes(t));
    return all;
  };
  Threads outer(1);
  const auto expected = results();
  for (int threads : {2, 3, 7}) {
    Threads scope(threads);
    EXPECT_EQ(results(), expected) << threads << " threads";
  }
}

/// Three steps from {1, -2, 3, 0.5} with gradients {0.3, -0.1, 0.7, -2} * (i + 1) + 0.05 i.
template <class F> Tensor three_steps(DType dtype, Device device, F&& step) {
  Tensor p = tensor({1.0, -2.0, 3.0, 0.5}, {.device = device}).to(dtype);
  const Tensor g = tensor_of(std::vector<double>{0.3, -0.1, 0.7, -2}, {4}, {.device = device});
  for (int i = 0; i < 3; ++i) p = step(p, (g * (i + 1) + 0.05 * i).to(dtype), i);
  return p.to(cpu);
}

TEST(CpuUpdate, AdamAndSgdAreThoseOfPyTorch) {
  // Figures of torch.optim 2.15 in float64.
  const Tensor adam = tensor_of(
                   std::vector<double>{0.708982279485561, -1.70126535632919, 2.7079555955569, 0.792562736862083}, {4}),
               adamw = tensor_of(
                   std::vector<double>{0.703993985529919, -1.69081635255244, 2.69105494844644, 0.788996564255735}, {4}),
               plain = tensor_of(std::vector<double>{0.805, -1.955, 2.565, 1.685}, {4}),
               heavy = tensor_of(
                   std::vector<double>{0.7463154575625, -1.92679875575, 2.4243112589375, 2.04414213096875}, {4}),
               nesterov = tensor_of(std::vector<double>{0.53068, -1.88696, 1.94832, 3.37925}, {4});
  for (DType t : {f64, f32})
    for (Device d : {cpu, ref()}) {
      const double tol = t == f64 ? 1e-13 : 2e-6;
      const auto expect = [&](const Tensor& got, const Tensor& want, const char* what) {
        expect_near(got.to(f64), want, tol, tol, what);
      };
      const auto with_adam = [&](AdamUpdateOptions o) {
        Tensor m = zeros({4}, {.dtype = t, .device = d}), v = m;
        return three_steps(t, d, [&](const Tensor& p, const Tensor& g, int i) {
          o.step = i + 1;
          const Tensors next = adam_update(p, g, m, v, o);
          m = next[1];
          v = next[2];
          return next[0];
        });
      };
      const auto with_sgd = [&](const SgdUpdateOptions& o) {
        Tensor buffer;
        return three_steps(t, d, [&](const Tensor& p, const Tensor& g, int) {
          const Tensors next = sgd_update(p, g, buffer, o);
          if (o.momentum != 0) buffer = next[1];
          return next[0];
        });
      };
      expect(with_adam({.lr = 0.1, .weight_decay = 0.01}), adam, "Adam");
      expect(with_adam({.lr = 0.1, .weight_decay = 0.02, .decoupled = true}), adamw, "AdamW");
      expect(with_sgd({.lr = 0.1}), plain, "SGD");
      expect(with_sgd({.lr = 0.1, .momentum = 0.9, .dampening = 0.25, .weight_decay = 0.01}), heavy,
             "SGD with momentum");
      expect(with_sgd({.lr = 0.1, .momentum = 0.9, .nesterov = true}), nesterov, "SGD with Nesterov's momentum");
    }
  EXPECT_THROW(adam_update(ones({2}), ones({3}), ones({2}), ones({2})), Error);
}

TEST(CpuUpdate, IsTheSameInOperatorsOnAnyLengthAndThreads) {
  const Tensor p = randn({40003}), g = randn({40003}), m = randn({40003}), v = rand({40003});
  const AdamUpdateOptions o{.lr = 0.01, .weight_decay = 0.1, .step = 4};
  const Tensor gd = g + p * 0.1, m1 = m + (gd - m) * (1 - 0.9), v1 = v * 0.999 + square(gd) * (1 - 0.999);
  const Tensor p1 = p - m1 * (0.01 / (1 - std::pow(0.9, 4))) / (sqrt(v1) / std::sqrt(1 - std::pow(0.999, 4)) + 1e-8);
  for (int threads : {1, 3}) {
    Threads scope(threads);
    const Tensors next = adam_update(p, g, m, v, o);
    EXPECT_EQ(bytes(next[0]), bytes(p1));
    EXPECT_EQ(bytes(next[1]), bytes(m1));
    EXPECT_EQ(bytes(next[2]), bytes(v1));
  }
}

}  // namespace
}  // namespace weft
