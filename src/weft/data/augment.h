// Augmentation: random changes of 8-bit images while a Loader reads them. Each is a value; a list of them is a
// pipeline.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <weft/base/random.h>
#include <weft/data/image.h>

namespace weft::data {

/// The random numbers for one example: a pure function of seed, epoch and index, whichever thread asks.
class Draws {
 public:
  explicit Draws(RandomStream stream) : stream_(stream) {}  ///< numbers of this stream, from its first on
  /// Uniform in [lo, hi).
  double uniform(double lo = 0, double hi = 1) { return lo + (hi - lo) * stream_.uniform(next_++); }
  /// Uniform in 0..n-1.
  std::int64_t below(std::int64_t n) {
    return static_cast<std::int64_t>(stream_.below(next_++, static_cast<std::uint64_t>(n)));
  }
  bool chance(double p) { return uniform() < p; }  ///< true with probability p

 private:
  RandomStream stream_;
  std::uint64_t next_ = 0;
};

/// Mirrors left and right with probability p.
struct RandomHorizontalFlip {
  double p = 0.5;  ///< probability
  void apply(Image& image, Image& scratch, Draws& draws) const;  ///< changes the image
};
/// Mirrors top and bottom with probability p.
struct RandomVerticalFlip {
  double p = 0.5;  ///< probability
  void apply(Image& image, Image& scratch, Draws& draws) const;  ///< changes the image
};
/// Cuts a square of `size` (0: the image's own size) at a random place, after adding `padding` black pixels on every
/// side; `width` makes it a rectangle.
struct RandomCrop {
  int size = 0, /**< height; 0: the image's */ width = 0, /**< 0: as size */ padding = 0;  ///< black, on every side
  void apply(Image& image, Image& scratch, Draws& draws) const;  ///< changes the image
};
/// Cuts a square of `size` (or size x width) out of the middle; a smaller image gets a black border.
struct CenterCrop {
  int size = 0, /**< height */ width = 0;  ///< 0: as size
  void apply(Image& image, Image& scratch, Draws& draws) const;  ///< changes the image
};
/// Scales to size x width, or, without a width, the shorter side to `size`. Bilinear, averaging where it shrinks.
struct Resize {
  int size = 0, /**< height, or the shorter side */ width = 0;  ///< 0: keeps the ratio
  void apply(Image& image, Image& scratch, Draws& draws) const;  ///< changes the image
};
/// Cuts a random part (share of the area, ratio width : height) and scales it to size x size (Szegedy et al. 2015).
struct RandomResizedCrop {  /** Side of the result; bounds of the share and of the ratio. */ /**@{*/
  int size = 0;
  double scale_min = 0.08, scale_max = 1, ratio_min = 3.0 / 4, ratio_max = 4.0 / 3;  /**@}*/
  void apply(Image& image, Image& scratch, Draws& draws) const;  ///< changes the image
};
/// Turns by up to `degrees` either way around the middle; what comes in from outside is `fill` (0..255).
struct RandomRotation {
  double degrees = 0;  ///< the largest angle
  int fill = 0;  ///< for what comes in from outside
  void apply(Image& image, Image& scratch, Draws& draws) const;  ///< changes the image
};
/// Shifts by up to these shares of height and width (Keras's RandomTranslation).
struct RandomTranslation {
  double height = 0, /**< share of the height, up or down */ width = 0;  ///< share of the width, left or right
  int fill = 0;  ///< for what comes in from outside
  void apply(Image& image, Image& scratch, Draws& draws) const;  ///< changes the image
};
/// Turns, shifts (shares of the size), scales and shears (degrees) at random.
struct RandomAffine {  /** Largest angle, largest shifts, bounds of the scale, largest shear. */ /**@{*/
  double degrees = 0, translate_x = 0, translate_y = 0, scale_min = 1, scale_max = 1, shear = 0;  /**@}*/
  int fill = 0;  ///< for what comes in from outside
  void apply(Image& image, Image& scratch, Draws& draws) const;  ///< changes the image
};
/// Brightness, contrast and saturation change by factors in [1 - v, 1 + v] and the hue by up to ±hue turns (hue <=
/// 0.5), in a random order.
struct ColorJitter {
  double brightness = 0, /**< factor */ contrast = 0, /**< factor */ saturation = 0, /**< factor */ hue = 0;  ///< turns
  void apply(Image& image, Image& scratch, Draws& draws) const;  ///< changes the image
};
/// Makes the image gray with probability p, keeping its channels.
struct RandomGrayscale {
  double p = 0.1;  ///< probability
  void apply(Image& image, Image& scratch, Draws& draws) const;  ///< changes the image
};
/// Fills a random rectangle (share of the area, ratio) with `value` (0..255), with probability p (Zhong et al. 2017).
struct RandomErasing {  /** Probability, then bounds of the share and of the ratio. */ /**@{*/
  double p = 0.5, scale_min = 0.02, scale_max = 0.33, ratio_min = 0.3, ratio_max = 3.3;  /**@}*/
  int value = 0;  ///< the pixels' new value
  void apply(Image& image, Image& scratch, Draws& draws) const;  ///< changes the image
};
/// (v / 255 - mean) / stddev for each channel, done while pixels are copied into the batch, so last wherever it stands
/// in the list. One number serves all channels.
struct Normalize {
  std::vector<double> mean, /**< one a channel, or one */ stddev;  ///< one a channel, or one
};

/// Any of the above, or a type of your own with `void apply(Image& image, Image& scratch, Draws& draws) const`, which
/// may use scratch's memory and swap the two. It is called from several threads at once.
class Augmentation {
 public:
  template <class A>
  requires requires(const A& a, Image& image, Draws& draws) { a.apply(image, image, draws); }
  Augmentation(A a) : model_(std::make_shared<Held<A>>(std::move(a))) {}  ///< holds a copy
  Augmentation(Normalize n);  ///< for the copy into the batch: its apply() does nothing
  void apply(Image& image, Image& scratch, Draws& draws) const { model_->apply(image, scratch, draws); }  ///< runs it
  /// Not null for Normalize.
  const Normalize* normalize() const { return model_->normalize(); }

 private:
  struct Model {
    virtual ~Model() = default;
    virtual void apply(Image& image, Image& scratch, Draws& draws) const = 0;
    virtual const Normalize* normalize() const { return nullptr; }
  };
  template <class A> struct Held final : Model {
    A a;
    explicit Held(A value) : a(std::move(value)) {}
    void apply(Image& image, Image& scratch, Draws& draws) const override { a.apply(image, scratch, draws); }
  };
  struct HeldNormalize;
  std::shared_ptr<const Model> model_;
};
/// A pipeline, applied in order.
using Augmentations = std::vector<Augmentation>;

/// A pipeline from text: names with an optional number, as in "hflip,crop:4,rotate:15"; "none" and "" are empty.
/// Throws Error with a suggestion for an unknown name. augmentation_names() says what there is.
Augmentations parse_augmentations(std::string_view text);
/// What parse_augmentations() knows, each as {"crop:4", "random crop after padding by 4 pixels"}.
std::vector<std::pair<std::string, std::string>> augmentation_names();

/// Scales `from` to height x width into `to`: bilinear, with averaging where it shrinks.
void resize(const Image& from, Image& to, int height, int width);

}  // namespace weft::data
