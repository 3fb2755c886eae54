#include <weft/ir/op.h>

#include <atomic>
#include <deque>
#include <map>
#include <mutex>
#include <new>
#include <utility>

#include <weft/base/error.h>

namespace weft {

Attrs::Attrs(const OpInfo& info, const void* op) : info_(&info) {
  data_ = info.size <= sizeof inside_ ? inside_ : ::operator new(info.size);
  info.copy(data_, op);
}
Attrs::Attrs(const Attrs& o) : info_(o.info_) {
  if (!info_) return;
  data_ = info_->size <= sizeof inside_ ? inside_ : ::operator new(info_->size);
  info_->copy(data_, o.data_);
}
Attrs::Attrs(Attrs&& o) noexcept : info_(o.info_) {
  if (!info_) return;
  if (o.data_ == o.inside_) {
    data_ = inside_;
    info_->copy(inside_, o.inside_);
  } else {
    data_ = std::exchange(o.data_, nullptr);
    o.info_ = nullptr;
  }
}
Attrs& Attrs::operator=(Attrs o) noexcept {
  this->~Attrs();
  return *new (this) Attrs(std::move(o));
}
Attrs::~Attrs() {
  if (!info_) return;
  info_->destroy(data_);
  if (data_ != inside_) ::operator delete(data_);
  info_ = nullptr;
}

Attrs OpInfo::make(const AttrMap& values) const {
  alignas(std::max_align_t) unsigned char buffer[1024];
  check(size <= sizeof buffer, name, ": attributes of ", size, " bytes");
  construct(buffer);
  struct Destroy {
    const OpInfo& info;
    void* p;
    ~Destroy() { info.destroy(p); }
  } guard{*this, buffer};
  try {
    set(buffer, values);
  } catch (Error& e) {
    e.in(name);
    throw;
  }
  return Attrs(*this, buffer);
}

namespace {
struct Table {
  std::mutex mutex;
  std::deque<OpInfo> entries;
  std::vector<const OpInfo*> list;
  std::map<std::string, OpInfo*, std::less<>> by_name;
};
Table& table() {
  static Table t;
  return t;
}
}  // namespace

namespace {
/// Registration looks entries up itself, so the lock is recursive and the flag is set first.
Table& filled_table() {
  static std::atomic<bool> done{false};
  if (!done.load(std::memory_order_acquire)) [[unlikely]] {
    static std::recursive_mutex mutex;
    static bool started = false;
    std::scoped_lock lock(mutex);
    if (!std::exchange(started, true)) {
      register_builtin_ops();
      done.store(true, std::memory_order_release);
    }
  }
  return table();
}
}  // namespace

const OpInfo* find_op(std::string_view name) {
  auto& t = filled_table();
  std::scoped_lock lock(t.mutex);
  auto it = t.by_name.find(name);
  return it == t.by_name.end() ? nullptr : it->second;
}

const OpInfo& get_op(std::string_view name) {
  if (const OpInfo* info = find_op(name)) return *info;
  std::vector<std::string> names;
  for (const OpInfo* op : all_ops()) names.push_back(op->name);
  fail("unknown operator '", name, "'; `weft ops` lists them", suggestion(name, names));
}

std::span<const OpInfo* const> all_ops() { return filled_table().list; }

OpInfo& add_op(OpInfo info) {
  auto& t = table();
  std::scoped_lock lock(t.mutex);
  if (auto it = t.by_name.find(info.name); it != t.by_name.end()) return *it->second;
  info.id = static_cast<std::uint32_t>(t.entries.size());
  OpInfo& entry = t.entries.emplace_back(std::move(info));
  t.list.push_back(&entry);
  t.by_name.emplace(entry.name, &entry);
  return entry;
}

}  // namespace weft
