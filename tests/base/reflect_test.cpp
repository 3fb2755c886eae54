#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <weft/base/reflect.h>

namespace weft {
namespace {

struct Nested {
  int a = 1, b = 2;
};
struct Everything {
  int number = 3;
  double real_number = 0.5;
  std::string text = "x";
  std::vector<int> list;
  std::optional<int> maybe;
  std::function<void()> call;
  std::unique_ptr<int> owner;
  std::variant<int, std::string> either;
  Nested nested;
};
struct Empty {};
struct EmptyBase {};
struct Derived : EmptyBase {
  int first = 1;
  float second = 2;
};

template <bool Base = false, class T> std::vector<std::string> names_of(T& object) {
  std::vector<std::string> names;
  reflect::for_each_field<Base>(object, [&](std::string_view name, auto&) { names.emplace_back(name); });
  return names;
}

TEST(Reflection, CountsAndNamesMembers) {
  static_assert(reflect::field_count<Empty> == 0);
  static_assert(reflect::field_count<Nested> == 2);
  static_assert(reflect::field_count<Everything> == 9);
  Everything e;
  EXPECT_EQ(names_of(e), (std::vector<std::string>{"number", "real_number", "text", "list", "maybe", "call", "owner",
                                                   "either", "nested"}));
}

TEST(Reflection, ReadsMembersBehindAnEmptyBase) {
  static_assert(reflect::field_count<Derived, true> == 2);
  Derived d;
  EXPECT_EQ(names_of<true>(d), (std::vector<std::string>{"first", "second"}));
}

TEST(Reflection, GivesReferences) {
  Nested n;
  reflect::for_each_field(n, [](std::string_view, int& member) { member *= 10; });
  EXPECT_EQ(n.a, 10);
  EXPECT_EQ(n.b, 20);
  const Nested& fixed = n;
  int total = 0;
  reflect::for_each_field(fixed, [&](std::string_view, const int& member) { total += member; });
  EXPECT_EQ(total, 30);
}

}  // namespace
}  // namespace weft
