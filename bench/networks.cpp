#include "networks.h"

#include <weft/nn/zoo.h>

namespace weft::bench {

namespace {

using namespace nn;

nn::Layer tutorial_cnn() { return zoo::tutorial_cnn(); }
nn::Layer mlp() { return zoo::mlp(); }
nn::Layer resnet20() { return zoo::resnet20(); }

/// A convolution of 3 x 3 that keeps the image's size, BatchNorm, ReLU.
void add_conv(Sequential& net, std::int64_t out) {
  net.add(Conv2d{{.out = out, .kernel = 3, .padding = 1, .bias = false}}).add(BatchNorm2d{}).add(ReLU{});
}

/// In the manner of VGG (Simonyan and Zisserman 2014): two convolutions and a pool, three times; BatchNorm throughout.
nn::Layer vgg() {
  Sequential net;
  for (const std::int64_t channels : {32, 64, 128}) {
    add_conv(net, channels);
    add_conv(net, channels);
    net.add(MaxPool2d{2});
  }
  return net.add(Flatten{}).add(Linear{{.out = 128}}).add(ReLU{}).add(Linear{{.out = 10}});
}

/// In the manner of MobileNet (Howard et al. 2017): 3 x 3 on each channel by itself, then 1 x 1 across channels.
nn::Layer mobilenet() {
  struct Block {
    std::int64_t in, out;
    int stride;
  };
  Sequential net;
  add_conv(net, 32);
  for (const Block b : {Block{32, 64, 1}, {64, 128, 2}, {128, 128, 1}, {128, 256, 2}, {256, 256, 1}}) {
    net.add(DepthwiseConv2d{{.in = b.in, .kernel = 3, .stride = b.stride, .padding = 1, .bias = false}});
    net.add(BatchNorm2d{}).add(ReLU{}).add(Conv2d{{.out = b.out, .kernel = 1, .bias = false}});
    net.add(BatchNorm2d{}).add(ReLU{});
  }
  return net.add(GlobalAvgPool2d{}).add(Linear{{.out = 10}});
}

/// Three convolutions that halve the image and three transposed ones that double it again.
nn::Layer autoencoder() {
  Sequential net;
  for (const std::int64_t out : {32, 64, 128})
    net.add(Conv2d{{.out = out, .kernel = 4, .stride = 2, .padding = 1}}).add(ReLU{});
  for (const std::int64_t out : {64, 32, 3}) {
    net.add(ConvTranspose2d{{.out = out, .kernel = 4, .stride = 2, .padding = 1}});
    if (out == 3) net.add(Sigmoid{});
    else net.add(ReLU{});
  }
  return net;
}

const Network all[] = {
    {"tutorial-cnn", 32, {3, 32, 32}, 122570, false, tutorial_cnn},
    {"mlp", 32, {1, 28, 28}, 101770, false, mlp},
    {"resnet20", 32, {3, 32, 32}, 269722, false, resnet20},
    {"vgg", 64, {3, 32, 32}, 551018, false, vgg},
    {"mobilenet", 32, {3, 32, 32}, 136778, false, mobilenet},
    {"autoencoder", 32, {3, 32, 32}, 331075, true, autoencoder},
};

}  // namespace

nn::Layer Network::make() const {
  nn::Layer net = build();
  Shape one = input;
  one.insert(0, 1);
  const NoGrad off;
  const nn::ModeScope still(net.module_ref(), false);  // running statistics stay as they are
  net(zeros(one));                                     // sizes are found, weights drawn
  const std::int64_t found = nn::count_parameters(net.module_ref());
  check(found == parameters, name, ": ", found, " parameters; expected ", parameters);
  return net;
}

Tensor Network::loss(const Tensor& prediction, const Tensor& x, const Tensor& y) const {
  return autoencoder ? nn::mse_loss(prediction, x) : nn::cross_entropy(prediction, y);
}

std::span<const Network> networks() { return all; }

const Network& network(std::string_view name) {
  std::vector<std::string> names;
  for (const Network& n : all) {
    if (n.name == name) return n;
    names.emplace_back(n.name);
  }
  fail("unknown network '", name, "'", suggestion(name, names));
}

}  // namespace weft::bench
