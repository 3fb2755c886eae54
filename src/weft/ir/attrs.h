// An operator struct of any type: what graphs and tapes keep of one.
#pragma once

namespace weft {

struct OpInfo;

/// Attributes of an operator, held by value whatever its type.
class Attrs {
 public:
  Attrs() = default;
  /// A copy of the operator struct.
  Attrs(const OpInfo& info, const void* op);
  Attrs(const Attrs& o);
  Attrs(Attrs&& o) noexcept;
  Attrs& operator=(Attrs o) noexcept;
  ~Attrs();
  /// The operator struct; null where empty.
  const void* get() const { return data_; }
  void* get() { return data_; }  ///< the same, to be changed

 private:
  const OpInfo* info_ = nullptr;
  void* data_ = nullptr;
  alignas(8) unsigned char inside_[32];
};

}  // namespace weft
