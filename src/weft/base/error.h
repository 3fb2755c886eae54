// One exception type; a message says what was received, what was expected and how to mend it.
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace weft {

/// A place in the caller's source. (std::source_location is missing from Emscripten's libc++ 13.)
struct SourceLocation {
  const char* file = "";  ///< as the compiler was given it
  int line = 0;           ///< 0: unknown
  /// The place where this default argument is evaluated; unknown inside Weft itself, which is no caller's line.
  static constexpr SourceLocation current(const char* f = __builtin_FILE(), int l = __builtin_LINE()) {
    return std::string_view(f).starts_with("libweft/") ? SourceLocation{} : SourceLocation{f, l};
  }
};

/// The exception that every layer throws. what() is one line: "[Net.conv2: ]add: received …; expected …; mend … (file.cpp:12)".
class Error : public std::exception {
 public:
  /// An error with this message: received, expected, how to mend it.
  explicit Error(std::string message) : message_(std::move(message)) { compose(); }
  /// The whole line.
  const char* what() const noexcept override { return what_.c_str(); }
  /// The message without module path and place.
  const std::string& message() const { return message_; }
  /// The operator or file that it is about; empty where none was named.
  const std::string& subject() const { return subject_; }
  /// Path of the module whose forward failed, e.g. "Net.block[2].conv"; empty outside modules.
  const std::string& module_path() const { return path_; }
  /// Puts the operator's or file's name before the message, once; later calls are ignored.
  Error& in(std::string_view subject);
  /// Puts a parent's name before the module path (called while the exception passes each module).
  Error& prepend_module(std::string_view name);
  /// The first known place wins.
  Error& at(SourceLocation where);

 private:
  void compose();
  std::string message_, subject_, path_, what_;
  SourceLocation where_;
};

/// Text of a value for messages; overloads for other types are found next to them.
inline std::string to_string(std::string_view s) { return std::string(s); }
inline std::string to_string(const std::string& s) { return s; }
inline std::string to_string(const char* s) { return s; }
std::string to_string(double v);
template <class T>
  requires std::is_integral_v<T>
std::string to_string(T v) {
  if constexpr (std::is_same_v<T, bool>) return v ? "true" : "false";
  else return std::to_string(v);
}

/// The texts of all arguments, joined.
template <class... A> std::string cat(const A&... a) {
  std::string s;
  ((s += to_string(a)), ...);
  return s;
}

/// Throws Error(cat(parts…)).
template <class... A> [[noreturn]] void fail(const A&... parts) { throw Error(cat(parts...)); }
/// Throws Error(cat(parts…)) where ok is false.
template <class... A> void check(bool ok, const A&... parts) {
  if (!ok) [[unlikely]] fail(parts...);
}

/// "; did you mean 'x'?" for the candidate nearest to `name` by edit distance, or "" where none is near.
std::string suggestion(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace weft
