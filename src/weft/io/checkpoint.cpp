#include <weft/io/checkpoint.h>

#include <weft/base/version.h>
#include <weft/io/safetensors.h>

namespace weft {

namespace {
constexpr const char* format_key = "weft.checkpoint";
constexpr const char* version_key = "weft.version";
constexpr const char* format = "1";
}  // namespace

const Tensor& Checkpoint::tensor(const std::string& name) const {
  if (const Tensor* t = find_tensor(tensors, name)) return *t;
  std::vector<std::string> names;
  for (const auto& [key, t] : tensors) names.push_back(key);
  fail("the checkpoint has no tensor '", name, "'", suggestion(name, names));
}

const std::string& Checkpoint::text(const std::string& name) const {
  if (const std::string* found = find_text(metadata, name)) return *found;
  std::vector<std::string> names;
  for (const auto& [key, t] : metadata) names.push_back(key);
  fail("the checkpoint has no entry '", name, "'", suggestion(name, names));
}

NamedTensors Checkpoint::below(const std::string& prefix) const {
  NamedTensors list;
  for (const auto& [name, t] : tensors)
    if (name.starts_with(prefix)) list.emplace_back(name.substr(prefix.size()), t);
  return list;
}

void save_checkpoint(const std::string& path, const Checkpoint& checkpoint) {
  Metadata metadata{{format_key, format}, {version_key, version()}};
  metadata.insert(metadata.end(), checkpoint.metadata.begin(), checkpoint.metadata.end());
  save_safetensors(path, checkpoint.tensors, metadata);
}

Checkpoint load_checkpoint(const std::string& path) {
  Safetensors file = load_safetensors(path);
  const std::string* found = find_text(file.metadata, format_key);
  check(found, path, ": is no checkpoint (it may hold weights alone: load them with load_weights)");
  check(*found == format, path, ": has checkpoint format ", *found, "; this version of Weft reads format ", format);
  std::erase_if(file.metadata, [](const auto& entry) { return entry.first == format_key || entry.first == version_key; });
  return {std::move(file.tensors), std::move(file.metadata)};
}

}  // namespace weft
