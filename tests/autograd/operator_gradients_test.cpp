// Gradients of order 1 and 2 of every differentiable operator against central differences in float64.
#include <cmath>

#include "support/operator_cases.h"

#include <weft/autograd/gradients.h>

namespace weft::testing {
namespace {

class OperatorGradients : public ::testing::TestWithParam<Operator> {};

/// The scalar that is differentiated: the outputs weighted by fixed numbers (some of the leaves).
struct Function {
  const OpInfo& info;
  const OpCase& c;
  std::size_t operator_inputs;

  Tensor value(const std::vector<Tensor>& leaves) const {
    const std::vector<Operand> operands(leaves.begin(), leaves.begin() + static_cast<std::ptrdiff_t>(operator_inputs));
    const Tensors out = apply_op(info, c.attrs.get(), operands);
    Tensor total = zeros({}, {.dtype = f64});
    std::size_t k = operator_inputs;
    for (const Tensor& y : out)
      if (is_floating(y.dtype())) total = total + sum(y * leaves[k++]);
    return total;
  }

  /// The gradients of value; zeros where it does not depend on a leaf.
  std::vector<Tensor> gradients(const std::vector<Tensor>& leaves, bool create_graph) const {
    std::vector<Tensor> tracked, wanted;
    for (const Tensor& t : leaves) {
      tracked.push_back(is_floating(t.dtype()) && !t.requires_grad() ? t.requires_grad(true) : t);
      if (is_floating(t.dtype())) wanted.push_back(tracked.back());
    }
    std::vector<Tensor> g = grad(value(tracked), wanted, {.create_graph = create_graph, .allow_unused = true});
    for (std::size_t i = 0; i < g.size(); ++i)
      if (!g[i].defined()) g[i] = zeros_like(wanted[i].detach());
    return g;
  }

  /// The gradients weighted by fixed numbers: a scalar to differentiate again.
  Tensor slope(const std::vector<Tensor>& leaves, bool create_graph) const {
    Tensor total = zeros({}, {.dtype = f64});
    std::uint64_t k = 0;
    for (const Tensor& g : gradients(leaves, create_graph)) {
      Generator weights(1000 + k++);
      total = total + sum(g * uniform(g.shape(), -1, 1, {.dtype = f64}, &weights));
    }
    return total;
  }
};

/// Compares `analytic`, a gradient for each floating leaf, with central differences of f at up to 24 elements of each.
template <class F>
void expect_gradients(F&& f, const std::vector<Tensor>& leaves, const std::vector<Tensor>& analytic, double tolerance,
                      const std::string& what) {
  std::size_t which = 0;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    if (!is_floating(leaves[i].dtype())) continue;
    ASSERT_EQ(to_string(analytic[which].shape()), to_string(leaves[i].shape())) << what << ", input " << i;
    const auto got = analytic[which++].detach().to_vector<double>();
    const auto base = leaves[i].to_vector<double>();
    for (std::size_t k = 0; k < base.size(); k += std::max<std::size_t>(1, base.size() / 24)) {
      const double h = 1e-5;
      const auto at = [&](double step) {
        std::vector<double> moved = base;
        moved[k] += step;
        std::vector<Tensor> list = leaves;
        list[i] = tensor_of(moved, leaves[i].shape());
        return f(list).template item<double>();
      };
      const double numeric = (at(h) - at(-h)) / (2 * h);
      ASSERT_NEAR(got[k], numeric, tolerance * (1 + std::fabs(numeric))) << what << ", input " << i << "[" << k << "]";
    }
  }
}

TEST_P(OperatorGradients, MatchFiniteDifferences) {
  const OpInfo& info = *GetParam().info;
  const auto cases = cases_of(info);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const std::string what = info.name + " case " + std::to_string(i);
    std::vector<Tensor> leaves = inputs_of(info, cases[i], f64);
    const Function f{info, cases[i], leaves.size()};
    const auto outputs = apply_case(info, cases[i], leaves, cpu);
    Generator g(3);
    bool floating_output = false;
    for (const Tensor& y : outputs)
      if (is_floating(y.dtype())) {
        leaves.push_back(uniform(y.shape(), -1, 1, {.dtype = f64}, &g));
        floating_output = true;
      }
    if (!floating_output || f.operator_inputs == 0) continue;
    expect_gradients(
        [&](const auto& list) {
          NoGrad off;
          return f.value(list);
        },
        leaves, f.gradients(leaves, false), 2e-6, what);
    if (HasFatalFailure()) return;

    std::vector<Tensor> tracked, wanted;
    for (const Tensor& t : leaves) {
      tracked.push_back(is_floating(t.dtype()) ? t.requires_grad(true) : t);
      if (is_floating(t.dtype())) wanted.push_back(tracked.back());
    }
    const Tensor slope = f.slope(tracked, true);
    std::vector<Tensor> second(wanted.size());
    if (slope.requires_grad()) second = grad(slope, wanted, {.allow_unused = true});
    for (std::size_t k = 0; k < second.size(); ++k)
      if (!second[k].defined()) second[k] = zeros_like(wanted[k].detach());
    expect_gradients([&](const auto& list) { return f.slope(list, false); }, leaves, second, 2e-5, what + ", order 2");
    if (HasFatalFailure()) return;
  }
}

std::vector<Operator> differentiable() {
  std::vector<Operator> list;
  for (const Operator& op : operators())
    if (op->differentiable && !op->signature.inputs.empty()) list.push_back(op);
  return list;
}
INSTANTIATE_TEST_SUITE_P(All, OperatorGradients, ::testing::ValuesIn(differentiable()), operator_name);

}  // namespace
}  // namespace weft::testing
