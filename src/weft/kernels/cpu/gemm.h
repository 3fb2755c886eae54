// Matrix products of plain arrays: the engine under matmul and the im2col convolutions.
#pragma once

#include <cstdint>

namespace weft::cpu_kernels {

/// c = op(a) * op(b), or c += op(a) * op(b) where `accumulate`; op(x) is x, or x transposed where its flag is set.
/// op(a) is [m, k], op(b) is [k, n], c is [m, n], all row-major; lda, ldb, ldc are the elements between rows as stored.
/// c must not overlap a or b. Runs on Weft's threads, or serially inside a piece of parallel_for; the bits of an
/// element of c depend on its row of op(a), its column of op(b) and k alone, never on m, n or the number of threads.
void gemm(bool ta, bool tb, std::int64_t m, std::int64_t n, std::int64_t k, const float* a, std::int64_t lda,
          const float* b, std::int64_t ldb, float* c, std::int64_t ldc, bool accumulate = false);
/// The same in double.
void gemm(bool ta, bool tb, std::int64_t m, std::int64_t n, std::int64_t k, const double* a, std::int64_t lda,
          const double* b, std::int64_t ldb, double* c, std::int64_t ldc, bool accumulate = false);

}  // namespace weft::cpu_kernels
