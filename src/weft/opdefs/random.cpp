#include <weft/opdefs/random.h>

namespace weft {
void register_random_ops() { add_ops(op::RandomOps{}, "random"); }
}  // namespace weft
