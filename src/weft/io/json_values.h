// Conversions between attributes and nlohmann's JSON values. For Weft's own .cpp files.
#pragma once

#include <limits>

#include <nlohmann/json.hpp>

#include <weft/base/error.h>
#include <weft/base/reflect.h>
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

template <class T> inline constexpr bool is_optional = requires(const T& t) { t.value_or(*t); };

/// Puts the fields of an aggregate into an object by their names; those of an aggregate within it stand beside them.
template <class T> void write_fields(Json& object, const T& from) {
  reflect::for_each_field(from, [&]<class F>(std::string_view name, const F& value) {
    if constexpr (std::is_aggregate_v<F>) write_fields(object, value);
    else if constexpr (is_optional<F>) object[std::string(name)] = value ? Json(*value) : Json();
    else object[std::string(name)] = value;
  });
}

/// `value` as the type of `to`; throws Error naming the field.
template <class T> void read_value(const std::string& name, const Json& value, T& to) {
  const auto expect = [&](bool ok, const char* what) {
    check(ok, "'", name, "' is ", value.dump().substr(0, 100), "; expected ", what);
  };
  if constexpr (std::is_same_v<T, bool>) expect(value.is_boolean(), "true or false");
  else if constexpr (std::is_unsigned_v<T>) expect(value.is_number_unsigned(), "a whole number, 0 or more");
  else if constexpr (std::is_integral_v<T>) expect(value.is_number_integer(), "a whole number");
  else if constexpr (std::is_floating_point_v<T>) expect(value.is_number(), "a number");
  else expect(value.is_string(), "a text");
  if constexpr (std::is_same_v<T, int>) {
    using Limits = std::numeric_limits<int>;
    expect(value >= Limits::min() && value <= Limits::max(), "a whole number below 2147483648");
  }
  value.get_to(to);
}

/// The same; null empties what may be empty.
template <class T> void read_field(const std::string& name, const Json& value, T& to) {
  if constexpr (is_optional<T>) {
    if (value.is_null()) return to.reset();
    return read_field(name, value, to.emplace());
  } else {
    read_value(name, value, to);
  }
}

/// Sets the fields that an object names, as write_fields() wrote them, and appends the names of all to `names`.
template <class T> void read_fields(const Json& object, T& to, std::vector<std::string>& names) {
  reflect::for_each_field(to, [&]<class F>(std::string_view name, F& value) {
    if constexpr (std::is_aggregate_v<F>) {
      read_fields(object, value, names);
    } else {
      names.emplace_back(name);
      if (object.contains(names.back())) read_field(names.back(), object.at(names.back()), value);
    }
  });
}

/// Throws Error for a key of the object that is none of `names`.
void check_keys(const Json& object, const std::vector<std::string>& names);

}  // namespace weft::detail
