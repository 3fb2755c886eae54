#include <weft/train/image_preprocessing.h>

#include <cmath>

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

namespace {
/// One number for each channel, or one for all.
void check_numbers(const char* key, const std::vector<double>& v, int channels) {
  check(v.size() == 1 || v.size() == static_cast<std::size_t>(channels), "model.json: preprocessing: '", key,
        "' holds ", v.size(), " numbers; expected one for each of ", channels, " channels");
  for (double x : v) check(std::isfinite(x), "model.json: preprocessing: '", key, "' holds ", x, "; expected numbers");
}
}  // namespace

ImagePreprocessing ImagePreprocessing::of(const SavedModel& model) {
  ImagePreprocessing p;
  std::string kind;
  try {
    for (const auto& [name, value] : model.description->preprocessing) {
      if (name == "kind") weft::detail::decode(name, value, kind);
      if (name == "channels") weft::detail::decode(name, value, p.channels);
      if (name == "height") weft::detail::decode(name, value, p.height);
      if (name == "width") weft::detail::decode(name, value, p.width);
      if (name == "mean") weft::detail::decode(name, value, p.mean);
      if (name == "stddev") weft::detail::decode(name, value, p.stddev);
    }
  } catch (const Error& e) {
    fail("model.json: preprocessing: ", e.message());
  }
  check(kind == "image" && (p.channels == 1 || p.channels == 3) && p.height > 0 && p.width > 0,
        "model.json: its preprocessing describes no image; expected kind \"image\" with channels, height and width");
  const std::vector<GraphInput>& inputs = model.description->graph.inputs;
  const Shape batch{1, p.channels, p.height, p.width};
  check(inputs.size() == 1 && inputs[0].meta.shape == batch, "model.json: preprocessing makes images of shape ", batch,
        ", the model takes ", inputs.empty() ? "nothing" : to_string(inputs[0].meta.shape),
        "; 'channels', 'height' and 'width' must be the input's");
  constexpr int max_side = 16384;
  check(p.height <= max_side && p.width <= max_side, "model.json: images of ", p.height, "x", p.width,
        "; expected sides of at most ", max_side);
  if (p.mean.empty() && p.stddev.empty()) return p;
  check_numbers("mean", p.mean, p.channels);
  check_numbers("stddev", p.stddev, p.channels);
  for (double v : p.stddev) check(v > 0, "model.json: preprocessing: 'stddev' holds ", v, "; expected numbers above 0");
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
  const auto per_channel = [](const std::vector<double>& v) {
    return tensor_of(v, {1, static_cast<std::int64_t>(v.size()), 1, 1}, {.dtype = f32});
  };
  return (x - per_channel(mean)) / per_channel(stddev);
}

}  // namespace weft::nn
