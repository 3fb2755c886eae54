// The PyTorch face: a class of your own, and a loop of your own. Usage: own_loop [data set or folder of 32x32 images]
#include <weft/weft.h>

#include <cstdio>

using namespace weft;

struct Net : nn::Module<Net> {                                            // class Net(nn.Module):
  nn::Conv2d conv1{{.in = 3, .out = 32, .kernel = 3}};                    //   self.conv1 = nn.Conv2d(3, 32, 3)
  nn::Conv2d conv2{{.in = 32, .out = 64, .kernel = 3}};
  nn::Conv2d conv3{{.in = 64, .out = 64, .kernel = 3}};
  nn::Linear dense{{.in = 64 * 4 * 4, .out = 64}};
  nn::Linear head{{.in = 64, .out = 10}};

  Tensor forward(Tensor x) {                                              //   def forward(self, x):
    x = max_pool2d(relu(conv1(x)), 2);                                    //     x = F.max_pool2d(F.relu(…), 2)
    x = max_pool2d(relu(conv2(x)), 2);
    x = relu(conv3(x)).flatten(1);
    return head(relu(dense(x)));
  }
};

int main(int argc, char** argv) {
  manual_seed(0);                                                         // torch.manual_seed(0)
  auto [train, test] = data::open(argc > 1 ? argv[1] : "cifar10");        // torchvision.datasets.CIFAR10(…)

  Net net;
  optim::Optimizer opt{net, optim::Adam{.lr = 1e-3}};                     // torch.optim.Adam(net.parameters(), lr=1e-3)
  data::Loader loader{train, {.batch_size = 32, .shuffle = true}};        // DataLoader(train, 32, shuffle=True)
  for (int epoch = 0; epoch < 10; ++epoch) {
    for (auto [x, y] : loader) {
      Tensor loss = nn::cross_entropy(net(x), y);                         // F.cross_entropy(net(x), y)
      opt.step(grad(loss, net));                                          // zero_grad(), loss.backward(), step()
    }
    metrics::Accuracy accuracy;
    NoGrad off;                                                           // with torch.no_grad():
    for (auto [x, y] : data::Loader{test, {.batch_size = 250}}) accuracy.update(net(x), y);
    std::printf("epoch %d: test accuracy %.4f\n", epoch + 1, accuracy.result());
  }
  save_weights("own-loop.safetensors", net);                              // torch.save(net.state_dict(), …)
}
