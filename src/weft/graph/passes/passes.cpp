#include <weft/graph/passes/passes.h>

#include <algorithm>
#include <cstdlib>

#include <weft/base/error.h>

namespace weft {

namespace {
constexpr Pass passes[] = {
    {"common-subexpressions", "computes once what several steps compute alike", share_common_subexpressions},
    {"dead-code", "removes steps whose outputs nobody reads", remove_dead_code},
    {"fold-scales", "numbers a channel behind a convolution go into its weights and bias", fold_scales},
    {"fuse-convolutions", "one operator for conv, relu and max_pool, and for their gradients", fuse_convolutions},
    {"fuse-norms", "one operator for batch_norm and relu, and for their gradients", fuse_norms},
    {"constant-folding", "computes what depends on nothing when the plan is made", fold_constants},
    {"precision", "permits products in bf16 where the program asks for it", permit_bf16_products},
    {"layout", "lays images channels-last where kernels take them so", lay_channels_last},
    {"in-place", "lets element-wise steps write over inputs that nobody reads afterwards", overwrite_inputs},
};

/// The names that WEFT_PASSES takes out.
std::vector<std::string> left_out() {
  const char* text = std::getenv("WEFT_PASSES");
  std::vector<std::string> names, known;
  for (const Pass& p : passes) known.emplace_back(p.name);
  for (std::string_view rest = text ? text : ""; !rest.empty();) {
    const auto comma = rest.find(',');
    const std::string name(rest.substr(0, comma));
    rest = comma == rest.npos ? "" : rest.substr(comma + 1);
    const std::string bare = name.starts_with('-') ? name.substr(1) : name;
    check(name.starts_with('-') && std::find(known.begin(), known.end(), bare) != known.end(), "WEFT_PASSES: received '",
          name, "'; expected names of passes, each after '-'", suggestion(bare, known));
    names.push_back(bare);
  }
  return names;
}
}  // namespace

std::span<const Pass> all_passes() { return passes; }

void run_passes(Program& program) {
  static const std::vector<std::string> without = left_out();
  for (const Pass& p : passes)
    if (std::find(without.begin(), without.end(), p.name) == without.end()) p.run(program);
}

}  // namespace weft
