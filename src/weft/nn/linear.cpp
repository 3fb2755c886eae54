#include <weft/nn/linear.h>

namespace weft::nn {

Parameter detail::make_parameter(const std::optional<Shape>& shape, const Initializer& init, const Regularizer& regularizer,
                                 const Constraint& constraint) {
  Parameter p = shape ? Parameter(*shape, init) : Parameter::deferred(init);
  p.state()->regularizer = regularizer;
  p.state()->constraint = constraint;
  return p;
}

Linear::Linear(LinearOptions o) : options(std::move(o)) {
  check(options.out >= 1 && options.in >= 0, "linear: in = ", options.in, ", out = ", options.out,
        "; expected .out of 1 or more, and .in likewise or left out");
  const auto shape = options.in ? std::optional(Shape{options.out, options.in}) : std::nullopt;
  weight = detail::make_parameter(shape, init::kernel_or_default(options.kernel_init), options.kernel_regularizer,
                                  options.kernel_constraint);
  if (options.bias)
    bias = detail::make_parameter(Shape{options.out}, init::bias_or_default(options.bias_init), options.bias_regularizer);
  if (shape) init::set_fans(bias, init::fans_of(*shape));
}

Tensor Linear::forward(const Tensor& x) const {
  check(x.defined() && x.rank() >= 1, "linear: received ", x.defined() ? "a scalar" : "an undefined tensor",
        "; expected [..., features]");
  if (!weight.ready()) {
    weight.resolve({options.out, x.size(-1)});
    init::set_fans(bias, init::fans_of(weight.shape()));
  }
  const std::int64_t in = weight.shape()[1];
  if (x.size(-1) != in) {
    const bool flat = x.rank() > 2 && x.size(0) > 0 && x.numel() / x.size(0) == in;
    fail("linear: received x of shape ", to_string(x.shape()), " with ", x.size(-1), " features in the last axis; expected ",
         in, " (weight ", to_string(weight.shape()), ")", flat ? "; put nn::Flatten{} before it" : "");
  }
  Tensor y = matmul(x, weight, false, true);
  if (bias) y = y + bias;
  return options.activation(y);
}

Embedding::Embedding(EmbeddingOptions o) : options(std::move(o)) {
  check(options.count >= 1 && options.size >= 1, "embedding: count = ", options.count, ", size = ", options.size,
        "; expected both 1 or more");
  if (options.padding_index) {
    auto& row = *options.padding_index;
    check(row >= -options.count && row < options.count, "embedding: padding_index ", row, " of ", options.count, " rows");
    if (row < 0) row += options.count;
  }
  Initializer init = options.init ? options.init : init::normal(0, 1);
  if (options.padding_index)
    init = [init, row = *options.padding_index](const Shape& shape, DType dtype, RandomStream stream) {
      return slice_update(init(shape, dtype, stream), 0.0, {0}, {row}, {row + 1}, {1});
    };
  weight = detail::make_parameter(Shape{options.count, options.size}, init, options.regularizer, options.constraint);
}

}  // namespace weft::nn
