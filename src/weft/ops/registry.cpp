// Weft's operators, their gradient rules and their kernels in order of preference: explicit calls, so that static
// linking loses nothing.
#include <weft/kernels/register.h>
#include <weft/opdefs/conv.h>
#include <weft/opdefs/conv_block.h>
#include <weft/opdefs/create.h>
#include <weft/opdefs/elementwise.h>
#include <weft/opdefs/index.h>
#include <weft/opdefs/matmul.h>
#include <weft/opdefs/norm.h>
#include <weft/opdefs/pool.h>
#include <weft/opdefs/random.h>
#include <weft/opdefs/reduce.h>
#include <weft/opdefs/shape_ops.h>
#include <weft/opdefs/slicing.h>
#include <weft/opdefs/update.h>
#include <weft/opdefs/softmax.h>

namespace weft {

// Defined beside the public functions of each family.
void register_elementwise_gradients();
void register_create_gradients();
void register_random_gradients();
void register_shape_gradients();
void register_slicing_gradients();
void register_index_gradients();
void register_reduce_gradients();
void register_matmul_gradients();
void register_nn_gradients();
void register_norm_gradients();

void register_builtin_ops() {
  register_create_ops();
  register_elementwise_ops();
  register_reduce_ops();
  register_shape_ops();
  register_slicing_ops();
  register_index_ops();
  register_update_ops();
  register_matmul_ops();
  register_random_ops();
  register_conv_ops();
  register_conv_block_ops();
  register_pool_ops();
  register_norm_ops();
  register_softmax_ops();

  register_elementwise_gradients();
  register_create_gradients();
  register_random_gradients();
  register_shape_gradients();
  register_slicing_gradients();
  register_index_gradients();
  register_reduce_gradients();
  register_matmul_gradients();
  register_nn_gradients();
  register_norm_gradients();

  register_cpu_channels_last_conv();
  register_cpu_channels_last_sparse();
  register_cpu_channels_last_depthwise();
  register_cpu_channels_last_norm();
  register_cpu_channels_last_pool();
  register_cpu_channels_last_avg_pool();
  register_onednn();
  register_cpu_matmul_pairs();
  register_cpu_matmul();
  register_cpu_conv();
  register_cpu_pool();
  register_cpu_norm();
  register_cpu_elementwise();
  register_cpu_reduce();
  register_cpu_softmax();
  register_cpu_copies();
  register_cpu_random();
  register_cpu_update();

  register_ref_elementwise();
  register_ref_basic();
  register_ref_conv();
  register_ref_pool();
  register_ref_norm();
  register_ref_reduce();
  register_ref_index();
  register_ref_update();
}

}  // namespace weft
