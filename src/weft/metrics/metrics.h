// All of metrics/.
#pragma once

#include <weft/metrics/accuracy.h>
#include <weft/metrics/classification.h>
#include <weft/metrics/confusion.h>
#include <weft/metrics/metric.h>
#include <weft/metrics/regression.h>
