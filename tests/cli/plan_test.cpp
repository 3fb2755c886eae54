// weft summary --plan.
#include <cli/run_weft.h>

#include <cmath>

namespace weft {
namespace {

using nlohmann::json;

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++n;
  return n;
}

TEST_F(Cli, SummaryShowsThePlanOfATrainingStep) {
  const Outcome o = weft({"summary", "tutorial-cnn", "--plan", "--batch", "4"});
  ASSERT_EQ(o.code, 0) << o.err;
  for (const char* part : {"tutorial-cnn, a training step, batch 4 of f32[3, 32, 32]: ", "conv_block = conv, relu, max_pool",
                           "f32[4, 32, 15, 15]", "cpu.adam_update", "held outside", "in place", "\narena: ", "\nkernel ", " %\n"})
    EXPECT_TRUE(contains(o.out, part)) << part << "\n" << o.out;
}

TEST_F(Cli, SummaryGivesThePlanAsJson) {
  const json j = weft({"summary", "mlp", "--plan", "--batch", "8", "--json"}).json();
  ASSERT_TRUE(j.is_object());
  EXPECT_EQ(j["batch"], 8);
  EXPECT_EQ(j["training"], true);
  EXPECT_GE(j["timed_runs"], 1);
  double steps = 0, kernels = 0;
  const json& list = j["steps"];
  for (const json& s : list) steps += s["seconds"].get<double>();
  for (const json& k : j["kernels"]) kernels += k["seconds"].get<double>();
  EXPECT_GT(steps, 0);
  EXPECT_NEAR(steps, kernels, 1e-9);
  EXPECT_NEAR(steps, j["seconds"].get<double>(), 1e-9);
  // Buffers that are alive together do not overlap; one in place lies over an input.
  struct Piece { std::size_t first, last; std::int64_t from, to; };
  std::vector<Piece> pieces;
  std::int64_t end = 0;
  for (std::size_t i = 0; i < list.size(); ++i)
    for (const json& o : list[i]["outputs"]) {
      if (o["offset"].is_null()) continue;
      const Piece p{i, o["last_step"], o["offset"], o["offset"].get<std::int64_t>() + o["bytes"].get<std::int64_t>()};
      end = std::max(end, p.to);
      for (const Piece& q : pieces) {
        const bool takes_over = o["in_place"] && p.from == q.from && p.first == q.last;
        EXPECT_TRUE(takes_over || q.last < p.first || p.to <= q.from || q.to <= p.from) << list[i].dump();
      }
      pieces.push_back(p);
    }
  EXPECT_LE(end, j["arena_bytes"].get<std::int64_t>());
  EXPECT_GT(end + 64, j["arena_bytes"].get<std::int64_t>());
}

TEST_F(Cli, SummaryPlansInferenceAndOtherBatches) {
  const auto plan = [&](const char* batch, bool inference) {
    Arguments a{"summary", "mlp", "--plan", "--json", "--batch", batch};
    if (inference) a.push_back("--inference");
    return weft(a).json();
  };
  const json training = plan("8", false), forward = plan("8", true), larger = plan("16", true);
  EXPECT_TRUE(contains(training.dump(), "adam_update"));
  EXPECT_FALSE(contains(forward.dump(), "adam_update"));
  EXPECT_LT(forward["arena_bytes"], training["arena_bytes"]);
  EXPECT_LT(forward["arena_bytes"], larger["arena_bytes"]);
}

TEST_F(Cli, SummaryShowsWhatAPassDoes) {
  const auto plan = [&](const char* passes) {
    setenv("WEFT_PASSES", passes, 1);
    const std::string text = weft({"summary", "tutorial-cnn", "--plan", "--batch", "2", "--json"}).json().dump();
    unsetenv("WEFT_PASSES");
    return text;
  };
  const std::string all = plan(""), not_in_place = plan("-in-place"), not_folded = plan("-constant-folding");
  EXPECT_TRUE(contains(all, "\"in_place\":true"));
  EXPECT_FALSE(contains(not_in_place, "\"in_place\":true"));
  EXPECT_TRUE(contains(not_in_place, "\"constant_bytes\":4"));
  EXPECT_TRUE(contains(not_folded, "\"constant_bytes\":0"));
}

TEST_F(Cli, SummaryDrawsThePlan) {
  const Outcome o = weft({"summary", "tutorial-cnn", "--plan", "--batch", "2", "--svg", "plan.svg"});
  ASSERT_EQ(o.code, 0) << o.err;
  const std::string svg = read("plan.svg");
  EXPECT_TRUE(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\"")) << svg.substr(0, 200);
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
  EXPECT_EQ(count(svg, "<rect "), count(svg, "</rect>") + 1);  // the ground has no title
  EXPECT_EQ(count(svg, "<title>"), count(svg, "</rect>"));
  EXPECT_TRUE(contains(svg, "conv_block = conv, relu, max_pool: f32[2, 32, 15, 15], 57600 bytes at ")) << svg;
  EXPECT_FALSE(contains(svg, "nan"));
}

TEST_F(Cli, SummaryPlansASavedRun) {
  ASSERT_EQ(weft({"train", "--model", "mlp", "--data", "shapes10", "--steps", "1", "--out", "run", "--verbose", "0"}).code, 0);
  const Outcome o = weft({"summary", "run", "--plan", "--batch", "3"});
  ASSERT_EQ(o.code, 0) << o.err;
  EXPECT_TRUE(contains(o.out, "run, forward, batch 3 of f32[3, 32, 32]")) << o.out;
}

TEST_F(Cli, SummaryRefusesPlansThatCannotBe) {
  EXPECT_REFUSED(weft({"summary", "mlp", "--plan", "--batch", "0"}), "--batch: received 0; expected 1 or more");
  EXPECT_REFUSED(weft({"summary", "mlp", "--svg", "plan.png"}), "expected a name that ends in .svg");
  EXPECT_REFUSED(weft({"summary", "mlp", "--svg", "nowhere/plan.svg"}), "nowhere");
  EXPECT_REFUSED(weft({"summary", "mlp", "--json"}), "--json goes with --plan");
  EXPECT_REFUSED(weft({"summary", "tutorial-cnn", "--plan", "--input", "3", "5", "5"}), "is larger than the image");
}

}  // namespace
}  // namespace weft
