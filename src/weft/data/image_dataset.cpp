#include <algorithm>
#include <cmath>
#include <cstring>

#include <weft/base/thread_pool.h>
#include <weft/data/datasets.h>
#include <weft/ops/create.h>
#include <weft/tensor/tensor_impl.h>

namespace weft::data {

struct ImageDataset::Data {
  std::string name;
  Shape shape;
  std::int64_t bytes_each = 0;
  std::vector<std::uint8_t> pixels;
  std::vector<std::int64_t> labels;
  std::vector<std::string> class_names;
};

Tensor to_tensor(const Image& image) {
  Tensor t = allocate_tensor({Shape{image.channels, image.height, image.width}, DType::f32}, cpu);
  float* out = view_of(t).as<float>();
  for (std::size_t i = 0; i < image.pixels.size(); ++i) out[i] = static_cast<float>(image.pixels[i]) / 255.0f;
  return t;
}

ImageDataset::ImageDataset(std::string name, const Shape& shape, std::vector<std::uint8_t> pixels,
                           std::vector<std::int64_t> labels, std::vector<std::string> class_names) {
  check(shape.rank() == 3 && shape.numel() > 0, "ImageDataset: received images of shape ", shape,
        "; expected [channels, height, width]");
  const auto expected = static_cast<std::size_t>(shape.numel()) * labels.size();
  check(pixels.size() == expected, "ImageDataset: received ", pixels.size(), " bytes of pixels; expected ", expected,
        " for ", labels.size(), " images of shape ", shape);
  for (std::size_t i = 0; i < labels.size(); ++i)
    check(labels[i] >= 0 && (class_names.empty() || labels[i] < static_cast<std::int64_t>(class_names.size())),
          "ImageDataset: label ", labels[i], " of image ", i, "; expected 0 to ", class_names.size() - 1);
  data_ = std::make_shared<Data>(
      Data{std::move(name), shape, shape.numel(), std::move(pixels), std::move(labels), std::move(class_names)});
}

std::int64_t ImageDataset::size() const { return data_ ? static_cast<std::int64_t>(data_->labels.size()) : 0; }

bool ImageDataset::image(std::int64_t i, ImageView& view, Image&) const {
  check(i >= 0 && i < size(), "ImageDataset: image ", i, " of ", size());
  const Shape& s = data_->shape;
  view = {data_->pixels.data() + i * data_->bytes_each, static_cast<int>(s[0]), static_cast<int>(s[1]),
          static_cast<int>(s[2]), data_->labels[static_cast<std::size_t>(i)]};
  return true;
}

Image ImageDataset::image(std::int64_t i) const {
  ImageView view;
  Image out;
  image(i, view, out);
  out.resize(view.channels, view.height, view.width);
  std::memcpy(out.pixels.data(), view.pixels, out.pixels.size());
  return out;
}

Sample ImageDataset::get(std::int64_t i) const { return {{to_tensor(image(i))}, {detail::number(label(i))}}; }

std::int64_t ImageDataset::label(std::int64_t i) const {
  check(i >= 0 && i < size(), "ImageDataset: label ", i, " of ", size());
  return data_->labels[static_cast<std::size_t>(i)];
}

namespace {
template <class D> const D& held(const std::shared_ptr<D>& data) {
  check(static_cast<bool>(data),
        "ImageDataset: it is empty (default-constructed); open one with data::cifar10() or the like");
  return *data;
}
}  // namespace

const Shape& ImageDataset::image_shape() const { return held(data_).shape; }
const std::vector<std::string>& ImageDataset::class_names() const { return held(data_).class_names; }
const std::string& ImageDataset::name() const { return held(data_).name; }
std::span<const std::uint8_t> ImageDataset::pixels() const { return held(data_).pixels; }
std::span<const std::int64_t> ImageDataset::labels() const { return held(data_).labels; }
Tensor ImageDataset::images() const {
  const Shape& s = held(data_).shape;
  return from_blob(data_->pixels.data(), {size(), s[0], s[1], s[2]}, DType::u8, data_);
}
Tensor ImageDataset::targets() const { return from_blob(held(data_).labels.data(), {size()}, DType::i64, data_); }

ChannelStatistics channel_statistics(const Dataset& dataset) {
  const std::int64_t n = dataset.size();
  check(n > 0, "channel_statistics: the data set is empty");
  ImageView first;
  Image scratch;
  check(dataset.image(0, first, scratch), "channel_statistics: the examples are no 8-bit images");
  const int channels = first.channels;
  struct Sums {
    std::uint64_t sum[4] = {}, squares[4] = {}, count = 0;
  };
  check(channels <= 4, "channel_statistics: images of ", channels, " channels; expected at most 4");
  constexpr std::int64_t grain = 500;
  std::vector<Sums> parts(static_cast<std::size_t>((n + grain - 1) / grain));
  parallel_for(n, grain, [&](std::int64_t begin, std::int64_t end) {
    Sums& s = parts[static_cast<std::size_t>(begin / grain)];
    ImageView view;
    Image own;
    for (std::int64_t i = begin; i < end; ++i) {
      dataset.image(i, view, own);
      check(view.channels == channels, "channel_statistics: image ", i, " has ", view.channels, " channels, the first ",
            channels);
      const std::int64_t plane = static_cast<std::int64_t>(view.height) * view.width;
      for (int c = 0; c < channels; ++c) {
        const std::uint8_t* p = view.pixels + c * plane;
        std::uint64_t sum = 0, squares = 0;
        for (std::int64_t k = 0; k < plane; ++k) sum += p[k], squares += static_cast<unsigned>(p[k]) * p[k];
        s.sum[c] += sum, s.squares[c] += squares;
      }
      s.count += static_cast<std::uint64_t>(plane);
    }
  });
  Sums all;
  for (const Sums& s : parts) {
    for (int c = 0; c < channels; ++c) all.sum[c] += s.sum[c], all.squares[c] += s.squares[c];
    all.count += s.count;
  }
  ChannelStatistics result;
  for (int c = 0; c < channels; ++c) {
    const double count = static_cast<double>(all.count), mean = static_cast<double>(all.sum[c]) / count;
    result.mean.push_back(mean / 255);
    result.stddev.push_back(std::sqrt(std::max(0.0, static_cast<double>(all.squares[c]) / count - mean * mean)) / 255);
  }
  return result;
}

}  // namespace weft::data
