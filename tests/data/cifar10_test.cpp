// The real CIFAR-10, where WEFT_TEST_CIFAR10 names a folder with it: the figures that everyone knows of it.
#include <gtest/gtest.h>

#include <cstdlib>

#include <weft/data/datasets.h>
#include <weft/ops/ops.h>

namespace weft::data {
namespace {

class RealCifar10 : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("WEFT_TEST_CIFAR10");
    if (!folder) GTEST_SKIP() << "WEFT_TEST_CIFAR10 names no folder";
    options.data_dir = folder;
  }
  DatasetOptions options;
};

TEST_F(RealCifar10, HasFiveThousandTrainingImagesOfEachClass) {
  const ImageDataset train = cifar10(options);
  ASSERT_EQ(train.size(), 50000);
  EXPECT_EQ(train.image_shape(), (Shape{3, 32, 32}));
  std::vector<int> count(10);
  for (auto label : train.labels()) ++count[static_cast<std::size_t>(label)];
  EXPECT_EQ(count, std::vector<int>(10, 5000));
  EXPECT_EQ(train.class_names()[0], "airplane");
  EXPECT_EQ(train.class_names()[9], "truck");
}

TEST_F(RealCifar10, HasTheKnownMeansAndDeviations) {
  const Tensor pixels = cifar10(options).images().to(f32) / 255.0;
  const Tensor mean = pixels.mean({0, 2, 3}), deviation = std(pixels, {0, 2, 3}, 0);
  const double means[] = {0.4914, 0.4822, 0.4465}, deviations[] = {0.2470, 0.2435, 0.2616};  // widely published
  for (int c = 0; c < 3; ++c) {
    // A copy may have gone through JPEG, which moves the figures a little, and may be in another order.
    EXPECT_NEAR(mean[c].item(), means[c], 5e-4);
    EXPECT_NEAR(deviation[c].item(), deviations[c], 3e-3);
  }
}

TEST_F(RealCifar10, HasAThousandTestImagesOfEachClass) {
  options.train = false;
  const ImageDataset test = cifar10(options);
  ASSERT_EQ(test.size(), 10000);
  std::vector<int> count(10);
  for (auto label : test.labels()) ++count[static_cast<std::size_t>(label)];
  EXPECT_EQ(count, std::vector<int>(10, 1000));
}

}  // namespace
}  // namespace weft::data
