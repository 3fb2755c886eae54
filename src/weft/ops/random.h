// Random numbers beyond uniform and normal (ops/create.h). Each call takes the next stream of the generator named, or
// of the default one; element i of a result depends on the stream and i alone.
#pragma once

#include <weft/base/random.h>
#include <weft/tensor/state.h>

namespace weft {

/// Whole numbers from lo to hi - 1, each equally likely; i64 unless a dtype is given.
Tensor randint(std::int64_t lo, std::int64_t hi, const Shape& shape, const TensorOptions& options = {},
               Generator* generator = nullptr);
/// 0 … n - 1 in random order (i64).
Tensor randperm(std::int64_t n, const TensorOptions& options = {}, Generator* generator = nullptr);
/// x with the elements of an axis in random order.
Tensor shuffle(Operand x, int axis = 0, Generator* generator = nullptr);
/// 1 with the probability that each element of p says, else 0, in p's dtype.
Tensor bernoulli(Operand p, Generator* generator = nullptr);
/// Classes drawn by their logits (unnormalised log-probabilities, last axis): logits […, C] give […, samples] (i64).
Tensor categorical(Operand logits, std::int64_t samples, Generator* generator = nullptr);
/// Normal numbers that are cut off below lo and above hi (in units of stddev) and drawn anew.
Tensor truncated_normal(const Shape& shape, double mean = 0, double stddev = 1, double lo = -2, double hi = 2,
                        const TensorOptions& options = {}, Generator* generator = nullptr);
/// Each element with probability p 0, else x / (1 - p); p = 0 is x itself. Layers switch it off in evaluation.
Tensor dropout(Operand x, double p, Generator* generator = nullptr);
/// The same with a stream of one's own: equal streams drop equal places.
Tensor dropout(Operand x, double p, RandomStream stream);

}  // namespace weft
