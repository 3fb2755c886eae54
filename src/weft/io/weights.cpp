#include <weft/io/weights.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include <weft/base/files.h>
#include <weft/io/module_state.h>
#include <weft/io/npz.h>

namespace weft {

namespace {

class StateVisitor final : public nn::FieldVisitor {
 public:
  std::vector<detail::StateEntry> entries;
  std::vector<nn::Mode*> modes;

  void parameter(const std::string& name, Parameter& p) override {
    if (p.defined()) entries.push_back({join(name), p.share(), {}});
  }
  void buffer(const std::string& name, Buffer& b) override {
    if (b.defined()) entries.push_back({join(name), {}, b.share()});
  }
  void mode(nn::Mode& m) override { modes.push_back(&m); }
  void module(const std::string& name, nn::ModuleRef m) override {
    const std::string outer = std::exchange(prefix_, join(name));
    m.visit(*this);
    prefix_ = outer;
  }

 private:
  std::string join(const std::string& name) const { return prefix_.empty() ? name : prefix_ + "." + name; }
  std::string prefix_;
};

bool is_zip(const std::string& path) {
  const InputFile file(path);
  char begin[2] = {};
  if (file.size() >= 2) file.read(0, begin, 2);
  return begin[0] == 'P' && begin[1] == 'K';
}

NamedTensors renamed(NamedTensors file, const Rename& rename) {
  std::unordered_set<std::string> seen;
  for (auto& [name, t] : file) {
    const std::string old = name;
    name = rename(old);
    check(seen.insert(name).second, "two tensors are named '", name, "' after renaming ('", old, "' is the second)");
  }
  return file;
}

/// Leaves out what belongs to no module, and gives tied weights each of their paths.
NamedTensors fitted(const NamedTensors& file, nn::ModuleRef module) {
  const std::vector<detail::StateEntry> state = detail::state_of(module);
  std::unordered_set<std::string> paths;
  for (const auto& e : state) paths.insert(e.path);
  NamedTensors kept;
  std::unordered_map<const ParameterState*, const Tensor*> by_cell;
  std::unordered_map<std::string_view, const Tensor*> by_name;
  for (const auto& [name, t] : file) {
    const bool counter = name.ends_with("num_batches_tracked") || name.starts_with("__constant.");
    if (counter && !paths.count(name)) continue;
    kept.emplace_back(name, t);
    by_name[name] = &t;
  }
  for (const auto& e : state)
    if (const auto it = by_name.find(e.path); e.parameter.defined() && it != by_name.end())
      by_cell.emplace(e.parameter.state(), it->second);
  for (const auto& e : state) {
    if (!e.parameter.defined() || by_name.count(e.path)) continue;
    if (const auto it = by_cell.find(e.parameter.state()); it != by_cell.end()) kept.emplace_back(e.path, *it->second);
  }
  return kept;
}

/// The names that are on one side alone. Throws Error where no name is on both.
IncompatibleKeys compare(const NamedTensors& given, nn::ModuleRef module) {
  IncompatibleKeys keys;
  std::unordered_set<std::string> names;
  for (const auto& [name, t] : given) names.insert(name);
  const std::vector<detail::StateEntry> state = detail::state_of(module);
  for (const auto& e : state)
    if (!names.erase(e.path)) keys.missing.push_back(e.path);
  for (const auto& [name, t] : given)
    if (names.count(name)) keys.unexpected.push_back(name);
  check(state.empty() || keys.missing.size() < state.size(), "none of its ", given.size(), " names fits ",
        module.type_name(), given.empty() ? "" : cat(": received ", given[0].first, ", …"), "; expected ",
        state.empty() ? "" : state[0].path, ", …; rename the file's with .rename");
  return keys;
}

}  // namespace

std::vector<detail::StateEntry> detail::state_of(nn::ModuleRef module) {
  StateVisitor v;
  module.visit(v);
  return std::move(v.entries);
}

std::vector<nn::Mode*> detail::modes_of(nn::ModuleRef module) {
  StateVisitor v;
  module.visit(v);
  return std::move(v.modes);
}

Rename::Rename(std::initializer_list<std::pair<std::string, std::string>> pairs) : pairs_(pairs) {}

std::string Rename::operator()(const std::string& name) const {
  if (function_) return function_(name);
  for (const auto& [from, to] : pairs_) {
    if (!name.starts_with(from)) continue;
    const bool whole = name.size() == from.size();
    const bool boundary = from.empty() || from.back() == '.' || from.back() == '/' || whole || name[from.size()] == '.' ||
                          name[from.size()] == '/';
    if (boundary) return to + name.substr(from.size());
  }
  return name;
}

void save_weights(const std::string& path, nn::ModuleRef module, const Metadata& metadata) {
  check(path.ends_with(".safetensors") || path.ends_with(".npz"), "save_weights: received '", path,
        "'; expected a name that ends in .safetensors or .npz");
  const NamedTensors state = nn::state_dict(module);
  if (!path.ends_with(".npz")) return save_safetensors(path, state, metadata);
  check(metadata.empty(), path, ": an .npz file holds no metadata; save it as .safetensors");
  save_npz(path, state);
}

IncompatibleKeys load_weights(const std::string& path, nn::ModuleRef module, const LoadWeightsOptions& options) {
  check(!path.ends_with(".h5") && !path.ends_with(".keras"), path, ": Keras's HDF5 files are not read; export with "
        "numpy.savez(path, **{w.path: w.numpy() for w in model.weights}) and load that with .layout = WeightLayout::keras");
  check(!path.ends_with(".pt") && !path.ends_with(".pth"), path, ": PyTorch's pickled files are not read; export with "
        "safetensors.torch.save_file(model.state_dict(), path)");
  const bool zip = is_zip(path);
  NamedTensors file = zip ? load_npz(path) : load_safetensors(path).tensors;
  try {
    file = renamed(std::move(file), options.rename);
    if (options.layout == WeightLayout::keras) file = detail::from_keras(file, zip, module, options);
    file = fitted(file, module);
    if (options.strict) {
      nn::load_state_dict(module, file);
      return {};
    }
    IncompatibleKeys keys = compare(file, module);
    nn::load_state_dict(module, file, false);
    return keys;
  } catch (const Error& e) {
    fail(path, ": ", e.message());
  }
}

}  // namespace weft
