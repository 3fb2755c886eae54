#include <weft/tensor/storage.h>

#include <cstdint>
#include <cstring>
#include <new>

#include <weft/base/error.h>
#include <weft/base/memory.h>
#include <weft/tensor/tensor_impl.h>

namespace weft {

namespace {

constexpr std::size_t header = 64;
static_assert(sizeof(Storage) <= header);
/// What views over storages without memory count from: no page is ever mapped there, and it is not null.
void* const nowhere = reinterpret_cast<void*>(std::uintptr_t{64});

const Backend host{
    [](std::size_t bytes, int) { return memory::allocate(bytes); },
    [](void* p, std::size_t bytes, int) { memory::release(p, bytes); },
    [](void* to, const void* from, std::size_t bytes, int) { std::memcpy(to, from, bytes); },
    [](void* to, const void* from, std::size_t bytes, int) { std::memcpy(to, from, bytes); },
    [] { return 1; },
    [](int) { return std::string("host memory"); },
};

struct Backends {
  Backend entry[device_type_count] = {};
  bool present[device_type_count] = {};
  Backends() {
    for (DeviceType t : {DeviceType::cpu, DeviceType::ref}) {
      entry[static_cast<int>(t)] = host;
      present[static_cast<int>(t)] = true;
    }
  }
};
Backends& backends() {
  static Backends b;
  return b;
}

}  // namespace

void register_backend(DeviceType type, Backend b) {
  backends().entry[static_cast<int>(type)] = b;
  backends().present[static_cast<int>(type)] = true;
}

const Backend* backend(DeviceType type) {
  const auto& b = backends();
  return b.present[static_cast<int>(type)] ? &b.entry[static_cast<int>(type)] : nullptr;
}

std::vector<Device> devices() {
  std::vector<Device> list;
  for (DeviceType t : {DeviceType::cuda, DeviceType::cpu, DeviceType::ref})
    if (const Backend* b = backend(t))
      for (int i = 0; i < b->count(); ++i) list.push_back({t, static_cast<std::int8_t>(i)});
  return list;
}

RefPtr<Storage> Storage::allocate(std::size_t bytes, Device device) {
  if (is_host(device) && device.index == 0) {
    auto* p = static_cast<unsigned char*>(memory::allocate(bytes + header));
    auto* s = new (p) Storage(p + header, bytes, device);
    s->layout_ = Layout::joined;
    return RefPtr<Storage>(s);
  }
  const Backend* b = backend(device.type);
  check(b && device.index < b->count(), "no device ", device, " here; `weft devices` lists what is present");
  return RefPtr<Storage>(new Storage(b->allocate(bytes, device.index), bytes, device));
}

RefPtr<Storage> Storage::later(std::size_t bytes, Deferral* deferral, int number) {
  auto* p = static_cast<unsigned char*>(memory::allocate(header + sizeof(Pending)));
  auto* s = new (p) Storage(nowhere, bytes, cpu);
  s->layout_ = Layout::unplaced;
  s->pending_ = new (p + header) Pending{deferral, number};
  return RefPtr<Storage>(s);
}

void Storage::provide() {
  if (layout_ != Layout::unplaced) return;
  data_ = memory::allocate(bytes_);
  layout_ = Layout::separate;
  for (TensorImpl* v = std::exchange(pending_->views, nullptr); v; v = v->leave_list())
    v->view.data = static_cast<char*>(data_) + (static_cast<char*>(v->view.data) - static_cast<char*>(nowhere));
}

RefPtr<Storage> Storage::wrap(void* data, std::size_t bytes, Device device, std::shared_ptr<const void> owner) {
  auto* s = new Storage(data, bytes, device);
  s->owner_ = owner ? std::move(owner) : std::shared_ptr<const void>(s, [](const void*) {});
  return RefPtr<Storage>(s);
}

void Storage::operator delete(Storage* s, std::destroying_delete_t) {
  const Layout layout = s->layout_;
  const bool foreign = static_cast<bool>(s->owner_);
  const std::size_t bytes = s->bytes_;
  const Device device = s->device_;
  void* data = s->data_;
  s->~Storage();
  if (layout == Layout::joined) return memory::release(s, bytes + header);
  if (layout == Layout::separate) memory::release(data, bytes);
  if (layout != Layout::device) return memory::release(s, header + sizeof(Pending));
  if (!foreign) backend(device.type)->release(data, bytes, device.index);
  ::operator delete(static_cast<void*>(s));
}

}  // namespace weft
