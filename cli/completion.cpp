// weft completion bash: a script made from the command line itself.
#include <algorithm>
#include <cstdio>

#include "commands.h"
#include "common.h"
#include <weft/base/names.h>
#include <weft/data/datasets.h>
#include <weft/ir/op.h>
#include <weft/nn/zoo.h>
#include <weft/optim/optimizer.h>
#include <weft/optim/schedule.h>
#include <weft/train/recipe.h>

namespace weft::cli {

namespace {

using Words = std::vector<std::string>;

Words operators() {
  Words names;
  for (const OpInfo* op : all_ops()) names.push_back(op->name);
  return names;
}
Words data_sets() {
  Words names;
  for (const data::DatasetInfo& d : data::available()) names.push_back(d.name);
  return names;
}

/// The words that an option takes; none where it takes a number or a path.
Words values_of(const std::string& option) {
  if (option == "recipe") return nn::recipe_names();
  if (option == "model") return nn::zoo::names();
  if (option == "data") return data_sets();
  if (option == "optimizer") return optim::rule_names();
  if (option == "schedule") return optim::schedule_names();
  if (option == "normalize") return {"none", "standard", "half"};
  if (option == "device") return {"auto", "cpu", "ref"};
  if (option == "face") return {"fit", "loop"};
  if (option == "precision") return precision_names();
  return {};
}

/// The words that a command's arguments without a name may be.
Words arguments_of(const std::string& command) {
  if (command == " ops show" || command == " ops run") return operators();
  if (command == " data show" || command == " data download") return data_sets();
  if (command == " recipes show") return nn::recipe_names();
  if (command == " summary") return nn::zoo::names();
  if (command == " completion") return {"bash"};
  return {};
}

std::string joined(const Words& words) {
  std::string s;
  for (const std::string& w : words) s += (s.empty() ? "" : " ") + w;
  return s;
}

/// Calls f(app, path) for an app and all commands below it; a path is such as " ops show".
template <class F> void for_each_command(const CLI::App& app, const std::string& path, F&& f) {
  f(app, path);
  for (const CLI::App* sub : commands_of(app)) for_each_command(*sub, path + " " + sub->get_name(), f);
}

/// What may follow a command: its own commands, its options, its arguments.
std::string words_after(const CLI::App& app, const std::string& path) {
  Words words = arguments_of(path);
  for (const CLI::App* sub : commands_of(app)) words.push_back(sub->get_name());
  for (const CLI::Option* option : app.get_options())
    for (const auto& name : option->get_lnames()) words.push_back("--" + name);
  return joined(words);
}

void print_bash(const CLI::App& root) {
  std::string commands, options, words;
  Words seen;
  for_each_command(root, "", [&](const CLI::App& app, const std::string& path) {
    if (!path.empty()) commands += (commands.empty() ? "\"" : "|\"") + path + "\"";
    words += "      \"" + path + "\") words=\"" + words_after(app, path) + "\" ;;\n";
    for (const CLI::Option* option : app.get_options())
      for (const auto& name : option->get_lnames()) {
        if (option->get_items_expected_max() == 0 || std::find(seen.begin(), seen.end(), name) != seen.end()) continue;
        seen.push_back(name);
        const std::string values = joined(values_of(name));
        const bool path_too = values.empty() || name == "data";
        options += "    --" + name + ") words=\"" + values + "\"" + (path_too ? "" : " files=") + " ;;\n";
      }
  });
  std::printf(
      "# Shell completion for weft: eval \"$(weft completion bash)\"\n"
      "_weft() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} at= words= files=yes i\n"
      "  [ \"$word\" = = ] && word=\n"
      "  [ \"$before\" = = ] && before=${COMP_WORDS[COMP_CWORD-2]}  # bash cuts --name=value in three\n"
      "  for ((i = 1; i < COMP_CWORD; ++i)); do\n"
      "    case \"$at ${COMP_WORDS[i]}\" in\n      %s) at=\"$at ${COMP_WORDS[i]}\" ;;\n    esac\n  done\n"
      "  case $before in\n%s    *) case $at in\n%s    esac ;;\n  esac\n"
      "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\"; [ \"$at\" ] && [ $files ] && compgen -f -- \"$word\")\n"
      "  compopt -o filenames 2>/dev/null\n"
      "}\ncomplete -F _weft weft\n",
      commands.c_str(), options.c_str(), words.c_str());
}

}  // namespace

void add_completion(CLI::App& app) {
  CLI::App* c = app.add_subcommand("completion", "Print a completion script: eval \"$(weft completion bash)\"");
  auto shell = std::make_shared<std::string>("bash");
  c->add_option("shell", *shell, "bash");
  c->callback([&app, shell] {
    check_one_of("shell", *shell, {"bash"});
    print_bash(app);
  });
}

}  // namespace weft::cli
