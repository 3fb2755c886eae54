// All public operations.
#pragma once

#include <weft/ops/create.h>
#include <weft/ops/elementwise.h>
#include <weft/ops/grids.h>
#include <weft/ops/index.h>
#include <weft/ops/indexing.h>
#include <weft/ops/linalg.h>
#include <weft/ops/matmul.h>
#include <weft/ops/nn.h>
#include <weft/ops/print.h>
#include <weft/ops/random.h>
#include <weft/ops/reduce.h>
#include <weft/ops/shape_ops.h>
#include <weft/ops/slicing.h>
#include <weft/ops/update.h>
