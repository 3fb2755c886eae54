#include <weft/tensor/tensor.h>

#include <cmath>

#include <weft/opdefs/transfer.h>
#include <weft/tensor/apply.h>
#include <weft/tensor/context.h>
#include <weft/tensor/tensor_impl.h>

namespace weft {

Tensor::Tensor() = default;
Tensor::Tensor(RefPtr<TensorImpl> impl) : impl_(std::move(impl)) {}
Tensor::Tensor(const Tensor&) = default;
Tensor::Tensor(Tensor&&) noexcept = default;
Tensor& Tensor::operator=(const Tensor&) = default;
Tensor& Tensor::operator=(Tensor&&) noexcept = default;
Tensor::~Tensor() = default;

namespace {
const TensorImpl& get(const RefPtr<TensorImpl>& impl) {
  check(static_cast<bool>(impl), "the tensor is undefined (default-constructed or moved from); give it a value first");
  return *impl;
}
const TensorImpl& with_data(const RefPtr<TensorImpl>& impl) {
  const TensorImpl& t = get(impl);
  check(t.view.device.type != DeviceType::meta,
        "a value is read from a symbolic tensor (shape inference, summary or capture); read values outside of forward");
  if (t.storage->pending()) [[unlikely]] t.storage->pending()->deferral->settle();
  return t;
}
}  // namespace

const Shape& Tensor::shape() const { return get(impl_).view.shape; }
std::int64_t Tensor::size(std::int64_t axis) const { return shape()[normalize_axis(axis, rank())]; }
DType Tensor::dtype() const { return get(impl_).view.dtype; }
Device Tensor::device() const { return get(impl_).view.device; }
const Dims& Tensor::strides() const { return get(impl_).view.strides; }
bool Tensor::is_contiguous() const { return get(impl_).view.contiguous(); }
Meta Tensor::meta() const { return {shape(), dtype()}; }
bool Tensor::requires_grad() const { return impl_ && impl_->requires_grad; }

namespace {
template <class T> T only_element(const Tensor& t) {
  check(t.numel() == 1, "item: the tensor has shape ", t.shape(), "; expected one element");
  T v;
  t.copy_to(&v, dtype_of<T>);
  return v;
}
}  // namespace
double Tensor::item_as_double() const { return only_element<double>(*this); }
std::int64_t Tensor::item_as_integer() const { return only_element<std::int64_t>(*this); }

const void* Tensor::data_checked(DType expected) const {
  const TensorImpl& t = with_data(impl_);
  check(t.view.dtype == expected, "data: the tensor is ", name_of(t.view.dtype), ", read as ", name_of(expected),
        "; convert with .to(", name_of(expected), ")");
  check(is_host(t.view.device), "data: the tensor is on ", t.view.device, "; move it with .to(cpu)");
  check(t.view.contiguous(), "data: the tensor is a strided view; make it row-major with .contiguous()");
  return t.view.data;
}

void Tensor::copy_to(void* host, DType dtype) const {
  const TensorImpl& t = with_data(impl_);
  if (!is_host(t.view.device)) return detach().to(cpu).copy_to(host, dtype);
  copy_elements(t.view, TensorView::of(host, dtype, t.view.shape));
}

Tensor Tensor::detach() const {
  const TensorImpl& t = get(impl_);
  // A symbolic tensor stays what it is: without its value nobody would know how it is computed.
  if (!t.value || t.view.device.type == DeviceType::meta) return *this;
  return alias(*this, t.view);
}

Tensor Tensor::requires_grad(bool on) const {
  if (!on) return detach();
  check(is_floating(dtype()), "requires_grad: the tensor is ", name_of(dtype()), "; only floating tensors have gradients");
  auto leaf = make_ref<Leaf>();
  leaf->outputs.push_back(meta());
  return with_value(*this, {leaf, 0}, true);
}

Tensor Tensor::grad() const {
  const TensorImpl& t = get(impl_);
  check(t.value && !t.value.node->op, "grad(): this tensor is no leaf; make it one with requires_grad(true)");
  return static_cast<Leaf&>(*t.value.node).grad;
}

Tensor Tensor::to(Device target) const {
  const TensorImpl& t = get(impl_);
  const Device source = t.view.device;
  if (source == target) return *this;
  check(source.type != DeviceType::meta, "to: a symbolic tensor has no data to move");
  op::Transfer transfer{static_cast<std::int64_t>(target.type), target.index, static_cast<std::int64_t>(source.type),
                        source.index};
  Tensor out;
  if (target.type == DeviceType::meta) {
    out = allocate_tensor(meta(), target);
  } else {
    const Tensor packed = contiguous();
    out = allocate_tensor(meta(), target);
    const std::size_t bytes = static_cast<std::size_t>(numel()) * size_of(dtype());
    const void* from = elements_of(packed).data;
    void* to = view_of(out).data;
    if (is_host(source)) backend(target.type)->copy_from_host(to, from, bytes, target.index);
    else if (is_host(target)) backend(source.type)->copy_to_host(to, from, bytes, source.index);
    else return this->to(cpu).to(target);
  }
  Tensor outputs[] = {out};
  detail::record(info_of<op::Transfer>(), &transfer, {this, 1}, outputs, {});
  return outputs[0];
}

namespace {
std::size_t bytes_of(const Meta& m) { return static_cast<std::size_t>(m.shape.numel()) * size_of(m.dtype); }

/// The whole of a storage, row-major.
Tensor whole(RefPtr<Storage> storage, const Meta& meta, Device device) {
  const TensorView view = TensorView::of(storage ? storage->data() : nullptr, meta.dtype, meta.shape, device);
  return Tensor(RefPtr<TensorImpl>(new TensorImpl(std::move(storage), view)));
}
}  // namespace

Tensor allocate_tensor(const Meta& meta, Device device) {
  check_sizes(meta);
  return whole(device.type == DeviceType::meta ? RefPtr<Storage>() : Storage::allocate(bytes_of(meta), device), meta, device);
}

Tensor pending_tensor(const Meta& meta, Deferral& deferral) {
  check_sizes(meta);
  return whole(deferral.storage(bytes_of(meta)), meta, cpu);
}

Tensor alias(const Tensor& t, const TensorView& view) {
  return Tensor(RefPtr<TensorImpl>(new TensorImpl(t.impl()->storage, view)));
}

Tensor with_value(const Tensor& t, Value v, bool requires_grad) {
  Tensor out = alias(t, view_of(t));
  out.impl()->value = std::move(v);
  out.impl()->requires_grad = requires_grad;
  return out;
}

Tensor from_blob(const void* data, const Shape& shape, DType dtype, std::shared_ptr<const void> owner) {
  check_sizes({shape, dtype});
  const auto bytes = static_cast<std::size_t>(shape.numel()) * size_of(dtype);
  check(data || !bytes, "from_blob: null data for shape ", shape);
  void* p = const_cast<void*>(data);
  auto storage = Storage::wrap(p, bytes, cpu, std::move(owner));
  Tensor t(RefPtr<TensorImpl>(new TensorImpl(std::move(storage), TensorView::of(p, dtype, shape))));
  const Device target = default_device();
  return target == cpu ? t : t.to(target);
}

}  // namespace weft
