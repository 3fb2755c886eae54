#include <weft/train/profile.h>

#include <weft/ir/op.h>

#include <algorithm>
#include <cstdio>

namespace weft {

void Profile::applied(const OpInfo& info, const void*, std::span<const Tensor>, std::span<const Tensor>, double seconds) {
  if (info.id >= by_id_.size()) by_id_.resize(info.id + 1);
  Row& row = by_id_[info.id];
  row.op = &info;
  ++row.calls;
  row.seconds += seconds;
}

std::vector<Profile::Row> Profile::rows() const {
  std::vector<Row> list;
  for (const Row& r : by_id_)
    if (r.calls) list.push_back(r);
  std::sort(list.begin(), list.end(), [](const Row& a, const Row& b) { return a.seconds > b.seconds; });
  return list;
}

std::string Profile::to_string() const {
  double total = 0;
  for (const Row& r : by_id_) total += r.seconds;
  std::string s;
  char line[160];
  std::snprintf(line, sizeof line, "%-24s %10s %12s %8s %12s\n", "operator", "calls", "total ms", "share", "us a call");
  s += line;
  for (const Row& r : rows()) {
    std::snprintf(line, sizeof line, "%-24s %10lld %12.2f %7.1f%% %12.2f\n", r.op->name.c_str(),
                  static_cast<long long>(r.calls), r.seconds * 1e3, 100 * r.seconds / std::max(total, 1e-12),
                  r.seconds * 1e6 / static_cast<double>(r.calls));
    s += line;
  }
  return s;
}

}  // namespace weft
