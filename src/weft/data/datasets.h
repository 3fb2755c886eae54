// The known data sets: downloaded once, checked, kept in a cache, decoded into memory.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <weft/data/dataset.h>

namespace weft::data {

/// Labelled 8-bit images of one size, held in memory and shared by copies.
class ImageDataset {
 public:
  ImageDataset() = default;
  /// `pixels` holds labels.size() images of `shape` [C, H, W] one after the other. Throws Error where sizes do not
  /// fit or a label is outside the classes.
  ImageDataset(std::string name, const Shape& shape, std::vector<std::uint8_t> pixels, std::vector<std::int64_t> labels,
               std::vector<std::string> class_names);

  std::int64_t size() const;  ///< number of images
  /// The image as f32 [C, H, W] in 0..1, and its label (i64, rank 0).
  Sample get(std::int64_t i) const;
  /// [C, H, W] of every image.
  const Shape& image_shape() const;
  /// Names of the classes, by label.
  const std::vector<std::string>& class_names() const;
  /// "cifar10", …
  const std::string& name() const;
  /// Image i as it is stored.
  Image image(std::int64_t i) const;
  std::int64_t label(std::int64_t i) const;  ///< the class of image i
  /// All pixels, image after image.
  std::span<const std::uint8_t> pixels() const;
  std::span<const std::int64_t> labels() const;  ///< all labels
  /// All images as u8 [N, C, H, W]; shares the memory.
  Tensor images() const;
  /// All labels as i64 [N]; shares the memory.
  Tensor targets() const;
  /// The Loader's fast path; see Dataset::image.
  bool image(std::int64_t i, ImageView& view, Image& scratch) const;

 private:
  struct Data;
  std::shared_ptr<const Data> data_;
};

/// Called while bytes arrive: how many there are and how many there will be (0: not known). For drawing a bar.
using DownloadProgress = std::function<void(const std::string& file, std::int64_t done, std::int64_t total)>;

/// Which part of a known data set, and where its files are.
struct DatasetOptions {
  bool train = true;          ///< the training part, else the test part
  std::string data_dir = {};  ///< a local copy: the folder that holds e.g. cifar-10-batches-bin/, or that folder itself
  bool download = true;       ///< fetch what is missing into the cache (never into data_dir)
  std::string base_url = {};  ///< a mirror: replaces all of the address but the file's name
  DownloadProgress progress = {};  ///< called while files arrive
  int answer_seconds = 30;         ///< how long a server may take to answer
};

/// CIFAR-10 (Krizhevsky 2009), official binary version: 50,000 and 10,000 images of 32x32 RGB in 10 classes.
ImageDataset cifar10(const DatasetOptions& options = {});
/// CIFAR-100 with its 100 fine labels.
ImageDataset cifar100(const DatasetOptions& options = {});
/// MNIST (LeCun): 60,000 and 10,000 images of 28x28 gray digits.
ImageDataset mnist(const DatasetOptions& options = {});
/// Fashion-MNIST (Xiao et al. 2017): 60,000 and 10,000 images of 28x28 gray clothes.
ImageDataset fashion_mnist(const DatasetOptions& options = {});

/// Options of shapes10().
struct ShapesOptions {
  bool train = true;       ///< the training part, else the test part
  std::uint64_t seed = 0;  ///< another seed draws another data set of the same kind
  std::int64_t size = 0;   ///< number of images; 0: 50,000 or 10,000. Image i does not depend on it
};
/// Ten shapes drawn from a seed with integer arithmetic, so the same bytes on every machine: 32x32 RGB, at random
/// places, sizes, angles and colours, on textured and cluttered backgrounds, with noise. Needs no file.
ImageDataset shapes10(const ShapesOptions& options = {});

/// Options of ImageFolder.
struct FolderOptions {
  int height = 0, /**< with width: resize to this; 0: keep each image's size */ width = 0;  ///< see height
  int channels = 3;           ///< 3: RGB, 1: gray
  bool skip_corrupt = false;  ///< leave images out that cannot be decoded (all are tried at once), instead of an error
};
/// A folder with one folder of JPEG or PNG files per class (`dogs/1.jpg`), in the order of their names. Images are
/// decoded when they are read.
class ImageFolder {
 public:
  /// Throws Error where the folder is missing, holds no class or no image.
  explicit ImageFolder(const std::string& folder, const FolderOptions& options = {});
  std::int64_t size() const { return static_cast<std::int64_t>(files_.size()); }  ///< number of images
  Sample get(std::int64_t i) const;  ///< image i as f32 [C, H, W] in 0..1, and its label
  bool image(std::int64_t i, ImageView& view, Image& scratch) const;  ///< the Loader's fast path; see Dataset::image
  const std::vector<std::string>& class_names() const { return class_names_; }  ///< the folders' names, by label
  /// Path of image i.
  const std::string& path(std::int64_t i) const { return files_[static_cast<std::size_t>(i)].path; }
  /// Images that were left out, each with the reason.
  const std::vector<std::string>& skipped() const { return skipped_; }
  /// Decodes everything into memory, in parallel; throws Error where sizes differ (give height and width).
  ImageDataset load() const;

 private:
  struct File {
    std::string path;
    std::int64_t label;
  };
  std::string folder_;
  FolderOptions options_;
  std::vector<File> files_;
  std::vector<std::string> class_names_, skipped_;
};

/// Mean and standard deviation of each channel, in units of 0..1.
struct ChannelStatistics {
  std::vector<double> mean, /**< one a channel */ stddev;  ///< one a channel
};
/// Over all pixels of all images of a data set (computed exactly, in integers). Throws Error where the examples are no
/// 8-bit images.
ChannelStatistics channel_statistics(const Dataset& dataset);

/// Options of open().
struct OpenOptions {
  std::string data_dir = {};  ///< see DatasetOptions
  bool download = true;  ///< see DatasetOptions
  std::string base_url = {};  ///< see DatasetOptions
  DownloadProgress progress = {};  ///< see DatasetOptions
  int answer_seconds = 30;         ///< see DatasetOptions
  std::uint64_t seed = 0;      ///< of shapes10
  FolderOptions folder = {};   ///< of an image folder
  double test_fraction = 0.2;  ///< of an image folder without train/ and test/: the last images of each class
  /// Called with the path and the reason of each image that folder.skip_corrupt leaves out.
  std::function<void(const std::string& problem)> skipped = {};
};
/// A data set's two parts.
struct TrainTest {
  ImageDataset train, /**< to learn from */ test;  ///< to measure with
};
/// A known data set by name, or an image folder: one with train/ and test/ (or val/) in it, or one with the classes.
/// Throws Error with a suggestion for an unknown name.
TrainTest open(const std::string& name_or_folder, const OpenOptions& options = {});

/// A known data set.
struct DatasetInfo {
  std::string name, /**< for open() */ description;  ///< one line
  std::int64_t train = 0, /**< training images */ test = 0;  ///< test images
  int channels = 0, /**< 3: RGB, 1: gray */ height = 0, /**< rows */ width = 0, /**< columns */ classes = 0;  ///< count
  bool cached = false;  ///< open() needs no network
  std::string folder;   ///< where its files are or would be; empty for a built-in one
};
/// All known data sets.
std::vector<DatasetInfo> available();

/// Where downloaded data sets are kept: WEFT_DATA, else $XDG_CACHE_HOME/weft/datasets, else ~/.cache/weft/datasets.
std::string cache_folder();

/// Options of contact_sheet().
struct SheetOptions {
  int columns = 12;  ///< images of each class
  int scale = 2;     ///< pixels per pixel
};
/// Writes a PNG with the first images of every class, a row each, under the class's name. Throws Error where the
/// examples are no 8-bit images or the file cannot be written.
void contact_sheet(const Dataset& dataset, const std::string& path, const SheetOptions& options = {});

}  // namespace weft::data
