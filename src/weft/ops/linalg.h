// Products of vectors, matrices and tensors beyond matmul.
#pragma once

#include <weft/tensor/tensor.h>

namespace weft {

/// Matrix products of a batch: [b, n, k] and [b, k, m] give [b, n, m].
Tensor bmm(Operand a, Operand b);
/// The sum of the products of two vectors of one length.
Tensor dot(Operand a, Operand b);
/// Every product of an element of a and one of b: vectors of n and m give [n, m].
Tensor outer(Operand a, Operand b);
/// Sums products over axes_a of a paired with axes_b of b; a's other axes come first in the result.
Tensor tensordot(Operand a, Operand b, const Dims& axes_a, const Dims& axes_b);
/// The same over the last `axes` of a and the first `axes` of b.
Tensor tensordot(Operand a, Operand b, int axes = 2);
/// Einstein's sum: `einsum("bij,bjk->bik", {a, b})`. Letters name axes, "..." stands for leading ones that broadcast, a
/// letter twice in one operand takes the diagonal; without "->" the letters that occur once are kept in alphabetical
/// order. Operands are contracted from left to right.
Tensor einsum(const std::string& equation, const std::vector<Tensor>& operands);

}  // namespace weft
