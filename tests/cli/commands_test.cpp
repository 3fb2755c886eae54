// The commands beside train: what they print, what they refuse.
#include <cli/images.h>
#include <cli/run_weft.h>

#include <weft/io/npz.h>
#include <weft/io/safetensors.h>
#include <weft/ops/create.h>

namespace weft {
namespace {

TEST_F(Cli, HelpAndVersion) {
  const Outcome help = weft({"--help"});
  EXPECT_EQ(help.code, 0);
  for (const char* name :
       {"train", "evaluate", "predict", "summary", "tune", "data", "ops", "devices", "doctor", "completion"}) {
    EXPECT_TRUE(contains(help.out, name)) << name;
    const Outcome one = weft({name, "--help"});
    EXPECT_EQ(one.code, 0) << name;
    EXPECT_FALSE(one.out.empty()) << name;
  }
  EXPECT_EQ(weft({"--version"}).out.substr(0, 5), "weft ");
}

TEST_F(Cli, MisspelledWordsGetASuggestion) {
  EXPECT_REFUSED(weft({"trian"}), "did you mean 'train'?");
  EXPECT_REFUSED(weft({"train", "--modle", "mlp"}), "unknown option '--modle'; did you mean '--model'?");
  EXPECT_REFUSED(weft({"train", "--epoch=3"}), "did you mean '--epochs'?");
  EXPECT_REFUSED(weft({"ops", "shwo", "conv"}), "did you mean 'show'?");
  EXPECT_REFUSED(weft({"ops", "show", "matmull"}), "did you mean 'matmul'?");
  EXPECT_REFUSED(weft({"data", "show", "shapes1"}), "did you mean 'shapes10'?");
  EXPECT_REFUSED(weft({"summary", "resnet2"}), "resnet20");
  EXPECT_REFUSED(weft({}), "--help");
  EXPECT_REFUSED(weft({}), "received no command; expected one of train, evaluate");
  EXPECT_REFUSED(weft({"evaluate"}), "received no 'run'; expected `weft evaluate` to be followed by it");
  EXPECT_REFUSED(weft({"data", "show"}), "Try 'weft data show --help'");
  EXPECT_REFUSED(weft({"train", "--epochs", "1", "--epochs", "2"}), "--epochs: received 2 times; expected once");
  EXPECT_REFUSED(weft({"summary", "mlp", "--input", "3", "a"}), "--input: received '3,a'; expected a whole number");
  EXPECT_REFUSED(weft({"completion", "zsh"}), "expected one of bash");
}

TEST_F(Cli, DataListShowAndSheet) {
  const Outcome list = weft({"data", "list"});
  EXPECT_EQ(list.code, 0);
  EXPECT_EQ(list.out, weft({"data"}).out);
  for (const char* name : {"shapes10", "cifar10", "cifar100", "mnist", "fashion"})
    EXPECT_TRUE(contains(list.out, name)) << name;
  write_image_folder(folder / "images");
  const Outcome show = weft({"data", "show", "images", "--out", "sheet.png", "--columns", "5"});
  ASSERT_EQ(show.code, 0) << show.err;
  EXPECT_TRUE(contains(show.out, "128 training and 32 test images")) << show.out;
  EXPECT_GE(data::read_image(folder / "sheet.png").width, 5 * 32);
  EXPECT_REFUSED(weft({"data", "show", "images", "--out", "nowhere/sheet.png"}), "nowhere");
  EXPECT_REFUSED(weft({"data", "show", "images", "--out", "sheet.txt"}), "expected a name that ends in .png");
}

TEST_F(Cli, DownloadThatCannotSucceedNamesTheFile) { EXPECT_REFUSED(weft({"data", "download", "mnist"}), "mnist"); }

TEST_F(Cli, OperatorsAreListedAndShown) {
  const Outcome list = weft({"ops"});
  EXPECT_EQ(list.code, 0);
  EXPECT_EQ(list.out, weft({"ops", "list"}).out);
  EXPECT_TRUE(contains(list.out, " operators and ")) << list.out;
  const Outcome show = weft({"ops", "show", "softmax"});
  EXPECT_EQ(show.code, 0) << show.err;
  for (const char* part : {"softmax(", "gradient     yes", "attributes", "on cpu", "on ref", "shapes, by example"})
    EXPECT_TRUE(contains(show.out, part)) << part << "\n" << show.out;
}

TEST_F(Cli, OperatorsShowTheDtypesOfTheirResults) {
  const std::string all = "bool, u8, i32, i64, f16, bf16, f32, f64";
  for (const auto& [name, results] : std::vector<std::pair<std::string, std::string>>{
           {"equal", all + " -> bool"},
           {"argmax", all + " -> i64"},
           {"sum", "bool, u8, i32 -> i64; i64, f16, bf16, f32, f64 -> the same"},
           {"exp", "bool, u8, i32, i64 -> f32; f16, bf16, f32, f64 -> the same"},
           {"sort", all + " -> the same, i64"},
           {"full", "the dtype that the attribute `dtype` names"},
           {"cast", "the dtype that the attribute `to` names"}})
    EXPECT_TRUE(contains(weft({"ops", "show", name}).out, "results      " + results + "\n"))
        << weft({"ops", "show", name}).out;
  for (const char* name : {"isnan", "nonzero", "sort", "where", "concat", "conv", "max_pool", "bitwise_and"})
    EXPECT_EQ(weft({"ops", "show", name}).code, 0) << weft({"ops", "show", name}).err;
}

TEST_F(Cli, CompositesAreListedAndShown) {
  const Outcome mean = weft({"ops", "show", "mean"});
  ASSERT_EQ(mean.code, 0) << mean.err;
  EXPECT_TRUE(contains(mean.out, "Tensor mean(Operand x, const Dims& axes = {}, bool keepdim = false);\n"
                                 "  The mean; integers give f32.\n")) << mean.out;
  EXPECT_TRUE(contains(mean.out, "composite")) << mean.out;
  const std::string list = weft({"ops"}).out;
  for (const char* name : {"\n  einsum\n", "\n  stack\n", "\n  logsumexp\n", "\n  split\n", "\n  unique\n"})
    EXPECT_TRUE(contains(list, name)) << name;
  EXPECT_FALSE(contains(list, "\n  sum\n")) << "is an operator";
}

TEST_F(Cli, OutputThatCannotBeWrittenIsAnError) {
  EXPECT_EQ(WEXITSTATUS(std::system((std::string(WEFT_EXECUTABLE) + " ops > /dev/full 2>/dev/null").c_str())), 2);
}

TEST_F(Cli, OperatorsRunOnArrays) {
  const Tensor a = tensor_of(std::vector<float>{1, 2, 3, 4, 5, 6}, {2, 3}),
               b = tensor_of(std::vector<float>{1, 0, 2, 1, 0, 3}, {3, 2});
  save_npz(folder / "in.npz", {{"in0", a}, {"in1", b}});
  for (const char* device : {"cpu", "ref"}) {
    const Outcome o = weft({"ops", "run", "matmul", "in.npz", "out.npz", "--grad", "--device", device});
    ASSERT_EQ(o.code, 0) << o.err;
    const NamedTensors r = load_npz(folder / "out.npz");
    // By hand: A B; then ones times B' and A' times ones.
    EXPECT_EQ(find_tensor(r, "out0")->to_vector<float>(), (std::vector<float>{5, 11, 14, 23}));
    EXPECT_EQ(find_tensor(r, "grad0")->to_vector<float>(), (std::vector<float>{1, 3, 3, 1, 3, 3}));
    EXPECT_EQ(find_tensor(r, "grad1")->to_vector<float>(), (std::vector<float>{5, 5, 7, 7, 9, 9}));
  }
  save_npz(folder / "in.npz", {{"in0", a}, {"cot0", tensor_of(std::vector<float>{1, 10}, {2})}});
  const Outcome sum = weft({"ops", "run", "sum", "in.npz", "out.npz", "--attrs", R"({"axes": [1]})", "--grad"});
  ASSERT_EQ(sum.code, 0) << sum.err;
  const NamedTensors r = load_npz(folder / "out.npz");
  EXPECT_EQ(find_tensor(r, "out0")->to_vector<float>(), (std::vector<float>{6, 15}));
  EXPECT_EQ(find_tensor(r, "grad0")->to_vector<float>(), (std::vector<float>{1, 1, 1, 10, 10, 10}));

  save_npz(folder / "none.npz", {});
  ASSERT_EQ(weft({"ops", "run", "full", "none.npz", "out.npz", "--attrs", R"({"shape": [2], "value": 3})"}).code, 0);
  EXPECT_EQ(find_tensor(load_npz(folder / "out.npz"), "out0")->to_vector<float>(), (std::vector<float>{3, 3}));
  EXPECT_REFUSED(weft({"ops", "run", "full", "none.npz", "no.npz", "--attrs", R"({"shape": [-2], "value": 3})"}),
                 "negative size -2");
  save_npz(folder / "whole.npz", {{"in0", tensor({1, 2})}});
  EXPECT_REFUSED(weft({"ops", "run", "sum", "whole.npz", "no.npz", "--grad"}), "nothing is differentiable");
  EXPECT_REFUSED(weft({"ops", "run", "sum", "in.npz", "no.npz", "--device", "cpu:1"}), "no device cpu:1 here");

  EXPECT_REFUSED(weft({"ops", "run", "sum", "in.npz", "no.npz", "--attrs", R"({"axis": [1]})"}),
                 "did you mean 'axes'?");
  EXPECT_REFUSED(weft({"ops", "run", "sum", "in.npz", "no.npz", "--attrs", "{axes"}), "--attrs");
  EXPECT_REFUSED(weft({"ops", "run", "matmul", "in.npz", "no.npz"}), "the file has no array 'in1'");
  EXPECT_REFUSED(weft({"ops", "run", "matmul", "missing.npz", "no.npz"}), "missing.npz");
  EXPECT_REFUSED(weft({"ops", "run", "sum", "in.npz", "nowhere/no.npz"}), "nowhere");
  EXPECT_FALSE(exists("no.npz"));
}

TEST_F(Cli, DispatchLogSaysWhoRanAndWhoDeclined) {
  const Tensor x = full({1, 3, 8, 8}, 0.5f), w = full({4, 3, 3, 3}, 0.25f);
  save_npz(folder / "in.npz", {{"in0", x}, {"in1", w}});
  setenv("WEFT_LOG", "dispatch", 1);
  setenv("WEFT_ONEDNN", "off", 1);
  const Outcome own = weft({"ops", "run", "conv", "in.npz", "own.npz"});
  const Outcome silent = weft({"ops", "run", "exp", "in.npz", "exp.npz"});
  unsetenv("WEFT_LOG");
  unsetenv("WEFT_ONEDNN");
  ASSERT_EQ(own.code, 0) << own.err;
  EXPECT_TRUE(contains(own.err, "dispatch: conv(f32[1, 3, 8, 8], f32[4, 3, 3, 3]) on cpu: ")) << own.err;
  EXPECT_TRUE(own.err.ends_with("cpu.conv\n")) << own.err;
  if (contains(weft({"ops", "show", "conv"}).out, "onednn.conv")) {
    EXPECT_TRUE(contains(own.err, "onednn.conv declined (switched off by WEFT_ONEDNN=off)")) << own.err;
  }
  EXPECT_TRUE(contains(silent.err, "dispatch: exp(f32[1, 3, 8, 8]) on cpu: cpu.exp")) << silent.err;
  EXPECT_EQ(find_tensor(load_npz(folder / "own.npz"), "out0")->to_vector<float>(),
            std::vector<float>(4 * 6 * 6, 27 * 0.125f));
  EXPECT_EQ(weft({"ops", "run", "conv", "in.npz", "own.npz"}).err, "");
}

TEST_F(Cli, DevicesDoctorAndSummary) {
  EXPECT_TRUE(weft({"devices"}).out.starts_with("cpu ")) << weft({"devices"}).out;
  const Outcome doctor = weft({"doctor"});
  EXPECT_EQ(doctor.code, 0) << doctor.out;
  EXPECT_FALSE(contains(doctor.out, "FAIL")) << doctor.out;
  for (const char* part : {"arithmetic", "version", "compiler", "oneDNN", "Highway"})
    EXPECT_TRUE(contains(doctor.out, part)) << doctor.out;
  for (const char* name : {"tutorial-cnn", "mlp", "resnet20"}) {
    const Outcome o = weft({"summary", name});
    EXPECT_EQ(o.code, 0) << o.err;
    EXPECT_TRUE(contains(o.out, "params") || contains(o.out, "Params")) << o.out;
  }
  EXPECT_TRUE(contains(weft({"summary", "tutorial-cnn"}).out, "122,570")) << weft({"summary", "tutorial-cnn"}).out;
}

TEST_F(Cli, CompletionIsABashScript) {
  const Outcome o = weft({"completion", "bash"});
  ASSERT_EQ(o.code, 0) << o.err;
  put(folder / "my run/config.json", "");
  const std::pair<std::string, std::string> cases[] = {
      {"eva", "evaluate"},
      {"train --resu", "--resume"},
      {"train --model mlp --optimizer ada", "adam adamw adagrad adadelta adamax adafactor"},
      {"train --model res", "resnet20"},
      {"train --normalize = st", "standard"},
      {"train --schedule cosine-", "cosine-restarts"},
      {"train --data sha", "shapes10"},
      {"train --device r", "ref"},
      {"train --face l", "loop"},
      {"train --resume my", "my run"},
      {"evaluate my", "my run"},
      {"ops sh", "show"},
      {"ops show matm", "matmul"},
      {"ops run matmul --de", "--device"},
      {"data show --col", "--columns"},
      {"data download mni", "mnist"},
      {"summary ml", "mlp"},
  };
  std::string script = o.out, expected;
  for (const auto& [line, words] : cases) {
    script += "COMP_WORDS=(weft " + line + "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _weft; echo \"${COMPREPLY[*]}\"\n";
    expected += words + "\n";
  }
  put(folder / "test.sh", script);
  ASSERT_EQ(std::system(("cd '" + folder.path() + "' && bash test.sh > words 2>&1").c_str()), 0);
  EXPECT_EQ(read("words"), expected);
}

/// Commands that take a trained run.
class Run : public Cli {
 protected:
  Run() {
    write_image_folder(folder / "images");
    trained = weft({"train", "--data", "images", "--epochs", "5", "--batch-size", "16", "--threads", "2", "--out",
                    "run", "--verbose", "0", "--json"});
  }
  Outcome trained;
};

TEST_F(Run, EvaluatesAndPredicts) {
  ASSERT_EQ(trained.code, 0) << trained.err;
  const Outcome e = weft({"evaluate", "run", "--json"});
  ASSERT_EQ(e.code, 0) << e.err;
  EXPECT_EQ(e.json()["examples"], 32);
  EXPECT_EQ(e.json()["accuracy"], trained.json()["test_accuracy"]);
  EXPECT_NEAR(e.json()["loss"].get<double>(), trained.json()["test_loss"].get<double>(), 1e-6);
  EXPECT_TRUE(contains(weft({"evaluate", "run"}).out, "32 test images"));
  const Outcome others = weft({"evaluate", "run", "--data", "images/"});
  EXPECT_EQ(others.code, 0) << others.err;
  EXPECT_REFUSED(weft({"evaluate", "run", "--data", "shapes10"}), "classes");

  data::write_jpeg(folder / "big.jpg", class_image(1, 99, 75));
  const Outcome p = weft({"predict", "run", "images/book/45.png", "big.jpg", "--top", "2", "--json"});
  ASSERT_EQ(p.code, 0) << p.err;
  const auto all = p.json();
  ASSERT_EQ(all.size(), 2u) << p.out;
  for (const auto& one : all) {
    ASSERT_EQ(one["top"].size(), 2u);
    EXPECT_GE(one["top"][0]["probability"], one["top"][1]["probability"]);
  }
  EXPECT_EQ(all[0]["image"], "images/book/45.png");
  EXPECT_EQ(all[0]["top"][0]["class"], "book");
  EXPECT_TRUE(contains(weft({"predict", "run", "big.jpg"}).out, "big.jpg:  ")) << "plain text";
  EXPECT_TRUE(contains(weft({"summary", "run"}).out, "numbers in the weights"));

  // A run moved elsewhere still works, without the data it was trained on.
  std::filesystem::rename(folder / "run", folder / "moved");
  std::filesystem::rename(folder / "images", folder / "gone");
  EXPECT_EQ(weft({"predict", "moved", "big.jpg"}).code, 0);
  EXPECT_REFUSED(weft({"evaluate", "moved"}), "images");
}

TEST_F(Run, RefusesWhatIsMissingOrDamaged) {
  EXPECT_REFUSED(weft({"evaluate", "nowhere"}), "nowhere");
  EXPECT_REFUSED(weft({"predict", "nowhere", "images/cup/10.png"}), "nowhere");
  EXPECT_REFUSED(weft({"predict", "run", "missing.png"}), "missing.png");
  EXPECT_REFUSED(weft({"predict", "run", "images/cup/10.png", "--top", "0"}), "--top");
  put(folder / "text.png", "no image at all");
  EXPECT_REFUSED(weft({"predict", "run", "text.png"}), "text.png");
  put(folder / "short.png", read("images/cup/10.png").substr(0, 100));
  const Outcome half = weft({"predict", "run", "images/cup/10.png", "short.png"});
  EXPECT_REFUSED(half, "short.png");
  EXPECT_EQ(half.out, "") << "no half answer";

  const std::string weights = read("run/model.safetensors"), model = read("run/model.json");
  put(folder / "run/model.safetensors", weights.substr(0, weights.size() / 2));
  EXPECT_REFUSED(weft({"predict", "run", "images/cup/10.png"}), "model.safetensors");
  put(folder / "run/model.safetensors", std::string("\xff\xff\xff\xff\xff\xff\xff\x7f", 8) + weights.substr(8));
  EXPECT_REFUSED(weft({"evaluate", "run"}), "model.safetensors");
  put(folder / "run/model.safetensors", weights);
  put(folder / "run/model.json", model.substr(0, model.size() / 2));
  EXPECT_REFUSED(weft({"predict", "run", "images/cup/10.png"}), "model.json");
  put(folder / "run/model.json", "{}");
  EXPECT_REFUSED(weft({"summary", "run"}), "model.json");
  const auto with = [&](const std::string& key, const nlohmann::json& value, const std::string& part) {
    auto changed = nlohmann::ordered_json::parse(model);
    (changed.contains(key) ? changed[key] : changed["preprocessing"][key]) = value;
    put(folder / "run/model.json", changed.dump());
    EXPECT_REFUSED(weft({"predict", "run", "images/cup/10.png"}), part);
  };
  with("height", 1000000000,
       "run/model.json: preprocessing makes images of shape [1, 3, 1000000000, 32], the model takes [1, 3, 32, 32]");
  with("height", 1ll << 40, "run/model.json: preprocessing: attribute 'height'");
  with("channels", 1, "run/model.json: preprocessing makes images of shape [1, 1, 32, 32]");
  with("mean", {0.5, 0.5},
       "run/model.json: preprocessing: 'mean' holds 2 numbers; expected one for each of 3 channels");
  with("mean", "x", "run/model.json: preprocessing: attribute 'mean'");
  with("stddev", {0, 0, 0}, "run/model.json: preprocessing: 'stddev' holds 0; expected numbers above 0");
  with("classes", {"a", "b", "c"}, "run/model.json: 'classes' holds 3 names; the model tells 4 classes apart");
  put(folder / "run/model.json", "{\"a\":" + std::string(100000, '['));
  EXPECT_REFUSED(weft({"predict", "run", "images/cup/10.png"}), "model.json: lists and objects are nested");
  Safetensors checkpoint = load_safetensors(folder / "run/checkpoint.safetensors");
  for (auto& [key, text] : checkpoint.metadata)
    if (key == "progress") text = "{";
  save_safetensors(folder / "run/checkpoint.safetensors", checkpoint.tensors, checkpoint.metadata);
  EXPECT_REFUSED(weft({"train", "--resume", "run", "--epochs", "6"}), "position cannot be read: parse error");
  put(folder / "run/checkpoint.safetensors", "nothing");
  EXPECT_REFUSED(weft({"train", "--resume", "run", "--epochs", "6"}), "checkpoint.safetensors");
  put(folder / "run/config.json", "{\"epochs\": \"many\"}");
  EXPECT_REFUSED(weft({"train", "--resume", "run"}), "config.json");
}

}  // namespace
}  // namespace weft
