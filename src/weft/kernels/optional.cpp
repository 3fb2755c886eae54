// Kernels of libraries that a build may be without.
#include <weft/kernels/register.h>

namespace weft {

#ifdef WEFT_WITH_ONEDNN
namespace onednn {
void register_conv();
}
void register_onednn() { onednn::register_conv(); }
#else
void register_onednn() {}
#endif

}  // namespace weft
