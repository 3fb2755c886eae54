#include <weft/train/image_preprocessing.h>

#include <weft/io/model_json.h>
#include <weft/io/saved_model.h>
#include <weft/ops/ops.h>

namespace weft::nn {

ImagePreprocessing ImagePreprocessing::of(const Shape& shape, const data::Augmentations& pipeline) {
  check(shape.rank() == 3, "image preprocessing: images of shape ", shape, "; expected [C, H, W]");
  ImagePreprocessing p;
  p.channels = static_cast<int>(shape[0]);
  p.height = static_cast<int>(shape[1]);
  p.width = static_cast<int>(shape[2]);
  for (const data::Augmentation& a : pipeline)
    if (const data::Normalize* n = a.normalize()) {
      p.mean = n->mean;
      p.stddev = n->stddev;
    }
  return p;
}

void ImagePreprocessing::describe(SavedModel& model) const {
  model.description->preprocessing = {{"kind", std::string("image")}, {"channels", std::int64_t{channels}},
                                      {"height", std::int64_t{height}}, {"width", std::int64_t{width}},
                                      {"mean", mean}, {"stddev", stddev}};
}

ImagePreprocessing ImagePreprocessing::of(const SavedModel& model) {
  ImagePreprocessing p;
  std::string kind;
  std::int64_t channels = 0, height = 0, width = 0;
  for (const auto& [name, value] : model.description->preprocessing) {
    if (name == "kind") weft::detail::decode(name, value, kind);
    if (name == "channels") weft::detail::decode(name, value, channels);
    if (name == "height") weft::detail::decode(name, value, height);
    if (name == "width") weft::detail::decode(name, value, width);
    if (name == "mean") weft::detail::decode(name, value, p.mean);
    if (name == "stddev") weft::detail::decode(name, value, p.stddev);
  }
  check(kind == "image" && (channels == 1 || channels == 3) && height > 0 && width > 0,
        "model.json: its preprocessing describes no image; expected kind \"image\" with channels, height and width");
  p.channels = static_cast<int>(channels);
  p.height = static_cast<int>(height);
  p.width = static_cast<int>(width);
  return p;
}

data::Augmentations ImagePreprocessing::pipeline() const {
  data::Augmentations list{data::Resize{height, width}};
  if (!mean.empty()) list.push_back(data::Normalize{mean, stddev});
  return list;
}

Tensor ImagePreprocessing::operator()(const data::Image& image) const {
  data::Image scaled;
  data::resize(image, scaled, height, width);
  Tensor x = unsqueeze(data::to_tensor(scaled), 0);
  if (mean.empty()) return x;
  const Shape per_channel{1, static_cast<std::int64_t>(mean.size()), 1, 1};
  return (x - tensor_of(mean, per_channel, {.dtype = f32})) / tensor_of(stddev, per_channel, {.dtype = f32});
}

}  // namespace weft::nn
