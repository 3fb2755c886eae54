// What layers hold: sizes found at the first batch, copies, modes, devices, loading, and the errors they give.
#include "compare.h"

namespace weft::nn {
namespace {

struct Net : Module<Net> {
  Conv2d conv{{.out = 4, .kernel = 3, .padding = "same"}};
  BatchNorm2d norm;
  Dropout drop{0.5};
  Linear head{{.out = 3}};
  Tensor forward(Tensor x) { return head(drop(global_avg_pool(relu(norm(conv(x)))))); }
};

TEST(LayerState, LeftOutSizesAreFoundAtTheFirstBatch) {
  Net net;
  EXPECT_FALSE(net.conv.weight.ready());
  EXPECT_EQ(net(ones({2, 3, 8, 8})).shape(), (Shape{2, 3}));
  EXPECT_EQ(net.conv.weight.shape(), (Shape{4, 3, 3, 3}));
  EXPECT_EQ(net.head.weight.shape(), (Shape{3, 4}));
  EXPECT_EQ(net.norm.running_mean.tensor().shape(), (Shape{4}));
  EXPECT_EQ(count_parameters(net), 4 * 3 * 9 + 4 + 8 + 12 + 3);
}

TEST(LayerState, GivenAndFoundSizesDrawTheSameValues) {
  struct Given : Module<Given> {
    Conv2d conv{{.in = 3, .out = 4, .kernel = 3, .padding = "same"}};
    Tensor forward(const Tensor& x) { return conv(x); }
  };
  struct Found : Module<Found> {
    Conv2d conv{{.out = 4, .kernel = 3, .padding = "same"}};
    Tensor forward(const Tensor& x) { return conv(x); }
  };
  manual_seed(5);
  const Tensor x = wave({1, 3, 4, 4}, 0);
  EXPECT_EQ(Given{}(x).to_vector<float>(), Found{}(x).to_vector<float>());
}

TEST(LayerState, ModesAndCopies) {
  Net net;
  const Tensor x = wave({4, 3, 6, 6}, 0);
  net(x);
  const auto mean = net.norm.running_mean.tensor().to_vector<float>();
  net.eval();
  const auto y = net(x).to_vector<float>();
  EXPECT_EQ(net(x).to_vector<float>(), y);
  EXPECT_EQ(net.norm.running_mean.tensor().to_vector<float>(), mean);
  Net copy = net;
  EXPECT_EQ(copy(x).to_vector<float>(), y);
  copy.train();
  copy(x);
  EXPECT_EQ(net.norm.running_mean.tensor().to_vector<float>(), mean) << "a copy has running statistics of its own";
  EXPECT_NE(copy.norm.running_mean.tensor().to_vector<float>(), mean);
  Net tied = share(net);
  EXPECT_TRUE(tied.conv.weight == net.conv.weight);
  EXPECT_TRUE(tied.norm.running_mean == net.norm.running_mean);
}

TEST(LayerState, AnUnusedCopyFindsItsOwnSizes) {
  Net net;
  Net copy = net;
  net(ones({2, 3, 8, 8}));
  EXPECT_FALSE(copy.conv.weight.ready());
  EXPECT_FALSE(copy.norm.running_mean.ready());
  EXPECT_EQ(copy(ones({2, 5, 8, 8})).shape(), (Shape{2, 3}));
}

TEST(LayerState, LoadsIntoLayersThatWereNeverCalled) {
  Net net;
  net(wave({4, 3, 6, 6}, 0));
  Net fresh;
  fresh.load_state_dict(net.state_dict());
  net.eval();
  fresh.eval();
  const Tensor x = wave({2, 3, 6, 6}, 1);
  EXPECT_EQ(fresh(x).to_vector<float>(), net(x).to_vector<float>());
}

TEST(LayerState, RunsOnAnotherDeviceAndInAnotherType) {
  manual_seed(2);
  Net net;
  net.to(ref());
  net.eval();
  const Tensor x = wave({2, 3, 6, 6}, 0);
  const Tensor y = net(x.to(ref()));
  EXPECT_EQ(y.device(), ref());
  net.to(cpu);
  expect_near(net(x), y.to_vector<double>(), "cpu against ref", 1e-5);
  net.to(f64);
  const Tensor wide = net(x.to(f64));
  EXPECT_EQ(wide.dtype(), f64);
  expect_near(wide, y.to_vector<double>(), "f64", 1e-5);
}

TEST(LayerState, GradientsReachEveryParameter) {
  Net net;
  const Tensor loss = cross_entropy(net(wave({4, 3, 6, 6}, 0)), tensor({0, 1, 2, 1}));
  const Gradients g = grad(loss, net);
  ASSERT_EQ(g.values.size(), 6u);
  for (const Tensor& t : g.values) EXPECT_TRUE(t.defined());
}

TEST(LayerErrors, NameShapesModulesAndMends) {
  Net net;
  net(ones({2, 3, 8, 8}));
  expect_in(error_of([&] { net(ones({2, 4, 8, 8})); }),
            {"Net.conv", "conv2d: received x of shape [2, 4, 8, 8] with 4 channels; expected 3 (weight [4, 3, 3, 3])"});
  expect_in(error_of([&] { net.conv(ones({3, 8, 8})); }), {"conv2d", "[3, 8, 8]", "[N, C, H, W]", ".unsqueeze(0)"});
  Linear linear{{.in = 12, .out = 2}};
  expect_in(error_of([&] { linear(ones({2, 3, 2, 2})); }), {"linear", "[2, 3, 2, 2]", "expected 12", "Flatten"});
  expect_in(error_of([&] { BatchNorm2d{3}(ones({2, 4, 2, 2})); }), {"batch_norm", "[2, 4, 2, 2]", "expected 3"});
  expect_in(error_of([&] { LayerNorm{3}(ones({2, 4})); }), {"layer_norm", "[2, 4]", "[3]"});
  expect_in(error_of([&] { GroupNorm{{.groups = 3}}(ones({2, 4})); }), {"group_norm", "[2, 4]", "3"});
  expect_in(error_of([&] { PReLU{3}(ones({2, 4})); }), {"prelu", "[2, 4]", "3 channels"});
  expect_in(error_of([&] { MaxPool2d{2}(ones({2, 4})); }), {"max_pool2d", "[2, 4]"});
  expect_in(error_of([&] { ConvTranspose2d{{.in = 3, .out = 2}}(ones({1, 4, 2, 2})); }), {"conv_transpose2d", "4 channels", "expected 3"});
  expect_in(error_of([&] { DepthwiseConv2d{{.in = 3}}(ones({1, 4, 5, 5})); }), {"depthwise_conv2d", "4 channels", "expected 3"});
}

TEST(LayerErrors, OptionsAreChecked) {
  expect_in(error_of([] { Conv2d{{.in = 3}}; }), {"conv2d", "out = 0", ".out"});
  expect_in(error_of([] { Conv2d{{.in = 3, .out = 4, .groups = 2}}; }), {"groups = 2", "in = 3"});
  expect_in(error_of([] { Conv2d{{.in = 3, .out = 4, .kernel = {3, 3, 3}}}; }), {"kernel", "[3, 3, 3]"});
  expect_in(error_of([] { Conv2d{{.in = 3, .out = 4, .padding = "smae"}}; }), {"smae", "same"});
  expect_in(error_of([] { Linear{{.in = 3}}; }), {"linear", "out = 0"});
  expect_in(error_of([] { Embedding{{.count = 3}}; }), {"embedding", "size = 0"});
  expect_in(error_of([] { GELU{"fast"}; }), {"fast", "tanh"});
}

}  // namespace
}  // namespace weft::nn
