// Max-pooling of channels-last images in windows side by side, and its gradient.
#include <algorithm>

#include <weft/base/thread_pool.h>
#include <weft/kernels/cpu/conv_tiles.h>
#include <weft/kernels/registry.h>
#include <weft/opdefs/pool.h>

namespace weft {

namespace {

using namespace cpu_kernels;
using Int = std::int64_t;

/// Windows of height x width side by side over images [in[0]][in[1]][channels].
struct Windows {
  Int channels, images, in[2] = {1, 1}, out[2] = {1, 1}, size[2] = {1, 1};

  Windows(const op::PoolShape& s, Int channels) : channels(channels), images(s.planes / channels) {
    for (int i = 2 - s.axes, k = 0; k < s.axes; ++i, ++k) {
      in[i] = s.in[k];
      out[i] = s.out[k];
      size[i] = s.kernel[k];
    }
  }
  Int in_row() const { return in[1] * channels; }
  Int in_image() const { return in[0] * in_row(); }
  /// Calls f(image, row of windows), a few rows a piece.
  template <class F> void for_each_row(F&& f) const {
    parallel_for(images * out[0], std::max<Int>(1, 16384 / (size[0] * in_row())), [&](Int begin, Int end) {
      for (Int r = begin; r < end; ++r) f(r / out[0], r % out[0]);
    });
  }
};

void run_max_pool(const KernelCall& call) {
  const TensorView& x = call.in[0];
  const Windows w(call.attributes<op::MaxPool>().geometry(x.shape), x.shape[1]);
  w.for_each_row([&](Int image, Int row) {
    const Int to = (image * w.out[0] + row) * w.out[1] * w.channels;
    PoolRow r;
    r.y = x.as<float>() + image * w.in_image() + row * w.size[0] * w.in_row();
    r.row_step = w.in_row();
    r.step = r.channels = w.channels;
    r.height = w.size[0];
    r.width = w.size[1];
    r.windows = w.out[1];
    r.out = call.out[0].as<float>() + to;
    r.index = call.out[1].as<std::uint8_t>() + to;
    pool_row(r);
  });
}

void run_max_pool_grad(const KernelCall& call) {
  const TensorView& g = call.in[0];
  const Windows w(call.attributes<op::MaxPoolGrad>().geometry(g.shape), g.shape[1]);
  auto* dx = call.out[0].as<float>();
  w.for_each_row([&](Int image, Int row) {
    const Int from = (image * w.out[0] + row) * w.out[1] * w.channels, used = w.out[1] * w.size[1] * w.channels;
    float* to = dx + image * w.in_image() + row * w.size[0] * w.in_row();
    for (Int h = 0; h < w.size[0]; ++h) {
      for (Int c = 0; c < w.size[1]; ++c)
        for (Int o = 0; o < w.out[1]; ++o)
          take_elements(g.as<float>() + from + o * w.channels, call.in[1].as<std::uint8_t>() + from + o * w.channels,
                        static_cast<int>(h * w.size[1] + c), w.channels, to + h * w.in_row() + (o * w.size[1] + c) * w.channels);
      std::fill(to + h * w.in_row() + used, to + (h + 1) * w.in_row(), 0.0f);
    }
    if (row + 1 < w.out[0]) return;
    for (float* rest = to + w.size[0] * w.in_row(); rest < dx + (image + 1) * w.in_image(); rest += w.in_row())
      std::fill_n(rest, w.in_row(), 0.0f);
  });
}

const char* decline_windows(const TensorView& images, const op::PoolShape& s) {
  if (images.dtype != DType::f32) return "computes in f32";
  if (s.axes > 2) return "for one or two spatial axes";
  if (images.numel() == 0) return "empty";
  if (images.shape[1] % channel_step) return "for 16, 32, 48, … channels";
  if (s.window() > 256) return "windows of more than 256 elements";
  for (int i = 0; i < s.axes; ++i)
    if (s.stride[i] != s.kernel[i] || s.pad_before[i] || s.dilation[i] != 1 || s.out[i] * s.kernel[i] > s.in[i])
      return "for windows side by side inside the image";
  return nullptr;
}
const char* decline_max_pool(const KernelCall& call) {
  return decline_windows(call.in[0], call.attributes<op::MaxPool>().geometry(call.in[0].shape));
}
const char* decline_max_pool_grad(const KernelCall& call) {
  return decline_windows(call.in[0], call.attributes<op::MaxPoolGrad>().geometry(call.in[0].shape));
}

}  // namespace

void register_cpu_channels_last_pool() {
  add_kernel(info_of<op::MaxPool>(), DeviceType::cpu, {"cpu.max_pool_channels_last", &run_max_pool, &decline_max_pool, true, 1, 3});
  add_kernel(info_of<op::MaxPoolGrad>(), DeviceType::cpu,
             {"cpu.max_pool_grad_channels_last", &run_max_pool_grad, &decline_max_pool_grad, true, 3, 1});
}

}  // namespace weft
