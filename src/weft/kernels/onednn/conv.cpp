// Convolution by oneDNN, in shards of a few images: one thread each, cut by shape alone, each shard's layout changes
// inside its core's cache. Weight gradients go to a buffer a shard and are added in the shards' order.
#include <algorithm>
#include <string>

#include <weft/base/error.h>
#include <weft/base/memory.h>
#include <weft/base/thread_pool.h>
#include <weft/kernels/cpu_info.h>
#include <weft/kernels/onednn/engine.h>
#include <weft/kernels/registry.h>
#include <weft/opdefs/conv.h>

namespace weft {

namespace {

using namespace onednn;
using dnnl::memory;
using op::ConvShape;

enum Pass { forward, forward_bias, input_grad, weight_grad };

/// A convolution of one shard. `a` and `b` are the two inputs, `out` the result, in the primitive's layouts.
struct Plan {
  dnnl::primitive primitive;
  memory::desc a, b, out, scratch;
  memory::desc plain_a, plain_b, plain_out;
  Reorder load_a, load_b, store_out;  ///< between the plain layouts and the primitive's
  std::size_t reorder_scratch = 0;
  std::string implementation;
};

memory::dims with_batch(std::int64_t a, std::int64_t b, const Dims& rest) {
  memory::dims d{a, b};
  d.insert(d.end(), rest.begin(), rest.end());
  return d;
}

memory::desc row_major(const memory::dims& dims) {
  memory::dims strides(dims.size());
  memory::dim step = 1;
  for (std::size_t i = dims.size(); i-- > 0; step *= dims[i]) strides[i] = step;
  return {dims, memory::data_type::f32, strides};
}
memory::desc any_layout(const memory::dims& dims) {
  return {dims, memory::data_type::f32, memory::format_tag::any};
}

struct Sizes {
  memory::dims x, w, y, bias, stride, dilation, before, after;
};

Sizes sizes_of(const ConvShape& s, std::int64_t images) {
  Sizes d;
  d.x = with_batch(images, s.in_channels, s.in);
  d.y = with_batch(images, s.out_channels, s.out);
  d.w = with_batch(s.out_per_group(), s.in_per_group(), s.kernel);
  if (s.groups > 1) d.w.insert(d.w.begin(), s.groups);
  d.bias = {s.out_channels};
  d.stride.assign(s.stride.begin(), s.stride.end());
  for (auto v : s.dilation) d.dilation.push_back(v - 1);
  d.before.assign(s.pad_before.begin(), s.pad_before.end());
  d.after.assign(s.pad_after.begin(), s.pad_after.end());
  return d;
}

dnnl::convolution_forward::primitive_desc forward_desc(const Sizes& d, bool bias) {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  using Forward = dnnl::convolution_forward;
  const auto kind = dnnl::prop_kind::forward_training;
  const auto algorithm = dnnl::algorithm::convolution_direct;
  const auto desc = bias ? Forward::desc(kind, algorithm, any_layout(d.x), any_layout(d.w), row_major(d.bias),
                                         any_layout(d.y), d.stride, d.dilation, d.before, d.after)
                         : Forward::desc(kind, algorithm, any_layout(d.x), any_layout(d.w), any_layout(d.y), d.stride,
                                         d.dilation, d.before, d.after);
  return {desc, attr, engine()};
}

template <class Desc> void finish(Plan& p, const Desc& pd, const memory::dims& a, const memory::dims& b, const memory::dims& out) {
  p.implementation = pd.impl_info_str();
  p.scratch = pd.scratchpad_desc();
  p.plain_a = row_major(a);
  p.plain_b = row_major(b);
  p.plain_out = row_major(out);
  p.load_a = Reorder(p.plain_a, p.a);
  p.load_b = Reorder(p.plain_b, p.b);
  p.store_out = Reorder(p.out, p.plain_out);
  p.reorder_scratch = std::max({p.load_a.scratch_bytes(), p.load_b.scratch_bytes(), p.store_out.scratch_bytes()});
}

std::shared_ptr<const Plan> make_plan(Pass pass, const ConvShape& s, std::int64_t images, const memory::desc* dw_layout) {
  const Sizes d = sizes_of(s, images);
  auto p = std::make_shared<Plan>();
  const auto fwd = forward_desc(d, pass == forward_bias);
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const auto algorithm = dnnl::algorithm::convolution_direct;
  if (pass == forward || pass == forward_bias) {
    p->primitive = dnnl::convolution_forward(fwd);
    p->a = fwd.src_desc();
    p->b = fwd.weights_desc();
    p->out = fwd.dst_desc();
    finish(*p, fwd, d.x, d.w, d.y);
  } else if (pass == input_grad) {
    const dnnl::convolution_backward_data::primitive_desc pd(
        {algorithm, any_layout(d.x), any_layout(d.w), any_layout(d.y), d.stride, d.dilation, d.before, d.after}, attr,
        engine(), fwd);
    p->primitive = dnnl::convolution_backward_data(pd);
    p->a = pd.diff_dst_desc();
    p->b = pd.weights_desc();
    p->out = pd.diff_src_desc();
    finish(*p, pd, d.y, d.w, d.x);
  } else {
    const dnnl::convolution_backward_weights::primitive_desc pd(
        {algorithm, any_layout(d.x), dw_layout ? *dw_layout : any_layout(d.w), any_layout(d.y), d.stride, d.dilation,
         d.before, d.after},
        attr, engine(), fwd);
    p->primitive = dnnl::convolution_backward_weights(pd);
    p->a = pd.src_desc();
    p->b = pd.diff_dst_desc();
    p->out = pd.diff_weights_desc();
    finish(*p, pd, d.x, d.y, d.w);
  }
  return p;
}

std::shared_ptr<const Plan> plan_for(Pass pass, const ConvShape& s, std::int64_t images, const Plan* like = nullptr) {
  static Cache<Plan> cache;
  Key key;
  key.add(pass);
  key.add(images);
  key.add_all(s.x());
  key.add_all(s.w());
  key.add(s.groups);
  for (const Dims* d : {&s.stride, &s.pad_before, &s.pad_after, &s.dilation}) key.add_all(*d);
  key.add(like != nullptr);
  return cache.get(key, [&] { return make_plan(pass, s, images, like ? &like->out : nullptr); });
}

/// Images of one shard: few enough for balance among threads and for the cache, by shape alone.
std::int64_t shard_images(const ConvShape& s) { return std::clamp<std::int64_t>(s.batch / 8, 1, 8); }
/// The same for weight gradients, whose buffers cost memory and additions.
std::int64_t weight_shard_images(const ConvShape& s) {
  const std::int64_t most = std::max<std::int64_t>(4, (std::int64_t{32} << 20) / std::max<std::int64_t>(1, s.w().numel() * 4));
  return std::max(std::clamp<std::int64_t>(s.batch / 4, 1, 8), (s.batch + most - 1) / most);
}

const char* decline(Pass pass, const KernelCall& call, const ConvShape& s) {
  static const bool off = onednn_switched_off();
  if (off) return "switched off by WEFT_ONEDNN=off";
  for (const TensorView& v : call.in)
    if (v.dtype != DType::f32) return "oneDNN's convolution here is for f32";
  if (s.x().numel() == 0 || s.y().numel() == 0 || s.w().numel() == 0) return "empty";
  try {
    const auto plan = plan_for(pass, s, pass == weight_grad ? std::min(s.batch, weight_shard_images(s)) : std::min(s.batch, shard_images(s)));
    if (plan->implementation.starts_with("ref")) return "oneDNN has only its plain loop for this case";
  } catch (const dnnl::error&) {
    return "oneDNN does not take this case";
  }
  return nullptr;
}

/// Memory of a shard's work: a copy of an input or output in the primitive's layout where that differs.
class Staging {
 public:
  Staging(const memory::desc& layout, const Reorder& reorder, bool used) : scratch_(used && reorder.needed() ? static_cast<std::int64_t>(layout.get_size()) : 0) {}
  char* data() const { return scratch_; }

 private:
  Scratch<char> scratch_;
};

/// y = conv(a, b) or dx = conv_input_grad(a, b): shards read slices of a and write slices of the result.
void run_sharded(Pass pass, const KernelCall& call, const ConvShape& s) {
  const std::int64_t shard = std::min(s.batch, shard_images(s)), rest = s.batch % shard;
  const auto whole = plan_for(pass, s, shard), last = rest ? plan_for(pass, s, rest) : nullptr;
  const bool to_x = pass == input_grad;
  const std::int64_t a_step = (to_x ? s.y() : s.x()).numel() / s.batch, out_step = (to_x ? s.x() : s.y()).numel() / s.batch;
  auto* const a = call.in[0].as<float>();
  auto* const b = call.in[1].as<float>();
  auto* const out = call.out[0].as<float>();
  const auto pack = [&](const Plan& p, char* to) {
    if (!p.load_b.needed()) return;
    OneThread one;
    Scratch<char> scratch(static_cast<std::int64_t>(p.load_b.scratch_bytes()));
    p.load_b.run(b, to, scratch);
  };
  const Staging whole_b(whole->b, whole->load_b, true), last_b(rest ? last->b : whole->b, rest ? last->load_b : Reorder(), rest != 0);
  pack(*whole, whole_b.data());
  if (rest) pack(*last, last_b.data());
  parallel_for(s.batch, shard, [&](std::int64_t begin, std::int64_t end) {
    const bool full = end - begin == shard;
    const Plan& p = full ? *whole : *last;
    OneThread one;
    const Staging in(p.a, p.load_a, true), result(p.out, p.store_out, true);
    Scratch<char> scratch(static_cast<std::int64_t>(std::max(p.scratch.get_size(), p.reorder_scratch)));
    float* from = a + begin * a_step;
    float* to = out + begin * out_step;
    if (p.load_a.needed()) p.load_a.run(from, in.data(), scratch);
    void* weights = p.load_b.needed() ? static_cast<void*>((full ? whole_b : last_b).data()) : b;
    memory ma(p.a, engine(), p.load_a.needed() ? static_cast<void*>(in.data()) : from), mb(p.b, engine(), weights);
    memory mo(p.out, engine(), p.store_out.needed() ? static_cast<void*>(result.data()) : to), ms(p.scratch, engine(), scratch.data());
    std::unordered_map<int, memory> arguments{{DNNL_ARG_WEIGHTS, mb}, {DNNL_ARG_SCRATCHPAD, ms}};
    arguments.emplace(to_x ? DNNL_ARG_DIFF_DST : DNNL_ARG_SRC, ma);
    arguments.emplace(to_x ? DNNL_ARG_DIFF_SRC : DNNL_ARG_DST, mo);
    if (pass == forward_bias)
      arguments.emplace(DNNL_ARG_BIAS, memory({{s.out_channels}, memory::data_type::f32, memory::format_tag::x}, engine(), call.in[2].data));
    p.primitive.execute(stream(), arguments);
    if (p.store_out.needed()) p.store_out.run(result.data(), to, scratch);
  });
}

/// One shard's weight gradient into `to` (the primitive's layout).
void run_weight_shard(const Plan& p, float* x, float* g, float* to) {
  OneThread one;
  const Staging a(p.a, p.load_a, true), b(p.b, p.load_b, true);
  Scratch<char> scratch(static_cast<std::int64_t>(std::max(p.scratch.get_size(), p.reorder_scratch)));
  if (p.load_a.needed()) p.load_a.run(x, a.data(), scratch);
  if (p.load_b.needed()) p.load_b.run(g, b.data(), scratch);
  memory ma(p.a, engine(), p.load_a.needed() ? static_cast<void*>(a.data()) : x);
  memory mb(p.b, engine(), p.load_b.needed() ? static_cast<void*>(b.data()) : g);
  memory mo(p.out, engine(), to), ms(p.scratch, engine(), scratch.data());
  p.primitive.execute(stream(), {{DNNL_ARG_SRC, ma}, {DNNL_ARG_DIFF_DST, mb}, {DNNL_ARG_DIFF_WEIGHTS, mo}, {DNNL_ARG_SCRATCHPAD, ms}});
}

void run_weight_grad(const KernelCall& call) {
  const auto& op = call.attributes<op::ConvWeightGrad>();
  const ConvShape s = op.geometry(call.in[0].shape, call.in[1].shape);
  const std::int64_t shard = std::min(s.batch, weight_shard_images(s)), rest = s.batch % shard;
  const std::int64_t shards = (s.batch + shard - 1) / shard;
  const auto whole = plan_for(weight_grad, s, shard), last = rest ? plan_for(weight_grad, s, rest, whole.get()) : nullptr;
  auto* const x = call.in[0].as<float>();
  auto* const g = call.in[1].as<float>();
  auto* const dw = call.out[0].as<float>();
  const std::int64_t x_step = s.x().numel() / s.batch, g_step = s.y().numel() / s.batch;
  const auto size = static_cast<std::int64_t>(whole->out.get_size() / sizeof(float));
  const bool direct = shards == 1 && !whole->store_out.needed();
  Scratch<float> sums(direct ? 0 : shards * size);
  float* const buffers = direct ? dw : sums.data();
  parallel_for(s.batch, shard, [&](std::int64_t begin, std::int64_t end) {
    run_weight_shard(end - begin == shard ? *whole : *last, x + begin * x_step, g + begin * g_step, buffers + begin / shard * size);
  });
  if (direct) return;
  float* const to = whole->store_out.needed() ? buffers : dw;
  parallel_for(size, 4096, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = 1; k < shards; ++k) {
      const float* from = buffers + k * size;
      for (std::int64_t i = begin; i < end; ++i) buffers[i] += from[i];
    }
    if (to != buffers) std::copy(buffers + begin, buffers + end, to + begin);
  });
  if (!whole->store_out.needed()) return;
  OneThread one;
  Scratch<char> scratch(static_cast<std::int64_t>(whole->store_out.scratch_bytes()));
  whole->store_out.run(buffers, dw, scratch);
}

Pass forward_pass(const KernelCall& call) { return call.in.size() > 2 ? forward_bias : forward; }
ConvShape shape_of_conv(const KernelCall& call) {
  return call.attributes<op::Conv>().geometry(call.in[0].shape, call.in[1].shape);
}
ConvShape shape_of_input_grad(const KernelCall& call) {
  return call.attributes<op::ConvInputGrad>().geometry(call.in[0].shape, call.in[1].shape);
}

void run_conv(const KernelCall& call) { run_sharded(forward_pass(call), call, shape_of_conv(call)); }
void run_input_grad(const KernelCall& call) { run_sharded(input_grad, call, shape_of_input_grad(call)); }
const char* decline_conv(const KernelCall& call) { return decline(forward_pass(call), call, shape_of_conv(call)); }
const char* decline_input_grad(const KernelCall& call) { return decline(input_grad, call, shape_of_input_grad(call)); }
const char* decline_weight_grad(const KernelCall& call) {
  const auto& op = call.attributes<op::ConvWeightGrad>();
  return decline(weight_grad, call, op.geometry(call.in[0].shape, call.in[1].shape));
}

}  // namespace

namespace onednn {
void register_conv() {
  add_kernel(info_of<op::Conv>(), DeviceType::cpu, {"onednn.conv", &run_conv, &decline_conv, true});
  add_kernel(info_of<op::ConvInputGrad>(), DeviceType::cpu, {"onednn.conv_input_grad", &run_input_grad, &decline_input_grad, true});
  add_kernel(info_of<op::ConvWeightGrad>(), DeviceType::cpu, {"onednn.conv_weight_grad", &run_weight_grad, &decline_weight_grad, true});
}
}  // namespace onednn

}  // namespace weft
