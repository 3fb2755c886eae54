// weft completion bash: a script made from the command line itself.
#include <cstdio>

#include "commands.h"
#include "common.h"

namespace weft::cli {

namespace {

std::string words(const CLI::App& app) {
  std::string s;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) s += sub->get_name() + " ";
  for (const CLI::Option* option : app.get_options())
    for (const auto& name : option->get_lnames()) s += "--" + name + " ";
  return s;
}

void print_bash(const CLI::App& root) {
  std::printf(
      "# Shell completion for weft: eval \"$(weft completion bash)\"\n_weft() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} names\n  case ${COMP_WORDS[1]} in\n");
  for (const CLI::App* sub : root.get_subcommands([](const CLI::App*) { return true; }))
    std::printf("    %s) names=\"%s\" ;;\n", sub->get_name().c_str(), words(*sub).c_str());
  std::printf(
      "    *) names=\"%s\" ;;\n  esac\n  [ \"$COMP_CWORD\" = 1 ] && names=\"%s\"\n"
      "  COMPREPLY=($(compgen -W \"$names\" -- \"$word\") $(compgen -f -- \"$word\"))\n}\ncomplete -F _weft weft\n",
      words(root).c_str(), words(root).c_str());
}

}  // namespace

void add_completion(CLI::App& app) {
  CLI::App* c = app.add_subcommand("completion", "Print a completion script: eval \"$(weft completion bash)\"");
  auto shell = std::make_shared<std::string>("bash");
  c->add_option("shell", *shell, "bash");
  c->callback([&app, shell] {
    one_of("shell", *shell, {"bash"});
    print_bash(app);
  });
}

}  // namespace weft::cli
