// The PyTorch face: a class of one's own, and one's own loop. Usage: own_loop [folder with cifar-10-batches-bin/]
#include <weft/weft.h>

#include <cstdio>

using namespace weft;

struct Net : nn::Module<Net> {
  nn::Conv2d conv1{{.in = 3, .out = 32, .kernel = 3}};
  nn::Conv2d conv2{{.in = 32, .out = 64, .kernel = 3}};
  nn::Conv2d conv3{{.in = 64, .out = 64, .kernel = 3}};
  nn::Linear dense{{.in = 64 * 4 * 4, .out = 64}};
  nn::Linear head{{.in = 64, .out = 10}};

  Tensor forward(Tensor x) {
    x = max_pool2d(relu(conv1(x)), 2);
    x = max_pool2d(relu(conv2(x)), 2);
    x = relu(conv3(x)).flatten(1);
    return head(relu(dense(x)));
  }
};

int main(int argc, char** argv) {
  manual_seed(0);
  auto [train, test] = data::open(argc > 1 ? "cifar10" : "shapes10", {.data_dir = argc > 1 ? argv[1] : ""});

  Net net;
  optim::Optimizer opt{net, optim::Adam{.lr = 1e-3}};
  data::Loader loader{train, {.batch_size = 32, .shuffle = true}};
  for (int epoch = 0; epoch < 10; ++epoch) {
    metrics::Mean mean_loss;
    for (auto [x, y] : loader) {
      Tensor loss = nn::cross_entropy(net(x), y);
      opt.step(grad(loss, net));
      mean_loss.update(loss);
    }
    metrics::Accuracy accuracy;
    NoGrad off;
    for (auto [x, y] : data::Loader{test, {.batch_size = 250}}) accuracy.update(net(x), y);
    std::printf("epoch %d: loss %.4f, test accuracy %.4f\n", epoch + 1, mean_loss.result(), accuracy.result());
  }
  save_weights("own-loop.safetensors", net);
}
