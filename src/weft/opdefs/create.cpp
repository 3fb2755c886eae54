#include <weft/opdefs/create.h>

#include <weft/opdefs/transfer.h>

namespace weft {
void register_create_ops() {
  add_ops(op::CreateOps{}, "create");
  add_ops(op::Transfers{}, "create");
}
}  // namespace weft
