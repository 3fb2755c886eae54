#include <algorithm>
#include <cstring>
#include <filesystem>
#include <mutex>

#include <weft/base/thread_pool.h>
#include <weft/data/augment.h>
#include <weft/data/datasets.h>

namespace weft::data {

namespace fs = std::filesystem;

namespace {
/// Names in a folder that are folders (or files), sorted; hidden ones are left out.
std::vector<std::string> entries(const std::string& folder, bool folders) {
  std::vector<std::string> names;
  std::error_code ec;
  for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
    const std::string name = it->path().filename().string();
    std::error_code unreadable;
    if (name[0] != '.' && it->is_directory(unreadable) == folders) names.push_back(name);
  }
  check(!ec, folder, ": the folder cannot be read (", ec.message(), ")");
  std::sort(names.begin(), names.end());
  return names;
}

Image read_for(const std::string& path, const FolderOptions& options) {
  Image image = read_image(path, options.channels);
  if (options.height && (image.height != options.height || image.width != options.width)) {
    Image resized;
    resize(image, resized, options.height, options.width);
    return resized;
  }
  return image;
}
}  // namespace

ImageFolder::ImageFolder(const std::string& folder, const FolderOptions& options) : folder_(folder), options_(options) {
  if (options_.height && !options_.width) options_.width = options_.height;
  check(options_.height >= 0 && options_.width >= 0 && (options_.height > 0) == (options_.width > 0),
        "ImageFolder: received size ", options_.height, "x", options_.width, "; expected height and width, or neither");
  check(options_.channels == 1 || options_.channels == 3, "ImageFolder: received channels ", options_.channels,
        "; expected 1 or 3");
  std::error_code ec;
  check(fs::is_directory(folder, ec), folder, ": no such folder; expected one with a folder of images for each class");
  for (const auto& name : entries(folder, true)) {
    const std::string inside = folder + "/" + name;
    bool any = false;
    for (const auto& file : entries(inside, false))
      if (is_image_file(file)) {
        files_.push_back({inside + "/" + file, static_cast<std::int64_t>(class_names_.size())});
        any = true;
      }
    if (any) class_names_.push_back(name);
  }
  check(!files_.empty(), folder,
        ": no image found; expected a folder for each class with .jpg, .jpeg or .png files in it");
  if (!options_.skip_corrupt) return;
  std::vector<std::string> problems(files_.size());
  parallel_for(size(), 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) try {
        read_image(path(i), options_.channels);
      } catch (const Error& e) {
        problems[static_cast<std::size_t>(i)] = e.what();
      }
  });
  std::vector<File> good;
  for (std::size_t i = 0; i < files_.size(); ++i)
    if (problems[i].empty()) good.push_back(files_[i]);
    else skipped_.push_back(problems[i]);
  files_ = std::move(good);
  check(!files_.empty(), folder, ": none of ", skipped_.size(),
        " images can be decoded; the first: ", skipped_.empty() ? "" : skipped_[0]);
}

bool ImageFolder::image(std::int64_t i, ImageView& view, Image& scratch) const {
  check(i >= 0 && i < size(), "ImageFolder: image ", i, " of ", size());
  scratch = read_for(path(i), options_);
  view = {scratch.pixels.data(), scratch.channels, scratch.height, scratch.width,
          files_[static_cast<std::size_t>(i)].label};
  return true;
}

Sample ImageFolder::get(std::int64_t i) const {
  ImageView view;
  Image scratch;
  image(i, view, scratch);
  return {{to_tensor(scratch)}, {detail::number(view.label)}};
}

ImageDataset ImageFolder::load() const {
  const Image first = read_for(path(0), options_);
  const auto each = static_cast<std::int64_t>(first.pixels.size());
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(each * size()));
  std::vector<std::int64_t> labels;
  for (const auto& f : files_) labels.push_back(f.label);
  parallel_for(size(), 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const Image image = read_for(path(i), options_);
      check(image.height == first.height && image.width == first.width, path(i), ": an image of ", image.width, "x",
            image.height, " pixels among ones of ", first.width, "x", first.height,
            "; give a height and width to resize to (--image-size)");
      std::memcpy(pixels.data() + i * each, image.pixels.data(), static_cast<std::size_t>(each));
    }
  });
  return {fs::path(folder_).filename().string(), Shape{first.channels, first.height, first.width}, std::move(pixels),
          std::move(labels), class_names_};
}

}  // namespace weft::data
