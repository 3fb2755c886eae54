// Summaries: rows, totals and the printed table, against counts by hand.
#include "compare.h"

namespace weft::nn {
namespace {

Sequential tutorial() {
  return Sequential{Conv2d{{.out = 32, .kernel = 3, .activation = "relu"}}, MaxPool2d{2}, Conv2d{{.out = 64, .kernel = 3, .activation = "relu"}},
                    MaxPool2d{2}, Conv2d{{.out = 64, .kernel = 3, .activation = "relu"}}, Flatten{},
                    Linear{{.out = 64, .activation = "relu"}}, Linear{{.out = 10}}};
}

TEST(Summary, CountsTheTutorialNetwork) {  // 122,570 parameters: Keras's own count for it
  Sequential net = tutorial();
  const Summary s = summary(net, {3, 32, 32}, {.optimizer_parameters = 245142});
  EXPECT_EQ(s.trainable, 122570);
  EXPECT_EQ(s.non_trainable, 0);
  ASSERT_EQ(s.rows.size(), 8u);
  EXPECT_EQ(s.rows[0].outputs[0], (Shape{-1, 32, 30, 30}));
  EXPECT_EQ(s.rows[0].parameters, 896);
  EXPECT_EQ(s.rows[0].macs, 30 * 30 * 32 * 27);
  EXPECT_EQ(s.rows[2].macs, 13 * 13 * 64 * 288);
  EXPECT_EQ(s.rows[5].outputs[0], (Shape{-1, 1024}));
  EXPECT_EQ(s.rows[6].parameters, 65600);
  EXPECT_EQ(s.macs, 30 * 30 * 32 * 27 + 13 * 13 * 64 * 288 + 4 * 4 * 64 * 576 + 65536 + 640);
  // At least what every layer needs: outputs of the convolutions and pools.
  EXPECT_GE(s.activation_bytes, 4 * (32 * 30 * 30 + 32 * 15 * 15 + 64 * 13 * 13 + 64 * 6 * 6 + 64 * 4 * 4));
  EXPECT_LE(s.activation_bytes, 3 * 4 * (32 * 30 * 30 + 32 * 15 * 15 + 64 * 13 * 13 + 64 * 6 * 6 + 64 * 4 * 4));
  expect_in(to_string(s), {"Model: \"Sequential\"", "0 (Conv2d)", "[?, 32, 30, 30]", "896", "Total params: 367,712 (1.40 MB)",
                           "Trainable params: 122,570 (478.79 KB)", "Non-trainable params: 0 (0.00 B)", "Optimizer params: 245,142"});
}

struct Block : Module<Block> {
  Conv2d conv{{.out = 4, .kernel = 3, .padding = 1, .bias = false}};
  BatchNorm2d norm;
  Tensor forward(const Tensor& x) { return relu(norm(conv(x))); }
};
struct Net : Module<Net> {
  std::vector<Block> blocks = std::vector<Block>(2);
  Linear head{{.out = 2}};
  Linear unused{{.in = 2, .out = 2}};
  Parameter scale{ones({1})};
  Tensor forward(Tensor x) {
    for (auto& b : blocks) x = b(x);
    return head(global_avg_pool(x)) * scale;
  }
};

TEST(Summary, ShowsModulesWithinModules) {
  Net net;
  net.freeze("blocks.0.*");
  const Summary s = summary(net, {3, 8, 8});
  std::vector<std::string> names;
  for (const SummaryRow& row : s.rows) names.push_back(row.name);
  EXPECT_EQ(names, (std::vector<std::string>{"blocks.0", "blocks.0.conv", "blocks.0.norm", "blocks.1", "blocks.1.conv", "blocks.1.norm",
                                             "head", "unused", "(itself)"}));
  EXPECT_TRUE(s.rows[0].container);
  EXPECT_EQ(s.rows[1].parameters, 108);
  EXPECT_EQ(s.rows[2].parameters, 16) << "weight, bias and the running statistics";
  EXPECT_EQ(s.trainable, 144 + 8 + 10 + 6 + 1);
  EXPECT_EQ(s.non_trainable, 108 + 8 + 8 + 8);
  EXPECT_TRUE(s.rows[7].outputs.empty());
  std::int64_t sum_of_rows = 0;
  for (const SummaryRow& row : s.rows) sum_of_rows += row.parameters;
  EXPECT_EQ(sum_of_rows, s.trainable + s.non_trainable);

  const Summary flat = summary(net, {3, 8, 8}, {.depth = 1});
  ASSERT_EQ(flat.rows.size(), 5u);
  EXPECT_EQ(flat.rows[0].parameters, 124);
  EXPECT_EQ(flat.rows[0].macs, 8 * 8 * 4 * 27);
}

TEST(Summary, NamesWhatAGraphIsConnectedTo) {
  const Tensor a = input({4}), b = input({4});
  Linear shared{{.out = 3}};
  Functional model({a, b}, {Linear{{.out = 2}}(relu(shared(a)) + shared(b))});
  const Meta one{{4}, DType::f32};
  const std::vector<Meta> inputs{one, one};
  const Summary s = summary(model, inputs);
  EXPECT_TRUE(s.graph);
  EXPECT_EQ(s.trainable, 15 + 8);
  const std::string text = to_string(s);
  expect_in(text, {"Connected to", "input (Input)", "input_1 (Input)", "linear (Linear)", "relu (Operation)", "linear_1 (Linear)"});
  const SummaryRow& last = s.rows.back();
  EXPECT_EQ(last.name, "linear_1");
  EXPECT_EQ(last.connected_to, (std::vector<std::string>{"add"}));
  EXPECT_EQ(last.outputs[0], (Shape{-1, 2}));
}

TEST(Summary, LeavesTheModelAsItWas) {
  Net net;
  net(ones({2, 3, 8, 8}));
  const auto before = net.state_dict();
  summary(net, {3, 8, 8});
  const auto after = net.state_dict();
  for (std::size_t i = 0; i < before.size(); ++i)
    EXPECT_EQ(before[i].second.to_vector<float>(), after[i].second.to_vector<float>()) << before[i].first;
}

}  // namespace
}  // namespace weft::nn
