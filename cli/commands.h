// The commands of the weft executable: each adds itself to the command line; its callback does the work.
#pragma once

#include <CLI/CLI.hpp>

namespace weft::cli {

void add_train(CLI::App& app);
void add_evaluate(CLI::App& app);
void add_predict(CLI::App& app);
void add_summary(CLI::App& app);
void add_recipes(CLI::App& app);
void add_tune(CLI::App& app);
void add_data(CLI::App& app);
void add_ops(CLI::App& app);
void add_devices(CLI::App& app);
void add_doctor(CLI::App& app);
void add_completion(CLI::App& app);

/// The commands below one, in the order in which they were added.
inline std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

}  // namespace weft::cli
