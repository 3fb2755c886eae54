// Moving a tensor between devices: an operator of its own because its output lives elsewhere than its input.
#pragma once

#include <weft/opdefs/define.h>

namespace weft::op {

struct Transfer {
  std::int64_t to_type = 0, to_index = 0, from_type = 0, from_index = 0;
  static constexpr auto signature = sig("transfer(x:any) -> y");
  static constexpr auto doc = "x on another device";
  static constexpr Types types = Types::any;
  Metas infer(Inputs in) const { return {in[0]}; }
  template <class T> T vjp(const Saved<T>&, T g) const {
    return g.to(Device{static_cast<DeviceType>(from_type), static_cast<std::int8_t>(from_index)});
  }
};

using Transfers = OpList<Transfer>;

}  // namespace weft::op
