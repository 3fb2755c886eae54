// Gradients of operations made of several operators: against central differences, and PyTorch's figures where it
// chooses among several right answers.
#include <cmath>

#include "support/values.h"

#include <weft/autograd/gradients.h>

namespace weft::testing {
namespace {

using Function = std::function<Tensor(const Tensor&)>;

void expect_gradient(const Function& f, const Tensor& x, const std::string& what) {
  const Function scalar = [&](const Tensor& t) {
    const Tensor y = f(t);
    Generator g(9);
    return sum(y * uniform(y.shape(), -1, 1, {.dtype = f64}, &g));
  };
  const auto got = grad(scalar)(x).to_vector<double>();
  const auto base = x.to_vector<double>();
  for (std::size_t i = 0; i < base.size(); ++i) {
    const auto at = [&](double step) {
      auto moved = base;
      moved[i] += step;
      return scalar(tensor_of(moved, x.shape())).item();
    };
    const double numeric = (at(1e-5) - at(-1e-5)) / 2e-5;
    EXPECT_NEAR(got[i], numeric, 1e-6 * (1 + std::fabs(numeric))) << what << "[" << i << "]";
  }
}

TEST(CompositeGradients, MatchFiniteDifferences) {
  Generator g(1);
  const Tensor x = uniform({3, 4}, -1, 1, {.dtype = f64}, &g), w = uniform({4, 2}, -1, 1, {.dtype = f64}, &g);
  const std::vector<std::pair<const char*, Function>> functions{
      {"mean", [](const Tensor& t) { return mean(t, {0}); }},
      {"var", [](const Tensor& t) { return var(t, {1}); }},
      {"std", [](const Tensor& t) { return weft::std(t, {0}, 0, true); }},
      {"logsumexp", [](const Tensor& t) { return logsumexp(t * 30, {1}); }},
      {"norm 2", [](const Tensor& t) { return norm(t, 2, {1}); }},
      {"norm 3", [](const Tensor& t) { return norm(t, 3); }},
      {"norm 1", [](const Tensor& t) { return norm(t, 1, {0}); }},
      {"norm inf", [](const Tensor& t) { return norm(t, HUGE_VAL); }},
      {"stack", [](const Tensor& t) { return stack({t, t * 2}, 1); }},
      {"split", [](const Tensor& t) { return split(t, 3, 1)[0] * split(t, 3, 1)[1]; }},
      {"tile", [](const Tensor& t) { return tile(t, {2, 1, 2}); }},
      {"roll", [](const Tensor& t) { return roll(t, {1}, {1}) * t; }},
      {"flip", [](const Tensor& t) { return flip(t) * t; }},
      {"pad reflect", [](const Tensor& t) { return square(pad(t, {2, 1}, {1, 2}, 0, PadMode::reflect)); }},
      {"tril", [](const Tensor& t) { return tril(t); }},
      {"diag", [](const Tensor& t) { return square(diag(t, 1)); }},
      {"topk", [](const Tensor& t) { return square(topk(t, 2).values); }},
      {"masked_select", [](const Tensor& t) { return square(masked_select(t, t > 0.0)); }},
      {"segment_mean", [](const Tensor& t) { return segment_mean(t, tensor({1, 0, 1}), 3); }},
      {"segment_min", [](const Tensor& t) { return segment_min(t, tensor({1, 0, 1}), 2); }},
      {"take_along_axis", [](const Tensor& t) { return take_along_axis(t, tensor({{1, 1}}), 1); }},
      {"einsum", [w](const Tensor& t) { return einsum("ij,jk,il->kl", {t, w, t}); }},
      {"einsum diagonal", [w](const Tensor& t) { return einsum("ii->i", {matmul(t, transpose(t))}); }},
      {"tensordot", [w](const Tensor& t) { return tensordot(t, w, 1); }},
      {"matvec", [](const Tensor& t) { return matmul(t, select(t, 0, 1)); }},
      {"outer", [](const Tensor& t) { return outer(select(t, 0, 0), select(t, 0, 1)); }},
      {"quantile", [](const Tensor& t) { return quantile(t, 0.7, {1}); }},
      {"median", [](const Tensor& t) { return median(t); }},
      {"nansum", [](const Tensor& t) { return nansum(square(t), {0}); }},
      {"index", [](const Tensor& t) { return square(t.at({Slice{.step = -2}, tensor({3, 0, 0})})); }},
      {"assignment", [](const Tensor& t) {
         Tensor y = t * 2;
         y[1] = t[0] * t[2];
         y.at({all_of_axis, 3}) = 0;
         return y;
       }},
  };
  for (const auto& [name, f] : functions) expect_gradient(f, x, name);
}

Tensor gradient_of(const Function& f, const Tensor& x) { return grad(f)(x); }

TEST(CompositeGradients, ChooseAsTorchDoes) {
  // torch: amax, cumprod, prod and norm of tensors with ties and zeros.
  expect_values(
      gradient_of([](const Tensor& t) { return max(t, {1}).sum(); }, tensor({{1.0, 2.0, 2.0}, {3.0, 0.0, -1.0}})),
      {2, 3}, {0, 0.5, 0.5, 1, 0, 0});
  expect_values(gradient_of([](const Tensor& t) { return cumprod(t, 0).sum(); }, tensor({2.0, 0.0, 3.0, 0.0})), {4},
                {1, 8, 0, 0});
  expect_values(gradient_of([](const Tensor& t) { return prod(t); }, tensor({2.0, 0.0, 3.0})), {3}, {0, 6, 0});
  expect_values(gradient_of([](const Tensor& t) { return norm(t); }, zeros({2})), {2}, {0, 0});
  expect_values(gradient_of([](const Tensor& t) { return quantile(t, 0.75); }, tensor({4.0, 1.0, 2.0, 8.0})), {4},
                {0.75, 0, 0, 0.25});
}

TEST(CompositeGradients, DropoutUsesOneMask) {
  const Tensor x = ones({50});
  Tensor y;
  const Tensor g = gradient_of([&](const Tensor& t) { return (y = dropout(t, 0.5)).sum(); }, x);
  EXPECT_EQ(g.to_vector<float>(), y.detach().to_vector<float>());
}

}  // namespace
}  // namespace weft::testing
