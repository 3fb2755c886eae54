#include <algorithm>
#include <numeric>
#include <set>

#include <gtest/gtest.h>

#include "support/errors.h"
#include "support/temporary_folder.h"
#include <weft/base/thread_pool.h>
#include <weft/data/datasets.h>
#include <weft/data/loader.h>
#include <weft/ops/create.h>

namespace weft::data {
using namespace testing;
namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// Everything a pass over a loader gives, in order.
std::vector<float> all_values(Loader& loader) {
  std::vector<float> all;
  for (const auto& batch : loader)
    for (const auto* list : {&batch.inputs, &batch.labels})
      for (const Tensor& t : *list) {
        const auto v = t.to_vector<float>();
        all.insert(all.end(), v.begin(), v.end());
      }
  return all;
}
std::vector<std::int64_t> all_labels(Loader& loader) {
  std::vector<std::int64_t> all;
  for (auto [x, y] : loader) {
    const auto v = y.to_vector<std::int64_t>();
    all.insert(all.end(), v.begin(), v.end());
  }
  return all;
}
/// n examples (i, 10 i), labels i.
TensorDataset counted(std::int64_t n) {
  std::vector<float> x;
  std::vector<std::int64_t> y;
  for (std::int64_t i = 0; i < n; ++i)
    x.push_back(static_cast<float>(i)), x.push_back(static_cast<float>(10 * i)), y.push_back(i);
  return TensorDataset{tensor_of(x, {n, 2}), tensor_of(y, {n})};
}
std::vector<std::int64_t> range(std::int64_t begin, std::int64_t end) {
  std::vector<std::int64_t> v(static_cast<std::size_t>(end - begin));
  std::iota(v.begin(), v.end(), begin);
  return v;
}

TEST(Loader, BatchesInOrderWithASmallLastOne) {
  Loader loader{counted(10), {.batch_size = 4}};
  EXPECT_EQ(loader.size(), 3);
  std::vector<Shape> shapes;
  for (auto [x, y] : loader) shapes.push_back(x.shape());
  EXPECT_EQ(shapes, (std::vector<Shape>{{4, 2}, {4, 2}, {2, 2}}));
  EXPECT_EQ(all_labels(loader), range(0, 10));
  Loader dropping{counted(10), {.batch_size = 4, .drop_last = true}};
  EXPECT_EQ(dropping.size(), 2);
  EXPECT_EQ(all_labels(dropping), range(0, 8));
  Loader one{counted(3)};
  EXPECT_EQ(one.size(), 3);
}

TEST(Loader, ShufflesDifferentlyInEachEpochAndAgainTheSameFromTheSameSeed) {
  Loader a{counted(100), {.batch_size = 7, .shuffle = true, .seed = 5}},
      b{counted(100), {.batch_size = 13, .shuffle = true, .seed = 5}};
  const auto first = all_labels(a), second = all_labels(a);
  EXPECT_NE(first, range(0, 100));
  EXPECT_NE(first, second);
  EXPECT_EQ(all_labels(b), first);  // the order does not depend on the batch size
  EXPECT_EQ(first, permutation(100, 5, 0));
  auto sorted = second;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(sorted, range(0, 100));
}

TEST(Loader, TakesItsSeedFromTheGenerator) {
  const auto order = [] {
    Loader l{counted(50), {.batch_size = 50, .shuffle = true}};
    return all_labels(l);
  };
  manual_seed(3);
  const auto first = order(), second = order();
  manual_seed(3);
  EXPECT_EQ(order(), first);
  EXPECT_NE(first, second);
  Generator g(9), h(9);
  Loader a{counted(50), {.shuffle = true, .generator = &g}}, b{counted(50), {.shuffle = true, .generator = &h}};
  EXPECT_EQ(all_labels(a), all_labels(b));
}

class LoaderWorkers : public ::testing::TestWithParam<int> {};

TEST_P(LoaderWorkers, GiveTheSameBatches) {
  const ImageDataset images = shapes10({.size = 203});
  const LoaderOptions one{.batch_size = 16,
                          .shuffle = true,
                          .seed = 11,
                          .transform = {RandomHorizontalFlip{}, RandomCrop{.padding = 4}, ColorJitter{0.3, 0.3, 0.3},
                                        Normalize{{0.5}, {0.25}}}};
  LoaderOptions many = one;
  many.workers = GetParam();
  many.prefetch = 3;
  Loader a{images, one}, b{images, many};
  for (int epoch = 0; epoch < 2; ++epoch) {
    const auto expected = all_values(a);
    EXPECT_EQ(expected.size(), 203u * 3073);
    EXPECT_TRUE(all_values(b) == expected);
  }
}

TEST_P(LoaderWorkers, ResumeInTheMiddleOfAnEpoch) {
  const ImageDataset images = shapes10({.size = 90});
  const LoaderOptions options{
      .batch_size = 8, .shuffle = true, .workers = GetParam(), .seed = 2, .transform = {RandomCrop{.padding = 2}}};
  Loader whole{images, options};
  all_values(whole);
  const auto second_epoch = all_values(whole);
  Loader first{images, options};
  all_values(first);
  std::vector<float> got;
  const auto read = [&](const Batch& b) {
    for (const Tensor& t : {b.x(), b.y()}) {
      const auto v = t.to_vector<float>();
      got.insert(got.end(), v.begin(), v.end());
    }
  };
  LoaderState state;
  int n = 0;
  for (const auto& batch : first) {
    read(batch);
    state = first.state();
    if (++n == 4) break;
  }
  EXPECT_EQ(state, (LoaderState{2, 1, 32}));
  Loader other{
      images,
      {.batch_size = 8, .shuffle = true, .workers = GetParam(), .seed = 77, .transform = {RandomCrop{.padding = 2}}}};
  other.set_state(state);
  for (const auto& batch : other) read(batch);
  EXPECT_TRUE(got == second_epoch);
  EXPECT_EQ(other.state(), (LoaderState{2, 2, 0}));
}

TEST_P(LoaderWorkers, ThrowAnErrorWhereItsBatchWouldHaveCome) {
  const Dataset bad = from_function(20, [](std::int64_t i) {
    check(i != 13, "example 13 is bad");
    return std::pair(zeros({2}), i);
  });
  Loader loader{bad, {.batch_size = 4, .workers = GetParam()}};
  int batches = 0;
  EXPECT_TRUE(contains(error_of([&] {
                         for (auto [x, y] : loader) ++batches;
                       }),
                       "example 13 is bad"));
  EXPECT_EQ(batches, 3);
}

TEST_P(LoaderWorkers, CanBeLeftEarly) {
  for (int round = 0; round < 20; ++round) {
    Loader loader{counted(1000), {.batch_size = 3, .workers = GetParam()}};
    for (auto [x, y] : loader) {
      EXPECT_EQ(y.to_vector<int>(), (std::vector<int>{0, 1, 2}));
      break;
    }
    EXPECT_EQ(loader.state().position, 3);
    for (auto [x, y] : loader) {  // a new pass is the next epoch from its beginning
      EXPECT_EQ(y.to_vector<int>()[0], 0);
      break;
    }
    EXPECT_EQ(loader.state().epoch, 1);
  }
}

TEST_P(LoaderWorkers, ReadAStreamInOrderEachEpoch) {
  const Dataset numbers = stream([] {
    return [i = 0]() mutable -> std::optional<std::pair<float, int>> {
      if (i == 11) return std::nullopt;
      ++i;
      return std::pair(static_cast<float>(i), i);
    };
  });
  EXPECT_TRUE(numbers.is_stream());
  Loader loader{numbers, {.batch_size = 4, .workers = GetParam()}};
  for (int epoch = 0; epoch < 2; ++epoch) EXPECT_EQ(all_labels(loader), range(1, 12));
  loader.set_state({0, 5, 8});
  EXPECT_EQ(all_labels(loader), range(9, 12));
  Loader dropping{numbers, {.batch_size = 4, .drop_last = true, .workers = GetParam()}};
  EXPECT_EQ(all_labels(dropping), range(1, 9));
  EXPECT_TRUE(contains(error_of([&] { Loader{numbers, {.shuffle = true}}; }), "a stream cannot be shuffled"));
  Loader some{take(skip(map(numbers, [](Sample s) { return s; }), 2), 5), {.batch_size = 2, .workers = GetParam()}};
  EXPECT_EQ(all_labels(some), range(3, 8));
  Loader shuffled{shuffle_buffer(repeat(numbers, 2), 6, 1), {.batch_size = 4, .workers = GetParam()}};
  auto order = all_labels(shuffled);
  EXPECT_EQ(order, all_labels(shuffled));
  std::sort(order.begin(), order.end());
  EXPECT_EQ(order.size(), 22u);
  EXPECT_EQ(order[21], 11);
}

INSTANTIATE_TEST_SUITE_P(Counts, LoaderWorkers, ::testing::Values(0, 1, 3));

TEST(Loader, PixelsComeAsFractionsOrNormalised) {
  const ImageDataset images("two", {3, 1, 2}, {0, 255, 51, 102, 10, 20, 1, 2, 3, 4, 5, 6}, {1, 0}, {"a", "b"});
  Loader plain{images, {.batch_size = 2}},
      scaled{images, {.batch_size = 2, .transform = {Normalize{{0.5, 0.25, 0}, {0.5, 1, 2}}}}};
  for (auto [x, y] : plain) {
    EXPECT_EQ(x.shape(), (Shape{2, 3, 1, 2}));
    EXPECT_EQ(x.dtype(), DType::f32);
    const auto v = x.to_vector<float>();
    for (int i = 0; i < 12; ++i)
      EXPECT_EQ(v[static_cast<std::size_t>(i)],
                static_cast<float>(images.pixels()[static_cast<std::size_t>(i)]) / 255.0f);
    EXPECT_EQ(y.to_vector<int>(), (std::vector<int>{1, 0}));
  }
  for (auto [x, y] : scaled) {
    const auto v = x.to_vector<float>();
    EXPECT_FLOAT_EQ(v[0], -1);
    EXPECT_FLOAT_EQ(v[1], 1);
    EXPECT_FLOAT_EQ(v[2], 51 / 255.0f - 0.25f);
    EXPECT_FLOAT_EQ(v[5], 20 / 255.0f / 2);
  }
  EXPECT_TRUE(contains(error_of([&] {
                         Loader l{images, {.transform = {Normalize{{0.5, 0.5}, {1}}}}};
                         l.begin();
                       }),
                       "the images have 3"));
}

TEST(Loader, AugmentationDependsOnSeedEpochAndExampleOnly) {
  const ImageDataset images = shapes10({.size = 40});
  const Augmentations crop{RandomCrop{.padding = 8}};
  Loader in_order{images, {.batch_size = 40, .seed = 4, .transform = crop}},
      shuffled{images, {.batch_size = 7, .shuffle = true, .seed = 4, .transform = crop}};
  const auto a = all_values(in_order);
  const auto order = permutation(40, 4, 0);
  std::size_t k = 0;
  for (auto [x, y] : shuffled) {
    const auto v = x.to_vector<float>();
    for (std::int64_t i = 0; i < x.size(0); ++i, ++k)
      EXPECT_TRUE(std::equal(v.begin() + i * 3072, v.begin() + (i + 1) * 3072, a.begin() + order[k] * 3072));
  }
  EXPECT_NE(all_values(in_order), a);  // the next epoch crops differently
}

TEST(Loader, LargeBatchesAreTheSameForAnyThreads) {
  const ImageDataset images = shapes10({.size = 300});
  std::vector<float> first;
  const int before = num_threads();
  for (int threads : {1, 2, 5}) {
    set_num_threads(threads);
    Loader loader{images, {.batch_size = 300, .shuffle = true, .seed = 1, .transform = {RandomRotation{20}}}};
    const auto v = all_values(loader);
    if (first.empty()) first = v;
    EXPECT_TRUE(v == first) << threads;
  }
  set_num_threads(before);
}

TEST(Loader, MovesBatchesToTheDevice) {
  Loader loader{counted(4), {.batch_size = 2, .workers = 1, .device = ref()}};
  for (auto [x, y] : loader) {
    EXPECT_EQ(x.device(), ref());
    EXPECT_EQ(y.device(), ref());
  }
}

TEST(Loader, RefusesWhatCannotBe) {
  EXPECT_TRUE(contains(error_of([] {
                         Loader{counted(4), {.batch_size = 0}};
                       }),
                       "received batch_size 0; expected a number from 1"));
  EXPECT_TRUE(contains(error_of([] { Loader{counted(4), {.workers = -1}}; }), "received workers -1"));
  EXPECT_TRUE(contains(error_of([] { Loader{take(counted(4), 0)}; }), "received an empty data set"));
  EXPECT_TRUE(contains(error_of([] { Loader{counted(4)}.set_state({0, 0, 9}); }), "it belongs to another data set"));
  Loader images{counted(4), {.transform = {RandomHorizontalFlip{}}}};
  EXPECT_TRUE(contains(error_of([&] { images.begin(); }), "the transform expects 8-bit images"));
}

TEST(Loader, DrawsByWeight) {
  Loader loader{counted(3), {.batch_size = 1000, .seed = 1, .sampler = weighted_sampler({1, 0, 3}, 4000)}};
  std::vector<int> count(3);
  for (auto label : all_labels(loader)) ++count[static_cast<std::size_t>(label)];
  EXPECT_EQ(count[1], 0);
  EXPECT_NEAR(count[2], 3000, 120);
  EXPECT_EQ(loader.size(), 4);
}

// --- data sets of one's own ---------------------------------------------------------------------------------------

struct Squares {
  std::int64_t size() const { return 9; }
  std::pair<Tensor, float> get(std::int64_t i) const {
    return {full({2}, static_cast<double>(i)), static_cast<float>(i * i)};
  }
};

TEST(Dataset, IsAnyTypeWithSizeAndGet) {
  Loader loader{Squares{}, {.batch_size = 9}};
  for (auto [x, y] : loader) {
    EXPECT_EQ(x.shape(), (Shape{9, 2}));
    EXPECT_EQ(y.to_vector<float>()[8], 64);
  }
  const Squares mine;
  EXPECT_EQ(Dataset(std::ref(mine)).size(), 9);
  EXPECT_TRUE(contains(error_of([] { Dataset(Squares{}).get(9); }), "example 9 of 9"));
  EXPECT_TRUE(contains(error_of([] { Dataset().size(); }), "it is empty"));
}

// `.validation_data = &test` borrows: transforms, whole batches and class names must work as for a copy.
TEST(Dataset, BorrowingKeepsTheFastPaths) {
  const ImageDataset images = shapes10({.size = 4});
  const Dataset borrowed(std::cref(images));
  EXPECT_EQ(borrowed.class_names(), images.class_names());
  ImageView view;
  Image scratch;
  EXPECT_TRUE(borrowed.image(0, view, scratch));
  Loader loader{borrowed, {.batch_size = 4, .transform = {Normalize{.mean = {0.5}, .stddev = {0.5}}}}};
  for (auto [x, y] : loader) EXPECT_EQ(x.shape(), (Shape{4, 3, 32, 32}));
  const TensorDataset tensors{ones({3, 2}), zeros({3})};
  const std::vector<std::int64_t> rows = {2, 0};
  Batch batch;
  EXPECT_TRUE(Dataset(std::cref(tensors)).gather(rows, batch));
  EXPECT_EQ(batch.size(), 2);
}

TEST(Dataset, SeveralInputsLabelsAndWeights) {
  const TensorDataset d{{tensor({{1, 2}, {3, 4}, {5, 6}}), tensor({7, 8, 9})},
                        {tensor({0.5, 1.5, 2.5}), tensor({1, 0, 1})},
                        tensor({1.0, 2.0, 3.0})};
  for (int path = 0; path < 2; ++path) {  // in memory, and stacked example by example
    Loader loader{path ? map(d, [](Sample s) { return s; }) : Dataset(d), {.batch_size = 2}};
    for (const auto& b : loader) {
      ASSERT_EQ(b.inputs.size(), 2u);
      ASSERT_EQ(b.labels.size(), 2u);
      EXPECT_EQ(b.inputs[0].to_vector<int>()[0], b.size() == 2 ? 1 : 5);
      EXPECT_EQ(b.labels[1].dtype(), DType::i64);
      EXPECT_EQ(b.weights.to_vector<float>()[0], b.size() == 2 ? 1 : 3);
    }
  }
  EXPECT_TRUE(contains(error_of([] {
                         TensorDataset(zeros({3, 2}), zeros({4}));
                       }),
                       "expected the same number of examples"));
  EXPECT_TRUE(contains(error_of([] { TensorDataset(zeros({3, 2}), zeros({3}), zeros({2})); }), "expected [3]"));
}

TEST(Dataset, CollateNamesTheExampleThatDiffers) {
  const Dataset d = from_function(3, [](std::int64_t i) { return zeros({i == 2 ? 5 : 4}); });
  Loader loader{d, {.batch_size = 3}};
  EXPECT_TRUE(contains(error_of([&] { loader.begin(); }),
                       "input 0 of example 2 (number 2 of its batch) is f32[5], that of the first f32[4]"));
  Loader reversed{d, {.batch_size = 3, .sampler = [](auto, auto) { return std::vector<std::int64_t>{1, 2, 0}; }}};
  EXPECT_TRUE(contains(error_of([&] { reversed.begin(); }), "example 2 (number 1 of its batch)"));
  Loader own{d, {.batch_size = 3, .collate = [](std::vector<Sample> s) { return Batch{{s[2].inputs[0]}, {}}; }}};
  for (const auto& b : own) EXPECT_EQ(b.x().shape(), Shape{5});
}

TEST(Dataset, ViewsPickAndJoin) {
  const Dataset d = counted(10);
  const auto labels = [](const Dataset& v) {
    Loader l{v, {.batch_size = 3}};
    return all_labels(l);
  };
  EXPECT_EQ(labels(subset(d, {5, 1, 1})), (std::vector<std::int64_t>{5, 1, 1}));
  EXPECT_EQ(labels(take(d, 3)), range(0, 3));
  EXPECT_EQ(labels(skip(d, 7)), range(7, 10));
  EXPECT_EQ(labels(shard(d, 1, 4)), (std::vector<std::int64_t>{1, 5, 9}));
  EXPECT_EQ(labels(repeat(take(d, 2), 2)), (std::vector<std::int64_t>{0, 1, 0, 1}));
  EXPECT_EQ(labels(concatenate({skip(d, 8), take(d, 2)})), (std::vector<std::int64_t>{8, 9, 0, 1}));
  EXPECT_EQ(labels(filter(d, [](const Sample& s) { return s.labels[0].item<int>() % 4 == 0; })),
            (std::vector<std::int64_t>{0, 4, 8}));
  const Split parts = split(d, 0.2);
  EXPECT_EQ(labels(parts.train), range(0, 8));
  EXPECT_EQ(labels(parts.validation), range(8, 10));
  EXPECT_TRUE(contains(error_of([&] { split(take(d, 1), 0.5); }), "too few"));
  EXPECT_TRUE(contains(error_of([&] { subset(d, {10}); }), "example 10 of 10"));
}

TEST(Dataset, ViewsOfImagesKeepTheFastPath) {
  const ImageDataset images = shapes10({.size = 30});
  ImageView v;
  Image scratch;
  const Dataset joined = concatenate({skip(images, 20), subset(images, {3, 4})});
  ASSERT_TRUE(joined.image(11, v, scratch));
  EXPECT_EQ(v.pixels, images.pixels().data() + 4 * 3072);
  EXPECT_EQ(joined.class_names(), images.class_names());
}

TEST(Dataset, ImagesOfOnesOwnCanBeAugmented) {
  const Dataset d = from_function(4, [](std::int64_t i) {
    return std::pair(full({3, 4, 4}, static_cast<double>(i), {.dtype = u8}), i);
  });
  Loader loader{d, {.batch_size = 4, .transform = {RandomHorizontalFlip{}}}};
  for (auto [x, y] : loader) EXPECT_FLOAT_EQ(x.to_vector<float>().back(), 3 / 255.0f);
}

TEST(Dataset, AnImageOfOnesOwnStaysEightBitsUntilAfterAugmentation) {
  struct Lit {
    std::int64_t size() const { return 5; }
    std::pair<Image, int> get(std::int64_t i) const {
      Image image(3, 4, 4);
      for (auto& p : image.pixels) p = static_cast<std::uint8_t>(10 * i);
      return {image, static_cast<int>(i)};
    }
  };
  const Dataset alone = from_function(5, [](std::int64_t i) { return Lit{}.get(i).first; });
  EXPECT_EQ(Dataset(Lit{}).get(2).inputs[0].to_vector<float>()[0], 20 / 255.0f);
  const Lit mine;
  for (const Dataset& d : {Dataset(mine), Dataset(std::cref(mine)), skip(Lit{}, 0), alone}) {
    Loader loader{d, {.batch_size = 5, .transform = {RandomHorizontalFlip{}, Normalize{{0}, {2}}}}};
    for (const Batch& b : loader) {
      EXPECT_EQ(b.x().shape(), (Shape{5, 3, 4, 4}));
      EXPECT_FLOAT_EQ(b.x().to_vector<float>().back(), 40 / 255.0f / 2);
    }
  }
  Loader unlabelled{alone, {.batch_size = 2}};
  for (const Batch& b : unlabelled) EXPECT_TRUE(b.labels.empty());
  Loader labelled{Lit{}, {.batch_size = 5}};
  for (auto [x, y] : labelled) EXPECT_EQ(y.to_vector<int>(), (std::vector<int>{0, 1, 2, 3, 4}));
  Loader mixed{concatenate({take(Lit{}, 1), take(alone, 1)}), {.batch_size = 2}};
  EXPECT_TRUE(contains(error_of([&] { mixed.begin(); }), "no label, unlike the first"));
}

TEST(Loader, ErrorsNameTheExampleAndItsPlaceInTheBatch) {
  const Dataset sizes = from_function(4, [](std::int64_t i) { return Image(1, i == 3 ? 5 : 4, 4); });
  const Sampler order = [](auto, auto) { return std::vector<std::int64_t>{0, 3, 1}; };
  Loader images{sizes, {.batch_size = 3, .sampler = order}};
  EXPECT_TRUE(contains(error_of([&] { images.begin(); }), "example 3 (number 1 of its batch): the image is 1x5x4"));
  const Dataset bad = from_function(4, [](std::int64_t i) {
    check(i != 3, "nothing here");
    return zeros({2});
  });
  Loader failing{bad, {.batch_size = 3, .sampler = order}};
  EXPECT_TRUE(contains(error_of([&] { failing.begin(); }), "example 3 (number 1 of its batch): nothing here"));
}

TEST(Split, AStreamHasNoLastPart) {
  const Dataset endless = stream([] { return [] { return std::optional(1.0f); }; });
  EXPECT_TRUE(contains(error_of([&] { split(endless, 0.2); }), "received a stream"));
}

TEST(Normalization, ByName) {
  const ImageDataset images = shapes10({.size = 100});
  EXPECT_TRUE(normalization("none", images).empty());
  Loader loader{images, {.batch_size = 100, .transform = normalization("standard", images)}};
  for (auto [x, y] : loader) {
    double sum = 0, squares = 0;
    for (float v : x.to_vector<float>()) sum += v, squares += static_cast<double>(v) * v;
    EXPECT_NEAR(sum / 307200, 0, 1e-4);
    EXPECT_NEAR(squares / 307200, 1, 1e-4);
  }
  EXPECT_TRUE(contains(error_of([&] { normalization("standrad", images); }), "did you mean 'standard'"));
}

}  // namespace
}  // namespace weft::data
