// weft tune, weft train --tune: kernels chosen by measurement.
#include <cli/images.h>
#include <cli/run_weft.h>

#include <algorithm>
#include <fstream>

namespace weft {
namespace {

using nlohmann::json;

constexpr const char* title = "tutorial-cnn, a training step, batch 4 of f32[3, 32, 32]";

class Tune : public Cli {
 protected:
  void SetUp() override {
    write_image_folder(folder / "images");
    ASSERT_EQ(weft({"tune", "mlp", "--batch", "2", "--seconds", "0", "--out", "t.json"}).code, 0);
  }
  json file(const char* name = "t.json") const { return json::parse(read(name), nullptr, false); }
  void write(const std::string& text) const { std::ofstream(folder / "t.json") << text; }
  /// A training of the tutorial CNN: its hash says whether two gave the same bits.
  Arguments training(Arguments more) const {
    Arguments a{"train", "--data", "images", "--batch-size", "4", "--verbose", "0", "--json"};
    a.insert(a.end(), more.begin(), more.end());
    return a;
  }
  /// The key of the first step of an operator in the tutorial CNN's plan.
  std::string key_of(const std::string& op, const Arguments& size = {"--batch", "4"}) const {
    Arguments a{"summary", "tutorial-cnn", "--plan", "--json"};
    a.insert(a.end(), size.begin(), size.end());
    const json plan = weft(a).json();
    for (const json& s : plan["steps"])
      if (s["operator"] == op) return s["key"];
    return "";
  }
  /// A file that says the training is measured and that this kernel is the fastest for the operator's first step.
  void choose(const std::string& op, const std::string& kernel) const {
    json j = file();
    j["measured"].push_back(title);
    j["kernels"][key_of(op)] = kernel;
    write(j.dump());
  }
};

TEST_F(Tune, KeepsWhatItFoundOfOtherNetworks) {
  EXPECT_EQ(file()["measured"], json({"mlp, a training step, batch 2 of f32[3, 32, 32]"}));
  const Outcome o = weft({"tune", "tutorial-cnn", "--batch", "4", "--seconds", "0", "--out", "t.json"});
  ASSERT_EQ(o.code, 0) << o.err;
  EXPECT_TRUE(contains(o.out, std::string(title) + ": ")) << o.out;
  EXPECT_TRUE(contains(o.out, "0 other kernels tried, 0 kept")) << o.out;
  EXPECT_EQ(file()["measured"].size(), 2u);
}

/// A reference kernel is slower by orders of magnitude: whatever the machine does beside, another one is found.
TEST_F(Tune, FindsAFasterKernel) {
  const Arguments size{"--input", "3", "22", "22", "--batch", "1"};
  const std::string key = key_of("conv_weight_grad", size);
  json file_now = file();
  file_now["kernels"][key] = "ref.conv_weight_grad";
  write(file_now.dump());
  Arguments a{"tune", "tutorial-cnn", "--out", "t.json", "--json"};
  a.insert(a.end(), size.begin(), size.end());
  const Outcome o = weft(a);
  ASSERT_EQ(o.code, 0) << o.err;
  const json j = o.json();
  EXPECT_LT(j["after"], j["before"]);
  EXPECT_GT(j["tried"], 0);
  ASSERT_GE(j["changes"].size(), 1u) << j.dump();
  EXPECT_TRUE(contains(j["changes"].dump(), "\"from\":\"ref.conv_weight_grad\"")) << j.dump();
  const std::string found = file()["kernels"][key];
  EXPECT_FALSE(found.starts_with("ref.")) << found;
}

TEST_F(Tune, TrainingUsesTheKernelsForAnyNumberOfThreads) {
  const std::string plain = weft(training({"--steps", "3", "--out", "plain"})).hash();
  EXPECT_FALSE(exists("plain/tune.json"));
  choose("conv_weight_grad", "cpu.conv_weight_grad");
  const std::string kept = read("t.json");
  const std::string one = weft(training({"--steps", "3", "--out", "one", "--threads", "1", "--tune", "t.json"})).hash();
  const std::string three = weft(training({"--steps", "3", "--out", "three", "--threads", "3", "--tune", "t.json"})).hash();
  EXPECT_EQ(one, three);
  EXPECT_NE(one, plain) << "the choice makes no difference: the test shows nothing";
  EXPECT_EQ(read("t.json"), kept);  // it held all that was needed
  EXPECT_EQ(file("one/tune.json")["kernels"], file()["kernels"]);
  setenv("WEFT_TUNE", "t.json", 1);
  EXPECT_EQ(weft(training({"--steps", "3", "--out", "environment"})).hash(), one);
  unsetenv("WEFT_TUNE");
  // A run without choices in the same folder is a run without choices.
  EXPECT_EQ(weft(training({"--steps", "3", "--out", "one"})).hash(), plain);
  EXPECT_FALSE(exists("one/tune.json"));
}

/// An MLP has no step with a choice: measuring it first must leave the training as it is, random numbers and all.
TEST_F(Tune, MeasuringFirstChangesNothingElse) {
  const std::string plain = weft(training({"--model", "mlp", "--steps", "3", "--out", "plain"})).hash();
  EXPECT_EQ(weft(training({"--model", "mlp", "--steps", "3", "--out", "run", "--tune", "new.json"})).hash(), plain);
  EXPECT_EQ(file("new.json")["measured"], json({"mlp, a training step, batch 4 of f32[3, 32, 32]"}));
}

TEST_F(Tune, AResumedRunUsesItsKernelsAgain) {
  choose("conv_weight_grad", "cpu.conv_weight_grad");
  const std::string whole = weft(training({"--steps", "6", "--out", "whole", "--tune", "t.json"})).hash();
  ASSERT_EQ(weft(training({"--steps", "3", "--out", "run", "--tune", "t.json"})).code, 0);
  std::filesystem::remove(folder / "t.json");
  setenv("WEFT_TUNE", "other.json", 1);  // a resumed run keeps its own
  const Outcome rest = weft({"train", "--resume", "run", "--steps", "6", "--verbose", "0", "--json"});
  unsetenv("WEFT_TUNE");
  EXPECT_EQ(rest.hash(), whole) << rest.err;
  EXPECT_EQ(rest.err, "");
  EXPECT_FALSE(exists("other.json"));
}

TEST_F(Tune, ADamagedFileOrAnotherMachinesIsPassedOverAndWrittenAnew) {
  const json good = file();
  const auto with = [&](const char* key, const json& value) {
    json j = good;
    j[key] = value;
    return j.dump();
  };
  for (const auto& [text, why] : std::vector<std::pair<std::string, std::string>>{
           {"{\"schema\": 1,", "weft: t.json is passed over and written anew: "},
           {"", "passed over"},
           {"[]", "expected an object"},
           {with("schema", 2), "its schema is '2'"},
           {with("weft", "0.0.1"), "of another machine or version: its weft is '0.0.1'"},
           {with("instruction_set", "abacus"), "its instruction_set is 'abacus'"},
           {with("kernels", json::array({1})), "expected a list 'measured' and an object 'kernels'"},
           {with("kernels", {{"conv", 1}}), "expected the name of a kernel"},
           {with("measured", {1}), "expected texts"}}) {
    write(text);
    const Outcome o = weft({"tune", "mlp", "--batch", "2", "--seconds", "0", "--out", "t.json"});
    EXPECT_EQ(o.code, 0) << o.err;
    EXPECT_TRUE(contains(o.err, why)) << o.err;
    EXPECT_EQ(std::count(o.err.begin(), o.err.end(), '\n'), 1) << o.err;
    EXPECT_EQ(file(), good) << text;
  }
  write("{");
  const Outcome o = weft(training({"--model", "mlp", "--steps", "1", "--out", "run", "--tune", "t.json"}));
  EXPECT_EQ(o.code, 0) << o.err;
  EXPECT_EQ(file()["measured"], json({"mlp, a training step, batch 4 of f32[3, 32, 32]"}));
  std::ofstream(folder / "run/tune.json") << "{";
  const Outcome resumed = weft({"train", "--resume", "run", "--steps", "2", "--verbose", "0"});
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_TRUE(contains(resumed.err, "run/tune.json is passed over")) << resumed.err;
  EXPECT_TRUE(file("run/tune.json").is_object());
}

TEST_F(Tune, WhatCannotBeIsRefused) {
  EXPECT_REFUSED(weft({"tune", "nosuch"}), "nosuch");
  EXPECT_REFUSED(weft({"tune", "mlp", "--batch", "0"}), "--batch: received 0");
  EXPECT_REFUSED(weft({"tune", "mlp", "--seconds", "-1"}), "--seconds: received -1");
  EXPECT_REFUSED(weft({"tune", "mlp", "--out", "nowhere/t.json"}), "nowhere");
  EXPECT_REFUSED(weft(training({"--eager", "--tune", "t.json", "--out", "run"})), "--tune: received together with --eager");
  EXPECT_REFUSED(weft(training({"--device", "ref", "--tune", "t.json", "--out", "run"})), "--tune: received together with --device ref");
  EXPECT_REFUSED(weft({"train", "--resume", "run", "--tune", "t.json"}), "--tune cannot be given with --resume");
  EXPECT_FALSE(exists("run"));
}

}  // namespace
}  // namespace weft
