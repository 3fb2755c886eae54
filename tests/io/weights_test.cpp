#include <weft/base/view.h>
#include <weft/io/checkpoint.h>
#include <weft/io/npz.h>
#include <weft/io/weights.h>
#include <weft/nn/nn.h>

#include "io_testing.h"
#include "weights_fixtures.h"

namespace weft {
namespace {

using testing::from_base64;
using testing::TemporaryFolder;
using testing::put;

struct TorchNet : nn::Module<TorchNet> {
  nn::Conv2d conv{{.in = 2, .out = 3, .kernel = 2}};
  nn::BatchNorm2d norm{3};
  nn::Linear head{{.in = 12, .out = 2}};
  Tensor forward(const Tensor& x) { return head(relu(norm(conv(x))).flatten(1)); }
};

struct KerasNet : nn::Module<KerasNet> {
  nn::Conv2d first{{.in = 2, .out = 3, .kernel = 2}};
  nn::BatchNorm2d norm{{.features = 3, .eps = 1e-3}};
  nn::DepthwiseConv2d depthwise{{.in = 3, .kernel = 2, .multiplier = 2}};
  nn::SeparableConv2d separable{{.in = 6, .out = 4, .kernel = 1}};
  nn::ConvTranspose2d transposed{{.in = 4, .out = 2, .kernel = 2}};
  nn::Linear a{{.in = 18, .out = 3}}, b{{.in = 3, .out = 3}};
  Tensor forward(const Tensor& x) { return b(a(transposed(separable(depthwise(norm(first(x))))).flatten(1))); }
};

/// ((arange(n) % 7) / 4 - 0.5) of that shape.
Tensor ramp(const Shape& shape) {
  std::vector<float> v;
  for (std::int64_t i = 0; i < shape.numel(); ++i) v.push_back(static_cast<float>(i % 7) / 4 - 0.5f);
  return tensor_of(v, shape);
}

void expect_near(const Tensor& got, const std::vector<float>& expected) {
  const std::vector<float> v = got.to_vector<float>();
  ASSERT_EQ(v.size(), expected.size());
  for (std::size_t i = 0; i < v.size(); ++i) EXPECT_NEAR(v[i], expected[i], 1e-5) << i;
}

std::string hash(nn::ModuleRef m) { return weights_sha256(nn::state_dict(m)); }

TEST(Weights, PyTorchsFileGivesPyTorchsOutput) {
  TemporaryFolder folder;
  TorchNet net;
  net.eval();
  load_weights(put(folder / "m.safetensors", from_base64(testing::pytorch_safetensors)), net);
  expect_near(net(ramp({2, 2, 3, 3})), testing::pytorch_output);
}

TEST(Weights, SurviveInBothFormats) {
  TemporaryFolder folder;
  TorchNet net;
  for (const char* name : {"w.safetensors", "w.npz"}) {
    save_weights(folder / name, net);
    TorchNet other;
    for (auto& [path, p] : other.named_parameters()) p.assign(zeros(p.shape()));
    load_weights(folder / name, other);
    EXPECT_EQ(hash(other), hash(net));
  }
  WEFT_EXPECT_ERROR(save_weights(folder / "w.npz", net, {{"a", "b"}}), "no metadata");
  WEFT_EXPECT_ERROR(save_weights(folder / "w.h5", net), "w.h5'; expected a name that ends in .safetensors or .npz");
}

const std::vector<std::pair<std::string, Shape>> image{{"a", {2, 3, 3}}};

TEST(Weights, KerassFilesGiveKerassOutput) {
  TemporaryFolder folder;
  const std::string named = put(folder / "k.safetensors", from_base64(testing::keras_safetensors));
  const std::string numbered = put(folder / "k.npz", from_base64(testing::keras_npz));
  save_npz(folder / "named.npz", load_safetensors(named).tensors);
  const Tensor x = ramp({2, 4, 4, 2}).permute({0, 3, 1, 2});
  for (const std::string& path : {named, numbered, folder / "named.npz"}) {
    KerasNet net;
    net.eval();
    load_weights(path, net, {.layout = WeightLayout::keras, .flattened = image});
    expect_near(net(x), testing::keras_output);
  }
}

TEST(Weights, AFlattenedImageFromKerasIsNotGuessed) {
  TemporaryFolder folder;
  KerasNet net;
  const std::string before = hash(net);
  const std::string path = put(folder / "k.safetensors", from_base64(testing::keras_safetensors));
  WEFT_EXPECT_ERROR(load_weights(path, net, {.layout = WeightLayout::keras}), "layer 'a'", "flattened image", "{2, H, W}");
  WEFT_EXPECT_ERROR(load_weights(path, net, {.layout = WeightLayout::keras, .flattened = {{"a", {2, 3, 4}}}}), "'a' reads 18");
  EXPECT_EQ(hash(net), before);
  load_weights(path, net, {.layout = WeightLayout::keras, .flattened = {{"a", {18}}}});
}

TEST(Weights, KerassLayersMatchByPathFirst) {
  TemporaryFolder folder;
  struct Two : nn::Module<Two> {
    nn::Linear left{{.in = 2, .out = 2}}, right{{.in = 2, .out = 2}};
  } net;
  const Tensor k = tensor({{1.0, 2.0}, {3.0, 4.0}}), b = zeros({2});
  save_npz(folder / "w.npz", {{"model/right/kernel", k}, {"model/right/bias", b}, {"model/left/kernel", k + 10}, {"model/left/bias", b}});
  load_weights(folder / "w.npz", net, {.layout = WeightLayout::keras});
  EXPECT_EQ(net.right.weight.tensor().to_vector<float>(), (std::vector<float>{1, 3, 2, 4}));
  EXPECT_EQ(net.left.weight.tensor().to_vector<float>(), (std::vector<float>{11, 13, 12, 14}));
  // Without a common path: dense_2 comes before dense_10 although its text sorts after.
  save_safetensors(folder / "w.safetensors", {{"dense_10/bias", b}, {"dense_10/kernel", k}, {"dense_2/bias", b}, {"dense_2/kernel", k + 10}});
  load_weights(folder / "w.safetensors", net, {.layout = WeightLayout::keras});
  EXPECT_EQ(net.left.weight.tensor().to_vector<float>(), (std::vector<float>{11, 13, 12, 14}));
}

TEST(Weights, AFailedLoadLeavesTheModuleAsItWas) {
  TemporaryFolder folder;
  TorchNet net;
  const std::string before = hash(net), path = folder / "w.safetensors";
  NamedTensors state = net.state_dict();
  const auto with = [&](auto change) {
    NamedTensors changed = state;
    change(changed);
    save_safetensors(path, changed);
    return testing::error_of([&] { load_weights(path, net); });
  };
  std::string message = with([](NamedTensors& s) { s[0].first = "cnv.weight"; });
  EXPECT_NE(message.find("missing: conv.weight; unexpected: cnv.weight"), std::string::npos) << message;
  EXPECT_TRUE(message.starts_with(path)) << message;
  message = with([](NamedTensors& s) { s[0].second = zeros({1}); });
  EXPECT_NE(message.find("conv.weight has shape [1], expected [3, 2, 2, 2]"), std::string::npos) << message;
  EXPECT_EQ(hash(net), before);
  WEFT_EXPECT_ERROR(load_weights(folder / "none.safetensors", net), "none.safetensors", "No such file");
  WEFT_EXPECT_ERROR(load_weights(folder / "model.h5", net), "numpy.savez");
  WEFT_EXPECT_ERROR(load_weights(folder / "model.pt", net), "safetensors.torch");
}

TEST(Weights, KeysAreRenamedAndStrictnessIsAChoice) {
  TemporaryFolder folder;
  TorchNet net, other;
  const std::string path = folder / "w.safetensors";
  NamedTensors state = net.state_dict();
  for (auto& [name, t] : state) name = "module." + (name.starts_with("head") ? "fc" + name.substr(4) : name);
  save_safetensors(path, state);
  load_weights(path, other, {.rename = {{"module.head", "never"}, {"module.fc", "head"}, {"module.", ""}}});
  EXPECT_EQ(hash(other), hash(net));
  TorchNet third;
  const IncompatibleKeys keys =
      load_weights(path, third, {.strict = false, .rename = [](const std::string& s) { return s.substr(7); }});
  EXPECT_EQ(keys.missing, (std::vector<std::string>{"head.weight", "head.bias"}));
  EXPECT_EQ(keys.unexpected, (std::vector<std::string>{"fc.weight", "fc.bias"}));
  WEFT_EXPECT_ERROR(load_weights(path, third, {.strict = false}), path, "none of its 8 names fits TorchNet",
                    "received module.conv.weight", "expected conv.weight");
  EXPECT_EQ(third.conv.weight.tensor().to_vector<float>(), net.conv.weight.tensor().to_vector<float>());
  EXPECT_NE(third.head.weight.tensor().to_vector<float>(), net.head.weight.tensor().to_vector<float>());
  WEFT_EXPECT_ERROR(load_weights(path, third, {.rename = [](const std::string&) { return std::string("x"); }}), "'x' after renaming");
  EXPECT_EQ(Rename({{"conv1", "a"}})("conv10.weight"), "conv10.weight");
  EXPECT_EQ(Rename({{"conv1", "a"}})("conv1.weight"), "a.weight");
}

TEST(Weights, ATiedWeightMayBeThereOnce) {
  TemporaryFolder folder;
  struct Tied : nn::Module<Tied> {
    nn::Linear a{{.in = 2, .out = 2}};
    nn::Linear b = nn::share(a);
  } net;
  NamedTensors state = net.state_dict(), once;
  for (auto& e : state)
    if (e.first.starts_with("b.")) once.emplace_back(e.first, ones(e.second.shape()));
  save_safetensors(folder / "w.safetensors", once);
  load_weights(folder / "w.safetensors", net);
  EXPECT_EQ(net.a.weight.tensor().to_vector<float>(), (std::vector<float>(4, 1)));
}

TEST(Checkpoints, KeepEveryBitAndSayWhatTheyAre) {
  TemporaryFolder folder;
  const Checkpoint in{{{"parameters.w", randn({3, 3})}, {"optimizer.m.w", randn({3}).to(f64)}, {"step", tensor(7)}},
                      {{"epoch", "3"}, {"generator", R"({"seed":"18446744073709551615","counter":9})"}}};
  save_checkpoint(folder / "c.safetensors", in);
  const Checkpoint out = load_checkpoint(folder / "c.safetensors");
  EXPECT_EQ(out.metadata, in.metadata);
  EXPECT_EQ(weights_sha256(out.tensors), weights_sha256(in.tensors));
  EXPECT_EQ(out.below("optimizer.")[0].first, "m.w");
  EXPECT_EQ(out.tensor("step").item(), 7);
  WEFT_EXPECT_ERROR(out.tensor("stop"), "'stop'", "did you mean 'step'");
  WEFT_EXPECT_ERROR(out.text("epochs"), "did you mean 'epoch'");
  save_safetensors(folder / "w.safetensors", in.tensors);
  WEFT_EXPECT_ERROR(load_checkpoint(folder / "w.safetensors"), "is no checkpoint");
  save_safetensors(folder / "n.safetensors", in.tensors, {{"weft.checkpoint", "9"}});
  WEFT_EXPECT_ERROR(load_checkpoint(folder / "n.safetensors"), "format 9");
}

}  // namespace
}  // namespace weft
