#include <weft/nn/losses.h>

namespace weft::nn {

namespace {

/// Losses never broadcast.
void check_same(const char* name, const Tensor& x, const Tensor& target) {
  check(x.defined() && target.defined(), name, ": received an undefined tensor");
  const Shape &a = x.shape(), &b = target.shape();
  if (a == b) return;
  std::string mend = "bring them to one shape";
  if (a.rank() == b.rank() + 1 && a[a.rank() - 1] == 1) mend = cat("use prediction.squeeze({-1}) or target.unsqueeze(-1)");
  else if (b.rank() == a.rank() + 1 && b[b.rank() - 1] == 1) mend = cat("use target.squeeze({-1}) or prediction.unsqueeze(-1)");
  fail(name, ": received a prediction of shape ", to_string(a), " and a target of shape ", to_string(b),
       "; expected equal shapes (losses do not broadcast); ", mend);
}

/// A target as numbers of the prediction's dtype.
Tensor number(const Tensor& target, const Tensor& x) {
  return is_floating(target.dtype()) ? target : cast(target, is_floating(x.dtype()) ? x.dtype() : DType::f32);
}

Tensor reduce(const Tensor& elements, Reduction how) {
  switch (how) {
    case Reduction::none: return elements;
    case Reduction::sum: return sum(elements);
    default: return mean(elements);
  }
}

Dims sample_axes(const Tensor& t) {
  Dims axes;
  for (int i = 1; i < t.rank(); ++i) axes.push_back(i);
  return axes;
}

/// [N, …] to [N], the mean over each sample.
Tensor by_sample(const Tensor& elements) {
  const Dims axes = sample_axes(elements);
  return axes.empty() ? elements : mean(elements, axes);
}
Tensor sum_by_sample(const Tensor& elements) {
  const Dims axes = sample_axes(elements);
  return axes.empty() ? elements : sum(elements, axes);
}

/// A weight that may broadcast to the elements, and to nothing larger.
Tensor weighted(const char* name, const Tensor& elements, const Tensor& weight) {
  if (!weight.defined()) return elements;
  check(broadcasts_to(weight.shape(), elements.shape()), name, ": weight of shape ", weight.shape(),
        " does not broadcast to the elements ", elements.shape());
  return elements * weight;
}

// Class numbers ---------------------------------------------------------------------------------------------------

bool are_probabilities(const Tensor& logits, const Tensor& target) { return target.shape() == logits.shape(); }

/// Throws unless target holds class numbers for scores [N, C, …].
void check_labels(const char* name, const Tensor& scores, const Tensor& target, bool takes_probabilities) {
  check(scores.defined() && target.defined(), name, ": received an undefined tensor");
  const Shape &s = scores.shape(), &t = target.shape();
  check(s.rank() >= 2, name, ": received a prediction of shape ", s, "; expected [N, C, ...]");
  Shape expected = s;
  expected.erase(1);
  if (t == expected) {
    check(!is_floating(target.dtype()), name, ": received class numbers of dtype ", name_of(target.dtype()),
          "; expected integers; convert with .to(i64)");
    return;
  }
  const bool extra = t.rank() == expected.rank() + 1 && t[1] == 1;
  fail(name, ": received a prediction of shape ", to_string(s), " and a target of shape ", to_string(t),
       "; expected class numbers of shape ", to_string(expected),
       takes_probabilities ? " or probabilities of shape " + to_string(s) : std::string(), " (losses do not broadcast)",
       extra ? "; use target.squeeze({1})" : "");
}

/// The weight of each sample in a mean: its class's, 0 for ignore_index.
Tensor label_weights(const Tensor& scores, const Tensor& labels, const Tensor& weight, std::int64_t ignore_index) {
  const Tensor ignored = equal(labels, ignore_index);
  if (!weight.defined()) return cast(logical_not(ignored), scores.dtype());
  check(weight.shape() == Shape{scores.size(1)}, "class weights of shape ", weight.shape(), "; expected [",
        scores.size(1), "], one a class");
  return where(ignored, 0.0, take(weight, where(ignored, 0, labels), 0));
}

/// sum(losses) / sum(weights); NaN where no sample counts, as PyTorch.
Tensor weighted_mean(const Tensor& losses, const Tensor& scores, const Tensor& labels, const Tensor& weight,
                     std::int64_t ignore_index) {
  if (!weight.defined()) return sum(losses) / sum(not_equal(labels, ignore_index));
  return sum(losses) / sum(label_weights(scores, labels, weight, ignore_index));
}

Tensor probability_cross_entropy(const Tensor& logits, const Tensor& target, const CrossEntropy& o) {
  const auto classes = static_cast<double>(logits.size(1));
  Tensor t = number(target, logits);
  if (o.label_smoothing > 0) t = t * (1 - o.label_smoothing) + o.label_smoothing / classes;
  if (o.weight.defined()) {
    check(o.weight.shape() == Shape{logits.size(1)}, "cross_entropy: class weights of shape ", o.weight.shape(),
          "; expected [", logits.size(1), "], one a class");
    Shape per_class(Dims::filled(logits.rank(), 1));
    per_class[1] = logits.size(1);
    t = t * reshape(o.weight, per_class);
  }
  return -sum(log_softmax(logits, 1) * t, {1});
}

/// A loss for each sample and position, not reduced.
Tensor cross_entropies(const Tensor& logits, const Tensor& target, const CrossEntropy& o) {
  check(logits.defined() && target.defined(), "cross_entropy: received an undefined tensor");
  check(o.label_smoothing >= 0 && o.label_smoothing <= 1, "cross_entropy: label_smoothing ", o.label_smoothing, "; expected 0 to 1");
  if (logits.rank() >= 2 && are_probabilities(logits, target)) return probability_cross_entropy(logits, target, o);
  check_labels("cross_entropy", logits, target, true);
  return softmax_cross_entropy(logits, target, {o.weight, o.ignore_index, o.label_smoothing});
}

Tensor nll(const Tensor& x, const Tensor& target, const NLLLoss& o) {
  check_labels("nll_loss", x, target, false);
  const Tensor ignored = equal(target, o.ignore_index);
  const Tensor picked = squeeze(gather(x, unsqueeze(where(ignored, 0, target), 1), 1), {1});
  return -picked * label_weights(x, target, o.weight, o.ignore_index);
}

// Element-wise ----------------------------------------------------------------------------------------------------

Tensor bce(const Tensor& p, const Tensor& target, const BCELoss& o) {
  check_same("binary_cross_entropy", p, target);
  const Tensor t = number(target, p);
  // The logarithms stop at -100, without a gradient there: 0 times infinity must not reach it.
  constexpr double least = 3.720075976020836e-44;  // e^-100
  const Tensor low = p <= least, high = 1.0 - p <= least;
  const Tensor log_p = where(low, -100.0, log(where(low, 1.0, p))), log_q = where(high, -100.0, log1p(-where(high, 0.0, p)));
  return weighted("binary_cross_entropy", -(t * log_p + (1.0 - t) * log_q), o.weight);
}

Tensor bce_logits(const Tensor& x, const Tensor& target, const BCEWithLogits& o) {
  const char* name = "binary_cross_entropy_with_logits";
  check_same(name, x, target);
  Tensor t = number(target, x);
  if (o.label_smoothing > 0) t = t * (1 - o.label_smoothing) + o.label_smoothing / 2;
  if (!o.pos_weight.defined()) return weighted(name, softplus(x) - t * x, o.weight);
  check(broadcasts_to(o.pos_weight.shape(), x.shape()), name, ": pos_weight of shape ", o.pos_weight.shape(),
        " does not broadcast to the elements ", x.shape());
  return weighted(name, (1.0 - t) * x + ((o.pos_weight - 1.0) * t + 1.0) * softplus(-x), o.weight);
}

Tensor squared(const Tensor& x, const Tensor& target) {
  check_same("mse_loss", x, target);
  return square(x - number(target, x));
}
Tensor absolute(const Tensor& x, const Tensor& target) {
  check_same("l1_loss", x, target);
  return abs(x - number(target, x));
}
Tensor huber(const Tensor& x, const Tensor& target, double delta) {
  check_same("huber_loss", x, target);
  check(delta > 0, "huber_loss: delta is ", delta, "; expected more than 0");
  const Tensor d = abs(x - number(target, x));
  return where(d <= delta, square(d) * 0.5, (d - 0.5 * delta) * delta);
}
Tensor smooth_l1(const Tensor& x, const Tensor& target, double beta) {
  check_same("smooth_l1_loss", x, target);
  check(beta >= 0, "smooth_l1_loss: beta is ", beta, "; expected 0 or more");
  const Tensor d = abs(x - number(target, x));
  return beta == 0 ? d : where(d < beta, square(d) * (0.5 / beta), d - 0.5 * beta);
}
Tensor divergence(const Tensor& x, const Tensor& target, const KLDivLoss& o) {
  check_same("kl_div", x, target);
  if (o.log_target) return exp(target) * (target - x);
  const Tensor positive = target > 0.0;
  return where(positive, target * (log(where(positive, target, 1.0)) - x), 0.0);
}
Tensor focal(const Tensor& x, const Tensor& target, const FocalLoss& o) {
  check_same("focal_loss", x, target);
  const Tensor t = number(target, x), p = sigmoid(x);
  const Tensor right = p * t + (1.0 - p) * (1.0 - t);
  Tensor loss = softplus(x) - t * x;
  if (o.gamma != 0) loss = loss * pow(1.0 - right, o.gamma);
  if (o.alpha >= 0) loss = loss * (t * o.alpha + (1.0 - t) * (1 - o.alpha));
  return loss;
}
Tensor hinge(const Tensor& x, const Tensor& target, bool squared) {
  check_same("hinge_loss", x, target);
  const Tensor loss = relu(1.0 - where(target > 0, 1.0, -1.0) * x);
  return squared ? square(loss) : loss;
}
Tensor hinge_embedding(const Tensor& x, const Tensor& target, double margin) {
  check_same("hinge_embedding_loss", x, target);
  return where(target > 0, x, relu(margin - x));
}
Tensor multi_margin(const Tensor& x, const Tensor& target, const MultiMarginLoss& o) {
  check(x.rank() == 2, "multi_margin_loss: received a prediction of shape ", x.shape(), "; expected [N, C]");
  check_labels("multi_margin_loss", x, target, false);
  const Tensor column = unsqueeze(target, 1);
  Tensor over = relu(x - gather(x, column, 1) + o.margin);
  if (o.p != 1) over = pow(over, o.p);
  return sum(where(equal(arange(x.size(1), {.device = x.device()}), column), 0.0, over), {1}) / static_cast<double>(x.size(1));
}
Tensor categorical_hinge(const Tensor& x, const Tensor& target) {
  check_same("categorical_hinge", x, target);
  check(x.rank() == 2, "categorical_hinge: received a prediction of shape ", x.shape(), "; expected [N, C]");
  const Tensor t = number(target, x);
  return relu(max((1.0 - t) * x, {1}) - sum(t * x, {1}) + 1.0);
}
Tensor dice(const Tensor& p, const Tensor& target, double smooth) {
  check_same("dice_loss", p, target);
  const Tensor t = number(target, p);
  return 1.0 - (sum_by_sample(p * t) * 2.0 + smooth) / (sum_by_sample(p) + sum_by_sample(t) + smooth);
}
Tensor cosine(const Tensor& x, const Tensor& target, int axis) {
  check_same("cosine_loss", x, target);
  return -cosine_similarity(x, number(target, x), axis);
}

/// Losses of class numbers (or of probabilities), reduced.
template <class Loss>
Tensor reduce_labelled(const Loss& o, const Tensor& losses, const Tensor& scores, const Tensor& target) {
  if (o.reduction != Reduction::mean || are_probabilities(scores, target)) return reduce(losses, o.reduction);
  return weighted_mean(losses, scores, target, o.weight, o.ignore_index);
}

}  // namespace

Tensor detail::weigh(const char* name, const Tensor& losses, const Tensor& weights) {
  if (weights.shape() == losses.shape()) return losses * weights;
  const std::int64_t samples = losses.rank() ? losses.size(0) : 1;
  check(weights.numel() == samples, name, ": sample weights of shape ", weights.shape(), "; expected [", samples,
        "], one a sample", losses.rank() > 1 ? cat(", or ", losses.shape()) : std::string());
  Shape one_each(Dims::filled(losses.rank(), 1));
  if (losses.rank()) one_each[0] = samples;
  return losses * reshape(weights, one_each);
}

Tensor CrossEntropy::operator()(const Tensor& logits, const Tensor& target) const {
  return reduce_labelled(*this, cross_entropies(logits, target, *this), logits, target);
}
Tensor CrossEntropy::weighted(const Tensor& logits, const Tensor& target, const Tensor& sample_weight) const {
  const Tensor losses = detail::weigh("cross_entropy", cross_entropies(logits, target, *this), sample_weight);
  return reduce_labelled(*this, losses, logits, target);
}
Tensor CrossEntropy::per_sample(const Tensor& logits, const Tensor& target) const {
  return by_sample(cross_entropies(logits, target, *this));
}
Tensor cross_entropy(const Tensor& logits, const Tensor& target, const CrossEntropy& o) { return o(logits, target); }

Tensor NLLLoss::operator()(const Tensor& x, const Tensor& target) const {
  return reduce_labelled(*this, nll(x, target, *this), x, target);
}
Tensor NLLLoss::weighted(const Tensor& x, const Tensor& target, const Tensor& sample_weight) const {
  return reduce_labelled(*this, detail::weigh("nll_loss", nll(x, target, *this), sample_weight), x, target);
}
Tensor NLLLoss::per_sample(const Tensor& x, const Tensor& target) const { return by_sample(nll(x, target, *this)); }
Tensor nll_loss(const Tensor& x, const Tensor& target, const NLLLoss& o) { return o(x, target); }

Tensor BCELoss::operator()(const Tensor& x, const Tensor& t) const { return reduce(bce(x, t, *this), reduction); }
Tensor BCELoss::per_sample(const Tensor& x, const Tensor& t) const { return by_sample(bce(x, t, *this)); }
Tensor binary_cross_entropy(const Tensor& x, const Tensor& t, const BCELoss& o) { return o(x, t); }

Tensor BCEWithLogits::operator()(const Tensor& x, const Tensor& t) const { return reduce(bce_logits(x, t, *this), reduction); }
Tensor BCEWithLogits::per_sample(const Tensor& x, const Tensor& t) const { return by_sample(bce_logits(x, t, *this)); }
Tensor binary_cross_entropy_with_logits(const Tensor& x, const Tensor& t, const BCEWithLogits& o) { return o(x, t); }

Tensor MSELoss::operator()(const Tensor& x, const Tensor& t) const { return reduce(squared(x, t), reduction); }
Tensor MSELoss::per_sample(const Tensor& x, const Tensor& t) const { return by_sample(squared(x, t)); }
Tensor mse_loss(const Tensor& x, const Tensor& t, const MSELoss& o) { return o(x, t); }

Tensor L1Loss::operator()(const Tensor& x, const Tensor& t) const { return reduce(absolute(x, t), reduction); }
Tensor L1Loss::per_sample(const Tensor& x, const Tensor& t) const { return by_sample(absolute(x, t)); }
Tensor l1_loss(const Tensor& x, const Tensor& t, const L1Loss& o) { return o(x, t); }

Tensor HuberLoss::operator()(const Tensor& x, const Tensor& t) const { return reduce(huber(x, t, delta), reduction); }
Tensor HuberLoss::per_sample(const Tensor& x, const Tensor& t) const { return by_sample(huber(x, t, delta)); }
Tensor huber_loss(const Tensor& x, const Tensor& t, const HuberLoss& o) { return o(x, t); }

Tensor SmoothL1Loss::operator()(const Tensor& x, const Tensor& t) const { return reduce(smooth_l1(x, t, beta), reduction); }
Tensor SmoothL1Loss::per_sample(const Tensor& x, const Tensor& t) const { return by_sample(smooth_l1(x, t, beta)); }
Tensor smooth_l1_loss(const Tensor& x, const Tensor& t, const SmoothL1Loss& o) { return o(x, t); }

Tensor KLDivLoss::operator()(const Tensor& x, const Tensor& t) const {
  return reduction == Reduction::mean ? mean(per_sample(x, t)) : reduce(divergence(x, t, *this), reduction);
}
Tensor KLDivLoss::per_sample(const Tensor& x, const Tensor& t) const { return sum_by_sample(divergence(x, t, *this)); }
Tensor kl_div(const Tensor& x, const Tensor& t, const KLDivLoss& o) { return o(x, t); }

Tensor FocalLoss::operator()(const Tensor& x, const Tensor& t) const { return reduce(focal(x, t, *this), reduction); }
Tensor FocalLoss::per_sample(const Tensor& x, const Tensor& t) const { return by_sample(focal(x, t, *this)); }
Tensor focal_loss(const Tensor& x, const Tensor& t, const FocalLoss& o) { return o(x, t); }

Tensor cosine_similarity(const Tensor& x, const Tensor& target, int axis, double eps) {
  check_same("cosine_similarity", x, target);
  return sum(x * target, {axis}) / (maximum(norm(x, 2, {axis}), eps) * maximum(norm(target, 2, {axis}), eps));
}
Tensor CosineLoss::operator()(const Tensor& x, const Tensor& t) const { return reduce(cosine(x, t, axis), reduction); }
Tensor CosineLoss::per_sample(const Tensor& x, const Tensor& t) const { return by_sample(cosine(x, t, axis)); }

Tensor cosine_embedding_loss(const Tensor& a, const Tensor& b, const Tensor& label, double margin, Reduction reduction) {
  check_same("cosine_embedding_loss", a, b);
  const Tensor similarity = cosine_similarity(a, b, -1);
  check_same("cosine_embedding_loss", similarity, label);
  return reduce(where(label > 0, 1.0 - similarity, relu(similarity - margin)), reduction);
}

Tensor HingeLoss::operator()(const Tensor& x, const Tensor& t) const { return reduce(hinge(x, t, squared), reduction); }
Tensor HingeLoss::per_sample(const Tensor& x, const Tensor& t) const { return by_sample(hinge(x, t, squared)); }
Tensor hinge_loss(const Tensor& x, const Tensor& t, const HingeLoss& o) { return o(x, t); }

Tensor HingeEmbeddingLoss::operator()(const Tensor& x, const Tensor& t) const {
  return reduce(hinge_embedding(x, t, margin), reduction);
}
Tensor HingeEmbeddingLoss::per_sample(const Tensor& x, const Tensor& t) const {
  return by_sample(hinge_embedding(x, t, margin));
}
Tensor hinge_embedding_loss(const Tensor& x, const Tensor& t, const HingeEmbeddingLoss& o) { return o(x, t); }

Tensor MultiMarginLoss::operator()(const Tensor& x, const Tensor& t) const { return reduce(multi_margin(x, t, *this), reduction); }
Tensor MultiMarginLoss::per_sample(const Tensor& x, const Tensor& t) const { return multi_margin(x, t, *this); }
Tensor multi_margin_loss(const Tensor& x, const Tensor& t, const MultiMarginLoss& o) { return o(x, t); }

Tensor CategoricalHinge::operator()(const Tensor& x, const Tensor& t) const { return reduce(categorical_hinge(x, t), reduction); }
Tensor CategoricalHinge::per_sample(const Tensor& x, const Tensor& t) const { return categorical_hinge(x, t); }

Tensor margin_ranking_loss(const Tensor& a, const Tensor& b, const Tensor& label, double margin, Reduction reduction) {
  check_same("margin_ranking_loss", a, b);
  check_same("margin_ranking_loss", a, label);
  return reduce(relu(number(label, a) * (b - a) + margin), reduction);
}

Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative, const TripletOptions& o) {
  check_same("triplet_margin_loss", anchor, positive);
  check_same("triplet_margin_loss", anchor, negative);
  const auto distance = [&](const Tensor& a, const Tensor& b) { return norm(a - b + o.eps, o.p, {-1}); };
  Tensor far = distance(anchor, negative);
  if (o.swap) far = minimum(far, distance(positive, negative));
  return reduce(relu(distance(anchor, positive) - far + o.margin), o.reduction);
}

Tensor DiceLoss::operator()(const Tensor& x, const Tensor& t) const { return reduce(dice(x, t, smooth), reduction); }
Tensor DiceLoss::per_sample(const Tensor& x, const Tensor& t) const { return dice(x, t, smooth); }
Tensor dice_loss(const Tensor& x, const Tensor& t, const DiceLoss& o) { return o(x, t); }

}  // namespace weft::nn
