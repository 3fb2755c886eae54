// What is known of each data set that is downloaded. For this folder's .cpp files.
#pragma once

#include <string>
#include <vector>

#include <weft/data/datasets.h>

namespace weft::data {

/// A file of a data set and its md5 ("" for a file out of the archive, which is checked as a whole).
struct KnownFile {
  std::string name, md5;
};
/// A data set: either an archive that unpacks to `folder`, or single files.
struct KnownSet {
  std::string name, description, folder, base_url, archive, archive_md5;
  std::vector<KnownFile> files;
};
const KnownSet& cifar10_set();
const KnownSet& cifar100_set();
const KnownSet& mnist_set();
const KnownSet& fashion_mnist_set();

/// The folder under `data_dir`, or `data_dir` itself, that holds all files; "" where neither does.
std::string local_folder(const KnownSet& set, const std::string& data_dir);
/// What is absent where only some files are there, as the beginning of an error; "" where all are, or none.
std::string incomplete(const KnownSet& set, const std::string& data_dir);
/// The folder with the files: a local copy, the cache, or fetched into the cache.
std::string find_or_fetch(const KnownSet& set, const DatasetOptions& options);
/// "a.gz" to "a".
std::string without_gz(const std::string& name);

}  // namespace weft::data
