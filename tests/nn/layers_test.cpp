// Layers against PyTorch's figures (torch_figures.py): results and gradients, with input sizes given or left out.
#include "compare.h"

namespace weft::nn {
namespace {

TEST(Layers, Linear) {
  expect_layer(Linear{{.in = 3, .out = 2}}, {4, 3}, figures::linear);
  expect_layer(Linear{{.out = 2}}, {4, 3}, figures::linear);
  expect_layer(Linear{{.out = 2, .bias = false}}, {2, 2, 3}, figures::linear_rank3);
}

TEST(Layers, Convolutions) {
  expect_layer(Conv1d{{.in = 2, .out = 3, .kernel = 3, .stride = 2, .padding = 1}}, {2, 2, 5}, figures::conv1d);
  expect_layer(Conv2d{{.out = 2, .kernel = {3, 2}, .stride = {2, 1}, .padding = {1, 0}, .dilation = {1, 2}}}, {1, 2, 5, 4},
               figures::conv2d);
  expect_layer(Conv2d{{.in = 4, .out = 2, .kernel = 3, .padding = "same", .groups = 2}}, {1, 4, 3, 3},
               figures::conv2d_groups_same);
  expect_layer(Conv2d{{.in = 1, .out = 1, .kernel = 3, .padding = 1, .padding_mode = PadMode::reflect}}, {1, 1, 3, 4},
               figures::conv2d_reflect);
  expect_layer(Conv3d{{.in = 1, .out = 2, .kernel = 2}}, {1, 1, 3, 2, 3}, figures::conv3d);
}

TEST(Layers, TransposedConvolutions) {
  expect_layer(ConvTranspose1d{{.out = 2, .kernel = 3, .stride = 2, .padding = 1, .output_padding = 1}}, {1, 2, 3},
               figures::conv_transpose1d);
  expect_layer(ConvTranspose2d{{.in = 2, .out = 4, .kernel = 2, .stride = 2, .groups = 2}}, {1, 2, 2, 2},
               figures::conv_transpose2d);
}

TEST(Layers, DepthwiseAndSeparable) {
  expect_layer(DepthwiseConv2d{{.kernel = 3, .padding = 1, .multiplier = 2}}, {1, 2, 3, 3}, figures::depthwise);
  SeparableConv2d separable{{.out = 5, .kernel = 3, .padding = "same"}};
  const Tensor x = wave({2, 3, 4, 4}, 0);
  EXPECT_EQ(separable(x).shape(), (Shape{2, 5, 4, 4}));
  const Tensor by_hand = conv2d(conv2d(x, separable.depthwise.weight, std::nullopt, {.padding = 1, .groups = 3}),
                                separable.pointwise.weight, separable.pointwise.bias);
  expect_near(separable(x), by_hand.to_vector<double>(), "separable", 1e-6);
}

TEST(Layers, Normalization) {
  expect_layer(LayerNorm{4}, {3, 4}, figures::layer_norm);
  expect_layer(LayerNorm{}, {3, 4}, figures::layer_norm);
  expect_layer(LayerNorm{{.normalized_shape = {2, 3}}}, {2, 2, 3}, figures::layer_norm_2);
  expect_layer(GroupNorm{{.groups = 2}}, {2, 4, 3}, figures::group_norm);
  expect_layer(InstanceNorm2d{{.affine = true}}, {2, 2, 2, 3}, figures::instance_norm);
  expect_layer(RMSNorm{4}, {3, 4}, figures::rms_norm);
}

TEST(Layers, BatchNormTrainsAndEvaluates) {
  expect_layer(BatchNorm2d{2}, {2, 2, 1, 3}, figures::batch_norm);
  BatchNorm2d bn;  // features left out
  const Tensor x = wave({2, 2, 1, 3}, 0);
  bn(x);
  bn.weight.assign(wave({2}, 1));
  bn.bias.assign(wave({2}, 2));
  expect_near(concat({bn.running_mean, bn.running_var}), figures::batch_norm_running.y, "running statistics");
  bn.eval();
  expect_near(bn(x), figures::batch_norm_eval.y, "evaluation");
  expect_near(concat({bn.running_mean, bn.running_var}), figures::batch_norm_running.y, "evaluation changes nothing");

  BatchNorm1d keras = BatchNorm1d::keras(2);
  keras(tensor({{1.0, 2.0}, {3.0, 2.0}}));
  expect_near(keras.running_mean, {0.02, 0.02}, "Keras's momentum 0.99");
  BatchNorm1d single{2};
  EXPECT_TRUE(all(isfinite(single(ones({1, 2})))).item<bool>());
  EXPECT_TRUE(all(isfinite(single.running_var)).item<bool>());
}

TEST(Layers, Pools) {
  expect_layer(MaxPool2d{{.kernel = 3, .stride = 2, .padding = 1}}, {1, 1, 5, 4}, figures::max_pool2d);
  expect_layer(MaxPool1d{2}, {1, 2, 5}, figures::max_pool1d);
  expect_layer(AvgPool2d{{.kernel = 2, .stride = 2, .padding = 1, .ceil_mode = true, .count_include_pad = false}},
               {1, 1, 4, 4}, figures::avg_pool2d);
  expect_layer(AdaptiveAvgPool2d{{2, 3}}, {1, 1, 3, 5}, figures::adaptive_avg_pool2d);
  const Tensor x = wave({2, 3, 4, 5}, 0);
  EXPECT_EQ(GlobalAvgPool2d{}(x).shape(), (Shape{2, 3}));
  EXPECT_EQ(GlobalMaxPool2d{true}(x).shape(), (Shape{2, 3, 1, 1}));
  expect_near(GlobalMaxPool2d{}(x), x.max({2, 3}).to_vector<double>(), "global maximum", 1e-7);
  expect_near(GlobalAvgPool2d{}(x), x.mean({2, 3}).to_vector<double>(), "global mean", 1e-6);
}

/// The layer applied to 4 x, as the generator does.
template <class M> void expect_activation(M layer, const figures::Figures& f) {
  expect_layer(Sequential{[](const Tensor& x) { return x * 4.0; }, std::move(layer)}, {2, 4}, f);
}

TEST(Layers, Activations) {
  expect_activation(ReLU{}, figures::act_relu);
  expect_activation(LeakyReLU{}, figures::act_leaky_relu);
  expect_activation(GELU{}, figures::act_gelu);
  expect_activation(GELU{"tanh"}, figures::act_gelu_tanh);
  expect_activation(SiLU{}, figures::act_silu);
  expect_activation(Sigmoid{}, figures::act_sigmoid);
  expect_activation(Tanh{}, figures::act_tanh);
  expect_activation(Softmax{1}, figures::act_softmax);
  expect_activation(LogSoftmax{}, figures::act_log_softmax);
  expect_activation(ELU{}, figures::act_elu);
  expect_activation(SELU{}, figures::act_selu);
  expect_activation(ReLU6{}, figures::act_relu6);
  expect_activation(Hardswish{}, figures::act_hardswish);
  expect_activation(Hardsigmoid{}, figures::act_hardsigmoid);
  expect_activation(Hardtanh{}, figures::act_hardtanh);
  expect_activation(Softplus{2.0}, figures::act_softplus);
  expect_activation(Mish{}, figures::act_mish);
  expect_activation(GLU{}, figures::act_glu);
  expect_layer(PReLU{2}, {1, 2, 3}, figures::prelu);
}

TEST(Layers, ActivationOptionTakesNamesAndFunctions) {
  const Tensor x = wave({4, 3}, 0);
  Linear plain{{.in = 3, .out = 2}}, named{{.in = 3, .out = 2, .activation = "relu"}};
  Linear function{{.in = 3, .out = 2, .activation = [](const Tensor& t) { return tanh(t); }}};
  named.weight.assign(plain.weight.tensor().detach());
  function.weight.assign(plain.weight.tensor().detach());
  EXPECT_EQ(named(x).to_vector<float>(), relu(plain(x)).to_vector<float>());
  EXPECT_EQ(function(x).to_vector<float>(), tanh(plain(x)).to_vector<float>());
  expect_in(error_of([] { Linear{{.in = 3, .out = 2, .activation = "rleu"}}; }), {"rleu", "did you mean 'relu'"});
}

TEST(Layers, Embedding) {
  Embedding e{{.count = 5, .size = 2, .padding_index = -1}};
  const Tensor index = tensor_of(std::vector<std::int64_t>{0, 4, 2, 2}, {2, 2});
  const Tensor y = e(index);
  EXPECT_EQ(y.shape(), (Shape{2, 2, 2}));
  const auto w = e.weight.tensor().to_vector<float>(), v = y.to_vector<float>();
  EXPECT_EQ(w[8], 0) << "the padding row starts as zeros";
  EXPECT_EQ(v[4], w[4]);
  const auto g = grad(sum(y), e)[e.weight].to_vector<float>();
  EXPECT_EQ(g, (std::vector<float>{1, 1, 0, 0, 2, 2, 0, 0, 0, 0}));
  expect_in(error_of([&] { e(tensor({5})); }), {"5"});
  expect_in(error_of([&] { e(tensor({0.5})); }), {"integer"});
}

TEST(Layers, Shapes) {
  const Tensor x = wave({2, 4, 1, 2}, 0);
  EXPECT_EQ(Flatten{}(x).shape(), (Shape{2, 8}));
  EXPECT_EQ(Flatten{}(ones({3})).shape(), (Shape{3, 1}));
  EXPECT_EQ((Unflatten{1, {2, -1}}(x).shape()), (Shape{2, 2, 2, 1, 2}));
  EXPECT_EQ((Reshape{2, -1}(x).shape()), (Shape{2, 2, 4}));
  EXPECT_EQ((Permute{0, 2, 3, 1}(x).shape()), (Shape{2, 1, 2, 4}));
  EXPECT_EQ(Reshape({8})(zeros({0, 4, 2})).shape(), (Shape{0, 8}));
  expect_in(error_of([&] { Reshape{3, -1}(x); }), {"reshape", "[2, 4, 1, 2]", "8", "[3, -1]"});

  const Tensor padded = ZeroPad2d{{.left = 1, .top = 2}}(x);
  EXPECT_EQ(padded.shape(), (Shape{2, 4, 3, 3}));
  EXPECT_EQ((Cropping2d{{.left = 1, .top = 2}}(padded).to_vector<float>()), x.to_vector<float>());
  EXPECT_EQ(ZeroPad2d{1}(x).shape(), (Shape{2, 4, 3, 4}));
  expect_in(error_of([&] { Cropping2d{1}(x); }), {"cropping2d", "[2, 4, 1, 2]"});

  EXPECT_EQ(Upsample{2}(x).shape(), (Shape{2, 4, 2, 4}));
  expect_layer(Upsample{{.scale = {2}, .mode = "bilinear"}}, {1, 1, 2, 3}, figures::upsample);
  expect_layer(PixelShuffle{2}, {1, 4, 1, 2}, figures::pixel_shuffle);
  EXPECT_EQ(PixelUnshuffle{2}(PixelShuffle{2}(x)).to_vector<float>(), x.to_vector<float>());
  EXPECT_EQ(RepeatVector{3}(tensor({{1.0, 2.0}})).to_vector<float>(), (std::vector<float>{1, 2, 1, 2, 1, 2}));
}

TEST(Layers, Merges) {
  const Tensor a = tensor({{1.0, 2.0}, {3.0, 4.0}}), b = tensor({{2.0, 0.0}, {-1.0, 5.0}}), c = ones({2, 2});
  const auto v = [](const Tensor& t) { return t.to_vector<float>(); };
  using V = std::vector<float>;
  EXPECT_EQ(v(Add{}(a, b, c)), (V{4, 3, 3, 10}));
  EXPECT_EQ(v(Add{}({a, b, c, c})), (V{5, 4, 4, 11}));
  EXPECT_EQ(v(Subtract{}(a, b)), (V{-1, 2, 4, -1}));
  EXPECT_EQ(v(Multiply{}(a, b)), (V{2, 0, -3, 20}));
  EXPECT_EQ(v(Average{}(a, b)), (V{1.5, 1, 1, 4.5}));
  EXPECT_EQ(v(Maximum{}(a, b)), (V{2, 2, 3, 5}));
  EXPECT_EQ(v(Minimum{}(a, b)), (V{1, 0, -1, 4}));
  EXPECT_EQ(Concatenate{}({a, b, c}).shape(), (Shape{2, 6}));
  EXPECT_EQ(v(Dot{}(a, b)), (V{2, 17}));
  EXPECT_EQ(Dot{}(a, b).shape(), (Shape{2, 1}));
  expect_near(Dot{{.normalize = true}}(a, a), {1, 1}, "cosine", 1e-6);
  EXPECT_EQ(Dot{}(wave({2, 3, 4}, 0), wave({2, 5, 4}, 0)).shape(), (Shape{2, 3, 5}));
  EXPECT_EQ(Dot{}(wave({2, 3, 4}, 0), wave({2, 4}, 0)).shape(), (Shape{2, 3}));
  expect_in(error_of([&] { Subtract{}({a, b, c}); }), {"subtract", "3 tensors", "two"});

  const Tensor x = input({2});
  Functional model(x, Add{}(Linear{{.out = 3}}(x), Linear{{.out = 3}}(x)));
  EXPECT_EQ(model(a).shape(), (Shape{2, 3}));
}

TEST(Layers, Preprocessing) {
  const Tensor pixels = tensor_of(std::vector<std::uint8_t>{0, 51, 255, 102}, {1, 1, 2, 2});
  expect_near(Rescaling{1.0 / 255}(pixels), {0, 0.2, 1, 0.4}, "rescaling", 1e-6);
  expect_near((Rescaling{{.scale = 2.0 / 255, .offset = -1}}(pixels)), {-1, -0.6, 1, -0.2}, "rescaling", 1e-6);
  EXPECT_EQ((Resizing{{.height = 4, .width = 3}}(wave({2, 3, 5, 5}, 0)).shape()), (Shape{2, 3, 4, 3}));

  Normalization norm;
  expect_in(error_of([&] { norm(ones({2, 2})); }), {"adapt"});
  const Tensor data = wave({10, 2, 3}, 0) * 5.0 + 2.0;
  norm.adapt(data);
  const Tensor y = norm(data);
  expect_near(y.mean({0, 2}), {0, 0}, "mean", 1e-6);
  expect_near(var(y, {0, 2}, 0), {1, 1}, "variance", 1e-6);
  Normalization merged;
  merged.adapt({slice(data, 0, 0, 3), slice(data, 0, 3)});
  expect_near(merged.variance, norm.variance.tensor().to_vector<double>(), "merged batches", 1e-6);
}

TEST(Layers, DropoutDropsOnlyWhileTraining) {
  manual_seed(3);
  Dropout d{0.25};
  const Tensor x = ones({100, 100});
  const Tensor y = d(x);
  const double kept = 1 - count_nonzero(y).item() / 1e4;
  EXPECT_NEAR(kept, 0.25, 0.02);
  EXPECT_NEAR(y.max().item(), 4.0 / 3, 1e-6);
  d.eval();
  EXPECT_EQ(d(x).to_vector<float>(), x.to_vector<float>());

  SpatialDropout2d s{0.5};
  const Tensor z = s(ones({8, 8, 3, 3}));
  EXPECT_EQ(z.max({2, 3}).to_vector<float>(), z.min({2, 3}).to_vector<float>()) << "whole channels";
  GaussianNoise noise{0.5};
  EXPECT_NEAR(std(noise(zeros({100, 100}))).item(), 0.5, 0.02);
  noise.eval();
  EXPECT_EQ(sum(abs(noise(zeros({4})))).item(), 0);
  EXPECT_THROW(Dropout{1.5}, Error);

  manual_seed(3);
  const RandomStream before = default_generator().state();
  Dropout fresh{0.5};
  summary(fresh, {4});
  EXPECT_EQ(before.counter, default_generator().state().counter) << "inferring shapes draws no random numbers";
}

}  // namespace
}  // namespace weft::nn
