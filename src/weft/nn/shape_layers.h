// Layers that rearrange: the batch axis stays what it is.
#pragma once

#include <weft/nn/module.h>

namespace weft::nn {

/// Joins axes start..end into one; by default all but the batch.
class Flatten : public Module<Flatten> {
 public:
  /// Those axes.
  explicit Flatten(int start_axis = 1, int end_axis = -1) : start_axis(start_axis), end_axis(end_axis) {}
  Tensor forward(const Tensor& x) const;
  int start_axis;  ///< as given
  int end_axis;    ///< as given
  using fields = Fields<>;
};

/// Replaces one axis by several; one size may be -1: `nn::Unflatten{1, {3, 32, 32}}`.
class Unflatten : public Module<Unflatten> {
 public:
  /// That axis into these sizes.
  Unflatten(int axis, Shape sizes) : axis(axis), sizes(std::move(sizes)) {}
  Tensor forward(const Tensor& x) const;
  int axis;     ///< as given
  Shape sizes;  ///< as given
  using fields = Fields<>;
};

/// Other sizes for all but the batch axis; one may be -1 (Keras: Reshape): `nn::Reshape{3, 32, 32}`.
class Reshape : public Module<Reshape> {
 public:
  /// The sizes behind the batch axis.
  Reshape(std::initializer_list<std::int64_t> sizes) : sizes(sizes) {}
  /// The same.
  explicit Reshape(Shape sizes) : sizes(std::move(sizes)) {}
  Tensor forward(const Tensor& x) const;
  Shape sizes;  ///< as given
  using fields = Fields<>;
};

/// Axes in another order; axis 0 is the batch: `nn::Permute{0, 2, 3, 1}` (Keras counts from 1 and leaves the batch out).
class Permute : public Module<Permute> {
 public:
  /// Axis i of the result is axis axes[i] of x.
  Permute(std::initializer_list<std::int64_t> axes) : axes(axes) {}
  Tensor forward(const Tensor& x) const { return permute(x, axes); }
  Dims axes;  ///< as given
  using fields = Fields<>;
};

/// Amounts at the four sides of an image, in PyTorch's order.
struct Sides {
  std::int64_t left = 0;    ///< before the last axis
  std::int64_t right = 0;   ///< after it
  std::int64_t top = 0;     ///< before the axis of rows
  std::int64_t bottom = 0;  ///< after it
  /// The same at every side.
  static Sides all(std::int64_t n) { return {n, n, n, n}; }
};

/// Zeros around [N, C, H, W]: `nn::ZeroPad2d{2}` or `nn::ZeroPad2d{{.left = 1, .top = 1}}` (Keras: ZeroPadding2D).
class ZeroPad2d : public Module<ZeroPad2d> {
 public:
  /// The same at every side.
  explicit ZeroPad2d(int all) : sides(Sides::all(all)) {}
  /// Each side.
  explicit ZeroPad2d(Sides sides) : sides(sides) {}
  Tensor forward(const Tensor& x) const;
  Sides sides;  ///< as given
  using fields = Fields<>;
};

/// Takes pixels away from the sides of [N, C, H, W] (Keras: Cropping2D).
class Cropping2d : public Module<Cropping2d> {
 public:
  /// The same at every side.
  explicit Cropping2d(int all) : sides(Sides::all(all)) {}
  /// Each side.
  explicit Cropping2d(Sides sides) : sides(sides) {}
  Tensor forward(const Tensor& x) const;
  Sides sides;  ///< as given
  using fields = Fields<>;
};

/// Options of Upsample.
struct UpsampleOptions {
  std::optional<PerAxis> size = {};  ///< sizes of the result; or
  std::vector<double> scale = {};    ///< factors: one for all spatial axes, or one each
  std::string mode = "nearest";      ///< "nearest" or "linear" ("bilinear")
  bool align_corners = false;        ///< linear: the corner pixels keep their values
};
/// [N, C, spatial…] made larger: `nn::Upsample{2}` (Keras: UpSampling2D).
class Upsample : public Module<Upsample> {
 public:
  /// That many times as large.
  explicit Upsample(int factor);
  /// From its options; throws Error for those that fit no layer.
  explicit Upsample(UpsampleOptions options);
  Tensor forward(const Tensor& x) const;
  UpsampleOptions options;  ///< as given
  using fields = Fields<>;
};

/// [N, F] to [N, n, F], n copies.
class RepeatVector : public Module<RepeatVector> {
 public:
  /// That many copies.
  explicit RepeatVector(std::int64_t n);
  Tensor forward(const Tensor& x) const;
  std::int64_t n;  ///< as given
  using fields = Fields<>;
};

/// [N, C * r * r, H, W] to [N, C, H * r, W * r]. Shi et al., "Real-time single image and video super-resolution", 2016.
class PixelShuffle : public Module<PixelShuffle> {
 public:
  /// That many times as large.
  explicit PixelShuffle(std::int64_t factor) : factor(factor) {}
  Tensor forward(const Tensor& x) const { return pixel_shuffle(x, factor); }
  std::int64_t factor;  ///< as given
  using fields = Fields<>;
};
/// Its inverse.
class PixelUnshuffle : public Module<PixelUnshuffle> {
 public:
  /// That many times as small.
  explicit PixelUnshuffle(std::int64_t factor) : factor(factor) {}
  Tensor forward(const Tensor& x) const { return pixel_unshuffle(x, factor); }
  std::int64_t factor;  ///< as given
  using fields = Fields<>;
};

}  // namespace weft::nn
