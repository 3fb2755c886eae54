// The umbrella header: everything public.
#pragma once

#include <weft/autograd/gradients.h>
#include <weft/base/version.h>
#include <weft/metrics/metrics.h>
#include <weft/ops/ops.h>
#include <weft/optim/optim.h>
#include <weft/tensor/apply.h>
#include <weft/tensor/state.h>
#include <weft/tensor/tensor.h>
