// What `weft train` was asked for: the flags, as they are kept in a run's config.json.
#pragma once

#include <cstdint>
#include <string>

#include <weft/data/datasets.h>
#include <weft/train/recipe.h>

namespace weft::cli {

/// One training run's settings: what is trained how, and what only this run is.
struct Settings {
  std::string recipe = "tutorial";  ///< name or file that `training` came from, before flags changed it
  nn::Recipe training = {};
  std::string data = "auto";  ///< "auto": cifar10 where it is cached or can be downloaded, else shapes10
  std::string data_dir;
  std::string image_size;     ///< of an image folder: "64" or "48x64"; empty: the images' own
  bool skip_corrupt = false;  ///< of an image folder: leave out what cannot be decoded
  std::int64_t steps = 0;  ///< 0: no bound
  std::uint64_t seed = 0;
  int threads = 0;  ///< 0: all processors
  std::string device = "auto";
  std::string face = "fit";
  int workers = 0;
  double save_every = 60;  ///< seconds between checkpoints within an epoch; 0: at epochs' ends only
  bool eager = false;      ///< operator by operator instead of planned steps
};

/// Examples at once where a network is tested: what training has memory for, and not too few for speed.
std::int64_t test_batch_size(const Settings& s);

/// As JSON text, with what made it, and back; unknown keys are an Error.
std::string to_json(const Settings& s);
Settings settings_from_json(const std::string& text, const std::string& where);
/// Settings by name, for the report.
std::vector<std::pair<std::string, std::string>> to_list(const Settings& s);

/// The data set's name, or its folder's without the path before it.
std::string data_name(const Settings& s);

/// The data of a run; says what it falls back to and what it leaves out. A drawn data set is the same whatever the
/// run's seed, so that runs can be compared. `channels`: of an image folder.
data::TrainTest open_data(Settings& s, int channels = 3);

}  // namespace weft::cli
