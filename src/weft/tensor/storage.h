// Memory of tensors on any device.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <weft/base/ref_ptr.h>
#include <weft/base/view.h>

namespace weft {

class Deferral;

/// A block of device memory. Tensors that view the same data share it.
class Storage : public RefCounted {
 public:
  /// Allocates; contents undefined.
  static RefPtr<Storage> allocate(std::size_t bytes, Device device);
  /// Wraps foreign memory; `owner` is kept alive as long as the storage.
  static RefPtr<Storage> wrap(void* data, std::size_t bytes, Device device, std::shared_ptr<const void> owner);

  /// The first byte.
  void* data() const { return data_; }
  /// Size.
  std::size_t bytes() const { return bytes_; }
  /// Whose memory it is.
  Device device() const { return device_; }
  /// Who has yet to compute its elements; null where they are there.
  Deferral* pending() const { return pending_; }
  void set_pending(Deferral* d) { pending_ = d; }  ///< see pending()

  /// Frees header and data together.
  void operator delete(Storage* s, std::destroying_delete_t);

 private:
  Storage(void* data, std::size_t bytes, Device device) : data_(data), bytes_(bytes), device_(device) {}
  void* data_;
  std::size_t bytes_;
  Deferral* pending_ = nullptr;
  std::shared_ptr<const void> owner_;
  Device device_;
  bool inline_ = false;  ///< data follows this header in one host allocation
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
