// Keras's weights under Weft's names: axes in another order, layers matched by path or by shape.
#include <algorithm>
#include <map>

#include <weft/io/module_state.h>
#include <weft/ops/ops.h>

namespace weft::detail {

namespace {

/// A layer's own tensors, on either side: leaf name ("weight") and tensor or shape.
struct KerasLayer {
  std::string path;
  std::vector<std::pair<std::string, Tensor>> tensors;
};
struct OurLayer {
  std::string path;
  std::vector<std::pair<std::string, Shape>> shapes;
};

std::string leaf_of(const std::string& keras) {
  static const std::map<std::string, std::string> names{
      {"kernel", "weight"}, {"depthwise_kernel", "weight"}, {"pointwise_kernel", "weight"}, {"embeddings", "weight"},
      {"gamma", "weight"},  {"alpha", "weight"},            {"beta", "bias"},                {"moving_mean", "running_mean"},
      {"scale", "weight"},  {"moving_variance", "running_var"}};
  const auto it = names.find(keras);
  return it == names.end() ? keras : it->second;
}

/// Splits "a.b.c" into "a.b" and "c".
std::pair<std::string, std::string> split(const std::string& path) {
  const auto dot = path.rfind('.');
  return dot == path.npos ? std::pair(std::string(), path) : std::pair(path.substr(0, dot), path.substr(dot + 1));
}

/// "conv2d_10" after "conv2d_9": runs of digits compare as numbers.
bool natural_less(const std::string& a, const std::string& b) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  std::size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (digit(a[i]) && digit(b[j])) {
      std::size_t m = i, n = j;
      while (m < a.size() && digit(a[m])) ++m;
      while (n < b.size() && digit(b[n])) ++n;
      const auto x = std::pair(m - i, a.substr(i, m - i)), y = std::pair(n - j, b.substr(j, n - j));
      if (x != y) return x < y;
      i = m;
      j = n;
    } else {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i;
      ++j;
    }
  }
  return a.size() - i < b.size() - j;
}

/// Keras's kernels with Weft's axes: all axes in reverse, but the spatial ones in order. What the target shape tells
/// apart: a depthwise kernel [h, w, c, m] is [c * m, 1, h, w] here; anything that fits already stays.
Tensor with_our_axes(const Tensor& t, const std::string& keras_leaf, const Shape* target) {
  const int rank = t.rank();
  if (!keras_leaf.ends_with("kernel") || rank < 2) return t;
  if (rank == 2) return t.transpose().contiguous();
  Dims axes{rank - 1, rank - 2};
  for (int i = 0; i < rank - 2; ++i) axes.push_back(i);
  const Shape& s = t.shape();
  Shape depthwise{s[rank - 2] * s[rank - 1], 1};
  for (int i = 0; i < rank - 2; ++i) depthwise.push_back(s[i]);
  Dims depthwise_axes = axes;
  std::swap(depthwise_axes[0], depthwise_axes[1]);
  const Tensor plain = t.permute(axes);
  const bool is_depthwise = keras_leaf == "depthwise_kernel" || (target && !(plain.shape() == *target) && *target == depthwise);
  return (is_depthwise ? t.permute(depthwise_axes).contiguous().reshape(depthwise) : plain).contiguous();
}

std::vector<OurLayer> layers_of(nn::ModuleRef module) {
  std::vector<OurLayer> layers;
  for (const StateEntry& e : state_of(module)) {
    check(e.ready(), "'", e.path, "' has no shape yet, which Keras's weights are matched by; call the model on a batch first");
    const auto [path, leaf] = split(e.path);
    if (layers.empty() || layers.back().path != path) layers.push_back({path, {}});
    layers.back().shapes.emplace_back(leaf, e.shape());
  }
  return layers;
}

/// The file's layers; a separable convolution counts as its two steps.
std::vector<KerasLayer> layers_of(const NamedTensors& file) {
  std::vector<KerasLayer> layers;
  std::map<std::string, bool> separable;
  const auto parent = [](std::string path) {
    std::replace(path.begin(), path.end(), '/', '.');
    return split(path);
  };
  for (const auto& [name, t] : file)
    if (parent(name).second == "pointwise_kernel") separable[parent(name).first] = true;
  for (const auto& [name, t] : file) {
    auto [path, leaf] = parent(name);
    if (leaf.starts_with("seed_generator") || path.ends_with("seed_generator")) continue;  // dropout's random state
    if (separable.count(path)) path += leaf == "depthwise_kernel" ? "/depthwise" : "/pointwise";
    auto it = std::find_if(layers.begin(), layers.end(), [&](const KerasLayer& l) { return l.path == path; });
    if (it == layers.end()) it = layers.insert(layers.end(), KerasLayer{path, {}});
    it->tensors.emplace_back(leaf, t);
  }
  return layers;
}

/// True where our path is theirs or its end ("sequential.head" is "head"); a step of a separable convolution
/// ("sequential.separable/depthwise") is known by both of its names.
bool same_path(std::string theirs, const std::string& ours) {
  const auto step = theirs.rfind('/');
  if (step != theirs.npos) {
    const auto parent = theirs.rfind('.', step);
    const std::size_t begin = parent == theirs.npos ? 0 : parent + 1;
    if (ours.size() < theirs.size() - begin) return false;
    theirs[step] = '.';
  }
  return theirs == ours || (!ours.empty() && theirs.ends_with("." + ours));
}

const Shape* shape_of(const OurLayer& layer, const std::string& leaf) {
  for (const auto& [name, shape] : layer.shapes)
    if (name == leaf) return &shape;
  return nullptr;
}

bool fits(const KerasLayer& theirs, const OurLayer& ours) {
  if (theirs.tensors.size() != ours.shapes.size()) return false;
  for (const auto& [name, t] : theirs.tensors) {
    const Shape* target = shape_of(ours, leaf_of(name));
    if (!target || !(with_our_axes(t, name, target).shape() == *target)) return false;
  }
  return true;
}

/// Reorders the columns of a Dense layer that reads a flattened image, from [h, w, c] to [c, h, w].
Tensor unflattened(const Tensor& weight, const Shape& image) {
  const std::int64_t out = weight.size(0);
  return weight.reshape({out, image[1], image[2], image[0]}).permute({0, 3, 1, 2}).contiguous().reshape({out, image.numel()});
}

/// Knows which Dense layers read a flattened image, and refuses to guess.
class Flattening {
 public:
  explicit Flattening(const std::vector<std::pair<std::string, Shape>>& given) : given_(given) {}

  Tensor apply(const OurLayer& layer, const std::string& leaf, const Tensor& weight) {
    if (weight.rank() > 2) channels_ = weight.size(0);
    else if (weight.rank() == 1 && channels_) channels_ = weight.numel();  // a bias or a norm: a transposed kernel's size(0) is its input
    if (leaf != "weight" || weight.rank() != 2) return weight;
    const std::int64_t in = weight.size(1), before = std::exchange(channels_, 0);
    for (const auto& [path, image] : given_) {
      if (path != layer.path) continue;
      check(image.numel() == in, "flattened: '", path, "' reads ", in, " numbers, but ", image, " has ", image.numel());
      check(image.rank() == 3 || image.rank() == 1, "flattened: '", path, "' is given as ", image, "; expected [C, H, W]");
      return image.rank() == 3 ? unflattened(weight, image) : weight;
    }
    check(before < 2 || in <= before || in % before != 0, "layer '", layer.path, "' reads ", in,
          " numbers after a convolution of ", before, " channels, which looks like a flattened image; Keras flattens "
          "[H, W, C], Weft [C, H, W]: say .flattened = {{\"", layer.path, "\", {", before, ", H, W}}}, or {\"", layer.path,
          "\", {", in, "}} where it is none");
    return weight;
  }

 private:
  const std::vector<std::pair<std::string, Shape>>& given_;
  std::int64_t channels_ = 0;  ///< after the last convolution, until a Dense layer
};

/// numpy.savez(path, *model.get_weights()): arrays in the order of the layers, without names.
NamedTensors numbered(const NamedTensors& file, const std::vector<OurLayer>& ours, Flattening flattening) {
  std::size_t total = 0, i = 0;
  for (const OurLayer& l : ours) total += l.shapes.size();
  check(file.size() == total, "holds ", file.size(), " arrays; the module has ", total, " parameters and buffers");
  NamedTensors out;
  for (const OurLayer& l : ours)
    for (const auto& [leaf, shape] : l.shapes) {
      const auto& [name, t] = file[i++];
      // An embedding's matrix fits as it is; a square one is a kernel, for embeddings are longer than wide.
      const bool kernel = leaf == "weight" && !(t.rank() == 2 && t.shape() == shape && shape[0] != shape[1]);
      const Tensor converted = with_our_axes(t, kernel ? "kernel" : leaf, &shape);
      out.emplace_back(l.path.empty() ? leaf : l.path + "." + leaf, flattening.apply(l, leaf, converted));
    }
  return out;
}

}  // namespace

NamedTensors from_keras(const NamedTensors& file, bool file_order_counts, nn::ModuleRef module,
                        const LoadWeightsOptions& options) {
  const std::vector<OurLayer> ours = layers_of(module);
  const bool unnamed = !file.empty() && std::all_of(file.begin(), file.end(), [](const auto& e) { return e.first.starts_with("arr_"); });
  if (unnamed) return numbered(file, ours, Flattening(options.flattened));
  std::vector<KerasLayer> theirs = layers_of(file);
  if (!file_order_counts)
    std::stable_sort(theirs.begin(), theirs.end(), [](auto& a, auto& b) { return natural_less(a.path, b.path); });
  std::vector<const KerasLayer*> match(ours.size(), nullptr);
  std::vector<bool> taken(theirs.size(), false);
  const auto take = [&](std::size_t i, auto&& wanted) {
    for (std::size_t k = 0; k < theirs.size() && !match[i]; ++k)
      if (!taken[k] && wanted(theirs[k])) {
        match[i] = &theirs[k];
        taken[k] = true;
      }
  };
  for (std::size_t i = 0; i < ours.size(); ++i)
    take(i, [&](const KerasLayer& l) { return same_path(l.path, ours[i].path) && fits(l, ours[i]); });
  for (std::size_t i = 0; i < ours.size(); ++i) take(i, [&](const KerasLayer& l) { return fits(l, ours[i]); });
  for (std::size_t i = 0; i < ours.size(); ++i)  // misfits, so that the error tells both shapes
    take(i, [&](const KerasLayer& l) { return same_path(l.path, ours[i].path); });
  NamedTensors out;
  Flattening flattening(options.flattened);
  const auto add = [&](const std::string& path, const std::string& leaf, const Tensor& t) {
    out.emplace_back(path.empty() ? leaf : path + "." + leaf, t);
  };
  for (std::size_t i = 0; i < ours.size(); ++i) {
    if (!match[i]) continue;
    std::vector<std::pair<std::string, Tensor>> tensors = match[i]->tensors;
    const auto place = [&](const auto& entry) {
      const auto& shapes = ours[i].shapes;
      return std::find_if(shapes.begin(), shapes.end(), [&](auto& s) { return s.first == leaf_of(entry.first); }) - shapes.begin();
    };
    std::stable_sort(tensors.begin(), tensors.end(), [&](auto& a, auto& b) { return place(a) < place(b); });
    for (const auto& [name, t] : tensors) {
      const std::string leaf = leaf_of(name);
      add(ours[i].path, leaf, flattening.apply(ours[i], leaf, with_our_axes(t, name, shape_of(ours[i], leaf))));
    }
  }
  for (std::size_t k = 0; k < theirs.size(); ++k)  // those left over are reported as unexpected, under their own names
    if (!taken[k])
      for (const auto& [name, t] : theirs[k].tensors) add(theirs[k].path, name, t);
  return out;
}

}  // namespace weft::detail
