// Memory of tensors on any device.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <weft/base/ref_ptr.h>
#include <weft/base/view.h>

namespace weft {

class Deferral;
struct TensorImpl;

/// What belongs to a storage as long as its elements are not computed. It has no memory then, only an address to count from.
struct Pending {
  Deferral* deferral = nullptr;  ///< who is to compute them
  int number = -1;               ///< the deferral's own
  TensorImpl* views = nullptr;   ///< over the storage, linked: they get their addresses when there is memory
};

/// A block of device memory. Tensors that view the same data share it.
class Storage : public RefCounted {
 public:
  /// Allocates; contents undefined.
  static RefPtr<Storage> allocate(std::size_t bytes, Device device);
  /// Without memory on the cpu, until provide().
  static RefPtr<Storage> later(std::size_t bytes, Deferral* deferral, int number);
  /// Wraps foreign memory; `owner` is kept alive as long as the storage.
  static RefPtr<Storage> wrap(void* data, std::size_t bytes, Device device, std::shared_ptr<const void> owner);

  /// The first byte; before provide() nothing lies there.
  void* data() const { return data_; }
  /// Size.
  std::size_t bytes() const { return bytes_; }
  /// Whose memory it is.
  Device device() const { return device_; }
  /// Who has yet to compute its elements; null where they are there.
  Pending* pending() const { return pending_; }
  /// Allocates the memory of a storage made by later(), and tells the views over it where they are.
  void provide();
  /// Its elements are there now.
  void settled() { pending_ = nullptr; }

  /// Frees header and data together.
  void operator delete(Storage* s, std::destroying_delete_t);

 private:
  Storage(void* data, std::size_t bytes, Device device) : data_(data), bytes_(bytes), device_(device) {}
  void* data_;
  std::size_t bytes_;
  Pending* pending_ = nullptr;
  std::shared_ptr<const void> owner_;
  Device device_;
  /// Where header and data lie: on the heap and in memory of the device; in one block of host memory; in two.
  enum class Layout : unsigned char { device, joined, unplaced, separate } layout_ = Layout::device;
};

/// What a kind of device provides. cpu and ref share host memory; further backends register theirs.
struct Backend {
  ///@{
  /// Memory of device `index` of the kind, in bytes.
  void* (*allocate)(std::size_t bytes, int index);
  void (*release)(void* p, std::size_t bytes, int index);
  void (*copy_to_host)(void* to, const void* from, std::size_t bytes, int index);
  void (*copy_from_host)(void* to, const void* from, std::size_t bytes, int index);
  ///@}
  int (*count)();              ///< devices of this kind that are present
  std::string (*describe)(int index);  ///< one line for `weft devices`
};
/// Makes a kind of device available.
void register_backend(DeviceType type, Backend backend);
/// The backend of a kind; null where it is not available.
const Backend* backend(DeviceType type);
/// All devices present, the automatic choice first.
std::vector<Device> devices();
/// True for devices whose memory the host reads directly.
constexpr bool is_host(Device d) { return d.type == DeviceType::cpu || d.type == DeviceType::ref; }

}  // namespace weft
