// The messages of errors.
#pragma once

#include <gtest/gtest.h>

#include <exception>
#include <string>
#include <vector>

namespace weft::testing {

/// The message of what f throws; "" where it throws nothing.
template <class F> std::string error_of(F&& f) {
  try {
    f();
  } catch (const std::exception& e) {
    return e.what();
  }
  return "";
}

/// f throws, and each part is in the message, which is one line.
template <class F, class... Parts> void expect_error(F&& f, const Parts&... parts) {
  const std::string message = error_of(f);
  EXPECT_FALSE(message.empty()) << "no error";
  for (const std::string& part : std::vector<std::string>{parts...})
    EXPECT_NE(message.find(part), std::string::npos) << part << " is not in: '" << message << "'";
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
}

/// The same for a statement.
#define WEFT_EXPECT_ERROR(statement, ...) ::weft::testing::expect_error([&] { statement; }, __VA_ARGS__)

}  // namespace weft::testing
