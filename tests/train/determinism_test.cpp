// The same bits whatever the number of threads: training with everything that is random or reduced.
#include <gtest/gtest.h>

#include <weft/base/thread_pool.h>
#include <weft/data/datasets.h>
#include <weft/io/safetensors.h>
#include <weft/metrics/metrics.h>
#include <weft/nn/nn.h>
#include <weft/train/model.h>

namespace weft::nn {
namespace {

Sequential network() {
  return {Conv2d{{.in = 3, .out = 16, .kernel = 3, .padding = 1}}, BatchNorm2d{16}, ReLU{},    MaxPool2d{2}, Dropout{0.3},
          DepthwiseConv2d{{.in = 16, .kernel = 3}},                BatchNorm2d{16}, GELU{},    Conv2d{{.out = 24, .kernel = 3}},
          GroupNorm{{4, 24}},                                      ReLU{},          Flatten{}, Dropout{0.5},
          Linear{{.out = 32}},                                     LayerNorm{32},   Tanh{},    Linear{{.out = 10}}};
}

/// The digest of the weights after 12 steps.
std::string train_with(int threads, int workers) {
  set_num_threads(threads);
  manual_seed(7);
  Model model{network()};
  model.compile({.optimizer = optim::AdamW{.lr = 1e-3}, .loss = CrossEntropy{.label_smoothing = 0.1},
                 .metrics = {metrics::Accuracy{}}, .optimizer_options = {.clip_norm = 1}});
  FitOptions o;
  o.batch_size = 19;  // divides neither the data nor the threads
  o.epochs = 2;
  o.verbose = 0;
  o.loader.workers = workers;
  o.loader.transform = data::parse_augmentations("hflip,crop:4");
  model.fit(data::shapes10({.size = 100}), o);
  return weights_sha256(state_dict(model.module_ref()));
}

TEST(Determinism, WeightsDoNotDependOnThreadsOrWorkers) {
  const int before = num_threads();
  const std::string one = train_with(1, 0);
  for (int threads : {2, 3, 4, 7, 8}) EXPECT_EQ(train_with(threads, threads % 3), one) << threads << " threads";
  set_num_threads(before);
}

}  // namespace
}  // namespace weft::nn
