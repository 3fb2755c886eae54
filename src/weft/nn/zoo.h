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

/// A small residual network for few minutes of training (316,458 parameters for 10 classes and 3 channels): convolutions of
/// 32, 64 and 128 channels, each max-pooled at once, BatchNorm and ReLU; behind the second a residual block of two
/// convolutions, behind the third one of one; the mean over the pixels, dense `classes`. Images of 8x8 or more.
Sequential small_resnet(std::int64_t classes = 10);

/// The network of that name; throws Error with a suggestion.
Layer make(std::string_view name, std::int64_t classes);
/// "tutorial-cnn", "mlp", "resnet20", "small-resnet"
std::vector<std::string> names();

}  // namespace weft::nn::zoo
