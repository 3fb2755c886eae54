#include <cstdint>
#include <cstring>

#include <weft/base/view.h>
#include <weft/base/files.h>
#include <weft/io/safetensors.h>
#include <weft/ops/ops.h>

#include "io_testing.h"

namespace weft {
namespace {

using testing::TemporaryFolder;
using testing::put;

/// A file of this header and data.
std::string file_of(std::string_view header, std::string_view data = "") {
  std::uint64_t n = header.size();
  std::string s(8, '\0');
  std::memcpy(s.data(), &n, 8);
  return s.append(header).append(data);
}

TEST(Safetensors, EveryDtypeSurvives) {
  TemporaryFolder folder;
  NamedTensors in;
  for (DType d : {boolean, u8, i32, i64, f16, bf16, f32, f64})
    in.emplace_back(cat("t.", name_of(d)), tensor({{0.0, 1.0, 2.0}, {3.0, 1.0, 0.0}}, {.dtype = d}));
  in.emplace_back("scalar", tensor(3.5));
  in.emplace_back("empty", zeros({0, 4}));
  in.emplace_back("view", tensor({{1.0, 2.0}, {3.0, 4.0}}).transpose());
  save_safetensors(folder / "all.safetensors", in, {{"format", "pt"}, {"note", "äöü \"quoted\"\n"}});
  const Safetensors out = load_safetensors(folder / "all.safetensors");
  EXPECT_EQ(out.metadata, (Metadata{{"format", "pt"}, {"note", "äöü \"quoted\"\n"}}));
  ASSERT_EQ(out.tensors.size(), in.size());
  for (std::size_t i = 0; i < in.size(); ++i) {
    EXPECT_EQ(out.tensors[i].first, in[i].first);
    EXPECT_EQ(out.tensors[i].second.meta(), in[i].second.meta());
    EXPECT_EQ(out.tensors[i].second.to_vector<double>(), in[i].second.to_vector<double>());
  }
  EXPECT_EQ(weights_sha256(in), weights_sha256(out.tensors));
}

/// Written by safetensors 0.8.0 from PyTorch 2.15: {"linear.weight": [[1, 2], [3, 4.5]], "h": bf16 [0.5, -2], "n": 7,
/// "flags": [True, False, True]}, metadata {"format": "pt"}.
constexpr std::string_view from_pytorch =
    "EAEAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJmb3JtYXQiOiJwdCJ9LCJuIjp7ImR0eXBlIjoiSTY0Iiwic2hhcGUiOltdLCJkYXRhX29mZnNldHMi"
    "OlswLDhdfSwibGluZWFyLndlaWdodCI6eyJkdHlwZSI6IkYzMiIsInNoYXBlIjpbMiwyXSwiZGF0YV9vZmZzZXRzIjpbOCwyNF19LCJoIjp7ImR0"
    "eXBlIjoiQkYxNiIsInNoYXBlIjpbMl0sImRhdGFfb2Zmc2V0cyI6WzI0LDI4XX0sImZsYWdzIjp7ImR0eXBlIjoiQk9PTCIsInNoYXBlIjpbM10s"
    "ImRhdGFfb2Zmc2V0cyI6WzI4LDMxXX19ICAgIAcAAAAAAAAAAACAPwAAAEAAAEBAAACQQAA/AMABAAE=";

TEST(Safetensors, ReadsWhatPyTorchWrites) {
  TemporaryFolder folder;
  const Safetensors file =
      load_safetensors(put(folder / "pt.safetensors", testing::from_base64(from_pytorch)));
  EXPECT_EQ(*find_text(file.metadata, "format"), "pt");
  EXPECT_EQ(find_tensor(file.tensors, "linear.weight")->to_vector<float>(), (std::vector<float>{1, 2, 3, 4.5}));
  EXPECT_EQ(find_tensor(file.tensors, "linear.weight")->shape(), (Shape{2, 2}));
  EXPECT_EQ(find_tensor(file.tensors, "h")->dtype(), bf16);
  EXPECT_EQ(find_tensor(file.tensors, "h")->to_vector<float>(), (std::vector<float>{0.5, -2}));
  EXPECT_EQ(find_tensor(file.tensors, "n")->item(), 7);
  EXPECT_EQ(find_tensor(file.tensors, "flags")->to_vector<bool>(), (std::vector<bool>{true, false, true}));
}

TEST(Safetensors, ForeignIntegersAreWidened) {
  TemporaryFolder folder;
  const Safetensors f = load_safetensors(put(folder / "x", file_of(
      R"({"a":{"dtype":"I8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U32","shape":[1],"data_offsets":[2,6]},)"
      R"("c":{"dtype":"BOOL","shape":[2],"data_offsets":[6,8]}})", std::string_view("\xff\x05\xff\xff\xff\xff\x02\x00", 8))));
  EXPECT_EQ(f.tensors[0].second.to_vector<int>(), (std::vector<int>{-1, 5}));
  EXPECT_EQ(f.tensors[1].second.item<std::int64_t>(), 4294967295);
  EXPECT_EQ(f.tensors[2].second.to_vector<std::uint8_t>(), (std::vector<std::uint8_t>{1, 0}));
}

struct Damaged {
  const char* name;
  std::string bytes;
  std::vector<std::string> message;
};

std::vector<Damaged> damaged_files() {
  const std::string four(4, '\0'), eight(8, '\0');
  const auto entry = [](const char* shape, const char* offsets, const char* dtype = "F32") {
    return cat(R"({"w":{"dtype":")", dtype, R"(","shape":)", shape, R"(,"data_offsets":)", offsets, "}}");
  };
  return {
      {"empty", "", {"0 bytes"}},
      {"short_length", "\x01\x02", {"2 bytes"}},
      {"header_beyond_file", file_of("{}").replace(0, 1, "\x50"), {"80 bytes", "truncated"}},
      {"huge_header", std::string("\xff\xff\xff\xff\xff\xff\xff\xff{}", 10), {"expected at most 100000000"}},
      {"over_100_mb", std::string("\x01\xe1\xf5\x05\0\0\0\0{}", 10), {"100000001"}},
      {"no_json", file_of("{\"w\": [}"), {"malformed JSON"}},
      {"no_object", file_of("[]"), {"'{'"}},
      {"unfinished_json", file_of("{"), {"malformed JSON"}},
      {"not_utf8", file_of("{\"\xff\":1}"), {"malformed JSON"}},
      {"huge_number", file_of(entry("[1e999]", "[0,4]"), four), {"malformed JSON"}},
      {"duplicate_key", file_of(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                                R"("w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", four), {"'w'", "twice"}},
      {"duplicate_inner_key", file_of(R"({"w":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", four),
       {"'dtype'", "twice"}},
      {"entry_no_object", file_of(R"({"w":3})"), {"tensor 'w'", "expected an object"}},
      {"missing_field", file_of(R"({"w":{"dtype":"F32","shape":[1]}})", four), {"tensor 'w'", "data_offsets"}},
      {"unknown_dtype", file_of(entry("[4]", "[0,4]", "F8_E4M3"), four), {"tensor 'w'", "F8_E4M3", "convert"}},
      {"wrong_size", file_of(entry("[2]", "[0,4]"), four), {"tensor 'w'", "4 bytes", "expected 8"}},
      {"negative_size", file_of(entry("[-1]", "[0,4]"), four), {"tensor 'w'", "-1"}},
      {"fractional_size", file_of(entry("[1.0]", "[0,4]"), four), {"tensor 'w'", "1.0"}},
      {"size_overflow", file_of(entry("[4294967296,4294967296,4]", "[0,0]")), {"tensor 'w'", "overflows"}},
      {"huge_size", file_of(entry("[18446744073709551615]", "[0,4]"), four), {"tensor 'w'", "overflows"}},
      {"nine_axes", file_of(entry("[1,1,1,1,1,1,1,1,1]", "[0,4]"), four), {"tensor 'w'", "9 axes"}},
      {"offsets_beyond_file", file_of(entry("[2]", "[0,8]"), four), {"tensor 'w'", "truncated"}},
      {"offsets_reversed", file_of(entry("[1]", "[4,0]"), four), {"tensor 'w'"}},
      {"offsets_of_three", file_of(entry("[1]", "[0,4,8]"), eight), {"tensor 'w'", "[begin, end]"}},
      {"overlap", file_of(R"({"v":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                          R"("w":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})", four + "ab"), {"'w' overlaps tensor 'v'"}},
      {"hole", file_of(entry("[1]", "[4,8]"), eight), {"bytes 0 to 4", "'w'", "belong to no tensor"}},
      {"bytes_left", file_of(entry("[1]", "[0,4]"), eight), {"last 4 bytes"}},
      {"deep_nesting", file_of("{\"a\":" + std::string(100000, '[')), {"the header", "nested more than 100 levels"}},
      {"metadata_no_text", file_of(R"({"__metadata__":{"step":3}})"), {"'step'", "expected a text"}},
      {"metadata_no_object", file_of(R"({"__metadata__":"x"})"), {"__metadata__"}},
  };
}

TEST(Safetensors, DamageIsOneClearError) {
  TemporaryFolder folder;
  for (const Damaged& d : damaged_files()) {
    SCOPED_TRACE(d.name);
    const std::string path = put(folder / d.name, d.bytes);
    const std::string message = testing::error_of([&] { load_safetensors(path); });
    EXPECT_TRUE(message.starts_with(path + ": ")) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    for (const std::string& part : d.message) EXPECT_NE(message.find(part), std::string::npos) << part << " / " << message;
  }
}

/// Every truncation and every flipped byte of a real file loads or throws Error; nothing else may happen.
TEST(Safetensors, TruncatedAndFlippedFilesNeverCrash) {
  TemporaryFolder folder;
  const std::string good = testing::from_base64(from_pytorch);
  const std::string path = folder / "f";
  for (std::size_t n = 0; n < good.size(); ++n)
    EXPECT_NE(testing::error_of([&] { load_safetensors(put(path, good.substr(0, n))); }), "");
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1u << i % 8));
    testing::error_of([&] { load_safetensors(put(path, bad)); });
  }
}

TEST(Safetensors, RefusesToWriteWhatCannotBeRead) {
  TemporaryFolder folder;
  const Tensor t = ones({2});
  const std::string path = folder / "out.safetensors";
  WEFT_EXPECT_ERROR(save_safetensors(path, {{"a", t}, {"a", t}}), path, "'a'", "once");
  WEFT_EXPECT_ERROR(save_safetensors(path, {{"__metadata__", t}}), "reserves");
  WEFT_EXPECT_ERROR(save_safetensors(path, {{"\xff", t}}), "UTF-8");
  WEFT_EXPECT_ERROR(save_safetensors(path, {{"a", Tensor()}}), "'a'", "undefined");
  EXPECT_EQ(folder.entries(), 0u);
}

TEST(WeightsSha256, DependsOnContentAlone) {
  const NamedTensors a{{"x", tensor({1.0, 2.0})}, {"y", tensor({{1, 2}, {3, 4}})}};
  const NamedTensors reordered{{"y", tensor({{1, 3}, {2, 4}}).transpose()}, {"x", tensor({1.0, 2.0}).to(ref())}};
  // hashlib.sha256(b"x\0f32[2]\0" + <f4 bytes> + b"y\0i64[2, 2]\0" + <i8 bytes>).hexdigest() in Python 3.
  EXPECT_EQ(weights_sha256(a), "5daf15ac30bb839445a497990e666826fb7e1bbb563caf4be1a9cf13c2ac98c4");
  EXPECT_EQ(weights_sha256(a), weights_sha256(reordered));
  EXPECT_NE(weights_sha256(a), weights_sha256({{"x", tensor({1.0, 2.0})}, {"z", tensor({{1, 2}, {3, 4}})}}));
  EXPECT_NE(weights_sha256(a), weights_sha256({{"x", tensor({1.0, 2.0})}, {"y", tensor({1, 2, 3, 4})}}));
}

}  // namespace
}  // namespace weft
