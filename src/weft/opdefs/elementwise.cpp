#include <weft/opdefs/elementwise.h>

#include <cmath>

#include <weft/opdefs/axes.h>

namespace weft {

namespace op {
Axes Cast::axes_of(Inputs in) const { return parallel_axes(in); }
}  // namespace op

double math::erfinv(double x) {
  if (!(x > -1 && x < 1)) return x == 1 ? HUGE_VAL : x == -1 ? -HUGE_VAL : std::numeric_limits<double>::quiet_NaN();
  // Giles (2011), table 5, single precision; then Newton steps on erf(y) - x to double precision.
  double w = -std::log((1 - x) * (1 + x)), p;
  if (w < 5) {
    w -= 2.5;
    p = 2.81022636e-08;
    for (double c : {3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503, -0.00417768164,
                     0.246640727, 1.50140941})
      p = c + p * w;
  } else {
    w = std::sqrt(w) - 3;
    p = -0.000200214257;
    for (double c : {0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047,
                     1.00167406, 2.83297682})
      p = c + p * w;
  }
  double y = p * x;
  for (int i = 0; i < 2; ++i) {
    const double error = std::fabs(x) < 0.5 ? std::erf(y) - x : x > 0 ? (1 - x) - std::erfc(y) : std::erfc(-y) - (1 + x);
    y -= error / (1.12837916709551257390 * std::exp(-y * y));
  }
  return y;
}

void register_elementwise_ops() {
  add_ops(op::Unary{}, "unary");
  add_ops(op::Binary{}, "binary");
  add_ops(op::Ternary{}, "binary");
  add_ops(op::Casts{}, "create");
}

}  // namespace weft
