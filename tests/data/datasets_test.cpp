#include <cmath>

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "data/http_server.h"
#include "data/sha256.h"
#include "support/errors.h"
#include "support/temporary_folder.h"
#include <weft/base/thread_pool.h>
#include <weft/data/datasets.h>
#include <weft/data/files.h>

namespace weft::data {
using namespace testing;
namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// Sets an environment variable for a scope.
struct Environment {
  std::string name;
  Environment(const char* n, const std::string& value) : name(n) { ::setenv(n, value.c_str(), 1); }
  ~Environment() { ::unsetenv(name.c_str()); }
};

std::string cifar_records(int count, int label_bytes, int start = 0) {
  std::string s;
  s.reserve(static_cast<std::size_t>(count * (3072 + label_bytes)));
  for (int i = 0; i < count; ++i) {
    for (int b = 0; b < label_bytes; ++b) s += static_cast<char>((i + start) % 10);
    s += std::string(3072, static_cast<char>(i + start));
  }
  return s;
}
void write_cifar10(const std::string& folder) {
  const std::string batch = cifar_records(10000, 1);
  for (int i = 1; i <= 5; ++i) put(folder + "/data_batch_" + std::to_string(i) + ".bin", batch);
  put(folder + "/test_batch.bin", cifar_records(10000, 1, 3));
  put(folder + "/batches.meta.txt", "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n");
}

TEST(Cifar10, ReadsTheFolderOrTheOneAroundIt) {
  TemporaryFolder folder;
  write_cifar10(folder / "cifar-10-batches-bin");
  for (const std::string& dir : {folder.path(), folder / "cifar-10-batches-bin"}) {
    const ImageDataset test = cifar10({.train = false, .data_dir = dir});
    ASSERT_EQ(test.size(), 10000);
    EXPECT_EQ(test.image_shape(), (Shape{3, 32, 32}));
    EXPECT_EQ(test.class_names()[3], "cat");
    EXPECT_EQ(test.label(4), 7);
    EXPECT_EQ(test.image(4).pixels[100], 7);
    const Sample s = test.get(4);
    EXPECT_EQ(s.inputs[0].shape(), (Shape{3, 32, 32}));
    EXPECT_FLOAT_EQ(s.inputs[0].to_vector<float>()[5], 7 / 255.0f);
    EXPECT_EQ(s.labels[0].item<int>(), 7);
  }
  const ImageDataset train = cifar10({.data_dir = folder.path()});
  EXPECT_EQ(train.size(), 50000);
  EXPECT_EQ(train.images().shape(), (Shape{50000, 3, 32, 32}));
  EXPECT_EQ(train.targets().shape(), (Shape{50000}));
  EXPECT_EQ(open(folder.path()).train.name(), "cifar10");
  EXPECT_EQ(open("CIFAR-10", {.data_dir = folder.path()}).test.size(), 10000);
}

TEST(Cifar10, NamesTheBadFile) {
  TemporaryFolder folder;
  write_cifar10(folder.path());
  put(folder / "data_batch_3.bin", cifar_records(9999, 1));
  std::string message = error_of([&] { cifar10({.data_dir = folder.path()}); });
  EXPECT_TRUE(contains(message, "data_batch_3.bin: 30726927 bytes; expected 30730000")) << message;
  std::string bad = cifar_records(10000, 1);
  bad[3073 * 12] = 10;
  put(folder / "data_batch_3.bin", bad);
  message = error_of([&] { cifar10({.data_dir = folder.path()}); });
  EXPECT_TRUE(contains(message, "data_batch_3.bin: label 10 of image 12")) << message;
  message = error_of([&] { cifar10({.data_dir = folder / "nowhere"}); });
  EXPECT_TRUE(contains(message, "nowhere' does not exist; expected the folder that holds cifar-10-batches-bin/"))
      << message;
}

TEST(Cifar10, NamesTheFileThatIsAbsent) {
  TemporaryFolder folder;
  const std::string inside = folder / "cifar-10-batches-bin";
  for (const char* name : {"data_batch_1.bin", "data_batch_2.bin", "data_batch_4.bin", "data_batch_5.bin",
                           "test_batch.bin", "batches.meta.txt"})
    put(inside + "/" + name, "");
  for (const std::string& dir : {folder.path(), inside}) {
    const std::string message = error_of([&] { cifar10({.data_dir = dir}); });
    EXPECT_TRUE(contains(message, "holds some of its files, but not data_batch_3.bin; add it")) << message;
    EXPECT_EQ(error_of([&] { open(dir); }), message);
  }
  std::filesystem::remove(inside + "/data_batch_4.bin");
  EXPECT_TRUE(contains(error_of([&] { cifar10({.data_dir = inside}); }), "data_batch_3.bin and 1 more"));
}

TEST(Cifar100, UsesTheFineLabels) {
  TemporaryFolder folder;
  std::string names;
  for (int i = 0; i < 100; ++i) names += "fine" + std::to_string(i) + "\n";
  put(folder / "fine_label_names.txt", names);
  put(folder / "train.bin", "");
  std::string records;
  for (int i = 0; i < 10000; ++i)
    records += std::string(1, 5) + std::string(1, static_cast<char>(i % 100)) + std::string(3072, 1);
  put(folder / "test.bin", records);
  const ImageDataset test = cifar100({.train = false, .data_dir = folder.path()});
  EXPECT_EQ(test.label(42), 42);
  EXPECT_EQ(test.class_names()[99], "fine99");
  EXPECT_TRUE(contains(error_of([&] { cifar100({.data_dir = folder.path()}); }), "train.bin: 0 bytes"));
}

std::string idx(std::vector<int> sizes, const std::string& body) {
  std::string s{0, 0, 8, static_cast<char>(sizes.size())};
  for (int n : sizes)
    for (int shift = 24; shift >= 0; shift -= 8) s += static_cast<char>(n >> shift);
  return s + body;
}
void put_gzip(const std::string& path, const std::string& bytes) {
  put(path, "");
  gzFile f = gzopen(path.c_str(), "wb1");
  gzwrite(f, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(f);
}

TEST(Mnist, ReadsGzipAndPlainFiles) {
  TemporaryFolder folder;
  std::string pixels(10000 * 784, 0), labels;
  for (int i = 0; i < 10000; ++i)
    pixels[static_cast<std::size_t>(i * 784)] = static_cast<char>(i), labels += static_cast<char>(i % 10);
  put_gzip(folder / "train-images-idx3-ubyte.gz", "x");
  put_gzip(folder / "train-labels-idx1-ubyte.gz", "x");
  put_gzip(folder / "t10k-images-idx3-ubyte.gz", idx({10000, 28, 28}, pixels));
  put(folder / "t10k-labels-idx1-ubyte", idx({10000}, labels));
  for (auto* open_set : {&mnist, &fashion_mnist}) {
    const ImageDataset test = open_set({.train = false, .data_dir = folder.path()});
    EXPECT_EQ(test.image_shape(), (Shape{1, 28, 28}));
    EXPECT_EQ(test.image(77).pixels[0], 77);
    EXPECT_EQ(test.label(77), 7);
  }
  std::string message = error_of([&] { mnist({.data_dir = folder.path()}); });
  EXPECT_TRUE(contains(message, "train-images-idx3-ubyte.gz: no IDX file")) << message;
  const std::string whole = content(folder / "t10k-images-idx3-ubyte.gz");
  put(folder / "t10k-images-idx3-ubyte.gz", whole.substr(0, whole.size() / 2));
  message = error_of([&] { mnist({.train = false, .data_dir = folder.path()}); });
  EXPECT_TRUE(contains(message, "damaged gzip data") || contains(message, "truncated")) << message;
  put_gzip(folder / "t10k-images-idx3-ubyte.gz", idx({9999, 28, 28}, pixels));
  message = error_of([&] { mnist({.train = false, .data_dir = folder.path()}); });
  EXPECT_TRUE(contains(message, "size 9999 of axis 0; expected 10000")) << message;
}

TEST(Cache, HoldsWhatWasDownloaded) {
  TemporaryFolder cache;
  Environment variable("WEFT_DATA", cache.path());
  EXPECT_EQ(cache_folder(), cache.path());
  EXPECT_TRUE(contains(error_of([] { mnist({.download = false}); }), "mnist: not found in " + cache.path()));
  // The true checksums are built in, so a mirror with other bytes is refused.
  HttpServer server({{"train-images-idx3-ubyte.gz", {"other bytes"}}, {"cifar-10-binary.tar.gz", {"other bytes"}}});
  std::vector<std::string> asked;
  const auto progress = [&](const std::string& file, std::int64_t, std::int64_t) { asked.push_back(file); };
  EXPECT_TRUE(contains(error_of([&] { mnist({.base_url = server.url(), .progress = progress}); }),
                       "f68b3c2dcbeaaa9fbdd348bbdeb94873"));
  EXPECT_TRUE(contains(error_of([&] { cifar10({.base_url = server.url()}); }), "c32a1d4ab5d03f1284b67883e8d87530"));
  ASSERT_FALSE(asked.empty());
  EXPECT_EQ(asked[0], "train-images-idx3-ubyte.gz");
  write_cifar10(cache / "cifar-10-batches-bin");
  EXPECT_EQ(cifar10({.train = false, .download = false}).size(), 10000);
  for (const DatasetInfo& d : available()) EXPECT_EQ(d.cached, d.name == "cifar10" || d.name == "shapes10") << d.name;
}

TEST(Cache, FollowsTheXdgRules) {
  Environment xdg("XDG_CACHE_HOME", "/x");
  EXPECT_EQ(cache_folder(), "/x/weft/datasets");
}

TEST(Cache, AServerThatDoesNotAnswerIsSoonGivenUp) {
  TemporaryFolder cache;
  Environment variable("WEFT_DATA", cache.path());
  HttpServer server({{"cifar-10-binary.tar.gz", {.body = "", .silent = true}}});
  EXPECT_TRUE(contains(error_of([&] { open("cifar10", {.base_url = server.url(), .answer_seconds = 1}); }),
                       "did not answer within 1 s"));
}

TEST(Open, RefusesAFolderOfFilesForDataWithoutFiles) {
  TemporaryFolder folder;
  EXPECT_TRUE(contains(error_of([&] { open("shapes10", {.data_dir = "x"}); }), "data_dir: received 'x' with shapes10"));
  EXPECT_TRUE(contains(error_of([&] { open(folder.path(), {.data_dir = "x"}); }),
                       "data_dir: received 'x' with the folder"));
}

TEST(Open, SuggestsAName) {
  const std::string message = error_of([] { open("shape10"); });
  EXPECT_TRUE(contains(message, "did you mean 'shapes10'")) << message;
  EXPECT_TRUE(contains(error_of([] { open("fashion_mnis"); }), "did you mean 'fashion-mnist'?"));
}

// --- image folders ----------------------------------------------------------------------------------------------

Image plain(int h, int w, std::uint8_t value) {
  Image image(3, h, w);
  for (auto& p : image.pixels) p = value;
  return image;
}
void make_folder(const std::string& path) {
  std::filesystem::create_directories(path + "/cats");
  std::filesystem::create_directories(path + "/dogs");
  std::filesystem::create_directories(path + "/.hidden");
  for (int i = 0; i < 5; ++i) {
    write_png(path + "/cats/" + std::to_string(i) + ".png", plain(8, 8, static_cast<std::uint8_t>(i)));
    write_jpeg(path + "/dogs/" + std::to_string(i) + ".JPG", plain(8, 8, static_cast<std::uint8_t>(100 + i)), 100);
  }
  put(path + "/dogs/notes.txt", "not an image");
}

TEST(ImageFolder, HasAClassForEachFolder) {
  TemporaryFolder folder;
  make_folder(folder.path());
  const ImageFolder images(folder.path());
  EXPECT_EQ(images.class_names(), (std::vector<std::string>{"cats", "dogs"}));
  ASSERT_EQ(images.size(), 10);
  EXPECT_EQ(images.get(7).labels[0].item<int>(), 1);
  const ImageDataset loaded = images.load();
  EXPECT_EQ(loaded.image(3).pixels[0], 3);
  EXPECT_NEAR(loaded.image(6).pixels[0], 101, 1);
  const TrainTest parts = open(folder.path());
  EXPECT_EQ(parts.train.size(), 8);
  EXPECT_EQ(parts.test.size(), 2);
  EXPECT_EQ(parts.test.image(0).pixels[0], 4);
}

TEST(ImageFolder, UsesTrainAndTestFolders) {
  TemporaryFolder folder;
  make_folder(folder / "train");
  make_folder(folder / "val");
  EXPECT_EQ(open(folder.path()).test.size(), 10);
  std::filesystem::remove_all(folder / "val/dogs");
  EXPECT_TRUE(contains(error_of([&] { open(folder.path()); }), "the classes of train/ and val/ differ"));
}

TEST(ImageFolder, NamesACorruptImageOrSkipsItWhenAsked) {
  TemporaryFolder folder;
  make_folder(folder.path());
  const std::string good = content(folder / "dogs/1.JPG");
  put(folder / "dogs/1.JPG", good.substr(0, good.size() - 40));
  const std::string message = error_of([&] { ImageFolder(folder.path()).load(); });
  EXPECT_TRUE(contains(message, "dogs/1.JPG: damaged JPEG file")) << message;
  const ImageFolder rest(folder.path(), {.skip_corrupt = true});
  EXPECT_EQ(rest.size(), 9);
  ASSERT_EQ(rest.skipped().size(), 1u);
  EXPECT_TRUE(contains(rest.skipped()[0], "1.JPG"));
}

TEST(ImageFolder, AsksForASizeWhereImagesDiffer) {
  TemporaryFolder folder;
  make_folder(folder.path());
  write_png(folder / "cats/9.png", plain(12, 20, 50));
  EXPECT_TRUE(contains(error_of([&] { ImageFolder(folder.path()).load(); }),
                       "9.png: an image of 20x12 pixels among ones of 8x8"));
  const ImageDataset all = ImageFolder(folder.path(), {.height = 6}).load();
  EXPECT_EQ(all.image_shape(), (Shape{3, 6, 6}));
  EXPECT_EQ(all.image(5).pixels[10], 50);
  put(folder / "dogs/bad.png", "x");
  std::string skipped;
  const TrainTest parts = open(folder.path(), {.folder = {.height = 6, .skip_corrupt = true},
                                               .skipped = [&](const std::string& problem) { skipped += problem; }});
  EXPECT_EQ(parts.train.size() + parts.test.size(), 11);
  EXPECT_TRUE(contains(skipped, "bad.png")) << skipped;
}

TEST(ImageFolder, ErrorsSayWhatIsMissing) {
  TemporaryFolder folder;
  EXPECT_TRUE(contains(error_of([&] { ImageFolder(folder.path()); }), "no image found"));
  EXPECT_TRUE(contains(error_of([&] { ImageFolder(folder / "x"); }), "no such folder"));
}

// --- shapes10 ---------------------------------------------------------------------------------------------------

TEST(Shapes10, IsTheSameBytesOnEveryMachineAndForAnyThreads) {
  const int before = num_threads();
  for (int threads : {1, 3}) {
    set_num_threads(threads);
    const ImageDataset train = shapes10({.size = 2000}), test = shapes10({.train = false, .size = 1000});
    EXPECT_EQ(sha256(train.pixels()),
              "cbe1d51bf6103ed3c9866492ae9afb97133ee85ea76eee3679d5bf295d28f5c6");
    EXPECT_EQ(sha256(test.pixels()),
              "f4cfb50fd012d56ac9afe5191b4edf6de869ae99fc511f6808c06eb590a7b1c7");
  }
  set_num_threads(before);
  EXPECT_NE(shapes10({.size = 10}).image(0), shapes10({.seed = 1, .size = 10}).image(0));
  EXPECT_NE(shapes10({.size = 10}).image(0), shapes10({.train = false, .size = 10}).image(0));
}

TEST(Shapes10, ClassesAreBalanced) {
  const ImageDataset d = shapes10({.size = 500});
  std::vector<int> count(10);
  for (auto label : d.labels()) ++count[static_cast<std::size_t>(label)];
  EXPECT_EQ(count, std::vector<int>(10, 50));
  EXPECT_EQ(d.class_names().size(), 10u);
}

TEST(ImageDataset, RefusesWhatDoesNotFit) {
  EXPECT_TRUE(contains(error_of([] {
                         ImageDataset("x", {3, 2, 2}, std::vector<std::uint8_t>(11), {0}, {"a"});
                       }),
                       "11 bytes of pixels; expected 12"));
  EXPECT_TRUE(contains(error_of([] {
                         ImageDataset("x", {1, 1, 1}, {1}, {2}, {"a", "b"});
                       }),
                       "label 2 of image 0; expected 0 to 1"));
  EXPECT_TRUE(contains(error_of([] { ImageDataset().class_names(); }), "it is empty"));
}

TEST(ChannelStatistics, AreThoseOfADoubleLoop) {
  const ImageDataset d = shapes10({.size = 1100});
  const ChannelStatistics s = channel_statistics(d);
  for (int c = 0; c < 3; ++c) {
    double sum = 0, squares = 0;
    for (std::int64_t i = 0; i < d.size(); ++i) {
      const Image image = d.image(i);
      for (int k = 0; k < 1024; ++k)
        sum += image.plane(c)[k] / 255.0, squares += image.plane(c)[k] / 255.0 * image.plane(c)[k] / 255.0;
    }
    const double n = static_cast<double>(d.size()) * 1024, mean = sum / n;
    EXPECT_NEAR(s.mean[static_cast<std::size_t>(c)], mean, 1e-9);
    EXPECT_NEAR(s.stddev[static_cast<std::size_t>(c)], std::sqrt(squares / n - mean * mean), 1e-9);
  }
}

TEST(ContactSheet, HasARowForEachClass) {
  TemporaryFolder folder;
  contact_sheet(shapes10({.size = 200}), folder / "sheet.png", {.columns = 5, .scale = 1});
  const Image sheet = read_image(folder / "sheet.png");
  EXPECT_EQ(sheet.height, 10 * 34 + 2);
  EXPECT_GT(sheet.width, 5 * 32 + 8 * 12);
  EXPECT_TRUE(contains(error_of([&] { contact_sheet(shapes10({.size = 10}), folder / "no/sheet.png"); }), "sheet.png"));
}

}  // namespace
}  // namespace weft::data
