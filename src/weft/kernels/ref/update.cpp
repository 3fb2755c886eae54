// Reference kernels of optimizers' updates.
#include <weft/kernels/ref/reference.h>
#include <weft/opdefs/update.h>

namespace weft {

namespace {
using namespace reference;

void run_adam(const KernelCall& call) {
  const auto constants = call.attributes<op::AdamUpdate>().constants();
  for_each_index(call.out[0].shape, [&](const Dims& at) {
    double p = get<double>(call.in[0], at), m = get<double>(call.in[2], at), v = get<double>(call.in[3], at);
    op::AdamUpdate::advance(constants, p, get<double>(call.in[1], at), m, v);
    put(call.out[0], at, p);
    put(call.out[1], at, m);
    put(call.out[2], at, v);
  });
}

void run_sgd(const KernelCall& call) {
  const auto& op = call.attributes<op::SgdUpdate>();
  const bool first = call.in.size() < 3;
  for_each_index(call.out[0].shape, [&](const Dims& at) {
    double p = get<double>(call.in[0], at), buffer = first ? 0 : get<double>(call.in[2], at);
    op.advance(first, p, get<double>(call.in[1], at), buffer);
    put(call.out[0], at, p);
    if (op.momentum != 0) put(call.out[1], at, buffer);
  });
}

}  // namespace

void register_ref_update() {
  add_reference<op::AdamUpdate>(&run_adam);
  add_reference<op::SgdUpdate>(&run_sgd);
}

}  // namespace weft
