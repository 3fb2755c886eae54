// Everything that resuming needs, in one .safetensors file: weights, buffers, optimizer, schedule position, random
// state, position in the data, running metrics, history, callbacks.
#pragma once

#include <string>

#include <weft/io/safetensors.h>
#include <weft/train/model.h>

namespace weft::nn {

/// Writes the model's whole state atomically. `extra` is kept beside it (settings of the run).
void save_checkpoint(const std::string& path, Model& model, const Metadata& extra = {});

/// Restores a compiled model of the same class; `fit(…, {.resume = true})` then goes on exactly, also in the middle of
/// an epoch. Returns what was kept as `extra`. Throws Error, and changes nothing, where the file does not fit.
Metadata load_checkpoint(const std::string& path, Model& model);

}  // namespace weft::nn
