// Implementations of operators: for each operator and kind of device an ordered list, the reference last.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include <weft/base/precision.h>
#include <weft/ir/op.h>

namespace weft {

/// What a kernel is called with. Outputs are allocated by the caller: contiguous, shapes and dtypes as inferred.
/// Inputs of element-wise operators arrive broadcast to the output's shape (stride 0).
struct KernelCall {
  const OpInfo& info;  ///< the operator
  const void* op;  ///< the operator struct
  std::span<const TensorView> in;  ///< inputs
  std::span<const TensorView> out;  ///< outputs, to be filled
  Precision precision = Precision::f32;  ///< of products: bf16 permits kernels that round factors
  template <class Op> const Op& attributes() const { return *static_cast<const Op*>(op); }  ///< the operator struct
};

/// One implementation of an operator.
struct Kernel {
  std::string name;                                    ///< "onednn.conv2d": shown by `weft ops show` and WEFT_LOG=dispatch
  void (*run)(const KernelCall& call) = nullptr;  ///< computes the outputs
  const char* (*decline)(const KernelCall& call) = nullptr;  ///< why this case is not taken, or null; data may be null
  bool contiguous = false;                             ///< inputs must be row-major: the caller copies those that are not
  std::uint32_t channels_last_in = 0;   ///< bit i: input i is an image that must lie channels-last
  std::uint32_t channels_last_out = 0;  ///< bit i: output i is filled channels-last; without it, row-major
  bool in_place = false;  ///< the output may be an input of its shape, strides and dtype: an element is read before it is written
  Precision precision = Precision::f32;  ///< of its products; bf16: takes only calls that permit it, where bf16 is the faster
};

/// Strides of an image [N, C, spatial…] whose channels are adjacent: it lies as [N, spatial…, C].
Dims channels_last_strides(const Shape& shape);
/// True for an image of rank 3 or more with those strides; axes of size 1 do not count.
bool is_channels_last(const Shape& shape, const Dims& strides);
/// Why a kernel does not take the case (its layout among it), or null.
const char* why_declined(const Kernel& kernel, const KernelCall& call);

/// Appends an implementation: those registered first are asked first.
void add_kernel(const OpInfo& op, DeviceType device, Kernel kernel);
/// The implementations in order of preference.
std::span<const Kernel> kernels_of(const OpInfo& op, DeviceType device);
/// The first implementation that takes the case; throws Error naming why each declined.
const Kernel& select_kernel(DeviceType device, const KernelCall& call);

/// True where WEFT_LOG (a comma-separated list) names the topic.
bool log_enabled(std::string_view topic);

}  // namespace weft
