// weft train: what it prints and leaves, that the weights do not depend on threads, face or interruptions, and errors.
#include <algorithm>
#include <chrono>
#include <thread>

#include <cli/images.h>
#include <cli/run_weft.h>

namespace weft {
namespace {

class Train : public Cli {
 protected:
  Train() { write_image_folder(folder / "images"); }
  /// `weft train` on the small image folder.
  static Arguments command(const std::string& out, const Arguments& more) {
    Arguments a{"train", "--data", "images", "--out", out, "--verbose", "0", "--json"};
    a.insert(a.end(), more.begin(), more.end());
    return a;
  }
  Outcome train(const std::string& out, const Arguments& more) const { return weft(command(out, more)); }
  /// Starts a run and ends it with a signal once it has written its first checkpoint.
  Outcome stop(int signal, const std::string& out, const Arguments& more) const {
    const Process process(folder.path(), command(out, more));
    for (int i = 0; i < 6000 && !exists(out + "/checkpoint.safetensors"); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    process.send(signal);
    return process.wait();
  }
  /// Files of a run that were written aside and never renamed.
  bool leftovers(const std::string& out) const {
    for (const auto& file : std::filesystem::directory_iterator(folder / out)) {
      const std::string name = file.path().filename().string();
      const Arguments whole{"checkpoint.safetensors", "config.json", "history.csv", "model.json",
                            "model.safetensors",      "report.html"};
      if (std::find(whole.begin(), whole.end(), name) == whole.end()) return true;
    }
    return false;
  }
};

TEST_F(Cli, TrainsOnTheBuiltInDataAndLeavesEverything) {
  const Outcome o = weft(
      {"train", "--data", "shapes10", "--epochs", "1", "--steps", "3", "--threads", "2", "--out", "run", "--json"});
  ASSERT_EQ(o.code, 0) << o.err;
  EXPECT_TRUE(contains(o.out, "50000 + 10000 images")) << o.out;
  EXPECT_TRUE(contains(o.out, "Report: run/report.html")) << o.out;
  EXPECT_FALSE(contains(o.out, "\r")) << "a line that overwrites itself, where the output is no terminal";
  const auto j = o.json();
  ASSERT_TRUE(j.is_object()) << o.out;
  for (const char* name : {"train_loss", "train_accuracy", "test_loss", "test_accuracy", "epochs", "steps", "seconds",
                           "ms_per_step", "peak_rss_mb", "threads", "device", "seed", "weights_sha256"})
    EXPECT_TRUE(j.contains(name)) << name;
  EXPECT_EQ(j["steps"], 3);
  EXPECT_EQ(j["epochs"], 1);
  EXPECT_EQ(j["threads"], 2);
  EXPECT_EQ(j["device"], "cpu");
  EXPECT_EQ(o.hash().size(), 64u);
  const Outcome seed = weft({"train", "--data", "shapes10", "--epochs", "1", "--steps", "3", "--seed", "3", "--out",
                             "seed", "--verbose", "0", "--json"});
  const Outcome measured = weft({"evaluate", "seed", "--json"});
  EXPECT_EQ(measured.json()["accuracy"], seed.json()["test_accuracy"]) << "a seed must not change the data set";
  EXPECT_NEAR(measured.json()["loss"].get<double>(), seed.json()["test_loss"].get<double>(), 1e-5);
  for (const char* name : {"model.safetensors", "model.json", "history.csv", "config.json", "report.html"})
    EXPECT_TRUE(exists(std::string("run/") + name)) << name;
  EXPECT_TRUE(read("run/history.csv").starts_with("epoch,accuracy,loss,val_accuracy,val_loss\n1,"))
      << read("run/history.csv");
  EXPECT_EQ(nlohmann::json::parse(read("run/config.json"))["model"], "tutorial-cnn");
  EXPECT_EQ(nlohmann::json::parse(read("run/config.json"))["steps"], 3);
}

// Without a network the run falls back to shapes10, which it must find again.
TEST_F(Cli, ARunOnTheFallbackGoesOnExactlyWhateverItsSeed) {
  const Arguments recipe{"train", "--model", "mlp", "--seed", "3", "--verbose", "0", "--json"};
  const auto with = [&](Arguments more) {
    more.insert(more.begin(), recipe.begin(), recipe.end());
    return weft(more);
  };
  const Outcome whole = with({"--steps", "4", "--out", "whole"});
  EXPECT_EQ(nlohmann::json::parse(read("whole/config.json"))["data"], "shapes10");
  with({"--steps", "2", "--out", "parts"});
  const Outcome resumed = weft({"train", "--resume", "parts", "--steps", "4", "--verbose", "0", "--json"});
  EXPECT_EQ(resumed.hash(), whole.hash()) << resumed.err;
  EXPECT_EQ(resumed.json()["test_loss"], whole.json()["test_loss"]);
}

TEST_F(Train, ThreadsAndWorkersDoNotChangeTheWeights) {
  const Arguments recipe{"--augment", "hflip,crop:4", "--epochs", "2"};
  const auto with = [&](Arguments more) {
    more.insert(more.end(), recipe.begin(), recipe.end());
    return train("run", more).hash();
  };
  const std::string one = with({"--threads", "1"});
  EXPECT_EQ(one.size(), 64u) << one;
  EXPECT_EQ(with({"--threads", "2"}), one);
  EXPECT_EQ(with({"--threads", "3", "--workers", "2"}), one);
  EXPECT_NE(with({"--threads", "1", "--seed", "1"}), one);
}

TEST_F(Train, ThreadsDoNotChangeResnet20) {
  const auto with = [&](const char* threads) {
    return train("run",
                 {"--model", "resnet20", "--optimizer", "sgd", "--lr", "0.1", "--steps", "3", "--threads", threads})
        .hash();
  };
  const std::string one = with("1");
  EXPECT_EQ(one.size(), 64u) << one;
  EXPECT_EQ(with("2"), one);
  EXPECT_EQ(with("3"), one);
}

TEST_F(Train, BothFacesLeaveTheSameWeights) {
  const Arguments recipe{"--epochs", "2", "--augment", "hflip,crop:4", "--face"};
  const auto with = [&](const std::string& face) {
    Arguments a = recipe;
    a.push_back(face);
    return train(face, a);
  };
  const Outcome fit = with("fit"), loop = with("loop");
  EXPECT_EQ(fit.hash().size(), 64u) << fit.hash();
  EXPECT_EQ(loop.hash(), fit.hash());
  EXPECT_EQ(read("loop/history.csv"), read("fit/history.csv"));
}

TEST_F(Train, BoundedRunGoesOnExactly) {
  const Arguments recipe{"--epochs", "3", "--augment", "hflip,crop:4"};
  const std::string whole = train("whole", recipe).hash();
  EXPECT_EQ(whole.size(), 64u) << whole;
  // In the middle of an epoch, at its end, in the middle of the second; and from the hand-written loop.
  for (const auto& [steps, face] : {std::pair{"3", "fit"}, {"4", "fit"}, {"6", "fit"}, {"6", "loop"}}) {
    Arguments bounded = recipe;
    bounded.insert(bounded.end(), {"--steps", steps, "--face", face});
    const std::string out = std::string("steps") + steps + face;
    const Outcome first = train(out, bounded);
    EXPECT_EQ(first.json()["steps"], std::stoi(steps));
    EXPECT_REFUSED(weft({"train", "--resume", out}), "--steps with a larger number");
    const Outcome second = weft({"train", "--resume", out, "--steps", "0", "--verbose", "0", "--json"});
    EXPECT_EQ(second.hash(), whole) << steps << second.err;
    EXPECT_EQ(read(out + "/history.csv"), read("whole/history.csv")) << steps;
  }
}

TEST_F(Train, InBf16GivesTheSameBitsHoweverItIsRun) {
  const auto with = [&](const std::string& out, Arguments more) {
    more.insert(more.end(), {"--epochs", "2", "--augment", "hflip,crop:4", "--precision", "bf16"});
    return train(out, more);
  };
  const Outcome whole = with("whole", {"--threads", "1"});
  EXPECT_EQ(whole.hash().size(), 64u) << whole.err;
  EXPECT_EQ(with("threads", {"--threads", "3"}).hash(), whole.hash());
  EXPECT_EQ(with("loop", {"--face", "loop"}).hash(), whole.hash());
  with("parts", {"--steps", "3"});
  EXPECT_EQ(weft({"train", "--resume", "parts", "--steps", "0", "--verbose", "0", "--json"}).hash(), whole.hash())
      << "the precision is the run's";
  EXPECT_REFUSED(weft({"train", "--resume", "parts", "--precision", "f32"}), "--precision cannot be given with --resume");
  EXPECT_EQ(read("parts/history.csv"), read("whole/history.csv"));
  EXPECT_REFUSED(train("bad", {"--precision", "bf61"}), "did you mean 'bf16'?");
  EXPECT_REFUSED(with("bad", {"--eager"}), "leave out --eager");

  // Evaluation takes the run's precision; the whole data set in one batch size gives the run's own figure.
  const Outcome own = weft({"evaluate", "whole", "--batch-size", "32", "--json"});
  EXPECT_EQ(own.json()["loss"], whole.json()["test_loss"]);
  EXPECT_EQ(weft({"predict", "whole", "images/cup/10.png", "--precision", "f32"}).code, 0);

  setenv("WEFT_BF16", "off", 1);
  const Outcome without = with("without", {});
  unsetenv("WEFT_BF16");
  EXPECT_TRUE(contains(without.err, "no faster bf16 products")) << without.err;
  EXPECT_EQ(without.err.find("no faster"), without.err.rfind("no faster")) << "said once: " << without.err;
  const Outcome plain = train("plain", {"--epochs", "2", "--augment", "hflip,crop:4"});
  EXPECT_EQ(without.hash(), plain.hash()) << "f32 where bf16 is no gain";
  EXPECT_EQ(whole.hash() == plain.hash(), contains(whole.err, "no faster bf16 products")) << "bf16 rounds where it is faster";
}

TEST_F(Train, InterruptedRunGoesOnExactly) {
  const Arguments recipe{"--epochs", "4", "--batch-size", "2", "--augment", "hflip,crop:4", "--save-every", "0.001"};
  const std::string whole = train("whole", recipe).hash();
  EXPECT_EQ(whole.size(), 64u) << whole;

  const Outcome interrupted = stop(SIGINT, "interrupted", recipe);
  EXPECT_EQ(interrupted.code, 130) << interrupted.out << interrupted.err;
  EXPECT_TRUE(contains(interrupted.out, "weft train --resume interrupted")) << interrupted.out;
  EXPECT_FALSE(leftovers("interrupted"));
  EXPECT_TRUE(contains(read("interrupted/report.html"), "interrupted")) << "a report without figures of the test set";
  EXPECT_TRUE(interrupted.json()["test_accuracy"].is_null()) << interrupted.out;
  EXPECT_EQ(interrupted.json()["interrupted"], true);
  EXPECT_EQ(interrupted.hash().size(), 64u);
  EXPECT_EQ(weft({"predict", "interrupted", "images/cup/10.png"}).code, 0) << "the model is kept";
  EXPECT_EQ(weft({"train", "--resume", "interrupted", "--verbose", "0", "--json"}).hash(), whole);
  EXPECT_EQ(read("interrupted/history.csv"), read("whole/history.csv"));

  EXPECT_EQ(stop(SIGKILL, "killed", recipe).code, 128 + SIGKILL);
  put(folder / "killed/checkpoint.safetensors.4711-0.part", "what a kill within a save leaves");
  EXPECT_EQ(weft({"train", "--resume", "killed", "--verbose", "0", "--json"}).hash(), whole);
  EXPECT_EQ(read("killed/history.csv"), read("whole/history.csv"));
  EXPECT_FALSE(leftovers("killed"));

  std::filesystem::remove(folder / "killed/checkpoint.safetensors");
  EXPECT_EQ(weft({"train", "--resume", "killed", "--threads", "1", "--verbose", "0", "--json"}).hash(), whole)
      << "a run without a checkpoint begins again";
}

TEST_F(Train, InterruptedHandWrittenLoopGoesOnExactly) {
  const Arguments recipe{"--epochs", "4", "--batch-size", "2", "--face", "loop", "--save-every", "0.001"};
  const std::string whole = train("whole", recipe).hash();
  EXPECT_EQ(stop(SIGINT, "interrupted", recipe).code, 130);
  EXPECT_EQ(weft({"train", "--resume", "interrupted", "--verbose", "0", "--json"}).hash(), whole);
  EXPECT_EQ(read("interrupted/history.csv"), read("whole/history.csv"));
}

TEST_F(Train, ANewRunReplacesAnEarlierOneAsAWhole) {
  ASSERT_EQ(train("run", {"--model", "mlp", "--steps", "1"}).code, 0);
  put(folder / "run/notes.txt", "mine");
  put(folder / "run/model.json.4711-0.part", "left by a kill");
  EXPECT_REFUSED(train("run", {"--optimizer", "sgd", "--lr", "1e20", "--stop-on-nan", "--schedule", "constant"}),
                 "not finite");
  for (const char* name : {"model.json", "model.safetensors", "history.csv", "report.html", "model.json.4711-0.part"})
    EXPECT_FALSE(exists(std::string("run/") + name)) << name << " is of the earlier run";
  EXPECT_EQ(read("run/notes.txt"), "mine");
  EXPECT_TRUE(contains(weft({"train", "--help"}).out, "an earlier run are replaced"));
}

TEST_F(Train, WhatStopsARunBeforeItsFirstStepLeavesAnEarlierOneAsItWas) {
  const Outcome first = train("run", {"--model", "mlp", "--steps", "2"});
  ASSERT_EQ(first.code, 0) << first.err;
  setenv("WEFT_PASSES", "-layuot", 1);
  const Outcome wrong = train("run", {"--model", "mlp", "--steps", "2", "--seed", "5"}), fresh = train("other", {"--model", "mlp"});
  unsetenv("WEFT_PASSES");
  EXPECT_EQ(wrong.code, 2);
  EXPECT_TRUE(contains(wrong.err, "did you mean '-layout'?")) << wrong.err;
  for (const char* name : {"checkpoint.safetensors", "config.json", "history.csv", "model.json", "model.safetensors", "report.html"})
    EXPECT_TRUE(exists(std::string("run/") + name)) << name;
  EXPECT_FALSE(exists("other"));
  EXPECT_EQ(weft({"train", "--resume", "run", "--steps", "4", "--verbose", "0", "--json"}).code, 0);
}

TEST_F(Train, ImagesOfDifferentSizesAreScaledAndDamagedOnesLeftOut) {
  data::write_jpeg(folder / "images/cup/wide.jpg", class_image(2, 1, 50));
  EXPECT_REFUSED(train("bad", {"--steps", "1"}), "--image-size");
  put(folder / "images/cup/bad.png", "no image");
  const Arguments recipe{"--model", "mlp", "--image-size", "24x20", "--skip-corrupt"};
  const auto with = [&](const std::string& out, Arguments more) {
    more.insert(more.begin(), recipe.begin(), recipe.end());
    return train(out, more);
  };
  const Outcome whole = with("whole", {"--steps", "4"});
  ASSERT_EQ(whole.code, 0) << whole.err;
  EXPECT_TRUE(contains(whole.err, "Left out: images/cup/bad.png")) << whole.err;
  with("parts", {"--steps", "2"});
  EXPECT_EQ(weft({"train", "--resume", "parts", "--steps", "4", "--verbose", "0", "--json"}).hash(), whole.hash());
  EXPECT_EQ(weft({"evaluate", "whole", "--json"}).json()["accuracy"], whole.json()["test_accuracy"]);
  EXPECT_REFUSED(weft({"evaluate", "whole", "--data", "images"}), "bad.png");
  EXPECT_EQ(weft({"evaluate", "whole", "--data", "images", "--skip-corrupt", "--json"}).json()["examples"], 32);
  const Outcome show = weft({"data", "show", "images", "--image-size", "16", "--skip-corrupt", "--out", "sheet.png"});
  EXPECT_TRUE(contains(show.out, "shape [3, 16, 16]")) << show.out << show.err;
  EXPECT_TRUE(contains(show.err, "Left out: images/cup/bad.png")) << show.err;
  for (const char* size : {"0", "x", "12x", "axb", "-4", "5000", "8x8x8"})
    EXPECT_REFUSED(train("bad", {"--image-size", size}), "--image-size: received '" + std::string(size) + "'");
  EXPECT_REFUSED(weft({"train", "--data", "shapes10", "--image-size", "64", "--out", "bad"}), "only an image folder's");
}

TEST_F(Train, StopsAtALossThatIsNotFiniteWhereAsked) {
  const Arguments diverging{"--epochs", "3", "--optimizer", "sgd", "--lr", "1e20", "--schedule", "constant"};
  for (const char* face : {"fit", "loop"}) {
    Arguments a = diverging;
    a.insert(a.end(), {"--face", face, "--stop-on-nan"});
    EXPECT_REFUSED(train(face, a), "the loss is not finite at step ");
    EXPECT_FALSE(exists(std::string(face) + "/model.json"));
  }
  EXPECT_EQ(train("on", diverging).code, 0) << "otherwise training goes on";
  EXPECT_TRUE(contains(read("on/history.csv"), "nan")) << read("on/history.csv");
  EXPECT_FALSE(contains(read("on/history.csv"), "-nan")) << read("on/history.csv");
}

TEST_F(Train, ResumedRunKeepsItsSettings) {
  ASSERT_EQ(train("run", {"--model", "mlp", "--epochs", "1"}).code, 0);
  EXPECT_REFUSED(weft({"train", "--resume", "run", "--lr", "0.1"}), "--lr cannot be given with --resume");
  EXPECT_REFUSED(weft({"train", "--resume", "run", "--out", "other"}), "--out cannot be given with --resume");
  const Outcome longer = weft({"train", "--resume", "run", "--epochs", "2", "--json"});
  EXPECT_EQ(longer.json()["epochs"], 2) << longer.out << longer.err;
  const Outcome finished = weft({"train", "--resume", "run", "--json"});
  EXPECT_EQ(finished.hash(), longer.hash());
  EXPECT_TRUE(contains(finished.out, "has had its 2 epochs")) << finished.out;
  std::string config = read("run/config.json");
  put(folder / "run/config.json", config.replace(config.find("\"epochs\""), 8, "\"epoch\""));
  EXPECT_REFUSED(weft({"train", "--resume", "run"}), "unknown setting 'epoch'; did you mean 'epochs'?");
  put(folder / "run/config.json", "{\"epochs\": \"many\"}");
  EXPECT_REFUSED(weft({"train", "--resume", "run"}), "config.json: 'epochs' is \"many\"; expected a whole number");
  put(folder / "run/config.json", "{\"epochs\"");
  const Outcome damaged = weft({"train", "--resume", "run"});
  EXPECT_REFUSED(damaged, "config.json: malformed JSON");
  EXPECT_FALSE(contains(damaged.err, "json.exception")) << damaged.err;
}

/// A recipe with everything that a run has to keep: momentum, averages, smoothed labels, augmentation, BatchNorm.
constexpr const char* whole_recipe = R"({
  "model": "resnet20", "epochs": 2, "batch_size": 8, "optimizer": "sgd", "lr": 0.1, "momentum": 0.9, "nesterov": true,
  "weight_decay": 5e-4, "schedule": "onecycle", "label_smoothing": 0.1, "ema": 0.8, "augment": "hflip,crop:4"
})";

TEST_F(Train, RecipeIsResolvedStoredAndResumedExactly) {
  put(folder / "mine.json", whole_recipe);
  const Outcome whole = train("whole", {"--recipe", "mine.json"});
  ASSERT_EQ(whole.hash().size(), 64u) << whole.hash();
  const auto config = nlohmann::json::parse(read("whole/config.json"));
  EXPECT_EQ(config["recipe"], "mine.json");
  EXPECT_EQ(config["ema"], 0.8);
  EXPECT_EQ(config["schedule"], "onecycle");
  EXPECT_EQ(weft({"evaluate", "whole", "--json"}).json()["accuracy"], whole.json()["test_accuracy"])
      << "what is saved is what was tested";
  ASSERT_EQ(train("parts", {"--recipe", "mine.json", "--steps", "3"}).code, 0);
  std::filesystem::remove(folder / "mine.json");
  const Outcome resumed = weft({"train", "--resume", "parts", "--steps", "0", "--threads", "1", "--verbose", "0", "--json"});
  EXPECT_EQ(resumed.hash(), whole.hash()) << resumed.err;
  EXPECT_EQ(read("parts/history.csv"), read("whole/history.csv"));
  EXPECT_REFUSED(weft({"train", "--resume", "parts", "--recipe", "tutorial"}), "--recipe cannot be given with --resume");
}

TEST_F(Train, FastGoesOnExactlyForAnyNumberOfThreads) {
  const Arguments recipe{"--recipe", "fast", "--batch-size", "8", "--epochs", "2"};
  const auto with = [&](const std::string& out, Arguments more) {
    more.insert(more.begin(), recipe.begin(), recipe.end());
    return train(out, more).hash();
  };
  const std::string whole = with("whole", {"--threads", "1"});
  EXPECT_EQ(whole.size(), 64u) << whole;
  EXPECT_EQ(with("other", {"--threads", "3", "--face", "loop"}), whole);
  with("parts", {"--threads", "2", "--steps", "5"});
  EXPECT_EQ(weft({"train", "--resume", "parts", "--steps", "0", "--verbose", "0", "--json"}).hash(), whole);
}

TEST_F(Train, BothFacesFollowARecipe) {
  put(folder / "mine.json", whole_recipe);
  const std::string fit = train("fit", {"--recipe", "mine.json"}).hash();
  EXPECT_EQ(train("loop", {"--recipe", "mine.json", "--face", "loop"}).hash(), fit);
  EXPECT_EQ(read("loop/history.csv"), read("fit/history.csv"));
  EXPECT_NE(train("other", {"--recipe", "mine.json", "--ema", "0"}).hash(), fit) << "the averages are what is saved";
}

TEST_F(Train, FlagsWinOverTheRecipe) {
  put(folder / "mine.json", whole_recipe);
  const auto config = [&](const Arguments& more) {
    Arguments a{"--recipe", "mine.json", "--model", "mlp", "--steps", "1"};
    a.insert(a.end(), more.begin(), more.end());
    const Outcome o = train("run", a);
    EXPECT_EQ(o.code, 0) << o.err;
    return nlohmann::json::parse(read("run/config.json"));
  };
  const auto changed = config({"--lr", "0.02", "--no-nesterov", "--batch-size", "4"});
  EXPECT_EQ(changed["model"], "mlp");
  EXPECT_EQ(changed["lr"], 0.02);
  EXPECT_EQ(changed["nesterov"], false);
  EXPECT_EQ(changed["batch_size"], 4);
  EXPECT_EQ(changed["momentum"], 0.9) << "what no flag names stays";
  const auto adam = config({"--optimizer", "adam"});
  EXPECT_TRUE(adam["lr"].is_null() && adam["momentum"].is_null() && adam["weight_decay"].is_null())
      << "sgd's numbers are not adam's: " << adam;
  EXPECT_EQ(adam["ema"], 0.8);
}

TEST_F(Train, RecipesAreListedShownAndTaken) {
  const Outcome list = weft({"recipes"});
  EXPECT_TRUE(contains(list.out, "tutorial ") && contains(list.out, "fast ")) << list.out;
  const Outcome shown = weft({"recipes", "show", "tutorial"});
  ASSERT_EQ(shown.code, 0) << shown.err;
  put(folder / "copy.json", shown.out);
  const std::string by_default = train("a", {"--steps", "2"}).hash();
  EXPECT_EQ(by_default.size(), 64u) << by_default;
  EXPECT_EQ(train("b", {"--recipe", "copy.json", "--steps", "2"}).hash(), by_default);
  EXPECT_EQ(train("c", {"--recipe", "tutorial", "--steps", "2"}).hash(), by_default);
}

TEST_F(Train, BadRecipesAreRefusedAndLeaveNothing) {
  EXPECT_REFUSED(train("bad", {"--recipe", "tutoral"}), "did you mean 'tutorial'?");
  EXPECT_REFUSED(train("bad", {"--recipe", "none.json"}), "none.json");
  EXPECT_REFUSED(weft({"recipes", "show", "tutoral"}), "did you mean 'tutorial'?");
  put(folder / "mine.json", "{\"epoch\": 3}");
  EXPECT_REFUSED(train("bad", {"--recipe", "mine.json"}), "mine.json: unknown setting 'epoch'; did you mean 'epochs'?");
  put(folder / "mine.json", "{\"ema\": 2}");
  EXPECT_REFUSED(train("bad", {"--recipe", "mine.json"}), "mine.json: ema: received 2");
  EXPECT_REFUSED(train("bad", {"--ema", "1.5"}), "--ema: received 1.5; expected 0 (none), or a decay below 1");
  EXPECT_REFUSED(train("bad", {"--label-smoothing", "1"}), "--label-smoothing: received 1");
  EXPECT_REFUSED(train("bad", {"--momentum", "0.9"}), "Adam has no momentum");
  EXPECT_FALSE(exists("bad"));
}

TEST_F(Train, LearningRateOfZeroIsTakenAtItsWord) {
  const std::string still = train("a", {"--model", "mlp", "--steps", "1", "--lr", "0"}).hash();
  EXPECT_EQ(still.size(), 64u) << still;
  EXPECT_EQ(train("b", {"--model", "mlp", "--steps", "4", "--lr", "0"}).hash(), still);
  EXPECT_NE(train("c", {"--model", "mlp", "--steps", "4"}).hash(), still);
}

TEST_F(Train, ProfileAndLinesWithoutTerminal) {
  const Outcome o = weft({"train", "--data", "images", "--model", "mlp", "--epochs", "2", "--out", "run", "--profile"});
  ASSERT_EQ(o.code, 0) << o.err;
  EXPECT_TRUE(contains(o.out, "\nEpoch 2/2 - 4/4 - ")) << o.out;
  EXPECT_TRUE(contains(o.out, "matmul")) << o.out;
  EXPECT_FALSE(contains(o.out, "\r") || contains(o.out, "\x1b")) << o.out;
}

TEST_F(Train, BadValuesAreRefusedAndLeaveNothing) {
  EXPECT_REFUSED(train("bad", {"--model", "resnet21"}), "did you mean 'resnet20'?");
  EXPECT_REFUSED(train("bad", {"--optimizer", "adamv"}), "did you mean 'adam");
  EXPECT_REFUSED(train("bad", {"--schedule", "cosin"}), "did you mean 'cosine'?");
  EXPECT_REFUSED(train("bad", {"--augment", "hflop"}), "did you mean 'hflip'?");
  EXPECT_REFUSED(train("bad", {"--normalize", "standart"}), "did you mean 'standard'?");
  EXPECT_REFUSED(train("bad", {"--face", "lop"}), "did you mean 'loop'?");
  EXPECT_REFUSED(train("bad", {"--init", "he_unifrom"}), "he_uniform");
  EXPECT_REFUSED(train("bad", {"--device", "tpu"}), "unknown device 'tpu'");
  EXPECT_REFUSED(train("bad", {"--epochs", "0"}), "--epochs: received 0");
  EXPECT_REFUSED(train("bad", {"--batch-size", "0"}), "--batch-size: received 0");
  EXPECT_REFUSED(train("bad", {"--threads", "-1"}), "--threads: received -1");
  EXPECT_REFUSED(train("bad", {"--steps", "-1"}), "--steps: received -1");
  EXPECT_REFUSED(train("bad", {"--lr", "nan"}), "--lr: received nan");
  EXPECT_REFUSED(train("bad", {"--epochs", "many"}), "--epochs: received 'many'; expected a whole number");
  EXPECT_REFUSED(train("bad", {"--lr", "abc"}), "--lr: received 'abc'; expected a number");
  EXPECT_REFUSED(train("bad", {"--epochs"}), "--epochs: received nothing; expected a whole number");
  EXPECT_REFUSED(train("bad", {"--seed", "-1"}), "--seed: received -1; expected 0 or more");
  EXPECT_REFUSED(train("bad", {"--lr", "-0.5"}), "--lr: received -0.5; expected 0 or more");
  EXPECT_REFUSED(train("bad", {"--seed", "x"}), "--seed: received 'x'; expected a whole number, 0 or more");
  EXPECT_REFUSED(weft({"train", "--verbose", "7", "--out", "bad"}), "--verbose: received 7");
  EXPECT_REFUSED(weft({"train", "--out", ""}), "--out: received an empty name");
  EXPECT_REFUSED(weft({"train", "--data", "shapes10", "--data-dir", "x", "--out", "bad"}), "data_dir");
  EXPECT_REFUSED(weft({"train", "--data", "shapes11", "--out", "bad"}), "did you mean 'shapes10'?");
  EXPECT_REFUSED(weft({"train", "--data-dir", "nowhere", "--out", "bad"}), "nowhere");
  EXPECT_REFUSED(weft({"train", "--resume", "nowhere"}), "no run is here");
  EXPECT_FALSE(exists("bad"));
  EXPECT_FALSE(exists("nowhere"));
}

TEST_F(Train, DamagedDataAndUnwritableFolderAreNamed) {
  put(folder / "file", "no folder");
  EXPECT_REFUSED(train("file", {"--steps", "1"}), "file");
  EXPECT_REFUSED(train("file/run", {"--steps", "1"}), "file/run");
  EXPECT_EQ(read("file"), "no folder");
  put(folder / "images/cup/12.png", content(folder / "images/cup/11.png").substr(0, 200));
  EXPECT_REFUSED(train("bad", {"--steps", "1"}), "12.png");
  EXPECT_FALSE(exists("bad"));
}

}  // namespace
}  // namespace weft
