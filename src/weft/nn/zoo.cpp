#include <weft/nn/zoo.h>

#include <weft/nn/nn.h>

namespace weft::nn::zoo {

Sequential tutorial_cnn(std::int64_t classes, std::int64_t width) {
  return Sequential{Conv2d{{.out = 32 * width}}, ReLU{}, MaxPool2d{2},
                    Conv2d{{.out = 64 * width}}, ReLU{}, MaxPool2d{2},
                    Conv2d{{.out = 64 * width}}, ReLU{}, Flatten{},
                    Linear{{.out = 64 * width}}, ReLU{}, Linear{{.out = classes}}};
}

Sequential mlp(std::int64_t classes, std::int64_t hidden) {
  return Sequential{Flatten{}, Linear{{.out = hidden}}, ReLU{}, Linear{{.out = classes}}};
}

namespace {

ConvLayerOptions conv3(std::int64_t out, int stride) {
  return {.out = out, .kernel = 3, .stride = stride, .padding = 1, .bias = false};
}

/// Two convolutions and a shortcut; where the size halves, the shortcut keeps every second pixel and pads channels.
struct ResidualBlock : Module<ResidualBlock> {
  std::int64_t in, out;
  Conv2d conv1{conv3(out, in == out ? 1 : 2)};
  BatchNorm2d norm1{out};
  Conv2d conv2{conv3(out, 1)};
  BatchNorm2d norm2{out};

  Tensor forward(const Tensor& x) const {
    const Tensor y = norm2(conv2(relu(norm1(conv1(x)))));
    if (in == out) return relu(y + x);
    const Tensor small = slice(slice(x, 2, 0, slice_end, 2), 3, 0, slice_end, 2);
    const std::int64_t extra = (out - in) / 2;
    return relu(y + pad(small, {0, extra, 0, 0}, {0, out - in - extra, 0, 0}));
  }
};

struct ResNet20 : Module<ResNet20> {
  std::int64_t classes;
  Conv2d stem{conv3(16, 1)};
  BatchNorm2d norm{16};
  std::vector<ResidualBlock> blocks{{{}, 16, 16}, {{}, 16, 16}, {{}, 16, 16}, {{}, 16, 32}, {{}, 32, 32},
                                    {{}, 32, 32}, {{}, 32, 64}, {{}, 64, 64}, {{}, 64, 64}};
  Linear head{{.out = classes}};

  Tensor forward(const Tensor& x) const {
    Tensor y = relu(norm(stem(x)));
    for (const ResidualBlock& block : blocks) y = block(y);
    return head(y.mean({2, 3}));
  }
};

/// x + body(x)
struct Residual : Module<Residual> {
  Sequential body;
  Tensor forward(const Tensor& x) const { return x + body(x); }
};

/// Pooling comes first: it is one computation with the convolution, and leaves a quarter of the rest to do.
void add_pooled(Sequential& net, std::int64_t out) {
  net.add(Conv2d{conv3(out, 1)}).add(MaxPool2d{2}).add(BatchNorm2d{}).add(ReLU{});
}

Residual residual(std::int64_t channels, int convolutions) {
  Residual block;
  for (int i = 0; i < convolutions; ++i) block.body.add(Conv2d{conv3(channels, 1)}).add(BatchNorm2d{}).add(ReLU{});
  return block;
}

}  // namespace

Sequential small_resnet(std::int64_t classes) {
  Sequential net;
  add_pooled(net, 32);
  add_pooled(net, 64);
  net.add(residual(64, 2));
  add_pooled(net, 128);
  net.add(residual(128, 1));
  return net.add(GlobalAvgPool2d{}).add(Linear{{.out = classes}});
}

Layer resnet20(std::int64_t classes) { return ResNet20{{}, classes}; }

std::vector<std::string> names() { return {"tutorial-cnn", "mlp", "resnet20", "small-resnet"}; }

Layer make(std::string_view name, std::int64_t classes) {
  if (name == "tutorial-cnn") return tutorial_cnn(classes);
  if (name == "mlp") return mlp(classes);
  if (name == "resnet20") return resnet20(classes);
  if (name == "small-resnet") return small_resnet(classes);
  std::string list;
  for (const auto& n : names()) list += (list.empty() ? "" : ", ") + n;
  fail("unknown model '", name, "'; expected one of ", list, suggestion(name, names()));
}

}  // namespace weft::nn::zoo
