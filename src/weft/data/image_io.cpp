#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <jerror.h>

#include <jpeglib.h>
#include <png.h>

#include <weft/base/error.h>
#include <weft/base/files.h>
#include <weft/data/image.h>

namespace weft::data {

namespace {

// The C libraries report errors by longjmp, which must not skip a destructor: the functions that call setjmp have plain
// data only, and the vectors belong to their callers.
constexpr std::int64_t most_pixels = std::int64_t{1} << 28;

struct Source {
  const unsigned char* bytes;
  std::size_t size, at = 0;
};

// --- JPEG -------------------------------------------------------------------------------------------------------

struct JpegErrors {
  jpeg_error_mgr manager;  // first: libjpeg hands a pointer to it back
  std::jmp_buf jump;
  char text[JMSG_LENGTH_MAX];
};
[[noreturn]] void jpeg_fail(j_common_ptr info) {
  auto* e = reinterpret_cast<JpegErrors*>(info->err);
  e->manager.format_message(info, e->text);
  std::longjmp(e->jump, 1);
}
/// Data that end early or cannot be decoded are warnings to libjpeg, which fills in gray: to us they are errors.
void jpeg_message(j_common_ptr info, int level) {
  if (level >= 0) return;
  const int code = info->err->msg_code;
  if (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE || code == JWRN_MUST_RESYNC)
    jpeg_fail(info);
}
void jpeg_setup(JpegErrors& errors) {
  jpeg_std_error(&errors.manager);
  errors.manager.error_exit = jpeg_fail;
  errors.manager.emit_message = jpeg_message;
  errors.text[0] = 0;
}

struct JpegReader {
  jpeg_decompress_struct info;
  JpegErrors errors;
};

bool jpeg_begin(JpegReader& r, const Source& source, int channels) {
  jpeg_setup(r.errors);
  r.info.err = &r.errors.manager;
  if (setjmp(r.errors.jump)) return false;
  jpeg_create_decompress(&r.info);
  jpeg_mem_src(&r.info, source.bytes, source.size);
  jpeg_read_header(&r.info, TRUE);
  const bool cmyk = r.info.jpeg_color_space == JCS_CMYK || r.info.jpeg_color_space == JCS_YCCK;
  r.info.out_color_space = cmyk ? JCS_CMYK : channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_calc_output_dimensions(&r.info);
  return true;
}
bool jpeg_rows(JpegReader& r, unsigned char* rows, std::size_t stride) {
  if (setjmp(r.errors.jump)) return false;
  jpeg_start_decompress(&r.info);
  while (r.info.output_scanline < r.info.output_height) {
    unsigned char* row = rows + r.info.output_scanline * stride;
    jpeg_read_scanlines(&r.info, &row, 1);
  }
  jpeg_finish_decompress(&r.info);
  return true;
}

// --- interleaved rows to planes -----------------------------------------------------------------------------------

std::uint8_t gray_of(int r, int g, int b) {
  return static_cast<std::uint8_t>((19595 * r + 38470 * g + 7471 * b + 32768) >> 16);
}

/// From rows of 1 (gray), 3 (RGB) or 4 (CMYK, inverted as Adobe writes it where `inverted`) bytes a pixel.
void to_planes(const std::vector<unsigned char>& rows, int from, bool inverted, Image& image) {
  const std::int64_t n = image.plane_size();
  for (std::int64_t i = 0; i < n; ++i) {
    const unsigned char* p = rows.data() + i * from;
    int rgb[3] = {p[0], from > 1 ? p[1] : p[0], from > 1 ? p[2] : p[0]};
    if (from == 4)
      for (int& v : rgb) v = (inverted ? v * p[3] : (255 - v) * (255 - p[3])) / 255;
    if (image.channels == 1)
      image.pixels[static_cast<std::size_t>(i)] = from == 1 ? p[0] : gray_of(rgb[0], rgb[1], rgb[2]);
    else
      for (int c = 0; c < 3; ++c) image.plane(c)[i] = static_cast<std::uint8_t>(rgb[c]);
  }
}

void check_size(std::int64_t width, std::int64_t height, const std::string& name) {
  check(width > 0 && height > 0 && width * height <= most_pixels, name, ": an image of ", width, "x", height,
        " pixels; expected at most ", most_pixels);
}

Image decode_jpeg(const Source& source, const std::string& name, int channels) {
  JpegReader reader{};
  struct Free {
    JpegReader& r;
    ~Free() { jpeg_destroy_decompress(&r.info); }
  } free{reader};
  const auto damaged = [&] { fail(name, ": damaged JPEG file (", reader.errors.text, ")"); };
  if (!jpeg_begin(reader, source, channels)) damaged();
  check_size(reader.info.output_width, reader.info.output_height, name);
  Image image(channels, static_cast<int>(reader.info.output_height), static_cast<int>(reader.info.output_width));
  const int from = reader.info.out_color_components;
  std::vector<unsigned char> rows(static_cast<std::size_t>(image.plane_size() * from));
  if (!jpeg_rows(reader, rows.data(), static_cast<std::size_t>(image.width * from))) damaged();
  to_planes(rows, from, reader.info.saw_Adobe_marker, image);
  return image;
}

// --- PNG --------------------------------------------------------------------------------------------------------

struct PngReader {
  png_structp png;
  png_infop info;
  char text[160];
};
[[noreturn]] void png_fail(png_structp png, const char* text) {
  auto* r = static_cast<PngReader*>(png_get_error_ptr(png));
  std::snprintf(r->text, sizeof r->text, "%s", text);
  png_longjmp(png, 1);
}
void png_quiet(png_structp, const char*) {}
void png_take(png_structp png, png_bytep to, std::size_t n) {
  auto* s = static_cast<Source*>(png_get_io_ptr(png));
  if (n > s->size - s->at) png_error(png, "unexpected end of file");
  std::memcpy(to, s->bytes + s->at, n);
  s->at += n;
}

bool png_begin(PngReader& r, Source& source) {
  r.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &r, png_fail, png_quiet);
  if (!r.png) return false;
  r.info = png_create_info_struct(r.png);
  if (!r.info || setjmp(png_jmpbuf(r.png))) return false;
  png_set_read_fn(r.png, &source, png_take);
  png_read_info(r.png, r.info);
  png_set_expand(r.png);  // palette to RGB, low bit depths to 8, a transparent colour to alpha
  png_set_scale_16(r.png);
  png_set_strip_alpha(r.png);
  png_set_interlace_handling(r.png);
  png_read_update_info(r.png, r.info);
  return true;
}
bool png_rows(PngReader& r, unsigned char** rows) {
  if (setjmp(png_jmpbuf(r.png))) return false;
  png_read_image(r.png, rows);
  png_read_end(r.png, nullptr);
  return true;
}

Image decode_png(Source source, const std::string& name, int channels) {
  PngReader reader{};
  struct Free {
    PngReader& r;
    ~Free() { png_destroy_read_struct(&r.png, &r.info, nullptr); }
  } free{reader};
  const auto damaged = [&] { fail(name, ": damaged PNG file (", reader.text, ")"); };
  if (!png_begin(reader, source)) damaged();
  const auto width = static_cast<int>(png_get_image_width(reader.png, reader.info)),
             height = static_cast<int>(png_get_image_height(reader.png, reader.info));
  check_size(width, height, name);
  const int from = png_get_channels(reader.png, reader.info);
  const std::size_t stride = png_get_rowbytes(reader.png, reader.info);
  check(stride == static_cast<std::size_t>(width) * static_cast<std::size_t>(from), name,
        ": an unexpected kind of PNG file");
  std::vector<unsigned char> bytes(stride * static_cast<std::size_t>(height));
  std::vector<unsigned char*> rows;
  for (int y = 0; y < height; ++y) rows.push_back(bytes.data() + static_cast<std::size_t>(y) * stride);
  if (!png_rows(reader, rows.data())) damaged();
  Image image(channels, height, width);
  to_planes(bytes, from, false, image);
  return image;
}

// --- writing ----------------------------------------------------------------------------------------------------

std::vector<unsigned char> interleaved(const Image& image) {
  std::vector<unsigned char> rows(image.pixels.size());
  for (int c = 0; c < image.channels; ++c)
    for (std::int64_t i = 0; i < image.plane_size(); ++i)
      rows[static_cast<std::size_t>(i * image.channels + c)] = image.plane(c)[i];
  return rows;
}
void check_writable(const Image& image, const std::string& path) {
  check((image.channels == 1 || image.channels == 3) && image.height > 0 && image.width > 0 &&
            image.pixels.size() == static_cast<std::size_t>(image.channels * image.plane_size()),
        path, ": an image of ", image.channels, " channels, ", image.width, "x", image.height,
        " cannot be written; expected 1 or 3 channels and all pixels");
}

void png_put(png_structp png, png_bytep bytes, std::size_t n) {
  auto* out = static_cast<std::vector<unsigned char>*>(png_get_io_ptr(png));
  out->insert(out->end(), bytes, bytes + n);
}
bool png_encode(PngReader& w, std::vector<unsigned char>& out, unsigned char** rows, int channels, int height,
                int width) {
  w.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &w, png_fail, png_quiet);
  if (!w.png) return false;
  w.info = png_create_info_struct(w.png);
  if (!w.info || setjmp(png_jmpbuf(w.png))) return false;
  png_set_write_fn(w.png, &out, png_put, nullptr);
  png_set_IHDR(w.png, w.info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height), 8,
               channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(w.png, w.info);
  png_write_image(w.png, rows);
  png_write_end(w.png, nullptr);
  return true;
}

struct JpegWriter {
  jpeg_compress_struct info;
  JpegErrors errors;
  unsigned char* bytes;
  unsigned long size;
};
bool jpeg_encode(JpegWriter& w, const unsigned char* rows, int channels, int height, int width, int quality) {
  jpeg_setup(w.errors);
  w.info.err = &w.errors.manager;
  if (setjmp(w.errors.jump)) return false;
  jpeg_create_compress(&w.info);
  jpeg_mem_dest(&w.info, &w.bytes, &w.size);
  w.info.image_width = static_cast<JDIMENSION>(width);
  w.info.image_height = static_cast<JDIMENSION>(height);
  w.info.input_components = channels;
  w.info.in_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&w.info);
  jpeg_set_quality(&w.info, quality, TRUE);
  jpeg_start_compress(&w.info, TRUE);
  while (w.info.next_scanline < w.info.image_height) {
    auto* row = const_cast<unsigned char*>(rows + static_cast<std::size_t>(w.info.next_scanline) *
                                                      static_cast<std::size_t>(width * channels));
    jpeg_write_scanlines(&w.info, &row, 1);
  }
  jpeg_finish_compress(&w.info);
  return true;
}

}  // namespace

Image decode_image(const void* bytes, std::size_t size, const std::string& name, int channels) {
  check(channels == 1 || channels == 3, "decode_image: received channels ", channels, "; expected 1 (gray) or 3 (RGB)");
  const Source source{static_cast<const unsigned char*>(bytes), size};
  if (size >= 8 && png_sig_cmp(source.bytes, 0, 8) == 0) return decode_png(source, name, channels);
  if (size >= 3 && source.bytes[0] == 0xff && source.bytes[1] == 0xd8 && source.bytes[2] == 0xff)
    return decode_jpeg(source, name, channels);
  fail(name, size ? ": neither a JPEG nor a PNG file" : ": the file is empty");
}

Image read_image(const std::string& path, int channels) {
  const auto bytes = read_file(path);
  return decode_image(bytes.data(), bytes.size(), path, channels);
}

std::string encode_png(const Image& image, const std::string& path) {
  check_writable(image, path);
  auto bytes = interleaved(image);
  std::vector<unsigned char*> rows;
  for (int y = 0; y < image.height; ++y)
    rows.push_back(bytes.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width * image.channels));
  std::vector<unsigned char> out;
  PngReader writer{};
  const bool ok = png_encode(writer, out, rows.data(), image.channels, image.height, image.width);
  png_destroy_write_struct(&writer.png, &writer.info);
  check(ok, path, ": the image cannot be written as PNG (", writer.text, ")");
  return {out.begin(), out.end()};
}

void write_png(const std::string& path, const Image& image) {
  const std::string bytes = encode_png(image, path);
  write_file_atomically(path, bytes);
}

void write_jpeg(const std::string& path, const Image& image, int quality) {
  check_writable(image, path);
  check(quality >= 1 && quality <= 100, "write_jpeg: received quality ", quality, "; expected 1 to 100");
  const auto rows = interleaved(image);
  JpegWriter writer{};
  const bool ok = jpeg_encode(writer, rows.data(), image.channels, image.height, image.width, quality);
  const std::vector<unsigned char> out(writer.bytes, writer.bytes + (ok ? writer.size : 0));
  jpeg_destroy_compress(&writer.info);
  std::free(writer.bytes);
  check(ok, path, ": the image cannot be written as JPEG (", writer.errors.text, ")");
  write_file_atomically(path, {reinterpret_cast<const char*>(out.data()), out.size()});
}

bool is_image_file(const std::string& path) {
  const auto dot = path.rfind('.');
  if (dot == std::string::npos || path.find('/', dot) != std::string::npos) return false;
  std::string extension = path.substr(dot + 1);
  for (char& c : extension) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return extension == "jpg" || extension == "jpeg" || extension == "png";
}

void Image::resize(int c, int h, int w) {
  channels = c, height = h, width = w;
  pixels.resize(static_cast<std::size_t>(c) * static_cast<std::size_t>(h) * static_cast<std::size_t>(w));
}

}  // namespace weft::data
