#include <weft/nn/shape_layers.h>

namespace weft::nn {

namespace {

void check_image(const char* name, const Tensor& x) {
  check(x.defined() && x.rank() == 4, name, ": received ", x.defined() ? "x of shape " + to_string(x.shape()) : "an undefined tensor",
        "; expected [N, C, H, W]");
}

/// The sizes with -1 replaced so that their product is `total`.
Shape fill_in(const char* name, Shape sizes, std::int64_t total, const Shape& x) {
  int open = -1;
  std::int64_t known = 1;
  for (int i = 0; i < sizes.rank(); ++i) {
    if (sizes[i] == -1) {
      check(open < 0, name, ": two sizes of -1 in ", sizes);
      open = i;
    } else {
      known *= sizes[i];
    }
  }
  if (open >= 0 && known > 0 && total % known == 0) {
    sizes[open] = total / known;
    known = total;
  }
  check(known == total, name, ": received x of shape ", x, ": ", total, " elements do not fill ", sizes);
  return sizes;
}

}  // namespace

Tensor Flatten::forward(const Tensor& x) const {
  check(x.rank() > 0, "flatten: received a scalar; expected [N, ...]");
  if (x.rank() == start_axis) return x.unsqueeze(start_axis);  // [N] to [N, 1]
  return x.flatten(start_axis, end_axis);
}

Tensor Unflatten::forward(const Tensor& x) const {
  const int a = normalize_axis(axis, x.rank());
  const Shape parts = fill_in("unflatten", sizes, x.size(a), x.shape());
  Shape out;
  for (int i = 0; i < x.rank(); ++i) {
    if (i != a) out.push_back(i == 0 && x.numel() > 0 ? -1 : x.size(i));
    else for (std::int64_t s : parts) out.push_back(s);
  }
  return reshape(x, out);
}

Tensor Reshape::forward(const Tensor& x) const {
  check(x.rank() > 0, "reshape: received a scalar; expected [N, ...]");
  std::int64_t sample = 1;
  for (int i = 1; i < x.rank(); ++i) sample *= x.size(i);
  Shape out = fill_in("reshape", sizes, sample, x.shape());
  out.insert(0, x.numel() > 0 ? -1 : x.size(0));  // open, so that a captured graph takes any batch
  return reshape(x, out);
}

Tensor ZeroPad2d::forward(const Tensor& x) const {
  check_image("zero_pad2d", x);
  return pad(x, {0, 0, sides.top, sides.left}, {0, 0, sides.bottom, sides.right});
}

Tensor Cropping2d::forward(const Tensor& x) const {
  check_image("cropping2d", x);
  const std::int64_t h = x.size(2), w = x.size(3);
  check(sides.top >= 0 && sides.bottom >= 0 && sides.left >= 0 && sides.right >= 0 && sides.top + sides.bottom <= h &&
            sides.left + sides.right <= w,
        "cropping2d: received x of shape ", x.shape(), "; cannot take ", sides.left, ", ", sides.right, ", ",
        sides.top, ", ", sides.bottom, " pixels from left, right, top and bottom");
  return slice(x, {2, 3}, {sides.top, sides.left}, {h - sides.bottom, w - sides.right}, {1, 1});
}

Upsample::Upsample(int factor) { options.scale = {static_cast<double>(factor)}; }
Upsample::Upsample(UpsampleOptions o) : options(std::move(o)) {}
Tensor Upsample::forward(const Tensor& x) const {
  return interpolate(x, {options.size, options.scale, options.mode, options.align_corners});
}

RepeatVector::RepeatVector(std::int64_t n) : n(n) { check(n >= 1, "repeat_vector: n is ", n, "; expected 1 or more"); }
Tensor RepeatVector::forward(const Tensor& x) const {
  check(x.rank() == 2, "repeat_vector: received x of shape ", x.shape(), "; expected [N, F]");
  return concat(std::vector<Tensor>(static_cast<std::size_t>(n), unsqueeze(x, 1)), 1);
}

}  // namespace weft::nn
