// The functions of src/weft/ops as their headers declare and describe them.
#pragma once

#include <string>
#include <vector>

namespace weft::cli {

/// A function of the public headers of ops/.
struct PublicFunction {
  std::string name, declaration, doc;
};
/// All of them, in the headers' order; an overload is an entry of its own.
const std::vector<PublicFunction>& public_functions();
/// The names of those that are no operator, each once.
std::vector<std::string> composite_names();

}  // namespace weft::cli
