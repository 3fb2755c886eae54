#include <cmath>
#include <limits>

#include <weft/io/json.h>
#include <weft/ir/op.h>

#include "io_testing.h"

namespace weft {
namespace {

TEST(Json, AttributesSurviveBitForBit) {
  const double inf = std::numeric_limits<double>::infinity();
  const AttrMap in{{"flag", true}, {"count", std::int64_t{-9007199254740993}}, {"third", 1.0 / 3}, {"whole", 2.0},
                   {"tiny", 5e-324}, {"zero", -0.0}, {"text", std::string("a \"b\" \n é")},
                   {"axes", std::vector<std::int64_t>{0, -1, 1ll << 62}}, {"values", std::vector<double>{0.1, 1.0, inf, -inf}},
                   {"limit", -inf}, {"none", std::vector<std::int64_t>{}}};
  const std::string text = to_json(in);
  EXPECT_EQ(text.find('\n'), std::string::npos);
  const AttrMap out = parse_attributes(text);
  EXPECT_EQ(out, in);
  EXPECT_TRUE(std::signbit(std::get<double>(out[5].second)));
  const AttrMap nan = parse_attributes(to_json({{"x", std::nan("")}}));
  EXPECT_TRUE(std::isnan(std::get<double>(nan[0].second)));
}

TEST(Json, ErrorsAreOneClearLine) {
  WEFT_EXPECT_ERROR(parse_attributes("{"), "malformed JSON");
  WEFT_EXPECT_ERROR(parse_attributes("[1]"), "expected an object");
  WEFT_EXPECT_ERROR(parse_attributes(R"({"a":1,"a":2})"), "'a'", "twice");
  WEFT_EXPECT_ERROR(parse_attributes(R"({"a":null})"), "'a'", "null");
  WEFT_EXPECT_ERROR(parse_attributes(R"({"a":{"b":1}})"), "'a'");
  WEFT_EXPECT_ERROR(parse_attributes(R"({"a":[1,"x"]})"), "'a'", "list of numbers");
  WEFT_EXPECT_ERROR(parse_attributes(R"({"a":18446744073709551615})"), "'a'", "2^63");
  WEFT_EXPECT_ERROR(parse_attributes(R"({"a":{"f64":"huge"}})"), "'a'");
  WEFT_EXPECT_ERROR(to_json({{"a", std::string("\xff")}}), "UTF-8");
  EXPECT_EQ(json_quote("a\"b"), R"("a\"b")");
  EXPECT_TRUE(testing::error_of([] { parse_attributes("{"); }).starts_with("malformed JSON: parse error at line 1"));
}

TEST(Json, DeepNestingIsAnErrorNotACrash) {
  for (const auto& [open, close] : {std::pair{"[", "]"}, {"{\"b\":", "}"}}) {
    std::string deep;
    for (int i = 0; i < 100000; ++i) deep += open;
    WEFT_EXPECT_ERROR(parse_attributes("{\"a\":" + deep), "nested more than 100 levels deep");
    deep += "1";
    for (int i = 0; i < 100000; ++i) deep += close;
    WEFT_EXPECT_ERROR(parse_attributes("{\"a\":" + deep + "}"), "nested more than 100 levels deep");
  }
}

/// The attributes of every case of every operator go through text and back unchanged.
TEST(Json, AttributesOfEveryOperatorSurvive) {
  int cases = 0;
  for (const OpInfo* op : all_ops()) {
    if (!op->domain) continue;
    for (const OpCase& c : op->domain(*op)) {
      const AttrMap before = op->get(c.attrs.get());
      const Attrs again = op->make(parse_attributes(to_json(before)));
      EXPECT_EQ(op->get(again.get()), before) << op->name;
      ++cases;
    }
  }
  EXPECT_GT(cases, 50);
}

}  // namespace
}  // namespace weft
