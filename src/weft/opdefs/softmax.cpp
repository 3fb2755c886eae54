#include <weft/opdefs/softmax.h>

namespace weft {

namespace op {

namespace {
Metas along_axis(Inputs in, std::int64_t axis) {
  check(in[0].shape.rank() >= 1, "received a scalar; expected an axis to normalise along");
  normalize_axis(axis, in[0].shape.rank());
  return {in[0]};
}

/// The shape of the labels of `logits`.
Shape labels_of(const Shape& logits) {
  check(logits.rank() >= 2, "logits have shape ", logits, "; expected [N, C, …]");
  Shape s = logits;
  s.erase(1);
  return s;
}

void check_labels(Inputs in, double smoothing) {
  const Shape expected = labels_of(in[0].shape);
  check(in[1].shape == expected, "labels ", in[1].shape, " for logits ", in[0].shape, "; expected ",
        expected, ": one class number a sample, classes along axis 1");
  check(smoothing >= 0 && smoothing <= 1, "label_smoothing ", smoothing, "; expected 0 to 1");
}

/// Samples stay apart in every input.
Axes samples_apart(Inputs in, bool classes_in_output) {
  Axes axes;
  for (std::size_t k = 0; k < in.size(); ++k) {
    auto& list = axes.inputs.emplace_back();
    for (int i = 0; i < in[k].shape.rank(); ++i) {
      if (k == 0) list.push_back(i == 1 ? Axes::mixed : i < 1 || classes_in_output ? i : i - 1);
      else list.push_back(i >= 1 && classes_in_output ? i + 1 : i);
    }
  }
  return axes;
}
}  // namespace

Axes all_but(Inputs in, std::int64_t axis) {
  Axes axes;
  for (const Meta& m : in) {
    auto& list = axes.inputs.emplace_back();
    for (int i = 0; i < m.shape.rank(); ++i) list.push_back(i == normalize_axis(axis, m.shape.rank()) ? Axes::mixed : i);
  }
  return axes;
}

Metas Softmax::infer(Inputs in) const { return along_axis(in, axis); }
Metas LogSoftmax::infer(Inputs in) const { return along_axis(in, axis); }
Metas SoftmaxGrad::infer(Inputs in) const {
  check(in[0].shape == in[1].shape, "y ", in[0].shape, " and g ", in[1].shape, " differ");
  return along_axis(in, axis);
}

Metas SoftmaxCrossEntropy::infer(Inputs in) const {
  check_labels(in, label_smoothing);
  return {{in[1].shape, in[0].dtype}};
}
Axes SoftmaxCrossEntropy::axes_of(Inputs in) const { return samples_apart(in, false); }

Metas SoftmaxCrossEntropyGrad::infer(Inputs in) const {
  check_labels(in, label_smoothing);
  check(in[2].shape == in[1].shape, "g ", in[2].shape, "; expected the labels' shape ", in[1].shape);
  return {in[0]};
}
Axes SoftmaxCrossEntropyGrad::axes_of(Inputs in) const { return samples_apart(in, true); }

}  // namespace op

void register_softmax_ops() { add_ops(op::Softmaxes{}, "nn"); }

}  // namespace weft
