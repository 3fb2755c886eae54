// The data sets that are downloaded: where their files are, and how they are decoded.
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>

#include <weft/base/error.h>
#include <weft/base/files.h>
#include <weft/base/thread_pool.h>
#include <weft/data/files.h>
#include <weft/data/known.h>

namespace weft::data {

namespace fs = std::filesystem;

namespace {
bool exists(const std::string& path) {
  std::error_code ec;
  return fs::exists(path, ec);
}
/// The set's files that are not in the folder.
std::vector<std::string> absent(const std::string& folder, const KnownSet& set) {
  std::vector<std::string> names;
  for (const auto& file : set.files)
    if (!exists(folder + "/" + file.name) && !exists(folder + "/" + without_gz(file.name))) names.push_back(file.name);
  return names;
}
}  // namespace

std::string without_gz(const std::string& name) {
  return name.ends_with(".gz") ? name.substr(0, name.size() - 3) : name;
}

std::string cache_folder() {
  const auto variable = [](const char* name) {
    const char* v = std::getenv(name);
    return std::string(v ? v : "");
  };
  if (const auto v = variable("WEFT_DATA"); !v.empty()) return v;
  if (const auto v = variable("XDG_CACHE_HOME"); !v.empty()) return v + "/weft/datasets";
  const auto home = variable("HOME");
  check(!home.empty(), "no folder for downloaded data sets: HOME is not set; name one with WEFT_DATA");
  return home + "/.cache/weft/datasets";
}

std::string local_folder(const KnownSet& set, const std::string& data_dir) {
  for (const std::string& folder : {data_dir, data_dir + "/" + set.folder})
    if (absent(folder, set).empty()) return folder;
  return {};
}

std::string incomplete(const KnownSet& set, const std::string& data_dir) {
  for (const std::string& folder : {data_dir, data_dir + "/" + set.folder})
    if (const auto names = absent(folder, set); names.size() < set.files.size())
      return cat(set.name, ": '", folder, "' holds some of its files, but not ", names[0],
                 names.size() > 1 ? cat(" and ", names.size() - 1, " more") : "");
  return {};
}

std::string find_or_fetch(const KnownSet& set, const DatasetOptions& options) {
  if (!options.data_dir.empty()) {
    const auto folder = local_folder(set, options.data_dir);
    if (folder.empty())
      if (const auto problem = incomplete(set, options.data_dir); !problem.empty()) fail(problem, "; add it");
    check(!folder.empty(), set.name, ": '", options.data_dir, "' ",
          exists(options.data_dir) ? "does not hold its files" : "does not exist", "; expected the folder that holds ",
          set.folder, "/, or that folder itself with ", set.files[0].name, " and the like");
    return folder;
  }
  const std::string cache = cache_folder();
  if (const auto folder = local_folder(set, cache); !folder.empty()) return folder;
  check(options.download, set.name, ": not found in ", cache,
        "; allow the download, or name a local copy with data_dir");
  const std::string base = options.base_url.empty() ? set.base_url : options.base_url;
  const auto fetch = [&](const std::string& file, const std::string& md5, const std::string& to) {
    DownloadOptions d{.md5 = md5, .answer_seconds = options.answer_seconds};
    if (options.progress)
      d.progress = [&](std::int64_t done, std::int64_t total) { options.progress(file, done, total); };
    download(cat(base, base.ends_with('/') ? "" : "/", file), to, d);
  };
  const std::string folder = cache + "/" + set.folder;
  if (set.archive.empty()) {
    for (const auto& file : set.files)
      if (!exists(folder + "/" + file.name)) fetch(file.name, file.md5, folder + "/" + file.name);
    return folder;
  }
  const std::string archive = cache + "/" + set.archive;
  fetch(set.archive, set.archive_md5, archive);
  unpack(archive, cache);
  check(absent(folder, set).empty(), archive, ": it does not hold the files of ", set.name);
  std::error_code ec;
  fs::remove(archive, ec);  // unpacked and checked: no need to keep it twice
  return folder;
}

// --- CIFAR ------------------------------------------------------------------------------------------------------

namespace {

std::vector<std::string> read_names(const std::string& path) {
  std::istringstream text(read_file(path));
  std::vector<std::string> names;
  for (std::string line; std::getline(text, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) names.push_back(line);
  }
  return names;
}

/// Records of `label_bytes` labels (the last one counts) and 3072 pixels.
void read_cifar(const std::string& path, std::int64_t count, int label_bytes, std::int64_t classes,
                std::uint8_t* pixels, std::int64_t* labels) {
  constexpr std::int64_t image = 3072;
  const std::int64_t record = image + label_bytes;
  const InputFile file(path);
  check(static_cast<std::int64_t>(file.size()) == count * record, path, ": ", file.size(), " bytes; expected ",
        count * record, " (", count, " records of ", record,
        "); the file is truncated or of another kind, fetch it again");
  constexpr std::int64_t at_once = 100;  // the file is not there twice
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(at_once * record));
  for (std::int64_t i = 0; i < count; ++i) {
    if (i % at_once == 0)
      file.read(static_cast<std::uint64_t>(i * record), bytes.data(), static_cast<std::size_t>(std::min(at_once, count - i) * record));
    const std::uint8_t* p = bytes.data() + i % at_once * record;
    labels[i] = p[label_bytes - 1];
    check(labels[i] < classes, path, ": label ", labels[i], " of image ", i, "; expected 0 to ", classes - 1);
    std::memcpy(pixels + i * image, p + label_bytes, image);
  }
}

ImageDataset open_cifar(const KnownSet& set, const DatasetOptions& options, std::vector<std::string> batches,
                        std::int64_t per_batch, int label_bytes, const std::string& names_file, int classes) {
  const std::string folder = find_or_fetch(set, options);
  auto names = read_names(folder + "/" + names_file);
  check(static_cast<int>(names.size()) == classes, folder, "/", names_file, ": ", names.size(), " names; expected ",
        classes);
  const auto n = static_cast<std::int64_t>(batches.size());
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(n * per_batch * 3072));
  std::vector<std::int64_t> labels(static_cast<std::size_t>(n * per_batch));
  parallel_for(n, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b)
      read_cifar(folder + "/" + batches[static_cast<std::size_t>(b)], per_batch, label_bytes, classes,
                 pixels.data() + b * per_batch * 3072, labels.data() + b * per_batch);
  });
  return {set.name, {3, 32, 32}, std::move(pixels), std::move(labels), std::move(names)};
}

// --- IDX --------------------------------------------------------------------------------------------------------

/// The bytes of an IDX file of unsigned bytes, after its header; its sizes must be `sizes`.
std::vector<std::uint8_t> read_idx(std::string path, const std::vector<std::int64_t>& sizes) {
  if (!exists(path)) path = without_gz(path);
  auto bytes = read_gzip(path);
  const std::size_t header = 4 + 4 * sizes.size();
  check(bytes.size() >= header && bytes[0] == 0 && bytes[1] == 0 && bytes[2] == 8 && bytes[3] == sizes.size(), path,
        ": no IDX file of bytes with ", sizes.size(), " axes");
  std::size_t expected = 1;
  for (std::size_t axis = 0; axis < sizes.size(); ++axis) {
    const std::uint8_t* p = bytes.data() + 4 + 4 * axis;
    const std::int64_t size = (std::int64_t{p[0]} << 24) | (p[1] << 16) | (p[2] << 8) | p[3];
    check(size == sizes[axis], path, ": size ", size, " of axis ", axis, "; expected ", sizes[axis]);
    expected *= static_cast<std::size_t>(size);
  }
  check(bytes.size() == header + expected, path, ": ", bytes.size(), " bytes; expected ", header + expected,
        "; the file is truncated, fetch it again");
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(header));
  return bytes;
}

ImageDataset open_idx(const KnownSet& set, const DatasetOptions& options, std::vector<std::string> names) {
  const std::string folder = find_or_fetch(set, options);
  const std::int64_t n = options.train ? 60000 : 10000;
  const std::string part = folder + (options.train ? "/train" : "/t10k"), labels_file = part + "-labels-idx1-ubyte.gz";
  auto pixels = read_idx(part + "-images-idx3-ubyte.gz", {n, 28, 28});
  const auto raw = read_idx(labels_file, {n});
  std::vector<std::int64_t> labels(raw.begin(), raw.end());
  for (std::size_t i = 0; i < labels.size(); ++i)
    check(labels[i] < 10, labels_file, ": label ", labels[i], " of image ", i, "; expected 0 to 9");
  return {set.name, {1, 28, 28}, std::move(pixels), std::move(labels), std::move(names)};
}

}  // namespace

// --- the table ---------------------------------------------------------------------------------------------------

const KnownSet& cifar10_set() {
  static const KnownSet set{"cifar10",
                            "photographs of 10 kinds of animals and vehicles (Krizhevsky 2009)",
                            "cifar-10-batches-bin",
                            "https://www.cs.toronto.edu/~kriz/",
                            "cifar-10-binary.tar.gz",
                            "c32a1d4ab5d03f1284b67883e8d87530",
                            {{"data_batch_1.bin", ""},
                             {"data_batch_2.bin", ""},
                             {"data_batch_3.bin", ""},
                             {"data_batch_4.bin", ""},
                             {"data_batch_5.bin", ""},
                             {"test_batch.bin", ""},
                             {"batches.meta.txt", ""}}};
  return set;
}
const KnownSet& cifar100_set() {
  static const KnownSet set{"cifar100",
                            "photographs of 100 kinds of things (Krizhevsky 2009)",
                            "cifar-100-binary",
                            "https://www.cs.toronto.edu/~kriz/",
                            "cifar-100-binary.tar.gz",
                            "03b5dce01913d631647c71ecec9e9cb8",
                            {{"train.bin", ""}, {"test.bin", ""}, {"fine_label_names.txt", ""}}};
  return set;
}
const KnownSet& mnist_set() {
  static const KnownSet set{"mnist",
                            "handwritten digits (LeCun, Cortes, Burges)",
                            "mnist",
                            "https://ossci-datasets.s3.amazonaws.com/mnist/",
                            "",
                            "",
                            {{"train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"},
                             {"train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"},
                             {"t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"},
                             {"t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"}}};
  return set;
}
const KnownSet& fashion_mnist_set() {
  static const KnownSet set{"fashion-mnist",
                            "clothes in the format of MNIST (Xiao, Rasul, Vollgraf 2017)",
                            "fashion_mnist",
                            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
                            "",
                            "",
                            {{"train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"},
                             {"train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"},
                             {"t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"},
                             {"t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"}}};
  return set;
}

ImageDataset cifar10(const DatasetOptions& options) {
  std::vector<std::string> batches{"test_batch.bin"};
  if (options.train)
    batches = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"};
  return open_cifar(cifar10_set(), options, batches, 10000, 1, "batches.meta.txt", 10);
}
ImageDataset cifar100(const DatasetOptions& options) {
  return open_cifar(cifar100_set(), options, {options.train ? "train.bin" : "test.bin"}, options.train ? 50000 : 10000,
                    2, "fine_label_names.txt", 100);
}
ImageDataset mnist(const DatasetOptions& options) {
  return open_idx(mnist_set(), options, {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"});
}
ImageDataset fashion_mnist(const DatasetOptions& options) {
  return open_idx(
      fashion_mnist_set(), options,
      {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"});
}

}  // namespace weft::data
