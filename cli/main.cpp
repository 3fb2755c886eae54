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
  for (const CLI::App* sub : commands_of(app)) names.push_back(sub->get_name());
  for (const CLI::Option* option : app.get_options())
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

const CLI::App& deepest(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? app : deepest(*chosen[0]);
}

/// "weft data show"
std::string full_name(const CLI::App& app) {
  return (app.get_parent() ? full_name(*app.get_parent()) + " " : "") + app.get_name();
}

/// What an option takes, in words.
std::string expected_by(const CLI::Option& option) {
  if (option.get_expected_max() == 0) return "no value";
  const std::string type = option.get_type_name();
  if (type == "FLOAT") return "a number";
  if (type == "UINT") return "a whole number, 0 or more";
  return type == "INT" ? "a whole number" : "a text";
}

/// CLI11's message in Weft's manner: what was received, what was expected.
std::string describe(const CLI::App& at, const CLI::ParseError& e) {
  const std::string what = e.what(), kind = e.get_name();
  for (const CLI::Option* option : at.get_options()) {
    const std::string name = option->get_name();
    if (kind == "ConversionError" && what.starts_with("Could not convert: " + name + " = "))
      return name + ": received '" + what.substr(22 + name.size()) + "'; expected " + expected_by(*option);
    if (kind == "RequiredError" && what == name + " is required")
      return "received no '" + name + "'; expected `" + full_name(at) + "` to be followed by it (" +
             option->get_description() + ")";
    if (kind == "ArgumentMismatch" && what.starts_with(name + ": "))
      return option->count() ? name + ": received " + std::to_string(option->count()) + " times; expected once"
                             : name + ": received nothing; expected " + expected_by(*option);
  }
  if (kind != "RequiredError" || commands_of(at).empty()) return what;
  std::string list;
  for (const CLI::App* sub : commands_of(at)) list += (list.empty() ? "" : ", ") + sub->get_name();
  return "received no command; expected one of " + list;
}

int report_usage(const CLI::App& app, const CLI::ParseError& e) {
  if (e.get_exit_code() == 0) return app.exit(e);  // --help, --version
  const CLI::App& at = deepest(app);
  std::string message = describe(at, e);
  for (const std::string& word : at.remaining(true)) {
    if (word == "--") continue;
    const std::string name = word.substr(0, word.find('='));
    message = (word.starts_with("-") ? "unknown option '" : "unknown argument '") + name + "'" +
              suggestion(name, known_names(at));
    break;
  }
  std::fprintf(stderr, "weft: %s\nTry '%s --help'.\n", message.c_str(), full_name(at).c_str());
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
  add_recipes(app);
  add_tune(app);
  add_data(app);
  add_ops(app);
  add_devices(app);
  add_doctor(app);
  add_completion(app);
  try {
    app.parse(argc, argv);
    check(std::fflush(stdout) == 0 && !std::ferror(stdout), "the output could not be written");
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
