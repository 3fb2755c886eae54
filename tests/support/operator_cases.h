// What the generic operator tests share: the cases of an operator's domain, single kernels run by hand, comparison.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include <weft/base/strided.h>
#include <weft/kernels/registry.h>
#include <weft/ops/ops.h>
#include <weft/tensor/tensor_impl.h>

#include "support/operator_inputs.h"

namespace weft::testing {

/// The test parameter: an operator. Printed by its name.
struct Operator {
  const OpInfo* info;
  const OpInfo* operator->() const { return info; }
  friend void PrintTo(const Operator& op, std::ostream* out) { *out << op.info->name; }
};

inline std::vector<Operator> operators() {
  std::vector<Operator> list;
  for (const OpInfo* info : all_ops())
    if (info->domain) list.push_back({info});
  return list;
}
inline std::string operator_name(const ::testing::TestParamInfo<Operator>& p) { return p.param->name; }

/// The cases of the domain; operators with a formula per element also get empty and rank-0 inputs.
inline std::vector<OpCase> cases_of(const OpInfo& info) {
  std::vector<OpCase> cases = info.domain(info);
  if (!info.elementwise || cases.empty()) return cases;
  for (const Shape& shape : {Shape{0, 3}, Shape{}}) {
    OpCase extra = cases[0];
    for (Sample& s : extra.inputs) s.shape = shape;
    cases.push_back(extra);
  }
  return cases;
}

/// The dtypes in which an operator computes.
inline std::vector<DType> dtypes_of(const OpInfo& info) {
  switch (info.types) {
    case Types::floating: return {f16, bf16, f32, f64};
    case Types::integral: return {boolean, u8, i32, i64};
    case Types::boolean: return {boolean};
    default: return {boolean, u8, i32, i64, f16, bf16, f32, f64};
  }
}

/// Runs one implementation at a precision (without one: its own); false where it declines the case.
inline bool run_kernel(const OpInfo& info, const OpCase& c, const Kernel& kernel, const std::vector<Tensor>& inputs,
                       std::vector<Tensor>& outputs, std::optional<Precision> precision = {}) {
  std::vector<Meta> metas;
  std::vector<Tensor> kept;
  for (const Tensor& t : inputs) metas.push_back(t.meta());
  outputs.clear();
  for (const Meta& m : info.infer(c.attrs.get(), metas)) outputs.push_back(allocate_tensor(m, cpu));
  std::vector<TensorView> in, out;
  const auto is_image = [](std::uint32_t mask, std::size_t i, const Shape& s) { return mask >> i & 1 && s.rank() >= 3; };
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    out.push_back(view_of(outputs[i]));
    if (is_image(kernel.channels_last_out, i, out[i].shape)) out[i].strides = channels_last_strides(out[i].shape);
  }
  for (const Tensor& t : inputs) {
    if (is_image(kernel.channels_last_in, in.size(), t.shape())) {
      kept.push_back(allocate_tensor(t.meta(), cpu));
      in.push_back(view_of(kept.back()));
      in.back().strides = channels_last_strides(t.shape());
      copy_elements(view_of(t), in.back());
      continue;
    }
    in.push_back(info.elementwise ? broadcast_view(view_of(t), out[0].shape) : view_of(t));
    if (!kernel.contiguous || in.back().contiguous()) continue;
    kept.push_back(allocate_tensor({in.back().shape, t.dtype()}, cpu));
    copy_elements(in.back(), view_of(kept.back()));
    in.back() = view_of(kept.back());
  }
  const KernelCall call{info, c.attrs.get(), in, out, precision.value_or(kernel.precision)};
  if (why_declined(kernel, call)) return false;
  kernel.run(call);
  for (std::size_t i = 0; i < outputs.size(); ++i) {  // what lies channels-last is handed back row-major
    if (!is_image(kernel.channels_last_out, i, out[i].shape)) continue;
    const Tensor plain = allocate_tensor(outputs[i].meta(), cpu);
    copy_elements(out[i], view_of(plain));
    outputs[i] = plain;
  }
  return true;
}

/// What the reference gives where factors of products are rounded to bf16.
inline std::vector<Tensor> reference_in_bf16(const OpInfo& info, const OpCase& c, const std::vector<Tensor>& inputs) {
  std::vector<Tensor> outputs;
  run_kernel(info, c, kernels_of(info, DeviceType::ref).front(), inputs, outputs, Precision::bf16);
  return outputs;
}

/// Relative error that rounding explains.
inline double tolerance_of(DType t) {
  switch (t) {
    case DType::f16: return 4e-3;
    case DType::bf16: return 3e-2;
    case DType::f32: return 2e-5;
    case DType::f64: return 1e-11;
    default: return 0;
  }
}

inline bool close(double a, double b, double tolerance) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (a == b) return true;
  return std::fabs(a - b) <= tolerance * (1 + std::fabs(b));
}

inline void expect_close(const std::vector<Tensor>& got, const std::vector<Tensor>& want, double factor,
                         const std::string& what) {
  ASSERT_EQ(got.size(), want.size()) << what;
  for (std::size_t k = 0; k < got.size(); ++k) {
    ASSERT_EQ(to_string(got[k].meta()), to_string(want[k].meta())) << what << ", output " << k;
    const auto a = got[k].detach().to_vector<double>(), b = want[k].detach().to_vector<double>();
    for (std::size_t i = 0; i < a.size(); ++i)
      ASSERT_TRUE(close(a[i], b[i], factor * tolerance_of(want[k].dtype())))
          << what << ", output " << k << "[" << i << "]: " << a[i] << " instead of " << b[i];
  }
}

/// The largest absolute value; 0 where there is none.
inline double largest(const Tensor& t) { return t.numel() == 0 ? 0 : amax(abs(t.detach())).item(); }

inline std::string bytes_of(const Tensor& t) {
  const Tensor packed = t.detach().contiguous();
  return {static_cast<const char*>(view_of(packed).data),
          static_cast<std::size_t>(packed.numel()) * size_of(packed.dtype())};
}
inline void expect_same_bits(const std::vector<Tensor>& got, const std::vector<Tensor>& want, const std::string& what) {
  ASSERT_EQ(got.size(), want.size()) << what;
  for (std::size_t k = 0; k < got.size(); ++k)
    EXPECT_EQ(bytes_of(got[k]), bytes_of(want[k])) << what << ", output " << k;
}

/// The same elements in other memory: axes stored in reverse order.
inline Tensor stored_transposed(const Tensor& t) {
  Dims reversed;
  for (int i = t.rank() - 1; i >= 0; --i) reversed.push_back(i);
  return permute(permute(t, reversed).contiguous(), reversed);
}
/// Every axis stored backwards.
inline Tensor stored_backwards(const Tensor& t) { return flip(flip(t).contiguous()); }

}  // namespace weft::testing
