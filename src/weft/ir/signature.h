// "conv2d(x, weight, bias?) -> y": names of an operator, its inputs and its outputs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weft {

/// How an input takes part in dtype promotion.
enum class InputKind : unsigned char {
  value,    ///< promoted together with the other values
  index,    ///< ":int": any integer dtype, converted to i64
  boolean,  ///< ":bool": converted to bool
  as_is,    ///< ":any": left alone
};

/// One input of a signature.
struct InputSpec {
  std::string name;                   ///< of the argument
  InputKind kind = InputKind::value;  ///< how it is converted
  bool optional = false;  ///< "bias?": may be left out; only the last inputs may
  bool variadic = false;  ///< "xs...": any number; only the last input may be
};

/// A parsed signature.
struct Signature {
  std::string name;                  ///< of the operator
  std::vector<InputSpec> inputs;     ///< in order
  std::vector<std::string> outputs;  ///< their names
  /// Throws Error for a malformed text (found when the operator is registered).
  static Signature parse(std::string_view text);
};

/// Marks the text of a signature in an operator struct.
struct SignatureText {
  std::string_view text;  ///< "name(inputs) -> outputs"
  /// The operator's name.
  constexpr std::string_view name() const { return text.substr(0, text.find('(')); }
};
/// `static constexpr auto signature = sig("clip(x) -> y");`
constexpr SignatureText sig(std::string_view text) { return {text}; }

}  // namespace weft
