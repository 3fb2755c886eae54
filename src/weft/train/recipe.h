// Recipes: a network and how it is trained, as a few values that can be named, copied, edited and kept in a file.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <weft/train/model.h>

namespace weft::nn {

/// A network of zoo.h for the classes of a data set of images, and how it learns them. The fields are those of a recipe's
/// file (a JSON object) and, with dashes, the options of `weft train`; what a file leaves out is as here.
struct Recipe {
  std::string description = {};             ///< for people
  std::string model = "tutorial-cnn";       ///< see zoo::make
  int epochs = 10;                          ///< passes over the training data
  std::int64_t batch_size = 32;             ///< examples a step
  std::string optimizer = "adam";           ///< see optim::make
  std::optional<double> lr = {};            ///< learning rate (of a schedule: its peak); unset: the optimizer's own
  std::optional<double> momentum = {};      ///< unset: the optimizer's own
  std::optional<bool> nesterov = {};        ///< of sgd and muon; unset: the optimizer's own
  std::optional<double> weight_decay = {};  ///< unset: the optimizer's own
  std::string schedule = "warmup-cosine";   ///< see optim::make_schedule
  double label_smoothing = 0;               ///< this share of the target is spread over all classes
  double ema = 0;  ///< decay of a moving mean of the weights, which is tested and saved in their place; 0: none
  std::string augment = "hflip";            ///< see data::parse_augmentations
  std::string init = "he_uniform";          ///< see init::by_name
  std::string normalize = "standard";       ///< see data::normalization
  std::string precision = "f32";            ///< of products in planned steps: see parse_precision
};

/// A built-in recipe by its name, or that of a file (a name that ends in .json). Throws Error with a suggestion for
/// another name, and for a file that holds no recipe.
Recipe recipe(std::string_view name_or_file);
/// The built-in recipes' names, the default first.
std::vector<std::string> recipe_names();

/// As JSON text, and back; throws Error, beginning with `where`, for unknown keys, wrong types and bad values.
std::string to_json(const Recipe& recipe);
Recipe recipe_from_json(std::string_view text, const std::string& where);  ///< see to_json

/// Throws Error for a value that is out of range or unknown. `prefix` stands before a field's name in messages; after
/// "--" the name is the command line's.
void check_recipe(const Recipe& recipe, std::string_view prefix = "");

/// The recipe's network, compiled with its optimizer, its loss and accuracy. What runs eagerly computes in f32.
Model make_model(const Recipe& recipe, std::int64_t classes, bool run_eagerly = false);
/// What fit needs of a recipe: epochs, batches, augmentation of the training data, normalization of both by the training
/// data; with `ema` a callback that tests the averages.
FitOptions fit_options(const Recipe& recipe, const data::Dataset& train);

}  // namespace weft::nn
