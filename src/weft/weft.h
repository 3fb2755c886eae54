// The umbrella header: everything public.
#pragma once

#include <weft/autograd/gradients.h>
#include <weft/graph/compile.h>
#include <weft/base/thread_pool.h>
#include <weft/base/version.h>
#include <weft/data/datasets.h>
#include <weft/data/loader.h>
#include <weft/io/npz.h>
#include <weft/io/safetensors.h>
#include <weft/io/saved_model.h>
#include <weft/io/weights.h>
#include <weft/metrics/metrics.h>
#include <weft/nn/nn.h>
#include <weft/ops/ops.h>
#include <weft/optim/optim.h>
#include <weft/tensor/observer.h>
#include <weft/tensor/state.h>
#include <weft/tensor/tensor.h>
#include <weft/train/callbacks.h>
#include <weft/train/checkpoint.h>
#include <weft/train/image_preprocessing.h>
#include <weft/train/model.h>
#include <weft/train/profile.h>
#include <weft/train/recipe.h>
