#include <cmath>
#include <cstring>
#include <filesystem>

#include <weft/data/datasets.h>
#include <weft/data/known.h>

namespace weft::data {

namespace fs = std::filesystem;

namespace {

struct Entry {
  const char* name;
  const KnownSet& (*set)();
  ImageDataset (*make)(const DatasetOptions&);
  std::int64_t train, test;
  int channels, height, width, classes;
};
constexpr Entry entries[] = {
    {"cifar10", cifar10_set, cifar10, 50000, 10000, 3, 32, 32, 10},
    {"cifar100", cifar100_set, cifar100, 50000, 10000, 3, 32, 32, 100},
    {"mnist", mnist_set, mnist, 60000, 10000, 1, 28, 28, 10},
    {"fashion-mnist", fashion_mnist_set, fashion_mnist, 60000, 10000, 1, 28, 28, 10},
};

/// "Fashion-MNIST" to "fashionmnist", "CIFAR-10" to "cifar10".
std::string plain(const std::string& name) {
  std::string s;
  for (char c : name)
    if (c != '-' && c != '_' && c != ' ') s += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return s;
}

bool is_folder(const std::string& path) {
  std::error_code ec;
  return fs::is_directory(path, ec);
}

/// Some images of a data set in memory.
ImageDataset pick(const ImageDataset& from, const std::vector<std::int64_t>& indices) {
  const auto each = static_cast<std::size_t>(from.image_shape().numel());
  std::vector<std::uint8_t> pixels(each * indices.size());
  std::vector<std::int64_t> labels;
  for (std::size_t k = 0; k < indices.size(); ++k) {
    std::memcpy(pixels.data() + k * each, from.pixels().data() + static_cast<std::size_t>(indices[k]) * each, each);
    labels.push_back(from.label(indices[k]));
  }
  return {from.name(), from.image_shape(), std::move(pixels), std::move(labels), from.class_names()};
}

/// The last `fraction` of each class becomes the test part.
TrainTest split_classes(const ImageDataset& all, double fraction) {
  check(fraction > 0 && fraction < 1, "open: received test_fraction ", fraction, "; expected between 0 and 1");
  std::vector<std::vector<std::int64_t>> of_class(all.class_names().size());
  for (std::int64_t i = 0; i < all.size(); ++i) of_class[static_cast<std::size_t>(all.label(i))].push_back(i);
  std::vector<std::int64_t> train, test;
  for (const auto& members : of_class) {
    const auto cut =
        members.size() - static_cast<std::size_t>(std::floor(static_cast<double>(members.size()) * fraction));
    train.insert(train.end(), members.begin(), members.begin() + static_cast<std::ptrdiff_t>(cut));
    test.insert(test.end(), members.begin() + static_cast<std::ptrdiff_t>(cut), members.end());
  }
  check(!train.empty() && !test.empty(), all.name(), ": ", all.size(), " images are too few to split off a test part");
  return {pick(all, train), pick(all, test)};
}

ImageDataset load(const std::string& folder, const OpenOptions& options) {
  const ImageFolder images(folder, options.folder);
  if (options.skipped)
    for (const std::string& problem : images.skipped()) options.skipped(problem);
  return images.load();
}

TrainTest open_folder(const std::string& folder, const OpenOptions& options) {
  for (const char* test : {"test", "val", "valid", "validation"}) {
    const std::string train_folder = folder + "/train", test_folder = folder + "/" + test;
    if (!is_folder(train_folder) || !is_folder(test_folder)) continue;
    TrainTest parts{load(train_folder, options), load(test_folder, options)};
    check(parts.train.class_names() == parts.test.class_names(), folder, ": the classes of train/ and ", test,
          "/ differ");
    check(parts.train.image_shape() == parts.test.image_shape(), folder, ": images of ",
          parts.train.image_shape(), " in train/ and ", parts.test.image_shape(), " in ", test,
          "/; give a height and width to resize to (--image-size)");
    return parts;
  }
  return split_classes(load(folder, options), options.test_fraction);
}

}  // namespace

TrainTest open(const std::string& name, const OpenOptions& options) {
  if (plain(name) == "shapes10") {
    check(options.data_dir.empty(), "data_dir: received '", options.data_dir,
          "' with shapes10, which is drawn and has no files; leave one of the two out");
    return {shapes10({.train = true, .seed = options.seed}), shapes10({.train = false, .seed = options.seed})};
  }
  for (const Entry& e : entries)
    if (plain(name) == plain(e.name)) {
      DatasetOptions o{true, options.data_dir, options.download, options.base_url, options.progress,
                       options.answer_seconds};
      ImageDataset train = e.make(o);
      o.train = false;
      return {std::move(train), e.make(o)};
    }
  if (is_folder(name)) {
    check(options.data_dir.empty(), "data_dir: received '", options.data_dir, "' with the folder '", name,
          "'; leave one of the two out");
    for (const Entry& e : entries)
      if (!local_folder(e.set(), name).empty()) {
        OpenOptions local = options;
        local.data_dir = name;
        return open(e.name, local);
      }
    for (const Entry& e : entries)
      if (const auto problem = incomplete(e.set(), name); !problem.empty()) fail(problem, "; add it");
    return open_folder(name, options);
  }
  std::vector<std::string> names{"shapes10"};
  std::string list = "shapes10";
  for (const Entry& e : entries) names.emplace_back(e.name), list += cat(", ", e.name);
  fail("data set '", name, "' is not known and no such folder exists", suggestion(name, names), "; known are ", list,
       ", or name a folder with a folder of images for each class");
}

std::vector<DatasetInfo> available() {
  std::vector<DatasetInfo> list{
      {"shapes10", "ten shapes, drawn by Weft itself: needs no network", 50000, 10000, 3, 32, 32, 10, true, ""}};
  const std::string cache = cache_folder();
  for (const Entry& e : entries) {
    const KnownSet& set = e.set();
    const std::string found = local_folder(set, cache);
    list.push_back({e.name, set.description, e.train, e.test, e.channels, e.height, e.width, e.classes, !found.empty(),
                    found.empty() ? cache + "/" + set.folder : found});
  }
  return list;
}

}  // namespace weft::data
