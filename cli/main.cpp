// weft: train, evaluate, predict and inspect, in one executable.
#include <cstdio>
#include <exception>

#include "commands.h"
#include <weft/base/error.h>
#include <weft/base/version.h>

namespace weft::cli {
namespace {

/// Names of an app's subcommands and long options: what a misspelled word may have meant.
std::vector<std::string> known_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(sub->get_name());
  for (const CLI::Option* option : app.get_options())
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

const CLI::App& deepest(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? app : deepest(*chosen[0]);
}

int report_usage(const CLI::App& app, const CLI::ParseError& e) {
  if (e.get_exit_code() == 0) return app.exit(e);  // --help, --version
  const CLI::App& at = deepest(app);
  std::string message = e.what();
  for (const std::string& word : at.remaining(true)) {
    if (word == "--") continue;
    const std::string name = word.substr(0, word.find('='));
    message = (word.starts_with("-") ? "unknown option '" : "unknown argument '") + name + "'" +
              suggestion(name, known_names(at));
    break;
  }
  std::fprintf(stderr, "weft: %s\nTry '%s --help'.\n", message.c_str(),
               (&at == &app ? "weft" : "weft " + at.get_name()).c_str());
  return 2;
}

int run(int argc, char** argv) {
  CLI::App app{"Weft: a deep-learning framework in C++", "weft"};
  app.set_version_flag("--version", std::string("weft ") + weft::version());
  app.require_subcommand(1);
  app.option_defaults()->always_capture_default();
  add_train(app);
  add_evaluate(app);
  add_predict(app);
  add_summary(app);
  add_data(app);
  add_ops(app);
  add_devices(app);
  add_doctor(app);
  add_completion(app);
  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::RuntimeError& e) {
    return e.get_exit_code();
  } catch (const CLI::ParseError& e) {
    return report_usage(app, e);
  }
}

}  // namespace
}  // namespace weft::cli

int main(int argc, char** argv) {
  try {
    return weft::cli::run(argc, argv);
  } catch (const std::exception& e) {
    std::fflush(stdout);
    std::fprintf(stderr, "weft: %s\n", e.what());
    return 2;
  }
}
