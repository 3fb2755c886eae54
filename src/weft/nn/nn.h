// Modules, layers, losses, initializers: everything in weft::nn below training.
#pragma once

#include <weft/nn/activations.h>
#include <weft/nn/conv.h>
#include <weft/nn/dropout.h>
#include <weft/nn/functional.h>
#include <weft/nn/init.h>
#include <weft/nn/layer.h>
#include <weft/nn/linear.h>
#include <weft/nn/losses.h>
#include <weft/nn/merge.h>
#include <weft/nn/module.h>
#include <weft/nn/norm.h>
#include <weft/nn/pool.h>
#include <weft/nn/preprocessing.h>
#include <weft/nn/regularizers.h>
#include <weft/nn/shape_layers.h>
#include <weft/nn/summary.h>
