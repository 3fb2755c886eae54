#include <weft/opdefs/update.h>

#include <weft/opdefs/axes.h>

namespace weft {

namespace op {

namespace {
void check_alike(Inputs in) {
  for (const Meta& m : in)
    check(m.shape == in[0].shape, "parameter ", in[0].shape, " and another input ", m.shape, "; expected one shape");
}
}  // namespace

Metas AdamUpdate::infer(Inputs in) const {
  check_alike(in);
  check(step >= 1, "step is ", step, "; updates are numbered from 1");
  return {in[0], in[0], in[0]};
}
Axes AdamUpdate::axes_of(Inputs in) const { return parallel_axes(in); }

Metas SgdUpdate::infer(Inputs in) const {
  check_alike(in);
  return {in[0], momentum != 0 ? in[0] : Meta{Shape{0}, in[0].dtype}};
}
Axes SgdUpdate::axes_of(Inputs in) const { return parallel_axes(in); }

}  // namespace op

void register_update_ops() { add_ops(op::Updates{}, "optim"); }

}  // namespace weft
