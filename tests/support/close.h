// What a planned step gives against eager execution.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace weft::testing {

/// The same numbers but for rounding: the kernels of a planned step may be fused, eager execution's are not.
inline void expect_like_eager(const std::vector<float>& planned, const std::vector<float>& eager, double tolerance = 1e-4) {
  ASSERT_EQ(planned.size(), eager.size());
  double worst = 0;
  for (std::size_t i = 0; i < eager.size(); ++i) {
    ASSERT_EQ(std::isnan(planned[i]), std::isnan(eager[i])) << "element " << i;
    if (!std::isnan(eager[i])) worst = std::max(worst, std::abs(double{planned[i]} - eager[i]) / (1 + std::abs(double{eager[i]})));
  }
  EXPECT_LE(worst, tolerance);
}

}  // namespace weft::testing
