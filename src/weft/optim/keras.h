// Keras's defaults and formulas where they differ from PyTorch's.
#pragma once

#include <weft/optim/rules.h>

namespace weft::optim::keras {

/// keras.optimizers.SGD. (Its velocity holds the learning rate: with momentum and a changing lr it differs slightly.)
inline SGD sgd(double lr = 0.01, double momentum = 0) { return {.lr = lr, .momentum = momentum}; }
/// keras.optimizers.Adam
inline Adam adam(double lr = 1e-3) { return {.lr = lr, .eps = 1e-7, .keras = true}; }
/// keras.optimizers.AdamW
inline AdamW adamw(double lr = 1e-3) { return {.lr = lr, .eps = 1e-7, .weight_decay = 0.004, .keras = true}; }
/// keras.optimizers.RMSprop
inline RMSprop rmsprop(double lr = 1e-3) { return {.lr = lr, .alpha = 0.9, .eps = 1e-7, .eps_in_root = true}; }
/// keras.optimizers.Adagrad
inline Adagrad adagrad(double lr = 1e-3) {
  return {.lr = lr, .initial_accumulator_value = 0.1, .eps = 1e-7, .eps_in_root = true};
}
/// keras.optimizers.Adadelta
inline Adadelta adadelta(double lr = 1e-3) { return {.lr = lr, .rho = 0.95, .eps = 1e-7}; }
/// keras.optimizers.Adamax. (It adds eps to the divisor, not to the largest gradient: a difference of rounding size.)
inline Adamax adamax(double lr = 1e-3) { return {.lr = lr, .eps = 1e-7}; }

}  // namespace weft::optim::keras
