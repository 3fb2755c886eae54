// What the tests of optim/ share: five numbers that follow a gradient of known values.
#pragma once

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include <weft/ops/ops.h>
#include <weft/optim/optim.h>

namespace weft::optim::test {

inline const std::vector<double> start = {0.5, -1.25, 2.0, 0.1, -0.75};
/// The gradient of element i at step t (from 1) where the element is p.
inline double gradient(std::int64_t t, std::size_t i, double p) {
  return std::sin(0.3 * static_cast<double>(t) + static_cast<double>(i)) + 0.5 * p;
}

inline Tensor vector(const std::vector<double>& v) { return tensor_of(v, {static_cast<std::int64_t>(v.size())}); }

/// Gradients of these parameters at step t, each of any shape.
inline nn::Gradients gradients(const std::vector<Parameter>& parameters, std::int64_t t) {
  nn::Gradients g;
  for (const Parameter& p : parameters) {
    std::vector<double> v = p.tensor().detach().to_vector<double>();
    for (std::size_t i = 0; i < v.size(); ++i) v[i] = gradient(t, i, v[i]);
    g.parameters.push_back(p.share());
    g.values.push_back(tensor_of(v, p.shape()).to(p.tensor().dtype()));
  }
  return g;
}

inline std::vector<double> values(const Parameter& p) { return p.tensor().detach().to_vector<double>(); }

/// Values of a parameter after `steps` steps of a rule.
inline std::vector<double> train(const Rule& rule, int steps, Shape shape = {5}, std::vector<double> from = start) {
  std::vector<Parameter> p;
  p.push_back(Parameter(tensor_of(from, shape)));
  Optimizer opt{p, rule};
  for (int t = 1; t <= steps; ++t) opt.step(gradients(p, t));
  return values(p[0]);
}

inline void expect_near(const std::vector<double>& got, const std::vector<double>& expected, double relative) {
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i)
    EXPECT_NEAR(got[i], expected[i], relative * std::max(1.0, std::fabs(expected[i]))) << "element " << i;
}

}  // namespace weft::optim::test
