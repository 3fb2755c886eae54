#include <weft/io/json.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_set>
#include <variant>

#include <weft/base/error.h>
#include <weft/io/json_values.h>

namespace weft {

namespace detail {

namespace {

constexpr const char* special_key = "f64";
constexpr int max_depth = 100;  // nlohmann's dump() and destructor call themselves for each level

Json number(double v) {
  if (std::isfinite(v)) return v;
  return {{special_key, std::isnan(v) ? "nan" : v > 0 ? "inf" : "-inf"}};
}

bool is_special(const Json& v) { return v.is_object() && v.size() == 1 && v.contains(special_key); }
bool is_real(const Json& v) { return v.is_number_float() || is_special(v); }

double real(const std::string& name, const Json& v) {
  if (v.is_number()) return v.get<double>();
  const Json& text = v[special_key];
  if (text == "inf") return std::numeric_limits<double>::infinity();
  if (text == "-inf") return -std::numeric_limits<double>::infinity();
  check(text == "nan", "attribute '", name, "' is ", v.dump(), "; expected \"inf\", \"-inf\" or \"nan\"");
  return std::numeric_limits<double>::quiet_NaN();
}

std::int64_t integer(const std::string& name, const Json& v) {
  check(!v.is_number_unsigned() || v.get<std::uint64_t>() <= std::uint64_t{std::numeric_limits<std::int64_t>::max()},
        "attribute '", name, "' is ", v.dump(), ", which is over 2^63 - 1");
  return v.get<std::int64_t>();
}

AttrValue list_from(const std::string& name, const Json& list) {
  bool whole = true;
  for (const Json& v : list) {
    check(v.is_number() || is_special(v), "attribute '", name, "' holds ", v.dump(), "; expected a list of numbers");
    whole &= v.is_number_integer();
  }
  if (whole) {
    std::vector<std::int64_t> values;
    for (const Json& v : list) values.push_back(integer(name, v));
    return values;
  }
  std::vector<double> values;
  for (const Json& v : list) values.push_back(real(name, v));
  return values;
}

}  // namespace

Json to_json_value(const AttrValue& value) {
  return std::visit(
      []<class T>(const T& v) -> Json {
        if constexpr (std::is_same_v<T, double>) {
          return number(v);
        } else if constexpr (std::is_same_v<T, std::vector<double>>) {
          Json list = Json::array();
          for (double x : v) list.push_back(number(x));
          return list;
        } else {
          return v;
        }
      },
      value);
}

Json to_json_value(const AttrMap& attributes) {
  Json object = Json::object();
  for (const auto& [name, value] : attributes) object[name] = to_json_value(value);
  return object;
}

AttrValue attribute_from(const std::string& name, const Json& v) {
  if (v.is_boolean()) return v.get<bool>();
  if (v.is_number_integer()) return integer(name, v);
  if (is_real(v)) return real(name, v);
  if (v.is_string()) return v.get<std::string>();
  if (v.is_array()) return list_from(name, v);
  fail("attribute '", name, "' is ", v.dump().substr(0, 100), "; expected true, false, a number, a text or a list of numbers");
}

AttrMap attributes_from(const Json& object) {
  check(object.is_object(), "received ", object.dump().substr(0, 100), "; expected an object of attributes such as {\"axis\": 1}");
  AttrMap map;
  for (const auto& [name, value] : object.items()) map.emplace_back(name, attribute_from(name, value));
  return map;
}

std::string reason_of(const std::string& what) { return what.substr(what.starts_with('[') ? what.find("] ") + 2 : 0); }

Json parse_json(std::string_view text) {
  std::vector<std::unordered_set<std::string>> open;
  const auto seen = [&](int depth, Json::parse_event_t event, Json& value) {
    check(depth <= max_depth, "lists and objects are nested more than ", max_depth, " levels deep");
    if (event == Json::parse_event_t::object_start) open.emplace_back();
    if (event == Json::parse_event_t::object_end) open.pop_back();
    if (event == Json::parse_event_t::key) {
      const auto key = value.get<std::string>();
      check(open.back().insert(key).second, "the key '", key, "' is there twice");
    }
    return true;
  };
  try {
    return Json::parse(text.begin(), text.end(), seen);
  } catch (const Json::exception& e) {
    fail("malformed JSON: ", reason_of(e.what()));
  }
}

std::string dump_json(const Json& value, int indent) {
  try {
    return value.dump(indent);
  } catch (const Json::exception&) {
    fail("a text is no UTF-8; JSON allows nothing else");
  }
}

void check_keys(const Json& object, const std::vector<std::string>& names) {
  for (const auto& [key, value] : object.items())
    check(std::find(names.begin(), names.end(), key) != names.end(), "unknown setting '", key, "'",
          suggestion(key, names));
}

}  // namespace detail

std::string to_json(const AttrMap& attributes) { return detail::dump_json(detail::to_json_value(attributes)); }
AttrMap parse_attributes(std::string_view json) { return detail::attributes_from(detail::parse_json(json)); }
std::string json_quote(std::string_view text) { return detail::dump_json(detail::Json(text)); }

}  // namespace weft
