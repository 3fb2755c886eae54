// The library's version.
#pragma once

namespace weft {

/// The version of the library that runs, as in the file VERSION: "0.1.0".
const char* version();

}  // namespace weft
