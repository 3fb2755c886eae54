// The passes over a program, each in a file of its own. A pass changes what is computed, never the results.
#pragma once

#include <span>
#include <string_view>

#include <weft/graph/program.h>

namespace weft {

/// A pass; WEFT_PASSES=-name leaves it out (a comma-separated list), so that a fault can be narrowed down.
struct Pass {
  std::string_view name;   ///< as in WEFT_PASSES
  std::string_view what;   ///< a line
  void (*run)(Program&);   ///< changes the program
  std::string_view needs = {};  ///< a later pass without which its result has no fast kernels: left out together with that
};

/// All passes, in the order in which they run.
std::span<const Pass> all_passes();
/// Runs those that WEFT_PASSES leaves in. Throws Error with a suggestion for a name that it does not know.
void run_passes(Program& program);

/// Removes steps whose outputs nobody reads.
void remove_dead_code(Program& program);
/// Puts numbers by which the channels of a convolution's result are multiplied into its weights.
void fold_scales(Program& program);
/// Puts one operator in the place of conv, relu and max_pool, and of their gradients.
void fuse_convolutions(Program& program);
/// Puts one operator in the place of batch_norm and relu, and of their gradients.
void fuse_norms(Program& program);
/// Permits kernels that multiply in bf16 where the program asks for bf16.
void permit_bf16_products(Program& program);
/// Lays images channels-last where kernels for that take them.
void lay_channels_last(Program& program);
/// Computes what depends on nothing now, once for all calls.
void fold_constants(Program& program);
/// Gives outputs of element-wise steps the memory of inputs that nobody reads afterwards.
void overwrite_inputs(Program& program);
/// Lets buffers that are never alive together share memory.
void share_memory(Program& program);
/// Computes once what several steps compute alike.
void share_common_subexpressions(Program& program);

}  // namespace weft
