// The networks that the step engine is measured on: bench_steps and compare/ use them. compare/jobs/networks.py defines
// them for the peers; the counts of parameters are compared on both sides.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <weft/nn/nn.h>

namespace weft::bench {

/// A network with the work that is measured: a training step of `batch` images.
struct Network {
  std::string_view name;
  std::int64_t batch;       ///< examples a step
  Shape input;              ///< of one example: [C, H, W]
  std::int64_t parameters;  ///< numbers that are trained
  bool autoencoder;         ///< learns its own input by mean squared error; the others 10 classes by cross-entropy
  nn::Layer (*build)();

  /// With its weights drawn. Throws Error where it has not the parameters stated.
  nn::Layer make() const;
  /// What a step minimises.
  Tensor loss(const Tensor& prediction, const Tensor& x, const Tensor& y) const;
};

/// All of them, the tutorial CNN first.
std::span<const Network> networks();
/// The network of that name; throws Error with a suggestion.
const Network& network(std::string_view name);

}  // namespace weft::bench
