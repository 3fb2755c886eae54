// The other face: the training loop written by hand on the library's public pieces.
#pragma once

#include <weft/train/model.h>

namespace weft::cli {

/// Trains as Model::fit does with the same options, and leaves the same bits; returns the history.
nn::History train_by_hand(nn::Model& model, const data::Dataset& train, const nn::FitOptions& options);

}  // namespace weft::cli
