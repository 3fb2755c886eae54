// Layers of several inputs: `nn::Add{}(a, b)`, `nn::Concatenate{}({a, b, c})`.
#pragma once

#include <weft/nn/module.h>

namespace weft::nn {

/// Base of the merge layers: two or more tensors, or a vector of them.
template <class D> class Merge : public Module<D> {
 public:
  using Module<D>::operator();
  /// Any number of tensors.
  Tensor operator()(std::initializer_list<Tensor> xs) const { return Module<D>::operator()(std::vector<Tensor>(xs)); }
  Tensor forward(const std::vector<Tensor>& xs) const { return static_cast<const D&>(*this).merge(xs); }
  Tensor forward(const Tensor& a, const Tensor& b) const { return forward(std::vector{a, b}); }
  Tensor forward(const Tensor& a, const Tensor& b, const Tensor& c) const { return forward(std::vector{a, b, c}); }
};

/// a + b + …; shapes broadcast.
class Add : public Merge<Add> {
 public:
  /// What forward computes.
  Tensor merge(const std::vector<Tensor>& xs) const;
  using fields = Fields<>;
};
/// a - b, of two.
class Subtract : public Merge<Subtract> {
 public:
  /// What forward computes.
  Tensor merge(const std::vector<Tensor>& xs) const;
  using fields = Fields<>;
};
/// a * b * …
class Multiply : public Merge<Multiply> {
 public:
  /// What forward computes.
  Tensor merge(const std::vector<Tensor>& xs) const;
  using fields = Fields<>;
};
/// The mean of the tensors.
class Average : public Merge<Average> {
 public:
  /// What forward computes.
  Tensor merge(const std::vector<Tensor>& xs) const;
  using fields = Fields<>;
};
/// The element-wise maximum.
class Maximum : public Merge<Maximum> {
 public:
  /// What forward computes.
  Tensor merge(const std::vector<Tensor>& xs) const;
  using fields = Fields<>;
};
/// The element-wise minimum.
class Minimum : public Merge<Minimum> {
 public:
  /// What forward computes.
  Tensor merge(const std::vector<Tensor>& xs) const;
  using fields = Fields<>;
};
/// The tensors one after another along an axis: 1, the channels or features, by default.
class Concatenate : public Merge<Concatenate> {
 public:
  /// Along that axis.
  explicit Concatenate(int axis = 1) : axis(axis) {}
  /// What forward computes.
  Tensor merge(const std::vector<Tensor>& xs) const;
  int axis;  ///< as given
  using fields = Fields<>;
};

/// Options of Dot.
struct DotOptions {
  int axis_a = -1;         ///< the axis of a that is multiplied and summed (Keras: axes)
  int axis_b = -1;         ///< that of b
  bool normalize = false;  ///< cosine similarity: unit length along them first
};
/// Products of each sample of a with that of b, of rank 2 or 3: [N, K] and [N, K] give [N, 1]; [N, A, K] and [N, B, K]
/// give [N, A, B]; [N, A, K] and [N, K] give [N, A].
class Dot : public Merge<Dot> {
 public:
  /// From its options; throws Error for those that fit no layer.
  explicit Dot(DotOptions options = {}) : options(options) {}
  /// What forward computes.
  Tensor merge(const std::vector<Tensor>& xs) const;
  DotOptions options;  ///< as given
  using fields = Fields<>;
};

}  // namespace weft::nn
