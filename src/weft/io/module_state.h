// What a module holds, for Weft's own .cpp files.
#pragma once

#include <string>
#include <vector>

#include <weft/io/weights.h>

namespace weft::detail {

/// A parameter or a buffer under one of its paths.
struct StateEntry {
  std::string path;
  Parameter parameter;  ///< one of the two is defined
  Buffer buffer;
  bool ready() const { return parameter.defined() ? parameter.ready() : buffer.ready(); }
  const Shape& shape() const { return parameter.defined() ? parameter.shape() : buffer.tensor().shape(); }
};

/// All entries in order; tied ones under each of their paths.
std::vector<StateEntry> state_of(nn::ModuleRef module);
/// All modes below.
std::vector<nn::Mode*> modes_of(nn::ModuleRef module);

/// Keras's tensors under the module's names and with its axes; see load_weights.
NamedTensors from_keras(const NamedTensors& file, bool file_order_counts, nn::ModuleRef module,
                        const LoadWeightsOptions& options);

}  // namespace weft::detail
