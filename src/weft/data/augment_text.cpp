#include <charconv>

#include <weft/data/augment.h>

namespace weft::data {

namespace {

struct Known {
  const char *name, *example, *doc;
  bool needs_number;
  double least, most;
  Augmentation (*make)(double v);  ///< v is below 0 where no number is given
};
double or_else(double v, double otherwise) { return v < 0 ? otherwise : v; }

const Known known[] = {
    {"hflip", "hflip", "mirror left and right, half of the time (hflip:P with probability P)", false, 0, 1,
     [](double v) -> Augmentation { return RandomHorizontalFlip{or_else(v, 0.5)}; }},
    {"vflip", "vflip", "mirror top and bottom, half of the time", false, 0, 1,
     [](double v) -> Augmentation { return RandomVerticalFlip{or_else(v, 0.5)}; }},
    {"crop", "crop:4", "cut the image's own size at a random place after padding by 4 pixels", true, 0, 4096,
     [](double v) -> Augmentation { return RandomCrop{.padding = static_cast<int>(v)}; }},
    {"center", "center:28", "cut 28x28 out of the middle", true, 1, 65535,
     [](double v) -> Augmentation { return CenterCrop{.size = static_cast<int>(v)}; }},
    {"resize", "resize:32", "scale to 32x32", true, 1, 65535,
     [](double v) -> Augmentation {
       return Resize{static_cast<int>(v), static_cast<int>(v)};
     }},
    {"rrcrop", "rrcrop:32", "cut a random part and scale it to 32x32", true, 1, 65535,
     [](double v) -> Augmentation { return RandomResizedCrop{.size = static_cast<int>(v)}; }},
    {"rotate", "rotate:15", "turn by up to 15 degrees", true, 0, 180,
     [](double v) -> Augmentation { return RandomRotation{v}; }},
    {"translate", "translate:0.1", "shift by up to a tenth of the size", true, 0, 1,
     [](double v) -> Augmentation {
       return RandomTranslation{v, v};
     }},
    {"zoom", "zoom:0.2", "scale by 0.8 to 1.2", true, 0, 0.99,
     [](double v) -> Augmentation { return RandomAffine{.scale_min = 1 - v, .scale_max = 1 + v}; }},
    {"jitter", "jitter:0.4", "change brightness, contrast and saturation by up to 40%", true, 0, 10,
     [](double v) -> Augmentation {
       return ColorJitter{v, v, v};
     }},
    {"hue", "hue:0.05", "turn the hue by up to a twentieth", true, 0, 0.5,
     [](double v) -> Augmentation { return ColorJitter{.hue = v}; }},
    {"gray", "gray:0.1", "make a tenth of the images gray", false, 0, 1,
     [](double v) -> Augmentation { return RandomGrayscale{or_else(v, 0.1)}; }},
    {"erase", "erase", "black out a random rectangle, half of the time", false, 0, 1,
     [](double v) -> Augmentation { return RandomErasing{.p = or_else(v, 0.5)}; }},
};

std::string_view trimmed(std::string_view s) {
  while (!s.empty() && s.front() == ' ') s.remove_prefix(1);
  while (!s.empty() && s.back() == ' ') s.remove_suffix(1);
  return s;
}

Augmentation parse_one(std::string_view item) {
  const auto colon = item.find(':');
  const std::string_view name = trimmed(item.substr(0, colon));
  const std::string_view number =
      colon == std::string_view::npos ? std::string_view() : trimmed(item.substr(colon + 1));
  std::vector<std::string> names;
  for (const Known& k : known) {
    names.emplace_back(k.name);
    if (name != k.name) continue;
    double v = -1;
    if (colon == std::string_view::npos) {
      check(!k.needs_number, "augmentation '", name, "' needs a number, as in '", k.example, "' (", k.doc, ")");
    } else {
      const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), v);
      check(error == std::errc() && end == number.data() + number.size() && v >= k.least && v <= k.most,
            "augmentation '", item, "': received '", number, "'; expected a number from ", k.least, " to ", k.most,
            ", as in '", k.example, "'");
    }
    return k.make(v);
  }
  std::string list;
  for (const auto& n : names) list += (list.empty() ? "" : ", ") + n;
  fail("augmentation '", name, "' is not known", suggestion(name, names), "; known are ", list);
}

}  // namespace

Augmentations parse_augmentations(std::string_view text) {
  Augmentations list;
  if (trimmed(text).empty() || trimmed(text) == "none") return list;
  for (;;) {
    const auto comma = text.find(',');
    list.push_back(parse_one(trimmed(text.substr(0, comma))));
    if (comma == std::string_view::npos) return list;
    text.remove_prefix(comma + 1);
  }
}

std::vector<std::pair<std::string, std::string>> augmentation_names() {
  std::vector<std::pair<std::string, std::string>> list;
  for (const Known& k : known) list.emplace_back(k.example, k.doc);
  return list;
}

}  // namespace weft::data
