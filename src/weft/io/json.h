// Attributes as JSON text and back.
#pragma once

#include <string>
#include <string_view>

#include <weft/ir/attribute.h>

namespace weft {

/// A JSON object with a member for each attribute, in order. Doubles keep every bit and always carry a point or an
/// exponent; non-finite ones, which JSON has not, are written as {"f64": "inf"}, {"f64": "-inf"} or {"f64": "nan"}.
std::string to_json(const AttrMap& attributes);

/// The attributes of a JSON object: true and false, whole numbers (i64), other numbers (f64), texts, and lists of
/// numbers. Throws Error for malformed text, a key that is there twice, null, nested objects and mixed lists.
AttrMap parse_attributes(std::string_view json);

/// The text in JSON's quotes.
std::string json_quote(std::string_view text);

}  // namespace weft
