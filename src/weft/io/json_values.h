// Conversions between attributes and nlohmann's JSON values. For Weft's own .cpp files.
#pragma once

#include <nlohmann/json.hpp>

#include <weft/ir/attribute.h>

namespace weft::detail {

using Json = nlohmann::ordered_json;

Json to_json_value(const AttrValue& value);
Json to_json_value(const AttrMap& attributes);
/// `name` is for messages.
AttrValue attribute_from(const std::string& name, const Json& value);
AttrMap attributes_from(const Json& object);

/// The message of an exception of nlohmann's without the "[json.exception.…]" before it.
std::string reason_of(const std::string& what);
/// Parses text; throws Error for malformed text, for a key that an object has twice, and for one nested too deeply.
Json parse_json(std::string_view text);
/// Text of a value; throws Error where it holds texts that are no UTF-8. indent < 0: one line.
std::string dump_json(const Json& value, int indent = -1);

}  // namespace weft::detail
