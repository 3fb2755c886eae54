// An operator's attributes as plain values: what files, JSON and the command line read and write.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <weft/base/dtype.h>
#include <weft/base/shape.h>

namespace weft {

/// One attribute. Lists of integers carry Dims and vectors; DType travels as its name.
using AttrValue = std::variant<bool, std::int64_t, double, std::string, std::vector<std::int64_t>, std::vector<double>>;
/// Attributes by name in order of declaration.
using AttrMap = std::vector<std::pair<std::string, AttrValue>>;

/// "axes=[0, 1], keepdim=true"
std::string to_string(const AttrMap& attributes);

namespace detail {
AttrValue encode(bool v);
AttrValue encode(std::int64_t v);
AttrValue encode(double v);
inline AttrValue encode(int v) { return encode(static_cast<std::int64_t>(v)); }
inline AttrValue encode(float v) { return encode(static_cast<double>(v)); }
AttrValue encode(DType v);
AttrValue encode(const std::string& v);
AttrValue encode(const Dims& v);
AttrValue encode(const std::vector<std::int64_t>& v);
AttrValue encode(const std::vector<double>& v);
// Each throws Error naming the attribute where the value has another type.
void decode(const std::string& name, const AttrValue& from, bool& to);
void decode(const std::string& name, const AttrValue& from, std::int64_t& to);
void decode(const std::string& name, const AttrValue& from, double& to);
void decode(const std::string& name, const AttrValue& from, int& to);
void decode(const std::string& name, const AttrValue& from, float& to);
void decode(const std::string& name, const AttrValue& from, DType& to);
void decode(const std::string& name, const AttrValue& from, std::string& to);
void decode(const std::string& name, const AttrValue& from, Dims& to);
void decode(const std::string& name, const AttrValue& from, std::vector<std::int64_t>& to);
void decode(const std::string& name, const AttrValue& from, std::vector<double>& to);
}  // namespace detail

}  // namespace weft
