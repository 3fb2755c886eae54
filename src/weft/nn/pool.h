// Pooling layers: `nn::MaxPool2d{2}`, or with options `nn::MaxPool2d{{.kernel = 3, .stride = 2, .padding = 1}}`.
#pragma once

#include <weft/nn/module.h>

namespace weft::nn {

/// Options of the max pools, in PyTorch's order.
struct MaxPoolLayerOptions {
  PerAxis kernel = 2;                  ///< one size, or one an axis
  std::optional<PerAxis> stride = {};  ///< unset: the kernel
  Padding padding = 0;                 ///< a number, one an axis, "same" or "valid"
  PerAxis dilation = 1;                ///< distance between the elements of a window
  bool ceil_mode = false;              ///< a last window may hang over the end
};
/// Options of the average pools, in PyTorch's order.
struct AvgPoolLayerOptions {
  PerAxis kernel = 2;                  ///< one size, or one an axis
  std::optional<PerAxis> stride = {};  ///< unset: the kernel
  Padding padding = 0;                 ///< a number, one an axis, "same" or "valid"
  bool ceil_mode = false;              ///< a last window may hang over the end
  bool count_include_pad = true;       ///< false: the mean over real elements only (Keras)
};

namespace detail {
struct MaxPool {
  MaxPool(int kernel) { options.kernel = kernel; }
  MaxPool(MaxPoolLayerOptions o) : options(std::move(o)) {}
  MaxPoolLayerOptions options;  ///< as given
  MaxPoolOptions rest() const { return {options.stride, options.padding, options.dilation, options.ceil_mode}; }
};
struct AvgPool {
  AvgPool(int kernel) { options.kernel = kernel; }
  AvgPool(AvgPoolLayerOptions o) : options(std::move(o)) {}
  AvgPoolLayerOptions options;  ///< as given
  AvgPoolOptions rest() const { return {options.stride, options.padding, options.ceil_mode, options.count_include_pad}; }
};
}  // namespace detail

/// The largest element of each window of [N, C, L] (Keras: MaxPooling1D).
class MaxPool1d : public Module<MaxPool1d>, public detail::MaxPool {
 public:
  using detail::MaxPool::MaxPool;
  Tensor forward(const Tensor& x) const { return max_pool1d(x, options.kernel, rest()); }
  using fields = Fields<>;
};
/// The largest element of each window of [N, C, H, W] (Keras: MaxPooling2D).
class MaxPool2d : public Module<MaxPool2d>, public detail::MaxPool {
 public:
  using detail::MaxPool::MaxPool;
  Tensor forward(const Tensor& x) const { return max_pool2d(x, options.kernel, rest()); }
  using fields = Fields<>;
};
/// The largest element of each window of [N, C, D, H, W].
class MaxPool3d : public Module<MaxPool3d>, public detail::MaxPool {
 public:
  using detail::MaxPool::MaxPool;
  Tensor forward(const Tensor& x) const { return max_pool3d(x, options.kernel, rest()); }
  using fields = Fields<>;
};
/// The mean of each window of [N, C, L] (Keras: AveragePooling1D).
class AvgPool1d : public Module<AvgPool1d>, public detail::AvgPool {
 public:
  using detail::AvgPool::AvgPool;
  Tensor forward(const Tensor& x) const { return avg_pool1d(x, options.kernel, rest()); }
  using fields = Fields<>;
};
/// The mean of each window of [N, C, H, W] (Keras: AveragePooling2D).
class AvgPool2d : public Module<AvgPool2d>, public detail::AvgPool {
 public:
  using detail::AvgPool::AvgPool;
  Tensor forward(const Tensor& x) const { return avg_pool2d(x, options.kernel, rest()); }
  using fields = Fields<>;
};
/// The mean of each window of [N, C, D, H, W].
class AvgPool3d : public Module<AvgPool3d>, public detail::AvgPool {
 public:
  using detail::AvgPool::AvgPool;
  Tensor forward(const Tensor& x) const { return avg_pool3d(x, options.kernel, rest()); }
  using fields = Fields<>;
};

/// The mean over all pixels: [N, C, H, W] to [N, C], or [N, C, 1, 1] with keepdim (Keras: GlobalAveragePooling2D).
class GlobalAvgPool2d : public Module<GlobalAvgPool2d> {
 public:
  /// With or without axes of size 1.
  explicit GlobalAvgPool2d(bool keepdim = false) : keepdim(keepdim) {}
  Tensor forward(const Tensor& x) const { return global_avg_pool(x, keepdim); }
  bool keepdim;  ///< as given
  using fields = Fields<>;
};
/// The maximum over all pixels, as GlobalAvgPool2d (Keras: GlobalMaxPooling2D).
class GlobalMaxPool2d : public Module<GlobalMaxPool2d> {
 public:
  /// With or without axes of size 1.
  explicit GlobalMaxPool2d(bool keepdim = false) : keepdim(keepdim) {}
  Tensor forward(const Tensor& x) const { return global_max_pool(x, keepdim); }
  bool keepdim;  ///< as given
  using fields = Fields<>;
};
/// The same for [N, C, L].
using GlobalAvgPool1d = GlobalAvgPool2d;
using GlobalMaxPool1d = GlobalMaxPool2d;

/// Means over cells that cut the image into `size` parts an axis.
class AdaptiveAvgPool2d : public Module<AdaptiveAvgPool2d> {
 public:
  /// To that many cells.
  AdaptiveAvgPool2d(PerAxis size = 1) : size(std::move(size)) {}
  Tensor forward(const Tensor& x) const { return adaptive_avg_pool2d(x, size); }
  PerAxis size;  ///< as given
  using fields = Fields<>;
};
/// The same for [N, C, L].
class AdaptiveAvgPool1d : public Module<AdaptiveAvgPool1d> {
 public:
  /// To that many cells.
  AdaptiveAvgPool1d(PerAxis size = 1) : size(std::move(size)) {}
  Tensor forward(const Tensor& x) const { return adaptive_avg_pool1d(x, size); }
  PerAxis size;  ///< as given
  using fields = Fields<>;
};

}  // namespace weft::nn
