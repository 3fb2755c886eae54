#include <cstdio>

#include <weft/weft.h>

int main() {
  weft::Tensor x = weft::tensor({1.0, 2.0, 3.0}).requires_grad(true);
  (x * x).sum().backward();
  const double sum = x.grad().sum().item();
  std::printf("weft %s: %g\n", weft::version(), sum);
  return sum == 12 ? 0 : 1;
}
