// A module's weights in files: .safetensors and .npz, our own, PyTorch's and Keras's.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <weft/io/safetensors.h>
#include <weft/nn/module.h>

namespace weft {

/// How names and axes of a weights file lie.
enum class WeightLayout : unsigned char {
  pytorch,  ///< as Weft's: `conv.weight` [out, in, h, w], `linear.weight` [out, in]
  keras,    ///< `conv2d/kernel` [h, w, in, out], `dense/kernel` [in, out], `gamma`, `beta`, `moving_mean`, …
};

/// New names for the names of a file: pairs, of which the first applies whose left side is the whole name or the
/// beginning of its path (`{"backbone", "net"}`, `{"module.", ""}`), or a function from old name to new.
class Rename {
 public:
  Rename() = default;
  Rename(std::initializer_list<std::pair<std::string, std::string>> pairs);  ///< as above
  Rename(std::vector<std::pair<std::string, std::string>> pairs) : pairs_(std::move(pairs)) {}  ///< as above
  template <class F>
    requires std::is_invocable_r_v<std::string, F, const std::string&>
  Rename(F f) : function_(std::move(f)) {}  ///< from old name to new
  std::string operator()(const std::string& name) const;  ///< the new name

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
  std::function<std::string(const std::string&)> function_;
};
/// How load_weights matches a file with a module.
struct LoadWeightsOptions {
  bool strict = true;  ///< every name must be on both sides; false: those that are on one side alone are left
  Rename rename = {};  ///< applied to the file's names, before they are matched
  WeightLayout layout = WeightLayout::pytorch;  ///< the file's
  /// Keras only: Dense layers that read a flattened image, by their path in the module, with the image's [C, H, W].
  /// Keras flattens [H, W, C], Weft [C, H, W], so their columns change places. A plain size, {"head", {2304}}, says
  /// that this layer reads no image.
  std::vector<std::pair<std::string, Shape>> flattened = {};
};

/// Writes parameters and buffers atomically; the path ends in .safetensors or .npz.
void save_weights(const std::string& path, nn::ModuleRef module, const Metadata& metadata = {});

/// What load_weights left out where it was not strict (PyTorch's result of the same name).
struct IncompatibleKeys {
  std::vector<std::string> missing, /**< in the module alone */ unexpected;  ///< in the file alone
};

/// Reads parameters and buffers from a .safetensors or .npz file. All is checked before anything changes: on Error
/// (which lists missing and unexpected names and wrong shapes) the module is as it was. PyTorch's names match directly;
/// its counters `num_batches_tracked` are ignored, and a tied weight may be there under any of its paths. A file
/// of which no name fits is an Error also where `strict` is false.
///
/// With WeightLayout::keras, layers are matched by their path where the names are those of the module, and otherwise one
/// by one in order among the layers of the same shapes, so that Keras's own names (`conv2d`, `conv2d_1`, …) do; arrays
/// named `arr_0`, `arr_1`, … (numpy.savez of get_weights()) in order. Export from Keras with
/// `safetensors.numpy.save_file({w.path: w.numpy() for w in model.weights}, path)` or `numpy.savez(path, **same)`.
IncompatibleKeys load_weights(const std::string& path, nn::ModuleRef module, const LoadWeightsOptions& options = {});

}  // namespace weft
