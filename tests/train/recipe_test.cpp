// Recipes: what their files may say, and that the models made of them do it.
#include <weft/train/recipe.h>

#include <gtest/gtest.h>

#include <weft/base/files.h>
#include <weft/metrics/metrics.h>
#include <weft/nn/nn.h>
#include <weft/train/callbacks.h>

#include "support/temporary_folder.h"

namespace weft::nn {
namespace {

/// What reading the text as a recipe says.
std::string refusal(const std::string& text) {
  try {
    recipe_from_json(text, "mine.json");
  } catch (const Error& e) {
    return e.message();
  }
  return "";
}

#define EXPECT_SAYS(message, part) EXPECT_NE((message).find(part), std::string::npos) << (message)

/// Small images of noise, whose labels can only be learned by heart.
data::TensorDataset noise(std::int64_t n, std::uint64_t seed) {
  Generator g(seed);
  return data::TensorDataset{randn({n, 3, 8, 8}, {}, &g), randint(0, 3, {n}, {}, &g)};
}

Recipe small() {
  Recipe r;
  r.model = "mlp";
  r.epochs = 2;
  r.batch_size = 8;
  r.augment = "none";
  r.normalize = "none";
  return r;
}

TEST(Recipe, BuiltInOnesAreGoodAndGoThroughTheirFile) {
  ASSERT_EQ(recipe_names().at(0), "tutorial") << "the default";
  for (const std::string& name : recipe_names()) {
    const Recipe r = recipe(name);
    EXPECT_FALSE(r.description.empty()) << name;
    EXPECT_NO_THROW(check_recipe(r)) << name;
    EXPECT_EQ(to_json(recipe_from_json(to_json(r), name)), to_json(r)) << name;
  }
}

TEST(Recipe, AFileNeedsOnlyWhatDiffersFromTheDefaults) {
  const Recipe r = recipe_from_json(R"({"optimizer": "sgd", "lr": 0.5, "momentum": null, "epochs": 3})", "mine.json");
  EXPECT_EQ(r.optimizer, "sgd");
  EXPECT_EQ(r.lr, 0.5);
  EXPECT_EQ(r.momentum, std::nullopt);
  EXPECT_EQ(r.epochs, 3);
  EXPECT_EQ(r.batch_size, Recipe{}.batch_size);
}

TEST(Recipe, IsFoundByNameOrFile) {
  const testing::TemporaryFolder folder;
  const std::string path = folder / "mine.json";
  write_file_atomically(path, R"({"epochs": 7})");
  EXPECT_EQ(recipe(path).epochs, 7);
  try {
    recipe("tutoral");
    FAIL();
  } catch (const Error& e) {
    EXPECT_SAYS(e.message(), "received 'tutoral'");
    EXPECT_SAYS(e.message(), "ends in .json");
    EXPECT_SAYS(e.message(), "did you mean 'tutorial'?");
  }
  EXPECT_THROW(recipe(folder / "other.json"), Error);
}

TEST(Recipe, BadFilesAreNamedWithWhatIsWrong) {
  EXPECT_SAYS(refusal(R"({"epoch": 3})"), "mine.json: unknown setting 'epoch'; did you mean 'epochs'?");
  EXPECT_SAYS(refusal(R"({"epochs": "3"})"), "mine.json: 'epochs' is \"3\"; expected a whole number");
  EXPECT_SAYS(refusal(R"({"epochs": 3000000000})"), "'epochs' is 3000000000; expected");
  EXPECT_SAYS(refusal(R"({"epochs": 0})"), "mine.json: epochs: received 0; expected 1 or more");
  EXPECT_SAYS(refusal(R"({"epochs": null})"), "'epochs' is null");
  EXPECT_SAYS(refusal(R"({"batch_size": 0})"), "batch_size: received 0");
  EXPECT_SAYS(refusal(R"({"lr": -1})"), "lr: received -1; expected a number, 0 or more");
  EXPECT_SAYS(refusal(R"({"lr": "fast"})"), "'lr' is \"fast\"; expected a number");
  EXPECT_SAYS(refusal(R"({"nesterov": 1})"), "'nesterov' is 1; expected true or false");
  EXPECT_SAYS(refusal(R"({"ema": 1})"), "ema: received 1; expected 0 (none), or a decay below 1");
  EXPECT_SAYS(refusal(R"({"label_smoothing": 1})"), "label_smoothing: received 1");
  EXPECT_SAYS(refusal(R"({"model": "resnet21"})"), "did you mean 'resnet20'?");
  EXPECT_SAYS(refusal(R"({"schedule": "onecycel"})"), "did you mean 'onecycle'?");
  EXPECT_SAYS(refusal(R"({"augment": "crop"})"), "augmentation 'crop' needs a number");
  EXPECT_SAYS(refusal(R"({"normalize": "full"})"), "expected one of none, standard, half");
  EXPECT_SAYS(refusal(R"({"init": "he_unifrom"})"), "he_uniform");
  EXPECT_SAYS(refusal(R"({"optimizer": "adam", "momentum": 0.9})"), "Adam has no momentum");
  EXPECT_SAYS(refusal(R"({"optimizer": "adam", "nesterov": true})"), "Adam has no nesterov");
  EXPECT_SAYS(refusal(R"({"optimizer": "sgd", "nesterov": true})"), "SGD");
  EXPECT_SAYS(refusal("[1]"), "expected an object");
  EXPECT_SAYS(refusal("{"), "mine.json: malformed JSON");
}

TEST(Recipe, NumbersReachTheOptimizer) {
  Recipe r = small();
  r.optimizer = "sgd";
  r.lr = 0.25;
  r.momentum = 0.75;
  r.nesterov = true;
  r.weight_decay = 0.125;
  Model model = make_model(r, 3);
  const auto* sgd = model.optimizer().rule().get<optim::SGD>();
  ASSERT_NE(sgd, nullptr);
  EXPECT_EQ(sgd->lr, 0.25);
  EXPECT_EQ(sgd->momentum, 0.75);
  EXPECT_TRUE(sgd->nesterov);
  EXPECT_EQ(sgd->weight_decay, 0.125);
}

TEST(Recipe, LabelsAreSmoothed) {
  Recipe r = small();
  r.label_smoothing = 0.5;
  r.schedule = "constant";
  manual_seed(1);
  Model model = make_model(r, 3);
  const Tensor x = randn({4, 3, 8, 8}), y = randint(0, 3, {4});
  const Tensor logits = model.predict(x);
  const double plain = cross_entropy(logits, y).item(), spread = -log_softmax(logits, 1).mean().item();
  EXPECT_NEAR(model.train_on_batch(x, y)["loss"], 0.5 * plain + 0.5 * spread, 1e-5);
}

TEST(Recipe, WithEmaTheAveragesAreTested) {
  Recipe r = small();
  r.ema = 0.9;
  manual_seed(2);
  Model model = make_model(r, 3);
  const auto train = noise(64, 1), test = noise(32, 2);
  FitOptions o = fit_options(r, train);
  o.verbose = 0;
  o.validation_data = &test;
  const double tested = model.fit(train, o).logs.back()["val_loss"];
  const double weights = model.evaluate(test, {.verbose = 0})["loss"];
  optim::AverageScope averages(model.optimizer());
  EXPECT_EQ(tested, model.evaluate(test, {.batch_size = 8, .verbose = 0})["loss"]);
  EXPECT_GT(std::abs(tested - weights), 1e-4) << "the averages are other weights";
}

}  // namespace
}  // namespace weft::nn
