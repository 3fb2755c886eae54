// Comparing layers with figures from elsewhere.
#pragma once

#include "support/errors.h"

#include <gtest/gtest.h>

#include <cmath>

#include <weft/autograd/gradients.h>
#include <weft/nn/nn.h>

#include "torch_figures.h"

namespace weft::nn {

using testing::error_of;

/// sin(0.7 i + phase): the formula by which torch_figures.py makes inputs and weights.
inline Tensor wave(const Shape& shape, double phase, DType dtype = DType::f32) {
  std::vector<double> v;
  for (std::int64_t i = 0; i < shape.numel(); ++i) v.push_back(std::sin(0.7 * static_cast<double>(i) + phase));
  return tensor_of(v, shape, {.dtype = dtype});
}

inline void expect_near(const Tensor& got, const std::vector<double>& expected, const std::string& what, double tolerance = 2e-5) {
  const auto v = got.to_vector<double>();
  ASSERT_EQ(v.size(), expected.size()) << what;
  for (std::size_t i = 0; i < v.size(); ++i)
    EXPECT_NEAR(v[i], expected[i], tolerance * (1 + std::abs(expected[i]))) << what << ", element " << i;
}

/// Gives the parameters the generator's values, calls the module and compares result and gradients. Sizes that were
/// left out must be found on the way.
template <class M> void expect_layer(M module, const Shape& shape, const figures::Figures& f) {
  const Tensor x = wave(shape, 0).requires_grad(true);
  {
    NoGrad off;
    module(x);  // finds the sizes
  }
  const auto parameters = nn::parameters(module);
  for (std::size_t k = 0; k < parameters.size(); ++k)
    parameters[k].assign(wave(parameters[k].shape(), 1 + static_cast<double>(k)));
  const Tensor y = module(x);
  expect_near(y, f.y, "y");
  std::vector<Tensor> leaves{x};
  for (const Parameter& p : parameters) leaves.push_back(p.tensor());
  ASSERT_EQ(leaves.size(), f.gradients.size());
  const auto gradients = weft::grad(sum(y * wave(y.shape(), 3)), leaves);
  for (std::size_t k = 0; k < leaves.size(); ++k) expect_near(gradients[k], f.gradients[k], "gradient " + std::to_string(k));
}

inline void expect_in(const std::string& text, std::initializer_list<const char*> parts) {
  for (const char* part : parts) EXPECT_NE(text.find(part), text.npos) << "'" << part << "' is not in: " << text;
}

}  // namespace weft::nn
