// weft recipes [list] | show NAME.
#include <algorithm>
#include <cstdio>

#include "commands.h"
#include <weft/train/recipe.h>

namespace weft::cli {

namespace {

void list_recipes() {
  for (const std::string& name : nn::recipe_names())
    std::printf("%-10s %s\n", name.c_str(), nn::recipe(name).description.c_str());
  std::printf("\n`weft recipes show NAME > mine.json` writes one to edit; `weft train --recipe mine.json` uses it.\n");
}

}  // namespace

void add_recipes(CLI::App& app) {
  CLI::App* recipes = app.add_subcommand("recipes", "List recipes (what `weft train` trains how), or print one");
  recipes->add_subcommand("list", "List the built-in recipes (the default)");
  auto name = std::make_shared<std::string>();
  CLI::App* show = recipes->add_subcommand("show", "Print a recipe as the JSON file that --recipe takes");
  show->add_option("name", *name, "Recipe, or a file of one")->required();
  show->callback([name] { std::printf("%s", nn::to_json(nn::recipe(*name)).c_str()); });
  recipes->callback([show] {
    if (!show->parsed()) list_recipes();
  });
}

}  // namespace weft::cli
