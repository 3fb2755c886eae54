// Reading and writing .safetensors: a length, a JSON header, the tensors' bytes
// (https://github.com/huggingface/safetensors, section "Format").
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <weft/tensor/named.h>

namespace weft {

/// Texts by name in a file's header.
using Metadata = std::vector<std::pair<std::string, std::string>>;
/// The text of that name, or null.
const std::string* find_text(const Metadata& metadata, std::string_view name);

/// What a .safetensors file holds: tensors in the header's order, and its text metadata.
struct Safetensors {
  NamedTensors tensors;  ///< in the header's order
  Metadata metadata;  ///< the header's text entries
};

/// Writes the tensors atomically (see write_file_atomically), largest element size first so that every reader finds
/// aligned data. Throws Error for a name that is there twice, is "__metadata__" or is no UTF-8.
void save_safetensors(const std::string& path, const NamedTensors& tensors,
                      const Metadata& metadata = {});

/// Reads a file whole, onto the default device. Every length, offset, shape and name is checked before it is used; Error
/// names the file and the tensor. I8, I16 and U16 become i32, U32 becomes i64; other foreign dtypes are an Error.
Safetensors load_safetensors(const std::string& path);

/// SHA-256, as hexadecimal digits, of names, dtypes, shapes and bytes in order of name: equal for equal weights,
/// whatever the order, layout or device of the tensors.
std::string weights_sha256(const NamedTensors& tensors);

}  // namespace weft
