#include "settings.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "common.h"
#include <weft/io/json_values.h>

namespace weft::cli {

namespace {

constexpr const char* made_with = "made_with";
using weft::detail::Json;

std::string text_of(const Json& value) {
  if (value.is_null()) return "the optimizer's own";
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace

std::string to_json(const Settings& s) {
  Json j;
  weft::detail::write_fields(j, s);
  for (const auto& [name, version] : libraries()) j[made_with][name] = version;
  return weft::detail::dump_json(j, 2) + "\n";
}

Settings settings_from_json(const std::string& text, const std::string& where) {
  Settings s;
  try {
    const Json j = weft::detail::parse_json(text);
    check(j.is_object(), "received ", j.dump().substr(0, 100), "; expected an object of settings");
    std::vector<std::string> names{made_with};
    weft::detail::read_fields(j, s, names);
    weft::detail::check_keys(j, names);
    nn::check_recipe(s.training);
  } catch (const Error& e) {
    fail(where, ": ", e.message());
  }
  return s;
}

std::vector<std::pair<std::string, std::string>> to_list(const Settings& s) {
  Json j;
  weft::detail::write_fields(j, s);
  std::vector<std::pair<std::string, std::string>> list;
  for (const auto& [name, value] : j.items()) list.emplace_back(name, text_of(value));
  return list;
}

std::int64_t test_batch_size(const Settings& s) { return std::max<std::int64_t>(s.training.batch_size, 32); }

std::string data_name(const Settings& s) {
  std::filesystem::path path = s.data;
  if (!path.has_filename()) path = path.parent_path();  // "folder/"
  const std::string name = path.filename().string();
  return name.empty() || name == "." || name == ".." ? "data" : name;
}

namespace {

data::TrainTest open_named_or_automatic(Settings& s, data::OpenOptions options) {
  if (s.data == "auto" && !s.data_dir.empty()) s.data = "cifar10";
  if (s.data != "auto") return data::open(s.data, options);
  options.answer_seconds = 4;  // nobody asked for a download: do not keep them waiting
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
    return data::open(s.data, options);
  }
}

}  // namespace

data::TrainTest open_data(Settings& s, int channels) {
  // A run may be resumed or evaluated from another folder.
  std::error_code none;
  if (!s.data_dir.empty()) s.data_dir = std::filesystem::absolute(s.data_dir).string();
  if (s.data.find('/') != s.data.npos && std::filesystem::is_directory(s.data, none))
    s.data = std::filesystem::absolute(s.data).lexically_normal().string();
  const auto [height, width] = parse_image_size(s.image_size);
  return open_named_or_automatic(s, {.data_dir = s.data_dir,
                                     .progress = download_bar(),
                                     .folder = {height, width, channels, s.skip_corrupt},
                                     .skipped = say_skipped});
}

}  // namespace weft::cli
