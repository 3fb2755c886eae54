#include <weft/graph/passes/passes.h>

#include <algorithm>
#include <cstdlib>

#include <weft/base/error.h>
#include <weft/base/names.h>

namespace weft {

namespace {
constexpr Pass passes[] = {
    {"common-subexpressions", "computes once what several steps compute alike", share_common_subexpressions},
    {"dead-code", "removes steps whose outputs nobody reads", remove_dead_code},
    {"fold-scales", "numbers a channel behind a convolution go into its weights and bias", fold_scales},
    {"fuse-convolutions", "one operator for conv, relu and max_pool, and for their gradients", fuse_convolutions, "layout"},
    {"fuse-norms", "one operator for batch_norm and relu, and for their gradients", fuse_norms},
    {"constant-folding", "computes what depends on nothing when the plan is made", fold_constants},
    {"precision", "permits products in bf16 where the program asks for it", permit_bf16_products},
    {"layout", "lays images channels-last where kernels take them so", lay_channels_last},
    {"in-place", "lets element-wise steps write over inputs that nobody reads afterwards", overwrite_inputs},
    {"memory-planning", "lets buffers that are never alive together share memory", share_memory},
};

/// The names that WEFT_PASSES takes out.
std::vector<std::string> left_out() {
  const char* text = std::getenv("WEFT_PASSES");
  std::vector<std::string> names, known;
  for (const Pass& p : passes) known.push_back("-" + std::string(p.name));
  for (std::string_view rest = text ? text : ""; !rest.empty();) {
    const auto comma = rest.find(',');
    const std::string name(rest.substr(0, comma));
    rest = comma == rest.npos ? "" : rest.substr(comma + 1);
    check(std::find(known.begin(), known.end(), name) != known.end(), "WEFT_PASSES: received '", name, "'; expected a list of ",
          joined(known), suggestion(name, known));
    names.push_back(name.substr(1));
  }
  return names;
}
}  // namespace

std::span<const Pass> all_passes() { return passes; }

void run_passes(Program& program) {
  static const std::vector<std::string> without = left_out();
  const auto left = [](std::string_view name) { return std::find(without.begin(), without.end(), name) != without.end(); };
  for (const Pass& p : passes)
    if (!left(p.name) && (p.needs.empty() || !left(p.needs))) p.run(program);
}

void check_passes() { left_out(); }

void share_memory(Program& program) { program.shares_memory = true; }

}  // namespace weft
