// The inner loops of element-wise operators: one for each formula and type, made in unary_loops.cpp and
// binary_loops.cpp. Everything else (strides, broadcasting, dtypes, threads) is done once, in elementwise.cpp.
#pragma once

#include <cstdint>

namespace weft::cpu_kernels {

/// Applies operator struct `op` to n elements of adjacent memory; n is a multiple of `loop_step`. `out` holds bools
/// where the operator's result is bool, else the computing type; the condition of `where` is bools. `out` may be an
/// input.
using Loop = void (*)(const void* op, const void* const* in, void* out, std::int64_t n);

/// What n must be a multiple of: the lanes of the widest vector (64 bytes) of the smallest computing type.
inline constexpr std::int64_t loop_step = 16;

/// The loops of one operator, by computing type; null where there is none.
struct Loops {
  Loop f32 = nullptr, f64 = nullptr, i64 = nullptr;
};

// Each writes one entry for each operator of op::Unary, op::Binary, op::Ternary, in their order.
void fill_unary_loops(Loops* to);
void fill_binary_loops(Loops* to);
void fill_ternary_loops(Loops* to);

}  // namespace weft::cpu_kernels
