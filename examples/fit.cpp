// The Keras face: Sequential, compile, fit, evaluate. Usage: fit [data set or folder of images]
#include <weft/weft.h>

#include <cstdio>

using namespace weft;

int main(int argc, char** argv) {
  manual_seed(0);                                                         // keras.utils.set_random_seed(0)
  auto [train, test] = data::open(argc > 1 ? argv[1] : "cifar10");        // keras.datasets.cifar10.load_data()

  nn::Model model{nn::Sequential{                                         // model = keras.Sequential([
      nn::Conv2d{{.out = 32, .kernel = 3}}, nn::ReLU{}, nn::MaxPool2d{2}, //   Conv2D(32, 3, activation="relu"), …
      nn::Conv2d{{.out = 64, .kernel = 3}}, nn::ReLU{}, nn::MaxPool2d{2},
      nn::Conv2d{{.out = 64, .kernel = 3}}, nn::ReLU{}, nn::Flatten{},
      nn::Linear{{.out = 64}}, nn::ReLU{}, nn::Linear{{.out = 10}}}};     //   Dense(64, …), Dense(10)])

  model.compile({.optimizer = optim::Adam{.lr = 1e-3}, .loss = nn::CrossEntropy{}, .metrics = {metrics::Accuracy{}}});
  nn::History history = model.fit(train, {.batch_size = 32, .epochs = 10, .validation_data = &test});

  std::printf("test accuracy %.4f\n", model.evaluate(test)["accuracy"]);
  save_weights("tutorial-cnn.safetensors", model.module_ref());           // model.save_weights(…)
}
