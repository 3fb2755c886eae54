// Small networks that are known by name: the command line, examples and benchmarks use them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <weft/nn/layer.h>

namespace weft::nn::zoo {

/// Conv 3x3x32, pool, Conv 3x3x64, pool, Conv 3x3x64, dense 64, dense `classes`, ReLU between: the network of the usual
/// CIFAR-10 tutorial (122,570 parameters for 10 classes and 3x32x32 images); with `width` times the channels and hidden
/// units. Input sizes are found at the first batch.
Sequential tutorial_cnn(std::int64_t classes = 10, std::int64_t width = 1);
/// Flatten, dense `hidden`, ReLU, dense `classes`.
Sequential mlp(std::int64_t classes = 10, std::int64_t hidden = 128);
/// ResNet-20 for CIFAR (He et al. 2015, section 4.2): 3 stages of 3 blocks of 16, 32 and 64 channels, identity shortcuts
/// (option A: strided slices padded with zero channels).
Layer resnet20(std::int64_t classes = 10);

/// The network of that name; throws Error with a suggestion.
Layer make(std::string_view name, std::int64_t classes);
/// "tutorial-cnn", "mlp", "resnet20"
std::vector<std::string> names();

}  // namespace weft::nn::zoo
