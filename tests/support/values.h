// Comparing tensors with numbers written in a test.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include <weft/ops/ops.h>

#include "support/errors.h"

namespace weft::testing {

/// Shape and elements; NaN equals NaN.
inline void expect_values(const Tensor& t, const Shape& shape, const std::vector<double>& values,
                          double tolerance = 1e-6) {
  ASSERT_EQ(to_string(t.shape()), to_string(shape));
  const auto got = t.detach().to_vector<double>();
  ASSERT_EQ(got.size(), values.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (std::isnan(values[i])) EXPECT_TRUE(std::isnan(got[i])) << i;
    else if (std::isinf(values[i])) EXPECT_EQ(got[i], values[i]) << i;
    else EXPECT_NEAR(got[i], values[i], tolerance * (1 + std::fabs(values[i]))) << "element " << i;
  }
}

}  // namespace weft::testing
