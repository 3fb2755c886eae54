// Losses. Each is an object, called on (prediction, target), whose members are its options; the function of PyTorch's
// name takes the same options: nn::CrossEntropy{.label_smoothing = 0.1}(logits, labels) is
// nn::cross_entropy(logits, labels, {.label_smoothing = 0.1}).
//
// Prediction and target never broadcast: [n, 1] against [n] is an Error. The first axis is the batch; per_sample() gives
// one loss a sample [N] (the mean over its other elements), which a trainer weights; a call reduces all elements.
#pragma once

#include <weft/ops/ops.h>

namespace weft::nn {

/// What a call returns: the mean or sum of all elements, or the elements.
enum class Reduction : unsigned char { none, mean, sum };

/// What the predictions of a loss are, where it says so (`static constexpr auto scores = Scores::logits;`): a metric named
/// "accuracy" compares each of them with 1/2, or with 0. Other losses leave it to the shapes.
enum class Scores : unsigned char { by_shape, probabilities, logits };

namespace detail {
/// losses [N, …] times a weight a sample ([N] or [N, 1]) or a weight an element; throws Error for another shape.
Tensor weigh(const char* name, const Tensor& losses, const Tensor& weights);
}  // namespace detail

/// Softmax and negative log-likelihood of logits [N, C, …]. Targets are class numbers (integers) [N, …], or
/// probabilities of the logits' shape (one-hot, soft labels). PyTorch: CrossEntropyLoss; Keras:
/// SparseCategoricalCrossentropy and CategoricalCrossentropy with from_logits.
/// The mean over class numbers divides by the weights of the samples that count (PyTorch).
struct CrossEntropy {
  Tensor weight = {};                     ///< a weight of each class, [C]
  std::int64_t ignore_index = -100;       ///< samples of this label count for nothing
  Reduction reduction = Reduction::mean;  ///< of a call
  double label_smoothing = 0;             ///< this share of the target is spread over all classes
  /// The loss, reduced.
  Tensor operator()(const Tensor& logits, const Tensor& target) const;
  /// One loss a sample, [N].
  Tensor per_sample(const Tensor& logits, const Tensor& target) const;
  /// The loss with each sample's part times its weight ([N], or [N, …] as the labels); the mean's divisor stays.
  Tensor weighted(const Tensor& logits, const Tensor& target, const Tensor& sample_weight) const;
};
/// As an object of these options.
Tensor cross_entropy(const Tensor& logits, const Tensor& target, const CrossEntropy& options = {});

/// -x[label] of log-probabilities [N, C, …] and class numbers [N, …] (after log_softmax).
struct NLLLoss {
  Tensor weight = {};                     ///< a weight of each class, [C]
  std::int64_t ignore_index = -100;       ///< samples of this label count for nothing
  Reduction reduction = Reduction::mean;  ///< of a call
  /// The loss, reduced.
  Tensor operator()(const Tensor& log_probabilities, const Tensor& target) const;
  /// One loss a sample, [N].
  Tensor per_sample(const Tensor& log_probabilities, const Tensor& target) const;
  /// The loss with each sample's part times its weight ([N], or [N, …] as the labels); the mean's divisor stays.
  Tensor weighted(const Tensor& log_probabilities, const Tensor& target, const Tensor& sample_weight) const;
};
/// As an object of these options.
Tensor nll_loss(const Tensor& log_probabilities, const Tensor& target, const NLLLoss& options = {});

/// -(t ln p + (1 - t) ln(1 - p)) of probabilities; each logarithm is at least -100 (PyTorch; here without a
/// gradient where it stops). Keras: BinaryCrossentropy.
struct BCELoss {
  static constexpr Scores scores = Scores::probabilities;  ///< see Scores
  Tensor weight = {};                     ///< multiplies the elements; broadcasts to them
  Reduction reduction = Reduction::mean;  ///< of a call
  /// The loss, reduced.
  Tensor operator()(const Tensor& probability, const Tensor& target) const;
  /// One loss a sample, [N].
  Tensor per_sample(const Tensor& probability, const Tensor& target) const;
};
/// As an object of these options.
Tensor binary_cross_entropy(const Tensor& probability, const Tensor& target, const BCELoss& options = {});

/// The same of logits, accurate for any size of them. Keras: BinaryCrossentropy(from_logits).
struct BCEWithLogits {
  static constexpr Scores scores = Scores::logits;  ///< see Scores
  Tensor weight = {};                     ///< multiplies the elements; broadcasts to them
  Reduction reduction = Reduction::mean;  ///< of a call
  Tensor pos_weight = {};                 ///< multiplies the part of t = 1; broadcasts to the elements
  double label_smoothing = 0;             ///< targets move this share of the way to 1/2 (Keras)
  /// The loss, reduced.
  Tensor operator()(const Tensor& logits, const Tensor& target) const;
  /// One loss a sample, [N].
  Tensor per_sample(const Tensor& logits, const Tensor& target) const;
};
/// As an object of these options.
Tensor binary_cross_entropy_with_logits(const Tensor& logits, const Tensor& target, const BCEWithLogits& options = {});

/// (x - t)^2. Keras: MeanSquaredError.
struct MSELoss {
  Reduction reduction = Reduction::mean;  ///< of a call
  /// The loss, reduced.
  Tensor operator()(const Tensor& x, const Tensor& target) const;
  /// One loss a sample, [N].
  Tensor per_sample(const Tensor& x, const Tensor& target) const;
};
/// As an object of these options.
Tensor mse_loss(const Tensor& x, const Tensor& target, const MSELoss& options = {});

/// |x - t|. Keras: MeanAbsoluteError.
struct L1Loss {
  Reduction reduction = Reduction::mean;  ///< of a call
  /// The loss, reduced.
  Tensor operator()(const Tensor& x, const Tensor& target) const;
  /// One loss a sample, [N].
  Tensor per_sample(const Tensor& x, const Tensor& target) const;
};
/// As an object of these options.
Tensor l1_loss(const Tensor& x, const Tensor& target, const L1Loss& options = {});

/// d^2 / 2 where d = |x - t| <= delta, else delta (d - delta / 2). Huber, "Robust estimation of a location parameter", 1964.
struct HuberLoss {
  Reduction reduction = Reduction::mean;  ///< of a call
  double delta = 1;                       ///< where the square ends
  /// The loss, reduced.
  Tensor operator()(const Tensor& x, const Tensor& target) const;
  /// One loss a sample, [N].
  Tensor per_sample(const Tensor& x, const Tensor& target) const;
};
/// As an object of these options.
Tensor huber_loss(const Tensor& x, const Tensor& target, const HuberLoss& options = {});

/// d^2 / (2 beta) where d = |x - t| < beta, else d - beta / 2.
struct SmoothL1Loss {
  Reduction reduction = Reduction::mean;  ///< of a call
  double beta = 1;                        ///< where the square ends
  /// The loss, reduced.
  Tensor operator()(const Tensor& x, const Tensor& target) const;
  /// One loss a sample, [N].
  Tensor per_sample(const Tensor& x, const Tensor& target) const;
};
/// As an object of these options.
Tensor smooth_l1_loss(const Tensor& x, const Tensor& target, const SmoothL1Loss& options = {});

/// t (ln t - x) of log-probabilities x and probabilities t; 0 where t is 0. The mean is over the batch, summed over the
/// rest, which is the divergence (PyTorch: reduction = "batchmean"; Keras: KLDivergence, on probabilities).
struct KLDivLoss {
  Reduction reduction = Reduction::mean;  ///< of a call
  bool log_target = false;                ///< the target holds log-probabilities too
  /// The loss, reduced.
  Tensor operator()(const Tensor& log_probabilities, const Tensor& target) const;
  /// One loss a sample, [N].
  Tensor per_sample(const Tensor& log_probabilities, const Tensor& target) const;
};
/// As an object of these options.
Tensor kl_div(const Tensor& log_probabilities, const Tensor& target, const KLDivLoss& options = {});

/// Binary cross-entropy of logits times alpha_t (1 - p_t)^gamma: easy elements weigh less. Keras: BinaryFocalCrossentropy.
/// Lin et al., "Focal loss for dense object detection", 2017.
struct FocalLoss {
  static constexpr Scores scores = Scores::logits;  ///< see Scores
  double alpha = 0.25;                    ///< weight of t = 1, and 1 - alpha that of t = 0; negative: none
  double gamma = 2;                       ///< how much less easy elements weigh
  Reduction reduction = Reduction::mean;  ///< of a call
  /// The loss, reduced.
  Tensor operator()(const Tensor& logits, const Tensor& target) const;
  /// One loss a sample, [N].
  Tensor per_sample(const Tensor& logits, const Tensor& target) const;
};
/// As an object of these options.
Tensor focal_loss(const Tensor& logits, const Tensor& target, const FocalLoss& options = {});

/// x·t / (|x| |t|) along an axis, 0 for a vector of zeros.
Tensor cosine_similarity(const Tensor& x, const Tensor& target, int axis = 1, double eps = 1e-8);
/// Minus the cosine similarity of the last axis. Keras: CosineSimilarity.
struct CosineLoss {
  int axis = -1;                          ///< of the vectors
  Reduction reduction = Reduction::mean;  ///< of a call
  /// The loss, reduced.
  Tensor operator()(const Tensor& x, const Tensor& target) const;
  /// One loss a sample, [N].
  Tensor per_sample(const Tensor& x, const Tensor& target) const;
};
/// Of pairs of vectors [N, D] with labels 1 (alike: 1 - cos) or -1 (different: max(0, cos - margin)).
Tensor cosine_embedding_loss(const Tensor& a, const Tensor& b, const Tensor& label, double margin = 0,
                             Reduction reduction = Reduction::mean);

/// max(0, 1 - t x), targets -1 or 1; 0 counts as -1 (Keras: Hinge).
struct HingeLoss {
  Reduction reduction = Reduction::mean;  ///< of a call
  bool squared = false;                   ///< the square of it (Keras: SquaredHinge)
  /// The loss, reduced.
  Tensor operator()(const Tensor& x, const Tensor& target) const;
  /// One loss a sample, [N].
  Tensor per_sample(const Tensor& x, const Tensor& target) const;
};
/// As an object of these options.
Tensor hinge_loss(const Tensor& x, const Tensor& target, const HingeLoss& options = {});

/// x where the label is 1, max(0, margin - x) where it is -1.
struct HingeEmbeddingLoss {
  double margin = 1;                      ///< the distance to keep
  Reduction reduction = Reduction::mean;  ///< of a call
  /// The loss, reduced.
  Tensor operator()(const Tensor& x, const Tensor& target) const;
  /// One loss a sample, [N].
  Tensor per_sample(const Tensor& x, const Tensor& target) const;
};
/// As an object of these options.
Tensor hinge_embedding_loss(const Tensor& x, const Tensor& target, const HingeEmbeddingLoss& options = {});

/// sum over i != label of max(0, margin - x[label] + x[i])^p / C, of scores [N, C] and class numbers [N].
struct MultiMarginLoss {
  double p = 1;                           ///< the power
  double margin = 1;                      ///< the distance to keep
  Reduction reduction = Reduction::mean;  ///< of a call
  /// The loss, reduced.
  Tensor operator()(const Tensor& x, const Tensor& target) const;
  /// One loss a sample, [N].
  Tensor per_sample(const Tensor& x, const Tensor& target) const;
};
/// As an object of these options.
Tensor multi_margin_loss(const Tensor& x, const Tensor& target, const MultiMarginLoss& options = {});

/// max(0, 1 + max over wrong classes - score of the right one) of scores [N, C] and one-hot targets. Keras: CategoricalHinge.
struct CategoricalHinge {
  Reduction reduction = Reduction::mean;  ///< of a call
  /// The loss, reduced.
  Tensor operator()(const Tensor& x, const Tensor& target) const;
  /// One loss a sample, [N].
  Tensor per_sample(const Tensor& x, const Tensor& target) const;
};

/// max(0, -label (a - b) + margin): a should be the larger where the label is 1, b where it is -1.
Tensor margin_ranking_loss(const Tensor& a, const Tensor& b, const Tensor& label, double margin = 0,
                           Reduction reduction = Reduction::mean);

/// Options of triplet_margin_loss.
struct TripletOptions {
  double margin = 1;                      ///< the distance to keep
  double p = 2;                           ///< the norm
  double eps = 1e-6;                      ///< added to the differences, as PyTorch does
  bool swap = false;                      ///< take the distance positive to negative where it is smaller
  Reduction reduction = Reduction::mean;  ///< of the result
};
/// max(0, |anchor - positive| - |anchor - negative| + margin), vectors [N, D].
Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative, const TripletOptions& options = {});

/// 1 - (2 sum x t + smooth) / (sum x + sum t + smooth) over each sample, of probabilities (segmentation masks).
/// Milletari et al., "V-Net", 2016. Keras: Dice.
struct DiceLoss {
  double smooth = 1e-7;                   ///< keeps empty masks from dividing by 0
  Reduction reduction = Reduction::mean;  ///< of a call
  /// The loss, reduced.
  Tensor operator()(const Tensor& probability, const Tensor& target) const;
  /// One loss a sample, [N].
  Tensor per_sample(const Tensor& probability, const Tensor& target) const;
};
/// As an object of these options.
Tensor dice_loss(const Tensor& probability, const Tensor& target, const DiceLoss& options = {});

/// Other names in use.
using CrossEntropyLoss = CrossEntropy;    ///< PyTorch's name
using BinaryCrossEntropy = BCELoss;       ///< Keras's name
using BCEWithLogitsLoss = BCEWithLogits;  ///< PyTorch's name
using MSE = MSELoss;                      ///< mean squared error
using MAE = L1Loss;                       ///< mean absolute error
using Huber = HuberLoss;                  ///< Keras's name
using SmoothL1 = SmoothL1Loss;            ///< in short
using KLDiv = KLDivLoss;                  ///< in short
using NLL = NLLLoss;                      ///< in short

}  // namespace weft::nn
