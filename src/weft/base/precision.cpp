#include <weft/base/precision.h>

#include <weft/base/error.h>

namespace weft {

std::string_view name_of(Precision p) { return p == Precision::bf16 ? "bf16" : "f32"; }

std::vector<std::string> precision_names() { return {"f32", "bf16"}; }

Precision parse_precision(std::string_view name) {
  for (Precision p : {Precision::f32, Precision::bf16})
    if (name == name_of(p)) return p;
  fail("precision: received '", name, "'; expected f32 or bf16", suggestion(name, precision_names()));
}

}  // namespace weft
