// weft data [list] | show NAME | download NAME.
#include <cstdio>

#include "commands.h"
#include "common.h"
#include <weft/data/datasets.h>

namespace weft::cli {

namespace {

void list_data() {
  for (const data::DatasetInfo& d : data::available())
    std::printf("%-14s %6lld + %6lld images %dx%dx%d, %3d classes  %-14s %s\n", d.name.c_str(),
                static_cast<long long>(d.train), static_cast<long long>(d.test), d.channels, d.height, d.width,
                d.classes, d.cached ? "ready" : "not downloaded", d.description.c_str());
  std::printf(
      "\nA folder with one folder of JPEG or PNG files per class works too. `weft data show NAME --out sheet.png` "
      "draws "
      "a contact sheet.\n");
}

struct ShowOptions {
  std::string name, out, data_dir, image_size;
  bool skip_corrupt = false;
  int columns = 12;
  std::uint64_t seed = 0;
};

void show_data(const ShowOptions& o) {
  check(o.out.empty() || o.out.ends_with(".png"), "--out: received '", o.out, "'; expected a name that ends in .png");
  const auto [height, width] = parse_image_size(o.image_size);
  const data::TrainTest parts = data::open(
      o.name, {.data_dir = o.data_dir,
               .progress = download_bar(),
               .seed = o.seed,
               .folder = {.height = height, .width = width, .skip_corrupt = o.skip_corrupt},
               .skipped = say_skipped});
  const Shape& s = parts.train.image_shape();
  std::printf("%s: %lld training and %lld test images of shape %s\n", parts.train.name().c_str(),
              static_cast<long long>(parts.train.size()), static_cast<long long>(parts.test.size()),
              to_string(s).c_str());
  std::vector<std::int64_t> count(parts.train.class_names().size());
  for (auto label : parts.train.labels()) ++count[static_cast<std::size_t>(label)];
  for (std::size_t i = 0; i < count.size(); ++i)
    std::printf("  %2zu %-16s %lld\n", i, parts.train.class_names()[i].c_str(), static_cast<long long>(count[i]));
  if (o.out.empty()) return;
  data::contact_sheet(parts.train, o.out, {.columns = o.columns});
  std::printf("Wrote %s\n", o.out.c_str());
}

}  // namespace

void add_data(CLI::App& app) {
  CLI::App* data = app.add_subcommand("data", "List data sets, show or download one");
  data->add_subcommand("list", "List the known data sets (the default)");
  auto o = std::make_shared<ShowOptions>();
  CLI::App* show = data->add_subcommand("show", "Sizes and classes; with --out a contact sheet");
  show->add_option("name", o->name, "Data set or image folder")->required();
  show->add_option("--out", o->out, "Contact sheet to write (.png)");
  show->add_option("--data-dir", o->data_dir, "A local copy of the data");
  show->add_option("--image-size", o->image_size, "Size of a folder's images: N or HEIGHTxWIDTH");
  show->add_flag("--skip-corrupt", o->skip_corrupt, "Leave out images of a folder that cannot be decoded");
  show->add_option("--columns", o->columns, "Images of each class");
  show->add_option("--seed", o->seed, "Seed of a drawn data set")->check(refuse_negative);
  show->callback([o] { show_data(*o); });
  CLI::App* download = data->add_subcommand("download", "Fetch a data set into the cache");
  download->add_option("name", o->name, "Data set")->required();
  download->callback([o] {
    data::open(o->name, {.progress = download_bar()});
    std::printf("%s is ready\n", o->name.c_str());
  });
  data->callback([data, show, download] {
    if (!show->parsed() && !download->parsed()) list_data();
  });
}

}  // namespace weft::cli
