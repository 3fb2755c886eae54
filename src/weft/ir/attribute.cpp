#include <weft/ir/attribute.h>

#include <cmath>
#include <variant>

#include <weft/base/error.h>

namespace weft {

namespace {
std::string text(const AttrValue& v) {
  return std::visit(
      []<class T>(const T& x) -> std::string {
        if constexpr (std::is_same_v<T, std::vector<std::int64_t>> || std::is_same_v<T, std::vector<double>>) {
          std::string s = "[";
          for (std::size_t i = 0; i < x.size(); ++i) s += (i ? ", " : "") + to_string(x[i]);
          return s + "]";
        } else {
          return to_string(x);
        }
      },
      v);
}

template <class T> const T& expect(const std::string& name, const AttrValue& v, const char* kind) {
  const T* p = std::get_if<T>(&v);
  check(p, "attribute '", name, "' is ", text(v), "; expected ", kind);
  return *p;
}
}  // namespace

std::string to_string(const AttrMap& attributes) {
  std::string s;
  for (const auto& [name, value] : attributes) s += (s.empty() ? "" : ", ") + name + "=" + text(value);
  return s;
}

namespace detail {

AttrValue encode(bool v) { return v; }
AttrValue encode(std::int64_t v) { return v; }
AttrValue encode(double v) { return v; }
AttrValue encode(DType v) { return std::string(name_of(v)); }
AttrValue encode(const std::string& v) { return v; }
AttrValue encode(const Dims& v) { return std::vector<std::int64_t>(v.begin(), v.end()); }
AttrValue encode(const std::vector<std::int64_t>& v) { return v; }
AttrValue encode(const std::vector<double>& v) { return v; }

void decode(const std::string& name, const AttrValue& from, bool& to) { to = expect<bool>(name, from, "true or false"); }
void decode(const std::string& name, const AttrValue& from, std::int64_t& to) {
  if (const double* d = std::get_if<double>(&from); d && std::nearbyint(*d) == *d) {
    to = static_cast<std::int64_t>(*d);
    return;
  }
  to = expect<std::int64_t>(name, from, "an integer");
}
void decode(const std::string& name, const AttrValue& from, double& to) {
  if (const auto* i = std::get_if<std::int64_t>(&from)) {
    to = static_cast<double>(*i);
    return;
  }
  to = expect<double>(name, from, "a number");
}
void decode(const std::string& name, const AttrValue& from, int& to) {
  std::int64_t wide = 0;
  decode(name, from, wide);
  to = static_cast<int>(wide);
  check(to == wide, "attribute '", name, "': received ", wide, "; expected a 32-bit integer");
}
void decode(const std::string& name, const AttrValue& from, float& to) {
  double wide = 0;
  decode(name, from, wide);
  to = static_cast<float>(wide);
}
void decode(const std::string& name, const AttrValue& from, DType& to) {
  to = parse_dtype(expect<std::string>(name, from, "the name of a dtype"));
}
void decode(const std::string& name, const AttrValue& from, std::string& to) {
  to = expect<std::string>(name, from, "a text");
}
void decode(const std::string& name, const AttrValue& from, Dims& to) {
  if (const auto* d = std::get_if<std::vector<double>>(&from); d && d->empty()) {
    to = {};
    return;
  }
  if (const auto* one = std::get_if<std::int64_t>(&from)) {
    to = {*one};
    return;
  }
  to = Dims(std::span<const std::int64_t>(expect<std::vector<std::int64_t>>(name, from, "a list of integers")));
}
void decode(const std::string& name, const AttrValue& from, std::vector<std::int64_t>& to) {
  to = expect<std::vector<std::int64_t>>(name, from, "a list of integers");
}
void decode(const std::string& name, const AttrValue& from, std::vector<double>& to) {
  if (const auto* i = std::get_if<std::vector<std::int64_t>>(&from)) {
    to.assign(i->begin(), i->end());
    return;
  }
  to = expect<std::vector<double>>(name, from, "a list of numbers");
}

}  // namespace detail
}  // namespace weft
