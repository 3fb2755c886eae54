// Shapes, small containers, memory, errors, dtypes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <weft/base/dtype.h>
#include <weft/base/device.h>
#include <weft/base/error.h>
#include <weft/base/format.h>
#include <weft/base/memory.h>
#include <weft/base/shape.h>
#include <weft/base/small_vector.h>
#include <weft/base/view.h>

#include "support/errors.h"

namespace weft {
namespace {

using testing::error_of;

TEST(Shape, CountsElements) {
  EXPECT_EQ(Shape{}.numel(), 1);
  EXPECT_EQ((Shape{2, 3, 4}).numel(), 24);
  EXPECT_EQ((Shape{2, 0, 4}).numel(), 0);
  EXPECT_EQ(to_string(Shape{2, 3}), "[2, 3]");
  EXPECT_EQ(to_string(Shape{}), "[]");
}

TEST(Shape, IsBoundedInRank) {
  Shape s(Dims::filled(max_rank, 1));
  EXPECT_THROW(s.push_back(1), Error);
  EXPECT_THROW(Dims::filled(max_rank + 1, 1), Error);
}

TEST(Shape, InsertsAndErases) {
  Dims d{1, 2, 3};
  d.insert(1, 9);
  EXPECT_EQ(d, (Dims{1, 9, 2, 3}));
  d.erase(0);
  EXPECT_EQ(d, (Dims{9, 2, 3}));
  d.pop_back();
  EXPECT_EQ(d, (Dims{9, 2}));
  EXPECT_TRUE(d.contains(2));
  EXPECT_FALSE(d.contains(3));
}

TEST(Shape, StridesAreRowMajor) {
  EXPECT_EQ(contiguous_strides({2, 3, 4}), (Dims{12, 4, 1}));
  EXPECT_TRUE(is_contiguous({2, 3}, {3, 1}));
  EXPECT_FALSE(is_contiguous({2, 3}, {1, 2}));
  EXPECT_TRUE(is_contiguous({1, 3}, {77, 1})) << "axes of size 1 do not count";
}

TEST(Shape, Broadcasts) {
  EXPECT_EQ(broadcast({2, 1, 3}, {4, 1}), (Shape{2, 4, 3}));
  EXPECT_EQ(broadcast({}, {5}), (Shape{5}));
  EXPECT_EQ(broadcast({0, 3}, {1, 3}), (Shape{0, 3}));
  EXPECT_TRUE(broadcasts_to({3, 1}, {2, 3, 4}));
  EXPECT_FALSE(broadcasts_to({2, 3, 4}, {3, 4}));
  EXPECT_FALSE(broadcasts_to({2}, {3}));
  const std::string text = error_of([] { broadcast({2, 3}, {4, 3}); });
  EXPECT_NE(text.find("[2, 3]"), text.npos) << text;
  EXPECT_NE(text.find("[4, 3]"), text.npos) << text;
}

TEST(Shape, NormalizesAxes) {
  EXPECT_EQ(normalize_axis(-1, 3), 2);
  EXPECT_THROW(normalize_axis(3, 3), Error);
  EXPECT_THROW(normalize_axis(-4, 3), Error);
  EXPECT_EQ(normalize_axes({-1, 0}, 3), (Dims{0, 2}));
  EXPECT_EQ(normalize_axes({}, 2), (Dims{0, 1}));
  EXPECT_THROW(normalize_axes({1, -1}, 2), Error) << "an axis twice";
}

TEST(SmallVector, GrowsAndMoves) {
  SmallVector<std::shared_ptr<int>, 2> v;
  auto counted = std::make_shared<int>(7);
  for (int i = 0; i < 5; ++i) v.push_back(counted);
  EXPECT_EQ(counted.use_count(), 6);
  SmallVector<std::shared_ptr<int>, 2> copy = v, moved = std::move(v);
  EXPECT_EQ(counted.use_count(), 11);
  EXPECT_EQ(moved.size(), 5u);
  EXPECT_TRUE(v.empty());  // NOLINT: a moved-from vector is empty
  copy = std::move(moved);
  EXPECT_EQ(counted.use_count(), 6);
  copy.resize(1);
  EXPECT_EQ(counted.use_count(), 2);
  copy.clear();
  EXPECT_EQ(counted.use_count(), 1);
}

TEST(SmallVector, MovesElementsKeptInside) {
  SmallVector<std::string, 2> v{"a long text that does not fit into the string itself", "b"};
  SmallVector<std::string, 2> w = std::move(v);
  EXPECT_EQ(w[0], "a long text that does not fit into the string itself");
  w = SmallVector<std::string, 2>{"c"};
  ASSERT_EQ(w.size(), 1u);
  EXPECT_EQ(w.back(), "c");
}

TEST(Memory, IsAlignedAndReused) {
  for (std::size_t bytes : {1u, 63u, 64u, 65u, 5000u, 3000000u}) {
    void* p = memory::allocate(bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(p) % 64, 0u) << bytes;
    std::fill_n(static_cast<char*>(p), bytes, 'x');
    memory::release(p, bytes);
    void* again = memory::allocate(bytes);
    EXPECT_EQ(again, p) << "a block of the same size is used again: " << bytes;
    memory::release(again, bytes);
  }
}

TEST(Memory, CountsWhatIsInUse) {
  const std::size_t before = memory::stats().in_use;
  void* p = memory::allocate(1 << 20);
  EXPECT_GE(memory::stats().in_use, before + (1 << 20));
  EXPECT_GE(memory::stats().peak, memory::stats().in_use);
  memory::release(p, 1 << 20);
  EXPECT_EQ(memory::stats().in_use, before);
  EXPECT_GE(memory::stats().cached, std::size_t{1} << 20);
  memory::trim();
  EXPECT_LT(memory::stats().cached, std::size_t{1} << 20);
}

TEST(Memory, SaysHowMuchIsMissing) {
  const std::string text = error_of([] { memory::allocate(std::size_t{1} << 60); });
  EXPECT_NE(text.find("memory"), text.npos) << text;
}

TEST(Errors, SayWhereAndInWhat) {
  Error e("received 3");
  e.in("add").in("ignored");
  e.prepend_module("conv");
  e.prepend_module("[2]");
  e.prepend_module("block");
  e.at({"folder/file.cpp", 12});
  const std::string text = e.what();
  EXPECT_NE(text.find("add: received 3"), text.npos) << text;
  EXPECT_NE(text.find("file.cpp:12"), text.npos) << text;
  EXPECT_EQ(text.find("folder"), text.npos) << text;
  EXPECT_EQ(e.message(), "received 3");
  EXPECT_EQ(e.module_path(), "block[2].conv");
}

TEST(Errors, ANanHasNoSign) {
  EXPECT_EQ(to_string(std::copysign(std::nan(""), -1.0)), "nan");
  EXPECT_EQ(format("%.2f %d", std::copysign(std::nan(""), -1.0), 3), "nan 3");
}

TEST(Errors, SuggestTheNearestName) {
  const std::vector<std::string> names{"adam", "sgd", "rmsprop"};
  EXPECT_NE(suggestion("adma", names).find("'adam'"), std::string::npos);
  EXPECT_NE(suggestion("ADAM", names).find("'adam'"), std::string::npos);
  EXPECT_NE(suggestion("tutoral", {"mlp", "tutorial-cnn"}).find("'tutorial-cnn'"), std::string::npos);
  EXPECT_NE(suggestion("rmspro", names).find("'rmsprop'"), std::string::npos);
  EXPECT_EQ(suggestion("completely different", names), "");
}

TEST(DTypes, PromoteAsDocumented) {
  // Rows and columns: bool u8 i32 i64 f16 bf16 f32 f64.
  const char* table[8][8] = {{"bool", "u8", "i32", "i64", "f16", "bf16", "f32", "f64"},
                             {"u8", "u8", "i32", "i64", "f16", "bf16", "f32", "f64"},
                             {"i32", "i32", "i32", "i64", "f16", "bf16", "f32", "f64"},
                             {"i64", "i64", "i64", "i64", "f16", "bf16", "f32", "f64"},
                             {"f16", "f16", "f16", "f16", "f16", "f32", "f32", "f64"},
                             {"bf16", "bf16", "bf16", "bf16", "f32", "bf16", "f32", "f64"},
                             {"f32", "f32", "f32", "f32", "f32", "f32", "f32", "f64"},
                             {"f64", "f64", "f64", "f64", "f64", "f64", "f64", "f64"}};
  for (int a = 0; a < dtype_count; ++a)
    for (int b = 0; b < dtype_count; ++b)
      EXPECT_EQ(name_of(promote(static_cast<DType>(a), static_cast<DType>(b))), table[a][b]) << a << " with " << b;
}

TEST(DTypes, HaveNames) {
  for (int i = 0; i < dtype_count; ++i)
    EXPECT_EQ(static_cast<int>(parse_dtype(name_of(static_cast<DType>(i)))), i);
  EXPECT_EQ(parse_dtype("float32"), f32);
  EXPECT_EQ(parse_dtype("int64"), i64);
  EXPECT_NE(error_of([] { parse_dtype("flaot32"); }).find("float32"), std::string::npos);
}

/// The value of a binary16 by its definition.
double value_of_half(unsigned bits) {
  const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  const double sign = bits & 0x8000 ? -1 : 1;
  if (exponent == 31) return mantissa ? std::nan("") : sign * HUGE_VAL;
  return sign * (exponent ? std::ldexp(1024 + mantissa, exponent - 25) : std::ldexp(mantissa, -24));
}

TEST(DTypes, EveryHalfConvertsExactly) {
  for (unsigned bits = 0; bits < 65536; ++bits) {
    half h;
    h.bits = static_cast<std::uint16_t>(bits);
    const double want = value_of_half(bits);
    const float got = static_cast<float>(h);
    if (std::isnan(want)) {
      ASSERT_TRUE(std::isnan(got)) << bits;
      ASSERT_TRUE(std::isnan(static_cast<float>(half(got)))) << bits;
      continue;
    }
    ASSERT_EQ(got, want) << bits;
    ASSERT_EQ(std::signbit(got), (bits & 0x8000) != 0) << bits;
    ASSERT_EQ(half(got).bits, bits);
  }
}

TEST(DTypes, HalfRoundsToNearestEven) {
  for (unsigned low = 0; low < 0x7bff; ++low) {
    const double a = value_of_half(low), b = value_of_half(low + 1);
    const float middle = static_cast<float>((a + b) / 2);  // exact: one bit more than a half has
    for (unsigned sign : {0u, 0x8000u}) {
      const auto round = [&](float v) { return static_cast<unsigned>(half(sign ? -v : v).bits); };
      ASSERT_EQ(round(middle), sign | (low % 2 ? low + 1 : low)) << low;
      ASSERT_EQ(round(std::nextafter(middle, 1e30f)), sign | (low + 1)) << low;
      ASSERT_EQ(round(std::nextafter(middle, 0.0f)), sign | low) << low;
    }
  }
  EXPECT_EQ(half(65519.99f).bits, 0x7bff);
  EXPECT_EQ(half(65520.0f).bits, 0x7c00) << "beyond the largest half: infinity";
  EXPECT_EQ(half(1e30f).bits, 0x7c00);
  EXPECT_EQ(half(1e-30f).bits, 0);
}

TEST(DTypes, Bfloat16RoundsToNearestEven) {
  for (unsigned bits = 0; bits < 65536; ++bits) {
    bfloat16 b;
    b.bits = static_cast<std::uint16_t>(bits);
    const float v = static_cast<float>(b);
    if (std::isnan(v)) {
      ASSERT_TRUE(std::isnan(static_cast<float>(bfloat16(v))));
      continue;
    }
    ASSERT_EQ(bfloat16(v).bits, bits);
    if ((bits & 0x7fff) >= 0x7f7f) continue;
    const float middle = std::bit_cast<float>((bits << 16) | 0x8000u);
    ASSERT_EQ(bfloat16(middle).bits, bits % 2 ? bits + 1 : bits);
    ASSERT_EQ(bfloat16(std::bit_cast<float>((bits << 16) | 0x8001u)).bits, bits + 1);
    ASSERT_EQ(bfloat16(std::bit_cast<float>((bits << 16) | 0x7fffu)).bits, bits);
  }
}

TEST(Devices, HaveNames) {
  for (Device d : {cpu, ref(), cuda(1)}) EXPECT_EQ(parse_device(to_string(d)), d);
  EXPECT_EQ(parse_device("cuda"), cuda(0));
  EXPECT_NE(error_of([] { parse_device("cpuu"); }).find("'cpu'"), std::string::npos);
}

TEST(Views, CopyAndConvert) {
  const float from[] = {1.75f, -2.5f, 0, 3};
  std::int64_t whole[4];
  copy_elements(TensorView::of(const_cast<float*>(from), f32, {2, 2}), TensorView::of(whole, i64, {2, 2}));
  EXPECT_EQ(whole[0], 1);
  EXPECT_EQ(whole[1], -2);
  bool flags[4];
  TensorView transposed = TensorView::of(const_cast<float*>(from), f32, {2, 2});
  transposed.strides = {1, 2};
  copy_elements(transposed, TensorView::of(flags, boolean, {2, 2}));
  EXPECT_TRUE(flags[0] && !flags[1] && flags[2] && flags[3]);
}

}  // namespace
}  // namespace weft
