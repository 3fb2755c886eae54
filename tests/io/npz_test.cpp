#include <weft/base/view.h>
#include <weft/base/files.h>
#include <weft/io/npz.h>
#include <weft/ops/ops.h>

#include "io_testing.h"

namespace weft {
namespace {

using testing::from_base64;
using testing::TemporaryFolder;
using testing::put;

// Written by NumPy 2.4.6 (numpy.lib.format.write_array, savez, savez_compressed), in base64.
constexpr std::string_view f4_v1 =
    "k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAg"
    "ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAACAPgAAAD8AAEA/AACAPwAAoD8=";
constexpr std::string_view big_f8_fortran_v2 =
    "k05VTVBZAgB0AAAAeydkZXNjcic6ICc+ZjgnLCAnZm9ydHJhbl9vcmRlcic6IFRydWUsICdzaGFwZSc6ICgyLCAzKSwgfSAgICAgICAgICAgICAg"
    "ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAAEAIAAAAAAAAP/AAAAAAAABAEAAAAAAAAEAAAAAAAAAA"
    "QBQAAAAAAAA=";
constexpr std::string_view big_i2_v3 =
    "k05VTVBZAwB0AAAAeydkZXNjcic6ICc+aTInLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoMywpLCB9ICAgICAgICAgICAgICAg"
    "ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAr//gEsf/8=";
constexpr std::string_view bool_scalar =
    "k05VTVBZAQB2AHsnZGVzY3InOiAnfGIxJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKCksIH0gICAgICAgICAgICAgICAgICAg"
    "ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoB";
constexpr std::string_view f2_empty =
    "k05VTVBZAQB2AHsnZGVzY3InOiAnPGYyJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDAsIDMpLCB9ICAgICAgICAgICAgICAg"
    "ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAo=";
constexpr std::string_view u64_one =
    "k05VTVBZAQB2AHsnZGVzY3InOiAnPHU4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDEsKSwgfSAgICAgICAgICAgICAgICAg"
    "ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoBAAAAAAAAAA==";
constexpr std::string_view i4_fortran_3d =
    "k05VTVBZAQB2AHsnZGVzY3InOiAnPGk0JywgJ2ZvcnRyYW5fb3JkZXInOiBUcnVlLCAnc2hhcGUnOiAoMiwgMywgNCksIH0gICAgICAgICAgICAg"
    "ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAADAAAAAQAAAAQAAAACAAAABQAAAABAAAADQAAAAUAAAARAAAA"
    "CQAAABUAAAACAAAADgAAAAYAAAASAAAACgAAABYAAAADAAAADwAAAAcAAAATAAAACwAAABcAAAA=";
constexpr std::string_view savez_compressed =
    "UEsDBC0AAAAIAAAAIQBSMxP7//////////8FABQAYS5ucHkBABAAkAAAAAAAAABOAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqKuo6Ce"
    "ll9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GiY6mjoKtQoUAC4GMGiwBxIOQOQAAFBLAwQtAAAACAAAACEAEBk6Gf//////////BQAUAGIubnB5"
    "AQAQAIIAAAAAAAAASAAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBek2SorqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RqGOgpGmjoK"
    "tQpkAy5GBgBQSwECLQMtAAAACAAAACEAUjMT+04AAACQAAAABQAAAAAAAAAAAAAAgAEAAAAAYS5ucHlQSwECLQMtAAAACAAAACEAEBk6GUgAAACC"
    "AAAABQAAAAAAAAAAAAAAgAGFAAAAYi5ucHlQSwUGAAAAAAIAAgBmAAAABAEAAAAA";
constexpr std::string_view savez =
    "UEsDBC0AAAAAAAAAIQD3QBLq//////////8FABQAYS5ucHkBABAAmAAAAAAAAACYAAAAAAAAAJNOVU1QWQEAdgB7J2Rlc2NyJzogJzxpOCcsICdm"
    "b3J0cmFuX29yZGVyJzogRmFsc2UsICdzaGFwZSc6ICgzLCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg"
    "ICAgICAgICAgICAgICAKAAAAAAAAAAABAAAAAAAAAAIAAAAAAAAAUEsDBC0AAAgAAAAAIQAfkgkT//////////8GABQAw6kubnB5AQAQAIQAAAAA"
    "AAAAhAAAAAAAAACTTlVNUFkBAHYAeydkZXNjcic6ICc8dTQnLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoKSwgfSAgICAgICAg"
    "ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgCgcAAABQSwECLQMtAAAAAAAAACEA90AS6pgAAACY"
    "AAAABQAAAAAAAAAAAAAAgAEAAAAAYS5ucHlQSwECLQMtAAAIAAAAACEAH5IJE4QAAACEAAAABgAAAAAAAAAAAAAAgAHPAAAAw6kubnB5UEsFBgAA"
    "AAACAAIAZwAAAIsBAAAAAA==";

TEST(Npy, ReadsWhatNumPyWrites) {
  Tensor t = parse_npy(from_base64(f4_v1));
  EXPECT_EQ(t.meta(), (Meta{{2, 3}, f32}));
  EXPECT_EQ(t.to_vector<float>(), (std::vector<float>{0, 0.25, 0.5, 0.75, 1, 1.25}));
  t = parse_npy(from_base64(big_f8_fortran_v2));
  EXPECT_EQ(t.meta(), (Meta{{2, 3}, f64}));
  EXPECT_EQ(t.to_vector<double>(), (std::vector<double>{0, 1, 2, 3, 4, 5}));
  t = parse_npy(from_base64(big_i2_v3));
  EXPECT_EQ(t.dtype(), i32);
  EXPECT_EQ(t.to_vector<int>(), (std::vector<int>{-2, 300, 32767}));
  t = parse_npy(from_base64(bool_scalar));
  EXPECT_EQ(t.meta(), (Meta{{}, boolean}));
  EXPECT_EQ(t.item(), 1);
  t = parse_npy(from_base64(f2_empty));
  EXPECT_EQ(t.meta(), (Meta{{0, 3}, f16}));
  t = parse_npy(from_base64(i4_fortran_3d));
  EXPECT_EQ(t.meta(), (Meta{{2, 3, 4}, i32}));
  EXPECT_EQ(t.to_vector<int>(), arange(24).to_vector<int>());
}

TEST(Npy, WritesTheBytesThatNumPyWrites) {
  const Tensor t = tensor({{0.0, 0.25, 0.5}, {0.75, 1.0, 1.25}});
  EXPECT_EQ(npy_bytes(t), from_base64(f4_v1));
  EXPECT_EQ(npy_bytes(tensor(true, {.dtype = boolean})), from_base64(bool_scalar));
  EXPECT_EQ(npy_bytes(zeros({0, 3}, {.dtype = f16})), from_base64(f2_empty));
  EXPECT_EQ(parse_npy(npy_bytes(t.transpose())).to_vector<float>(), t.transpose().to_vector<float>());
}

TEST(Npy, EveryDtypeSurvives) {
  TemporaryFolder folder;
  for (DType d : {boolean, u8, i32, i64, f16, f32, f64}) {
    const Tensor t = tensor({{0.0, 1.0}, {5.0, 1.0}}, {.dtype = d});
    save_npy(folder / "t.npy", t);
    const Tensor back = load_npy(folder / "t.npy");
    EXPECT_EQ(back.meta(), t.meta());
    EXPECT_EQ(back.to_vector<double>(), t.to_vector<double>());
  }
  WEFT_EXPECT_ERROR(save_npy(folder / "b.npy", ones({2}, {.dtype = bf16})), "b.npy", "bf16", ".to(f32)");
  EXPECT_FALSE(file_exists(folder / "b.npy"));
}

/// An .npy file with this header and data.
std::string npy_of(std::string_view header, std::string_view data = "") {
  std::string s = std::string("\x93NUMPY\x01\0", 8);
  s += static_cast<char>(header.size() & 255);
  s += static_cast<char>(header.size() >> 8);
  return s.append(header).append(data);
}

TEST(Npy, DamageIsOneClearError) {
  WEFT_EXPECT_ERROR(parse_npy(""), "no NumPy array");
  WEFT_EXPECT_ERROR(parse_npy("{}"), "no NumPy array");
  WEFT_EXPECT_ERROR(parse_npy(from_base64(f4_v1).replace(6, 1, "\x09")), "version 9");
  WEFT_EXPECT_ERROR(parse_npy(from_base64(f4_v1).substr(0, 50)), "Truncated");
  WEFT_EXPECT_ERROR(parse_npy(from_base64(f4_v1).substr(0, 150)), "22 bytes", "expected 24", "Truncated");
  WEFT_EXPECT_ERROR(parse_npy(from_base64(f4_v1) + "x"), "25 bytes");
  WEFT_EXPECT_ERROR(parse_npy(from_base64(u64_one)), "'<u8'", "astype(numpy.int64)");
  const auto with = [](const char* descr, const char* shape = "(1,)") {
    return npy_of(cat("{'descr': ", descr, ", 'fortran_order': False, 'shape': ", shape, ", }"), std::string(8, '\0'));
  };
  WEFT_EXPECT_ERROR(parse_npy(with("'|O'")), "expected byte order, kind and size");
  WEFT_EXPECT_ERROR(parse_npy(with("'|O8'")), "Python objects");
  WEFT_EXPECT_ERROR(parse_npy(with("'<c8'")), "complex");
  WEFT_EXPECT_ERROR(parse_npy(with("'<V2'")), "bfloat16", "astype(numpy.float32)");
  WEFT_EXPECT_ERROR(parse_npy(with("'<f16'")), "width");
  WEFT_EXPECT_ERROR(parse_npy(with("[('a', '<f4')]")), "records");
  WEFT_EXPECT_ERROR(parse_npy(with("'<f4'", "(4294967296, 4294967296)")), "overflows");
  WEFT_EXPECT_ERROR(parse_npy(with("'<f4'", "(99999999999999999999,)")), "overflows");
  WEFT_EXPECT_ERROR(parse_npy(with("'<f4'", "(-1,)")), "whole number");
  WEFT_EXPECT_ERROR(parse_npy(with("'<f4'", "(1,1,1,1,1,1,1,1,1)")), "8");
  WEFT_EXPECT_ERROR(parse_npy(npy_of("{'descr': '<f4'}")), "lacks");
  WEFT_EXPECT_ERROR(parse_npy(npy_of("{'descr': '<f4")), "does not end");
  WEFT_EXPECT_ERROR(parse_npy(npy_of("")), "expected '{'");
}

TEST(Npz, ReadsWhatNumPyWrites) {
  TemporaryFolder folder;
  NamedTensors t = load_npz(put(folder / "c.npz", from_base64(savez_compressed)));
  ASSERT_EQ(t.size(), 2u);
  EXPECT_EQ(t[0].first, "a");
  EXPECT_EQ(t[0].second.to_vector<float>(), (std::vector<float>{0, 1, 2, 3}));
  EXPECT_EQ(t[1].second.meta(), (Meta{{1, 2}, boolean}));
  t = load_npz(put(folder / "s.npz", from_base64(savez)));
  ASSERT_EQ(t.size(), 2u);
  EXPECT_EQ(t[0].second.to_vector<int>(), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(t[1].first, "é");
  EXPECT_EQ(t[1].second.item(), 7);
}

TEST(Npz, WhatIsWrittenIsReadAndTheSameBytesAgain) {
  TemporaryFolder folder;
  const NamedTensors in{{"in0", randn({3, 4})}, {"layer/é.weight", arange(5)}, {"empty", zeros({0})}, {"one", tensor(2.5)}};
  for (bool compress : {false, true}) {
    save_npz(folder / "a.npz", in, {.compress = compress});
    const std::string bytes = read_file(folder / "a.npz");
    save_npz(folder / "a.npz", in, {.compress = compress});
    EXPECT_EQ(read_file(folder / "a.npz"), bytes);
    const NamedTensors out = load_npz(folder / "a.npz");
    ASSERT_EQ(out.size(), in.size());
    for (std::size_t i = 0; i < in.size(); ++i) {
      EXPECT_EQ(out[i].first, in[i].first);
      EXPECT_EQ(out[i].second.meta(), in[i].second.meta());
      EXPECT_EQ(out[i].second.to_vector<double>(), in[i].second.to_vector<double>());
    }
  }
}

TEST(Npz, DamageIsOneClearErrorAndNeverACrash) {
  TemporaryFolder folder;
  const std::string path = folder / "x.npz", good = from_base64(savez_compressed);
  WEFT_EXPECT_ERROR(load_npz(folder / "none.npz"), "none.npz", "No such file");
  WEFT_EXPECT_ERROR(load_npz(put(path, "hello")), "x.npz", "no zip archive");
  WEFT_EXPECT_ERROR(save_npz(path, {{"a", ones({1})}, {"a", ones({1})}}), "'a'", "twice");
  WEFT_EXPECT_ERROR(save_npz(path, {{"w", ones({1}, {.dtype = bf16})}}), "'w'", "bf16");
  for (std::size_t n = 0; n < good.size(); ++n)
    EXPECT_NE(testing::error_of([&] { load_npz(put(path, good.substr(0, n))); }), "") << n;
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x55);
    testing::error_of([&] { load_npz(put(path, bad)); });
  }
  std::string corrupt = good;  // a bit of the compressed data of "a": its checksum tells
  corrupt[70] = static_cast<char>(corrupt[70] ^ 1);
  WEFT_EXPECT_ERROR(load_npz(put(path, corrupt)), "member 'a.npy'");
}

TEST(Npz, AnEmptyArchiveIsOne) {
  const TemporaryFolder folder;
  save_npz(folder / "none.npz", {});
  const std::string end = "PK\5\6" + std::string(18, '\0');  // what numpy.savez writes without arrays
  EXPECT_EQ(read_file(folder / "none.npz"), end);
  EXPECT_TRUE(load_npz(folder / "none.npz").empty());
}

}  // namespace
}  // namespace weft
