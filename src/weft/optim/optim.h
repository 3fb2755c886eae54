// All of optim/: rules, Optimizer, schedules.
#pragma once

#include <weft/optim/clip.h>
#include <weft/optim/keras.h>
#include <weft/optim/optimizer.h>
#include <weft/optim/plateau.h>
#include <weft/optim/rules.h>
#include <weft/optim/schedule.h>
