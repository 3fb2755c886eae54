#include <weft/base/view.h>
#include <weft/base/files.h>
#include <weft/io/safetensors.h>
#include <weft/io/model_json.h>
#include <weft/io/saved_model.h>

#include <weft/nn/nn.h>

#include "io_testing.h"

namespace weft {
namespace {

using testing::TemporaryFolder;

struct Block : nn::Module<Block> {
  nn::Conv2d conv{{.in = 4, .out = 4, .kernel = 3, .padding = 1}};
  nn::BatchNorm2d norm{4};
  Tensor forward(const Tensor& x) { return relu(norm(conv(x)) + x); }
};

struct ResidualNet : nn::Module<ResidualNet> {
  nn::Conv2d stem{{.in = 3, .out = 4, .kernel = 3, .padding = 1}};
  std::vector<Block> blocks{2};
  nn::Dropout dropout{0.5};
  nn::Linear head{{.in = 4 * 4 * 4, .out = 10}};
  Tensor scale = tensor({0.5, 2.0, 1.0, 1.5}).reshape({4, 1, 1});
  Tensor forward(Tensor x) {
    x = relu(stem(x)) * scale;
    for (Block& b : blocks) x = b(x);
    return softmax(head(dropout(max_pool2d(x, 2).flatten(1))));
  }
};

const std::vector<GraphInput> images{{"image", {{1, 3, 8, 8}, f32}}};

/// A net whose running statistics are not those it began with.
ResidualNet trained_net() {
  ResidualNet net;
  net.train();
  for (int i = 0; i < 3; ++i) net(randn({4, 3, 8, 8}) * 2.0 + 1.0);
  return net;
}

TEST(SavedModels, RunWithoutTheirSource) {
  TemporaryFolder folder;
  ResidualNet net = trained_net();
  SavedModel saved = capture_model(net, images);
  EXPECT_TRUE(net.dropout.mode.training);
  saved.description->preprocessing = {{"scale", 1.0 / 255}, {"mean", std::vector<double>{0.4914, 0.4822, 0.4465}}};
  saved.description->class_names = {"airplane", "automöbile"};
  save_model(folder / "run/a", saved);
  const SavedModel loaded = load_model(folder / "run/a");
  EXPECT_EQ(loaded.description->name, "ResidualNet");
  EXPECT_EQ(loaded.description->class_names, saved.description->class_names);
  EXPECT_EQ(loaded.description->preprocessing, saved.description->preprocessing);
  EXPECT_EQ(to_json(*loaded.description), to_json(*saved.description));
  EXPECT_EQ(weights_sha256(loaded.weights), weights_sha256(net.state_dict()));
  net.eval();
  for (std::int64_t batch : {1, 2, 5}) {
    const Tensor x = randn({batch, 3, 8, 8});
    const std::vector<float> expected = net(x).to_vector<float>();
    EXPECT_EQ(saved(x).to_vector<float>(), expected);
    EXPECT_EQ(loaded(x).to_vector<float>(), expected);
  }
}

TEST(SavedModels, SequentialAndFunctionalAndSeveralOutputs) {
  TemporaryFolder folder;
  const nn::Sequential sequential{nn::Conv2d{{.in = 3, .out = 4, .kernel = 3}}, nn::ReLU{}, nn::Flatten{}, nn::Linear{{.in = 144, .out = 2}}};
  const Tensor x = nn::input({3, 8, 8});
  const Tensor h = nn::Conv2d{{.in = 3, .out = 3, .kernel = 3, .padding = 1}}(x);
  const nn::Functional functional{{x}, {h + x, h.mean({2, 3})}};
  const Tensor batch = randn({3, 3, 8, 8});
  save_model(folder / "s", capture_model(sequential, images));
  EXPECT_EQ(load_model(folder / "s")(batch).to_vector<float>(), sequential(batch).to_vector<float>());
  save_model(folder / "f", capture_model(functional, images));
  const std::vector<Tensor> got = load_model(folder / "f").run({batch}), expected = functional.outputs({batch});
  ASSERT_EQ(got.size(), 2u);
  for (int i : {0, 1}) EXPECT_EQ(got[static_cast<std::size_t>(i)].to_vector<float>(), expected[static_cast<std::size_t>(i)].to_vector<float>());
}

TEST(SavedModels, NewWeightsGoIntoTheSameArchitecture) {
  TemporaryFolder folder;
  ResidualNet a, b = trained_net();
  SavedModel saved = capture_model(a, images);
  saved.weights = b.state_dict();
  b.eval();
  const Tensor x = randn({2, 3, 8, 8});
  EXPECT_EQ(saved(x).to_vector<float>(), b(x).to_vector<float>());
}

TEST(SavedModels, AModelThatDoesNotFitItsWeightsIsAnError) {
  TemporaryFolder folder;
  const ResidualNet net;
  const std::string path = folder / "m";
  save_model(path, capture_model(net, images));
  const std::string weights = path + "/model.safetensors";
  const NamedTensors good = load_safetensors(weights).tensors;
  const auto with = [&](auto change) {
    NamedTensors changed = good;
    change(changed);
    save_safetensors(weights, changed);
    return testing::error_of([&] { load_model(path); });
  };
  const auto expect = [](const std::string& message, std::vector<std::string> parts) {
    for (const std::string& part : parts) EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  expect(with([](NamedTensors& s) { s[0].first = "other"; }), {"model.json does not fit the weights", "'stem.weight'", "missing"});
  expect(with([](NamedTensors& s) { s[0].second = zeros({2}); }), {"does not fit", "'stem.weight' is f32[2], expected f32[4, 3, 3, 3]"});
  expect(with([](NamedTensors& s) { s.pop_back(); }), {"does not fit", "'__constant.", "missing"});
}

TEST(SavedModels, DamagedArchitecturesAreOneClearError) {
  TemporaryFolder folder;
  const std::string good = to_json(*capture_model(ResidualNet{}, images).description);
  parse_model(good);
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return testing::error_of([&] { parse_model(text.replace(at, from.size(), to)); });
  };
  EXPECT_NE(with("\"format\": 1", "\"format\": 7").find("format 7"), std::string::npos);
  EXPECT_NE(with("\"format\": 1,", "").find("'format' is missing"), std::string::npos);
  EXPECT_NE(with("\"op\":\"relu\"", "\"op\":\"relo\"").find("did you mean 'relu'"), std::string::npos);
  EXPECT_NE(with("\"op\":\"relu\",\"inputs\":[", "\"op\":\"relu\",\"inputs\":[99999,").find("is not made before"), std::string::npos);
  EXPECT_NE(with("\"op\":\"relu\",\"inputs\":[", "\"op\":\"relu\",\"inputs\":[0,").find("does not fit together"), std::string::npos);
  EXPECT_NE(with("\"op\":\"matmul\"", "\"op\":\"add\"").find("node "), std::string::npos);
  EXPECT_NE(with("\"outputs\": [", "\"outputs\": [-1,").find("is not made"), std::string::npos);
  for (std::size_t n = 0; n < good.size() - 2; n += 7)
    EXPECT_NE(testing::error_of([&] { parse_model(good.substr(0, n)); }), "");
  for (std::size_t i = 0; i < good.size(); i += 3) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] == '1' ? '7' : bad[i] ^ 1);
    testing::error_of([&] { parse_model(bad); });
  }
}

}  // namespace
}  // namespace weft
