// The Keras face: Sequential, compile, fit, evaluate. Usage: fit [folder with cifar-10-batches-bin/]
#include <weft/weft.h>

#include <cstdio>

using namespace weft;

int main(int argc, char** argv) {
  manual_seed(0);
  auto [train, test] = data::open(argc > 1 ? "cifar10" : "shapes10", {.data_dir = argc > 1 ? argv[1] : ""});

  nn::Model model{nn::Sequential{
      nn::Conv2d{{.out = 32, .kernel = 3}}, nn::ReLU{}, nn::MaxPool2d{2},
      nn::Conv2d{{.out = 64, .kernel = 3}}, nn::ReLU{}, nn::MaxPool2d{2},
      nn::Conv2d{{.out = 64, .kernel = 3}}, nn::ReLU{}, nn::Flatten{},
      nn::Linear{{.out = 64}}, nn::ReLU{}, nn::Linear{{.out = 10}}}};

  model.compile({.optimizer = optim::Adam{.lr = 1e-3}, .loss = nn::CrossEntropy{}, .metrics = {metrics::Accuracy{}}});
  nn::History history = model.fit(train, {.batch_size = 32, .epochs = 10, .validation_data = &test});

  std::printf("test accuracy %.4f\n", model.evaluate(test)["accuracy"]);
  save_weights("tutorial-cnn.safetensors", model.module_ref());
}
