// A checkpoint: one file with everything that training needs to go on exactly.
#pragma once

#include <string>

#include <weft/io/safetensors.h>

namespace weft {

/// Tensors by name (parameters, buffers, optimizer slots) and texts by name (step, epoch, schedule, random state,
/// position in the data, configuration; JSON where they have parts). Who fills it chooses the names.
struct Checkpoint {
  NamedTensors tensors;
  Metadata metadata;

  /// The tensor of that name; throws Error with a suggestion.
  const Tensor& tensor(const std::string& name) const;
  /// The text of that name; throws Error with a suggestion.
  const std::string& text(const std::string& name) const;
  /// The tensors whose name begins with `prefix`, without it.
  NamedTensors below(const std::string& prefix) const;
};

/// Writes a .safetensors file atomically: at any moment, a kill or a power cut included, the file is the old checkpoint
/// or the new one, whole.
void save_checkpoint(const std::string& path, const Checkpoint& checkpoint);

/// Reads it back bit for bit. Throws Error for a damaged file, one that is no checkpoint (weights alone), and one of a
/// newer format.
Checkpoint load_checkpoint(const std::string& path);

}  // namespace weft
