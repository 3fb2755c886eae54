// NumPy's files: .npy (one array) and .npz (a zip archive of them). Format: numpy.lib.format in NumPy's documentation.
#pragma once

#include <string>
#include <string_view>

#include <weft/tensor/named.h>

namespace weft {

/// How an .npz file is written.
struct NpzOptions {
  bool compress = false;  ///< deflate the members, as numpy.savez_compressed does
};

/// Reads an array of either byte order and either memory order, format versions 1 to 3, onto the default device.
/// i8, i16 and u16 become i32, u32 becomes i64; other foreign dtypes (u64, complex, objects, records) are an Error.
Tensor load_npy(const std::string& path);
/// Writes one array atomically (see write_file_atomically). NumPy has no bf16: Error; convert with .to(f32).
void save_npy(const std::string& path, const Tensor& t);

/// Reads every array of an .npz, by name (without ".npy"), in the archive's order. Members that are no arrays, damaged
/// or truncated ones are an Error naming them.
NamedTensors load_npz(const std::string& path);
/// Writes the arrays atomically; the same tensors give the same bytes.
void save_npz(const std::string& path, const NamedTensors& tensors, const NpzOptions& options = {});

/// The array in the bytes of an .npy file.
Tensor parse_npy(std::string_view bytes);
/// The bytes of an .npy file.
std::string npy_bytes(const Tensor& t);

}  // namespace weft
