// Where the time goes, by operator.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <weft/tensor/observer.h>

namespace weft {

/// Counts calls and seconds of every operator that this thread applies while it lives, backward ones included.
class Profile final : public Observer {
 public:
  struct Row {
    const OpInfo* op;  ///< the operator
    std::int64_t calls = 0;  ///< how often it was applied
    double seconds = 0;  ///< in all its calls together
  };  ///< One operator's share.
  void applied(const OpInfo& info, const void* op, std::span<const Tensor> in, std::span<const Tensor> out,
               double seconds) override;
  /// Slowest first.
  std::vector<Row> rows() const;
  /// A table: operator, calls, total ms, share, us a call.
  std::string to_string() const;

 private:
  std::vector<Row> by_id_;
};

}  // namespace weft
