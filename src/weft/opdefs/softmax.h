// Softmax along an axis, its logarithm, and its cross-entropy with integer labels.
#pragma once

#include <weft/opdefs/define.h>

namespace weft::op {

/// Every axis but one stays apart.
Axes all_but(Inputs in, std::int64_t axis);

struct Softmax {
  std::int64_t axis = -1;
  static constexpr auto signature = sig("softmax(x) -> y");
  static constexpr auto doc = "e^x / sum(e^x) along an axis, without overflow";
  static constexpr Types types = Types::floating;
  Metas infer(Inputs in) const;
  Axes axes_of(Inputs in) const { return all_but(in, axis); }
  template <class T> T vjp(const Saved<T>& s, T g) const;
  static constexpr Saves saves = saves_outputs(0);
  static std::vector<Case<Softmax>> domain() {
    return {{{}, {{{3, 5}}}}, {{1}, {{{2, 3, 4}}}}, {{0}, {{{1}}}}, {{1}, {{{0, 3}}}}, {{-1}, {{{2, 40}, -30, 30}}}, {{1}, {{{3, 32}, -30, 30}}}};
  }
};

/// The gradient of softmax from its result: y * (g - sum(g * y)).
struct SoftmaxGrad {
  std::int64_t axis = -1;
  static constexpr auto signature = sig("softmax_grad(y, g) -> dx");
  static constexpr auto doc = "y * (g - sum(g * y)) along an axis: the gradient of softmax";
  static constexpr Types types = Types::floating;
  Metas infer(Inputs in) const;
  Axes axes_of(Inputs in) const { return all_but(in, axis); }
  template <class T> Grads<T> vjp(const Saved<T>& s, T h) const {
    const Dims along{axis};
    const T y = s.in(0), g = s.in(1), hy = sum(h * y, along, true), gy = sum(g * y, along, true);
    return {h * (g - gy) - g * hy, y * (h - hy)};
  }
  static constexpr Saves saves = saves_inputs(0, 1);
  static std::vector<Case<SoftmaxGrad>> domain() {
    return {{{}, {{{3, 5}}, {{3, 5}}}}, {{1}, {{{2, 3, 4}}, {{2, 3, 4}}}}, {{}, {{{3, 16}}, {{3, 16}}}}};
  }
};

struct LogSoftmax {
  std::int64_t axis = -1;
  static constexpr auto signature = sig("log_softmax(x) -> y");
  static constexpr auto doc = "x - ln(sum(e^x)) along an axis, without overflow";
  static constexpr Types types = Types::floating;
  Metas infer(Inputs in) const;
  Axes axes_of(Inputs in) const { return all_but(in, axis); }
  template <class T> T vjp(const Saved<T>& s, T g) const {
    return g - exp(s.out(0)) * sum(g, Dims{axis}, true);
  }
  static constexpr Saves saves = saves_outputs(0);
  static std::vector<Case<LogSoftmax>> domain() {
    return {{{}, {{{3, 5}}}}, {{1}, {{{2, 3, 4}}}}, {{0}, {{{1}}}}, {{1}, {{{0, 3}}}}, {{-1}, {{{2, 40}, -30, 30}}}, {{1}, {{{3, 32}, -30, 30}}}};
  }
};

/// -ln softmax(logits)[label] of each sample; classes are axis 1.
struct SoftmaxCrossEntropy {
  std::int64_t ignore_index = -100;
  double label_smoothing = 0;
  static constexpr auto signature = sig("softmax_cross_entropy(logits, labels:int) -> loss");
  static constexpr auto doc = "-ln softmax(logits)[label] of each sample, 0 for ignore_index; logits [N, C, …], labels [N, …]";
  static constexpr Types types = Types::floating;
  Metas infer(Inputs in) const;
  Axes axes_of(Inputs in) const;
  template <class T> Grads<T> vjp(const Saved<T>& s, T g) const;
  static constexpr Saves saves = saves_inputs(0, 1);
  static std::vector<Case<SoftmaxCrossEntropy>> domain() {
    return {{{}, {{{3, 5}}, {{3}, 0, 0, {0, 4, 2}}}},
            {{-1, 0.1}, {{{3, 4}}, {{3}, 0, 0, {3, -1, 2}}}},
            {{}, {{{2, 3, 2}}, {{2, 2}, 0, 0, {0, 1, 2, 1}}}},
            {{-1, 0.1}, {{{3, 16}}, {{3}, 0, 0, {15, -1, 2}}}},
            {{}, {{{0, 3}}, {{0}}}}};
  }
};

/// The gradient of softmax_cross_entropy for the logits: g * (softmax(logits) - target).
struct SoftmaxCrossEntropyGrad {
  std::int64_t ignore_index = -100;
  double label_smoothing = 0;
  static constexpr auto signature = sig("softmax_cross_entropy_grad(logits, labels:int, g) -> dlogits");
  static constexpr auto doc = "g * (softmax(logits) - target), 0 for ignore_index";
  static constexpr Types types = Types::floating;
  Metas infer(Inputs in) const;
  Axes axes_of(Inputs in) const;
  template <class T> Grads<T> vjp(const Saved<T>& s, T h) const;
  static constexpr Saves saves = saves_inputs(0, 1, 2);
  static std::vector<Case<SoftmaxCrossEntropyGrad>> domain() {
    return {{{}, {{{3, 5}}, {{3}, 0, 0, {0, 4, 2}}, {{3}}}},
            {{-1, 0.1}, {{{3, 4}}, {{3}, 0, 0, {3, -1, 2}}, {{3}}}},
            {{}, {{{2, 3, 2}}, {{2, 2}, 0, 0, {0, 1, 2, 1}}, {{2, 2}}}},
            {{-1, 0.1}, {{{3, 16}}, {{3}, 0, 0, {15, -1, 2}}, {{3}}}}};
  }
};

template <class T> T Softmax::vjp(const Saved<T>& s, T g) const { return apply(SoftmaxGrad{axis}, s.out(0), g); }

template <class T> Grads<T> SoftmaxCrossEntropy::vjp(const Saved<T>& s, T g) const {
  return {apply(SoftmaxCrossEntropyGrad{ignore_index, label_smoothing}, s.in(0), s.in(1), g), T()};
}

template <class T> Grads<T> SoftmaxCrossEntropyGrad::vjp(const Saved<T>& s, T h) const {
  const T logits = s.in(0), labels = s.in(1), g = s.in(2);
  const T live = unsqueeze(where(not_equal(labels, ignore_index), g, 0.0), 1);
  const T p = apply(Softmax{1}, logits);
  const T unit = apply(*this, logits, labels, ones_like(g));
  return {live * apply(SoftmaxGrad{1}, p, h), T(), sum(h * unit, Dims{1})};
}

using Softmaxes = OpList<Softmax, SoftmaxGrad, LogSoftmax, SoftmaxCrossEntropy, SoftmaxCrossEntropyGrad>;

}  // namespace weft::op

namespace weft {
/// Puts this family into the operator table.
void register_softmax_ops();
}  // namespace weft
