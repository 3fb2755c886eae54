#include "settings.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "common.h"
#include <weft/base/reflect.h>

namespace weft::cli {

std::string to_json(const Settings& s) {
  nlohmann::ordered_json j;
  reflect::for_each_field(s, [&](std::string_view name, const auto& v) { j[std::string(name)] = v; });
  return j.dump(2) + "\n";
}

Settings settings_from_json(const std::string& text, const std::string& where) {
  Settings s;
  try {
    const auto j = nlohmann::ordered_json::parse(text);
    std::vector<std::string> names;
    reflect::for_each_field(s, [&](std::string_view name, auto& v) {
      names.emplace_back(name);
      if (j.contains(std::string(name))) j.at(std::string(name)).get_to(v);
    });
    for (const auto& [key, value] : j.items())
      check(std::find(names.begin(), names.end(), key) != names.end(), where, ": unknown setting '", key, "'",
            suggestion(key, names));
  } catch (const nlohmann::json::exception& e) {
    fail(where, ": the settings cannot be read: ", e.what());
  }
  return s;
}

std::vector<std::pair<std::string, std::string>> to_list(const Settings& s) {
  std::vector<std::pair<std::string, std::string>> list;
  reflect::for_each_field(
      s, [&](std::string_view name, const auto& v) { list.emplace_back(std::string(name), to_string(v)); });
  for (auto& [name, value] : list)
    if ((name == "lr" || name == "weight_decay") && value.starts_with("-")) value = "the optimizer's own";
  return list;
}

std::string data_name(const Settings& s) {
  std::filesystem::path path = s.data;
  if (!path.has_filename()) path = path.parent_path();  // "folder/"
  const std::string name = path.filename().string();
  return name.empty() || name == "." || name == ".." ? "data" : name;
}

data::TrainTest open_data(Settings& s) {
  // A run may be resumed or evaluated from another folder.
  std::error_code none;
  if (!s.data_dir.empty()) s.data_dir = std::filesystem::absolute(s.data_dir).string();
  if (s.data.find('/') != s.data.npos && std::filesystem::is_directory(s.data, none))
    s.data = std::filesystem::absolute(s.data).lexically_normal().string();
  data::OpenOptions options{.data_dir = s.data_dir, .progress = download_bar(), .seed = s.seed};
  if (s.data != "auto") return data::open(s.data, options);
  if (!s.data_dir.empty()) {
    s.data = "cifar10";
    return data::open(s.data, options);
  }
  try {
    data::TrainTest parts = data::open("cifar10", options);
    s.data = "cifar10";
    return parts;
  } catch (const Error& e) {
    std::printf(
        "CIFAR-10 is not here and could not be downloaded (%s).\nUsing the built-in data set shapes10 instead; "
        "--data-dir FOLDER names a local copy of CIFAR-10.\n",
        e.message().c_str());
    s.data = "shapes10";
    options.seed = 0;
    return data::open(s.data, options);
  }
}

}  // namespace weft::cli
