#include <weft/train/recipe.h>

#include <algorithm>
#include <cmath>

#include <weft/base/files.h>
#include <weft/base/names.h>
#include <weft/data/augment.h>
#include <weft/io/json_values.h>
#include <weft/metrics/accuracy.h>
#include <weft/nn/init.h>
#include <weft/nn/zoo.h>
#include <weft/train/callbacks.h>

namespace weft::nn {

namespace {

struct Named {
  const char* name;
  Recipe recipe;
};

const std::vector<Named>& built_in() {
  static const std::vector<Named> all = {
      {"tutorial", {.description = "the usual tutorial's small CNN, trained well: 75 % of CIFAR-10's test images", .lr = 2e-3}},
      {"fast",
       {.description = "a small residual network by Muon and one cycle: 85 % of CIFAR-10's test images in minutes",
        .model = "small-resnet",
        .epochs = 13,
        .batch_size = 128,
        .optimizer = "muon",
        .lr = 0.02,
        .weight_decay = 0.05,
        .schedule = "onecycle",
        .label_smoothing = 0.1,
        .ema = 0.99,
        .augment = "hflip,crop:4",
        .init = "he_normal",
        .precision = "bf16"}},
  };
  return all;
}

/// "batch_size" or, for the command line, "--batch-size".
std::string shown(std::string_view prefix, std::string_view field) {
  std::string name(field);
  if (prefix == "--") std::replace(name.begin(), name.end(), '_', '-');
  return std::string(prefix) + name;
}

optim::Rule rule_of(const Recipe& r) {
  return optim::make(r.optimizer, {.lr = r.lr, .weight_decay = r.weight_decay, .momentum = r.momentum,
                                   .nesterov = r.nesterov});
}

}  // namespace

std::vector<std::string> recipe_names() {
  std::vector<std::string> names;
  for (const Named& n : built_in()) names.emplace_back(n.name);
  return names;
}

Recipe recipe(std::string_view name_or_file) {
  for (const Named& n : built_in())
    if (n.name == name_or_file) return n.recipe;
  const std::string path(name_or_file);
  if (path.ends_with(".json")) return recipe_from_json(read_file(path), path);
  fail("recipe: received '", path, "'; expected one of ", joined(recipe_names()), ", or a file that ends in .json",
       suggestion(path, recipe_names()));
}

std::string to_json(const Recipe& recipe) {
  weft::detail::Json j;
  weft::detail::write_fields(j, recipe);
  return weft::detail::dump_json(j, 2) + "\n";
}

Recipe recipe_from_json(std::string_view text, const std::string& where) {
  Recipe r;
  try {
    const weft::detail::Json j = weft::detail::parse_json(text);
    check(j.is_object(), "received ", j.dump().substr(0, 100), "; expected an object, as `weft recipes show tutorial` prints");
    std::vector<std::string> names;
    weft::detail::read_fields(j, r, names);
    weft::detail::check_keys(j, names);
    check_recipe(r);
  } catch (const Error& e) {
    fail(where, ": ", e.message());
  }
  return r;
}

void check_recipe(const Recipe& r, std::string_view prefix) {
  const auto expect = [&](bool ok, std::string_view field, const auto& value, const char* what) {
    check(ok, shown(prefix, field), ": received ", value, "; expected ", what);
  };
  const auto expect_rate = [&](std::string_view field, const std::optional<double>& v) {
    expect(!v || (std::isfinite(*v) && *v >= 0), field, v.value_or(0), "a number, 0 or more");
  };
  expect(r.epochs >= 1, "epochs", r.epochs, "1 or more");
  expect(r.batch_size >= 1, "batch_size", r.batch_size, "1 or more");
  expect_rate("lr", r.lr);
  expect_rate("momentum", r.momentum);
  expect_rate("weight_decay", r.weight_decay);
  expect(r.label_smoothing >= 0 && r.label_smoothing < 1, "label_smoothing", r.label_smoothing, "a share from 0 to below 1");
  expect(r.ema >= 0 && r.ema < 1, "ema", r.ema, "0 (none), or a decay below 1 such as 0.99");
  check_one_of(shown(prefix, "model"), r.model, zoo::names());
  check_one_of(shown(prefix, "schedule"), r.schedule, optim::schedule_names());
  check_one_of(shown(prefix, "normalize"), r.normalize, {"none", "standard", "half"});
  check_one_of(shown(prefix, "precision"), r.precision, precision_names());
  data::parse_augmentations(r.augment);
  init::by_name(r.init);
  rule_of(r);
}

Model make_model(const Recipe& r, std::int64_t classes, bool run_eagerly) {
  check_recipe(r);
  const init::Scope scope(init::by_name(r.init));
  Model model{zoo::make(r.model, classes)};
  optim::OptimizerOptions options{.schedule = optim::make_schedule(r.schedule)};
  if (r.ema > 0) options.average = optim::Ema{.decay = r.ema};
  model.compile({.optimizer = rule_of(r),
                 .loss = CrossEntropy{.label_smoothing = r.label_smoothing},
                 .metrics = {metrics::Accuracy{}},
                 .optimizer_options = std::move(options),
                 .run_eagerly = run_eagerly,
                 .precision = parse_precision(r.precision)});
  return model;
}

FitOptions fit_options(const Recipe& r, const data::Dataset& train) {
  check_recipe(r);
  FitOptions o;
  o.batch_size = r.batch_size;
  o.epochs = r.epochs;
  const data::Augmentations normalize = data::normalization(r.normalize, train);
  o.loader.transform = data::parse_augmentations(r.augment);
  o.loader.transform.insert(o.loader.transform.end(), normalize.begin(), normalize.end());
  o.validation_loader.transform = normalize;
  if (r.ema > 0) o.callbacks.push_back(SwapEMAWeights{});
  return o;
}

}  // namespace weft::nn
