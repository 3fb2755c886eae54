#include <weft/io/safetensors.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>
#include <numeric>
#include <unordered_set>

#include <weft/base/files.h>
#include <weft/data/digest.h>
#include <weft/io/foreign_dtype.h>
#include <weft/io/json_values.h>

namespace weft {

static_assert(std::endian::native == std::endian::little, "weight files are written as they lie in memory");

namespace {

using detail::FileDType;
using detail::Json;
using Kind = FileDType::Kind;

constexpr std::uint64_t max_header = 100'000'000;  // the limit of the format's own reader
constexpr const char* metadata_key = "__metadata__";

struct NamedType {
  const char* name;
  FileDType type;
};
constexpr NamedType types[] = {
    {"F64", {Kind::floating, 8}},       {"F32", {Kind::floating, 4}},     {"F16", {Kind::floating, 2}},
    {"BF16", {Kind::brain_floating, 2}}, {"I64", {Kind::signed_int, 8}},   {"I32", {Kind::signed_int, 4}},
    {"U8", {Kind::unsigned_int, 1}},    {"BOOL", {Kind::boolean, 1}},     {"I8", {Kind::signed_int, 1}},
    {"I16", {Kind::signed_int, 2}},     {"U16", {Kind::unsigned_int, 2}}, {"U32", {Kind::unsigned_int, 4}},
};

const char* type_name(DType dtype) {
  constexpr const char* names[dtype_count] = {"BOOL", "U8", "I32", "I64", "F16", "BF16", "F32", "F64"};
  return names[static_cast<int>(dtype)];
}

/// One tensor's entry in a header.
struct Entry {
  std::string name;
  FileDType type;
  Shape shape;
  std::uint64_t begin = 0, end = 0;
};

std::uint64_t unsigned_number(const Json& value, const char* what) {
  check(value.is_number_unsigned(), what, " is ", value.dump(), "; expected a whole number, zero or more");
  return value.get<std::uint64_t>();
}

Entry parse_entry(const std::string& name, const Json& value, std::uint64_t data_bytes) {
  check(value.is_object() && value.contains("dtype") && value.contains("shape") && value.contains("data_offsets") &&
            value.size() == 3,
        "expected an object of dtype, shape and data_offsets; received ", value.dump().substr(0, 200));
  Entry e{.name = name, .type = {}, .shape = {}};
  const Json& dtype = value["dtype"];
  check(dtype.is_string(), "dtype is ", dtype.dump(), "; expected a text such as \"F32\"");
  const auto type = std::find_if(std::begin(types), std::end(types), [&](const NamedType& t) { return dtype == t.name; });
  check(type != std::end(types), "dtype ", dtype.dump(),
        " is not known here; expected F64, F32, F16, BF16, I64, I32, I16, I8, U32, U16, U8 or BOOL: convert the tensor "
        "before saving it");
  e.type = type->type;
  check(value["shape"].is_array(), "shape is ", value["shape"].dump().substr(0, 100), "; expected a list");
  check(value["shape"].size() <= max_rank, "the shape has ", value["shape"].size(), " axes; a tensor has at most ", max_rank);
  for (const Json& size : value["shape"]) {
    const std::uint64_t n = unsigned_number(size, "a size of the shape");
    check(n < (std::uint64_t{1} << 62), "the size ", n, " of an axis overflows");
    e.shape.push_back(static_cast<std::int64_t>(n));
  }
  const auto bytes = detail::checked_bytes(e.shape.begin(), static_cast<std::size_t>(e.shape.rank()),
                                           static_cast<std::uint64_t>(e.type.bytes));
  check(bytes.has_value(), "the shape ", e.shape, " overflows");
  const Json& offsets = value["data_offsets"];
  check(offsets.is_array() && offsets.size() == 2, "data_offsets is ", offsets.dump().substr(0, 100), "; expected [begin, end]");
  e.begin = unsigned_number(offsets[0], "data_offsets");
  e.end = unsigned_number(offsets[1], "data_offsets");
  check(e.begin <= e.end && e.end <= data_bytes, "its bytes are [", e.begin, ", ", e.end, "), but the file has ", data_bytes,
        " bytes of data. The file is truncated or damaged");
  check(e.end - e.begin == *bytes, "has ", e.end - e.begin, " bytes; expected ", *bytes, " for ", type->name,
        e.shape);
  return e;
}

/// The data must be covered exactly: an overlap or a hole means damage, or bytes smuggled along.
void check_coverage(const std::vector<Entry>& entries, std::uint64_t data_bytes) {
  std::vector<const Entry*> order;
  for (const Entry& e : entries) order.push_back(&e);
  std::sort(order.begin(), order.end(),
            [](const Entry* a, const Entry* b) { return std::pair(a->begin, a->end) < std::pair(b->begin, b->end); });
  std::uint64_t at = 0;
  const Entry* before = nullptr;
  for (const Entry* e : order) {
    check(e->begin >= at, "tensor '", e->name, "' overlaps tensor '", before ? before->name : "", "' at byte ", e->begin);
    check(e->begin == at, "the bytes ", at, " to ", e->begin, " before tensor '", e->name, "' belong to no tensor");
    at = e->end;
    before = e;
  }
  check(at == data_bytes, "the last ", data_bytes - at, " bytes of the file belong to no tensor");
}

void read_metadata(const Json& value, Metadata& to) {
  check(value.is_object(), "__metadata__ is no object of texts");
  for (const auto& [key, text] : value.items()) {
    check(text.is_string(), "the metadata '", key, "' is ", text.dump().substr(0, 100), "; expected a text");
    to.emplace_back(key, text.get<std::string>());
  }
}

Safetensors read_all(const InputFile& file) {
  check(file.size() >= 8, "has ", file.size(), " bytes; expected at least the 8 of the header's length");
  std::uint64_t header_bytes = 0;
  file.read(0, &header_bytes, 8);
  check(header_bytes <= max_header, "the header's length is ", header_bytes, " bytes; expected at most ", max_header,
        ". Is this a .safetensors file?");
  check(header_bytes <= file.size() - 8, "the header's length is ", header_bytes, " bytes, but only ", file.size() - 8,
        " follow. The file is truncated, or no .safetensors file");
  std::string text(header_bytes, '\0');
  file.read(8, text.data(), text.size());
  check(text.starts_with('{'), "the header does not begin with '{'");
  Json header;
  try {
    header = detail::parse_json(text);
  } catch (const Error& e) {
    fail("the header: ", e.message());
  }
  const std::uint64_t data_at = 8 + header_bytes, data_bytes = file.size() - data_at;
  Safetensors result;
  std::vector<Entry> entries;
  for (const auto& [name, value] : header.items()) {
    if (name == metadata_key) {
      read_metadata(value, result.metadata);
      continue;
    }
    try {
      entries.push_back(parse_entry(name, value, data_bytes));
    } catch (const Error& e) {
      fail("tensor '", name, "': ", e.message());
    }
  }
  check_coverage(entries, data_bytes);
  for (const Entry& e : entries) {
    const std::uint64_t bytes = e.end - e.begin;
    auto raw = std::make_unique_for_overwrite<char[]>(bytes);
    file.read(data_at + e.begin, raw.get(), bytes);
    result.tensors.emplace_back(e.name, detail::tensor_from_file(raw.get(), e.type, e.shape));
  }
  return result;
}

std::string header_text(const NamedTensors& tensors, const std::vector<std::uint64_t>& offsets,
                        const Metadata& metadata) {
  Json header = Json::object();
  for (const auto& [name, text] : metadata) header[metadata_key][name] = text;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const auto& [name, t] = tensors[i];
    const std::uint64_t bytes = static_cast<std::uint64_t>(t.numel()) * size_of(t.dtype());
    header[name] = {{"dtype", type_name(t.dtype())},
                    {"shape", std::vector<std::int64_t>(t.shape().begin(), t.shape().end())},
                    {"data_offsets", {offsets[i], offsets[i] + bytes}}};
  }
  std::string text = detail::dump_json(header);
  text.resize((text.size() + 7) / 8 * 8, ' ');  // so that the data begins aligned
  check(text.size() <= max_header, "the names and metadata take ", text.size(), " bytes; the format allows ", max_header);
  return text;
}

}  // namespace

const std::string* find_text(const Metadata& metadata, std::string_view name) {
  for (const auto& [key, text] : metadata)
    if (key == name) return &text;
  return nullptr;
}

void save_safetensors(const std::string& path, const NamedTensors& tensors,
                      const Metadata& metadata) {
  try {
    std::unordered_set<std::string_view> names;
    for (const auto& [name, t] : tensors) {
      check(t.defined(), "tensor '", name, "' is undefined");
      check(name != metadata_key, "a tensor may not be named ", metadata_key, "; the format reserves that name");
      check(names.insert(name).second, "two tensors are named '", name, "'; expected each name once");
    }
    std::vector<std::size_t> order(tensors.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return size_of(tensors[a].second.dtype()) > size_of(tensors[b].second.dtype());
    });
    std::vector<Tensor> host;
    std::vector<std::uint64_t> offsets(tensors.size());
    std::vector<std::string_view> parts(2);
    std::uint64_t at = 0;
    for (std::size_t i : order) {
      host.push_back(detail::host_tensor(tensors[i].second));
      parts.push_back(detail::bytes_of(host.back()));
      offsets[i] = at;
      at += parts.back().size();
    }
    const std::string header = header_text(tensors, offsets, metadata);
    const std::uint64_t length = header.size();
    parts[0] = {reinterpret_cast<const char*>(&length), sizeof length};
    parts[1] = header;
    write_file_atomically(path, parts);
  } catch (const Error& e) {
    if (e.message().starts_with(path)) throw;
    fail(path, ": ", e.message());
  }
}

Safetensors load_safetensors(const std::string& path) {
  const InputFile file(path);
  try {
    return read_all(file);
  } catch (const Error& e) {
    if (e.message().starts_with(path)) throw;
    fail(path, ": ", e.message());
  }
}

std::string weights_sha256(const NamedTensors& tensors) {
  std::vector<const std::pair<std::string, Tensor>*> order;
  for (const auto& entry : tensors) order.push_back(&entry);
  std::sort(order.begin(), order.end(), [](auto* a, auto* b) { return a->first < b->first; });
  data::Digest digest("sha256");
  const auto add = [&](std::string_view bytes) { digest.add(bytes.data(), bytes.size()); };
  for (const auto* entry : order) {
    const Tensor t = detail::host_tensor(entry->second);
    // A zero byte ends each field, so that no two different sets give the same bytes.
    add(cat(std::string_view(entry->first), std::string_view("\0", 1), name_of(t.dtype()), to_string(t.shape()),
            std::string_view("\0", 1)));
    add(detail::bytes_of(t));
  }
  return digest.hex();
}

}  // namespace weft
