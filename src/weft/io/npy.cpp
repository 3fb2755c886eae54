// One array: header and data of .npy.
#include <charconv>
#include <cstring>

#include <weft/base/files.h>
#include <weft/io/foreign_dtype.h>
#include <weft/io/npz.h>

namespace weft {

namespace {

using detail::FileDType;
using Kind = FileDType::Kind;
constexpr std::string_view magic{"\x93NUMPY", 6};

/// The header: a Python dictionary such as {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }.
class HeaderReader {
 public:
  explicit HeaderReader(std::string_view text) : text_(text) {}

  void read() {
    expect('{');
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr") descr = descriptor();
      else if (key == "fortran_order") fortran = boolean();
      else if (key == "shape") tuple();
      else fail("the header has the unknown key '", key, "'");
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    check(!descr.empty() && fortran && has_shape, "the header lacks descr, fortran_order or shape: ", text_.substr(0, 200));
  }

  std::string descr;
  std::optional<bool> fortran;
  Shape shape;
  bool has_shape = false;

 private:
  void skip() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
  }
  bool accept(char c) {
    skip();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    check(accept(c), "expected '", std::string_view(&c, 1), "' at position ", at_, " of the header ", text_.substr(0, 200));
  }
  std::string quoted() {
    skip();
    const char quote = accept('"') ? '"' : '\'';
    if (quote == '\'') expect('\'');
    const auto end = text_.find(quote, at_);
    check(end != text_.npos, "a text of the header does not end: ", text_.substr(0, 200));
    std::string s(text_.substr(at_, end - at_));
    at_ = end + 1;
    return s;
  }
  std::string descriptor() {
    skip();
    check(at_ < text_.size() && text_[at_] != '[',
          "the array holds records (a structured dtype); expected plain numbers: save each field as an array of its own");
    return quoted();
  }
  bool boolean() {
    skip();
    for (const auto& [word, value] : {std::pair<std::string_view, bool>{"True", true}, {"False", false}})
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return value;
      }
    fail("fortran_order is neither True nor False");
  }
  void tuple() {
    expect('(');
    has_shape = true;
    while (!accept(')')) {
      skip();
      std::int64_t size = -1;
      const auto [end, code] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), size);
      check(code == std::errc{} && size >= 0, "a size of the shape is no whole number, or overflows: ", text_.substr(0, 200));
      at_ = static_cast<std::size_t>(end - text_.data());
      if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // Python 2 wrote long integers so
      shape.push_back(size);
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

[[noreturn]] void refuse(const std::string& descr, const char* how) { fail("the array has NumPy dtype '", descr, "'", how); }

/// "<f4", ">i8", "|b1", …
FileDType parse_descr(const std::string& descr) {
  if (descr.size() < 3 || std::string_view("<>|=").find(descr[0]) == std::string_view::npos)
    refuse(descr, "; expected byte order, kind and size, such as '<f4'");
  FileDType t;
  t.big_endian = descr[0] == '>';
  const std::string_view width = std::string_view(descr).substr(2);
  const auto [end, code] = std::from_chars(width.data(), width.data() + width.size(), t.bytes);
  if (code != std::errc{} || end != width.data() + width.size()) refuse(descr, "; its size is no number");
  const bool integer_width = t.bytes == 1 || t.bytes == 2 || t.bytes == 4 || t.bytes == 8;
  switch (descr[1]) {
    case 'b': t.kind = Kind::boolean; break;
    case 'i': t.kind = Kind::signed_int; break;
    case 'u': t.kind = Kind::unsigned_int; break;
    case 'f': t.kind = Kind::floating; break;
    case 'O': refuse(descr, " (Python objects, which only Python can unpickle); save numbers with .astype(numpy.float32)");
    case 'c': refuse(descr, " (complex); save its .real and .imag as two arrays");
    case 'V': refuse(descr, " (raw bytes; bfloat16 is saved so); save .astype(numpy.float32) instead");
    default: refuse(descr, "; expected bool, integers or floating numbers: convert with .astype");
  }
  const bool floating = t.kind == Kind::floating;
  if (floating ? t.bytes != 2 && t.bytes != 4 && t.bytes != 8 : !integer_width)
    refuse(descr, "; no such width here: convert with .astype(numpy.float64) or a smaller one");
  if (t.kind == Kind::boolean && t.bytes != 1) refuse(descr, "; a bool has one byte");
  if (!t.dtype()) refuse(descr, "; values over 2^63 - 1 have no dtype here: convert with .astype(numpy.int64)");
  return t;
}

const char* descr_of(DType dtype) {
  switch (dtype) {
    case DType::boolean: return "|b1";
    case DType::u8: return "|u1";
    case DType::i32: return "<i4";
    case DType::i64: return "<i8";
    case DType::f16: return "<f2";
    case DType::f32: return "<f4";
    case DType::f64: return "<f8";
    case DType::bf16: break;
  }
  fail("the tensor is bf16, which NumPy does not have; convert it with .to(f32), or save it as .safetensors");
}

std::string header_of(const Tensor& t) {
  std::string shape;
  for (auto size : t.shape()) shape += cat(shape.empty() ? "" : " ", size, ",");
  if (t.rank() > 1) shape.pop_back();
  std::string text = cat("{'descr': '", descr_of(t.dtype()), "', 'fortran_order': False, 'shape': (", shape, "), }");
  text.resize((10 + text.size() + 1 + 63) / 64 * 64 - 10 - 1, ' ');  // the data begins at a multiple of 64
  text += '\n';
  std::string out(magic);
  out += std::string_view("\x01\x00", 2);
  out += static_cast<char>(text.size() & 255);
  out += static_cast<char>(text.size() >> 8);
  return out + text;
}

}  // namespace

Tensor parse_npy(std::string_view bytes) {
  check(bytes.starts_with(magic) && bytes.size() >= 10, "no NumPy array: it does not begin with \\x93NUMPY");
  const auto byte = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(bytes[i])); };
  const auto version = byte(6);
  check(version >= 1 && version <= 3, "NumPy format version ", version, "; expected 1, 2 or 3");
  const std::size_t start = version == 1 ? 10 : 12;
  check(bytes.size() >= start, "the header is truncated");
  std::size_t length = byte(8) | byte(9) << 8;
  if (version > 1) length |= byte(10) << 16 | byte(11) << 24;
  check(length <= bytes.size() - start, "the header has ", length, " bytes, but ", bytes.size() - start, " follow. Truncated");
  HeaderReader header(bytes.substr(start, length));
  header.read();
  const FileDType type = parse_descr(header.descr);
  const auto expected = detail::checked_bytes(header.shape.begin(), static_cast<std::size_t>(header.shape.rank()),
                                              static_cast<std::uint64_t>(type.bytes));
  check(expected.has_value(), "the shape ", header.shape, " overflows");
  const std::string_view data = bytes.substr(start + length);
  check(data.size() == *expected, "has ", data.size(), " bytes of data; expected ", *expected, " for '", header.descr, "' ",
        header.shape, data.size() < *expected ? ". Truncated" : "");
  if (!*header.fortran || header.shape.rank() < 2) return detail::tensor_from_file(data.data(), type, header.shape);
  const std::string rows = detail::from_fortran_order(data.data(), header.shape, static_cast<std::size_t>(type.bytes));
  return detail::tensor_from_file(rows.data(), type, header.shape);
}

std::string npy_bytes(const Tensor& t) {
  const Tensor host = detail::host_tensor(t);
  std::string out = header_of(host);
  out += detail::bytes_of(host);
  return out;
}

Tensor load_npy(const std::string& path) {
  const std::string bytes = read_file(path);
  try {
    return parse_npy(bytes);
  } catch (const Error& e) {
    fail(path, ": ", e.message());
  }
}

void save_npy(const std::string& path, const Tensor& t) {
  const Tensor host = detail::host_tensor(t);
  std::string header;
  try {
    header = header_of(host);
  } catch (const Error& e) {
    fail(path, ": ", e.message());
  }
  const std::string_view parts[] = {header, detail::bytes_of(host)};
  write_file_atomically(path, parts);
}

}  // namespace weft
