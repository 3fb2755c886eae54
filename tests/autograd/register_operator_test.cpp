#include <cmath>

#include <gtest/gtest.h>

#include <weft/autograd/gradients.h>
#include <weft/ops/ops.h>
#include <weft/ops/register_operator.h>

namespace weft {
namespace {

/// A formula with attributes.
struct Softclip {
  double lo = 0;
  float hi = 1;
  int note = 3;
  static constexpr auto signature = sig("test_softclip(x) -> y");
  static constexpr auto doc = "y = lo + (hi - lo) / (1 + e^-x)";
  static constexpr Types types = Types::floating;
  template <class V> V eval(V x) const { return V(lo) + V(hi - lo) / (V(1) + std::exp(-x)); }
  template <class T> T vjp(const Saved<T>& s, T g) const {
    const T y = s.out(0);
    return g * (y - lo) * (hi - y) / (hi - lo);
  }
  static constexpr Saves saves = saves_outputs(0);
};

/// A kernel of its own: the sum of each row.
struct RowSums {
  static constexpr auto signature = sig("test_row_sums(x) -> y");
  static constexpr auto doc = "y[i] = sum over j of x[i, j]";
  static constexpr Types types = Types::floating;
  Metas infer(Inputs in) const {
    check(in[0].shape.rank() == 2, "received ", in[0], "; expected a matrix");
    return {{Shape{in[0].shape[0]}, in[0].dtype}};
  }
  static void run(const KernelCall& call) {
    reference::for_each_index(call.out[0].shape, [&](const Dims& at) {
      double sum = 0;
      for (std::int64_t j = 0; j < call.in[0].shape[1]; ++j) sum += reference::get<double>(call.in[0], {at[0], j});
      reference::put(call.out[0], at, sum);
    });
  }
  template <class T> T vjp(const Saved<T>& s, T g) const {
    return broadcast_to(reshape(g, Shape{s.in_meta(0).shape[0], 1}), s.in_meta(0).shape);
  }
};

TEST(RegisterOperator, MakesAFormulaAnOperator) {
  const OpInfo& info = register_operator<Softclip>();
  EXPECT_EQ(&info, find_op("test_softclip"));
  EXPECT_EQ(&info, &register_operator<Softclip>());
  for (Device device : {cpu, ref()}) {
    Tensor x = tensor({-1.0, 0.0, 2.0}, {.dtype = DType::f64, .device = device}).requires_grad(true);
    Tensor y = apply(Softclip{.lo = -1, .hi = 3}, x);
    const auto value = y.to_vector<double>();
    const double in[] = {-1, 0, 2};
    for (int i = 0; i < 3; ++i) EXPECT_NEAR(value[i], -1 + 4 / (1 + std::exp(-in[i])), 1e-15);
    // Derivative of the logistic function, times 4.
    y.sum().backward();
    const auto slope = x.grad().to_vector<double>();
    for (int i = 0; i < 3; ++i) {
      const double p = 1 / (1 + std::exp(-in[i]));
      EXPECT_NEAR(slope[i], 4 * p * (1 - p), 1e-15);
    }
  }
}

TEST(RegisterOperator, CarriesItsMembersAsAttributes) {
  const OpInfo& info = register_operator<Softclip>();
  Attrs attrs = info.make({{"lo", -2.0}, {"hi", 0.5}, {"note", std::int64_t{7}}});
  const auto& op = *static_cast<const Softclip*>(attrs.get());
  EXPECT_EQ(op.lo, -2);
  EXPECT_EQ(op.hi, 0.5f);
  EXPECT_EQ(op.note, 7);
  EXPECT_EQ(info.get(&op), (AttrMap{{"lo", -2.0}, {"hi", 0.5}, {"note", std::int64_t{7}}}));
  EXPECT_THROW(info.make({{"note", std::int64_t{1} << 40}}), Error);
  EXPECT_THROW(info.make({{"high", 1.0}}), Error);
}

TEST(RegisterOperator, BroadcastsPromotesAndNests) {
  register_operator<Softclip>();
  EXPECT_EQ(apply(Softclip{}, tensor({1, 2})).dtype(), DType::f32);
  // d2/dx2 of the logistic function at 1: p (1 - p) (1 - 2 p).
  auto f = [](const Tensor& x) { return apply(Softclip{}, x).sum(); };
  const double p = 1 / (1 + std::exp(-1.0));
  auto second = grad([=](const Tensor& x) { return grad(f)(x).sum(); })(tensor({1.0}, {.dtype = DType::f64}));
  EXPECT_NEAR(second.item(), p * (1 - p) * (1 - 2 * p), 1e-15);
}

TEST(RegisterOperator, TakesAKernel) {
  register_operator<RowSums>();
  Tensor x = tensor({1.0, 2.0, 3.0, 4.0}).reshape({2, 2}).requires_grad(true);
  Tensor y = apply(RowSums{}, x);
  EXPECT_EQ(y.to_vector<float>(), (std::vector<float>{3, 7}));
  (y * tensor({1.0, 10.0})).sum().backward();
  EXPECT_EQ(x.grad().to_vector<float>(), (std::vector<float>{1, 1, 10, 10}));
  EXPECT_THROW(apply(RowSums{}, tensor({1.0})), Error);
}

}  // namespace
}  // namespace weft
