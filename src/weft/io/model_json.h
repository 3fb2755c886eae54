// A captured graph as JSON text: the saved architecture.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <weft/graph/graph.h>
#include <weft/ir/attribute.h>

namespace weft {

/// What `model.json` says of a model: all but the numbers.
struct ModelDescription {
  std::string name;                      ///< of the model's class; for people
  Graph graph;                           ///< its constants' values lie in the weights file
  AttrMap preprocessing;                 ///< what is done to raw data before the graph; who fills it chooses the names
  std::vector<std::string> class_names;  ///< of the outputs' classes; may be empty
};

/// The name under which the i-th constant of a graph lies in the weights file: "__constant.0".
std::string constant_name(std::size_t i);

/// JSON text: format and framework version, inputs, parameters and constants with shapes and dtypes, nodes with
/// attributes ({"batch": k} stands for k times the batch size), outputs, preprocessing, class names.
std::string to_json(const ModelDescription& model);

/// Reads it back; constants come as tensors without data (on the meta device) until they are filled from the weights.
/// Throws Error for malformed text, unknown operators and attributes, values that are used before they are made, and
/// shapes that do not fit together.
ModelDescription parse_model(std::string_view json);

}  // namespace weft
