// What is done to an image file before a model sees it: kept in model.json, so that prediction needs no flag.
#pragma once

#include <weft/data/augment.h>

namespace weft {
struct SavedModel;
}

namespace weft::nn {

/// Scaling to height x width, then (v / 255 - mean) / stddev for each channel.
struct ImagePreprocessing {
  int channels = 3, /**< 3: RGB, 1: gray */ height = 0, /**< of the input */ width = 0;  ///< of the input
  std::vector<double> mean = {}, /**< of each channel; empty: 0 */ stddev = {};  ///< of each channel; empty: 1

  /// For images of shape [C, H, W] that a Loader with this pipeline reads; its Normalize is taken over, anything random
  /// is left out.
  static ImagePreprocessing of(const Shape& image_shape, const data::Augmentations& pipeline);
  /// What a saved model says; throws Error where it takes no image, or images of another size.
  static ImagePreprocessing of(const SavedModel& model);
  /// Writes it into a model's description, for of().
  void describe(SavedModel& model) const;
  /// The pipeline of a Loader of image data.
  data::Augmentations pipeline() const;
  /// A batch of one, f32 [1, C, H, W].
  Tensor operator()(const data::Image& image) const;
};

}  // namespace weft::nn
