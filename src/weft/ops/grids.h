// Tensors made by a rule over positions: identity, triangles, diagonals, grids, one-hot.
#pragma once

#include <weft/tensor/tensor.h>

namespace weft {

/// 1 on the diagonal, else 0: [rows, columns] (columns unset: rows).
Tensor eye(std::int64_t rows, std::optional<std::int64_t> columns = {}, const TensorOptions& options = {});
/// `count` numbers from start to stop, both included, at equal distances; f32 unless a dtype is given.
Tensor linspace(double start, double stop, std::int64_t count, const TensorOptions& options = {});
/// The part of the last two axes on and below diagonal k (k > 0 lies above the main one); 0 elsewhere.
Tensor tril(Operand x, std::int64_t k = 0);
/// The part on and above diagonal k.
Tensor triu(Operand x, std::int64_t k = 0);
/// A square matrix with the vector x on diagonal k, or diagonal k of a matrix x.
Tensor diag(Operand x, std::int64_t k = 0);
/// Grids of the coordinates of every point: vectors of n0, n1, … give tensors [n0, n1, …] ("ij") or [n1, n0, …] ("xy").
std::vector<Tensor> meshgrid(const std::vector<Tensor>& vectors, const std::string& indexing = "ij");
/// A new last axis with 1 at the position that index names and 0 elsewhere; all 0 where it is outside; f32 unless
/// given.
Tensor one_hot(Operand index, std::int64_t classes, DType dtype = DType::f32);

}  // namespace weft
